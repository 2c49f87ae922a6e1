"""Which answers of a run can be looked at, in what order, and what is said of them."""

import pytest

from tests.ui.conftest import answers
from transferui.evaluation.answers import MATRIX_CLASSES, MISTAKES, answers_of, no_matrix
from transferui.evaluation.metrics import classification_report

NAMES = ("ants", "bees", "flies")


def asked(*rows):
    """Answers to photos: true class, answer, and how sure it was."""
    return [{"sample": n, "true": true, "predicted": given, "probability": sure} for n, (true, given, sure) in enumerate(rows)]


def crossed(items, names=NAMES):
    """The cross-validated part of results.json for these answers."""
    truth, given = ([item[key] for item in items] for key in ("true", "predicted"))
    return {**classification_report(truth, given, names), "n": len(items), "items": items, "accuracy": 0.5, "low": 0.2, "high": 0.8,
            "folds": 5, "repeats": 3, "majority_accuracy": 0.5}  # fmt: skip


ITEMS = asked((0, 0, 0.9), (0, 1, 0.08), (1, 1, 0.5), (2, 1, 0.09), (2, 0, 0.07), (2, 2, 0.6), (0, 0, 0.9), (0, 0, 0.4))


def test_the_photos_that_the_headline_counts_are_those_to_look_at():
    results = {**answers(5, 1, NAMES), "cv": crossed(ITEMS)}
    judge, other = answers_of({**results, "headline": "cv"}), answers_of({**results, "headline": "val"})
    assert len(judge.items) == sum(map(sum, judge.confusion)) == 8 and judge.of.startswith("of all 8 photos (each answered by a")
    assert len(other.items) == sum(map(sum, other.confusion)) == 6 and other.heading == "The 6 validation photos."


def test_a_run_of_an_earlier_version_has_only_its_validation_photos_to_show():
    old = {key: value for key, value in crossed(ITEMS).items() if key not in ("items", "confusion")}
    mine = answers_of({**answers(5, 1, NAMES), "cv": old, "headline": "cv"})
    assert len(mine.items) == 6 and mine.of == "of 6 validation photos"


def test_the_surest_mistakes_come_first_and_the_words_fit_where_none_was_sure():
    mine = answers_of({**answers(5, 1, NAMES), "cv": crossed(ITEMS), "headline": "cv"})
    assert [item["sample"] for item in mine.wrong] == [3, 1, 4]
    assert mine.mistakes_words.startswith("3 wrong answers of all 8 photos") and mine.mistakes_words.endswith("the surest first.")
    many = answers_of({**answers(1, 1), "val_items": asked(*[(0, 1, 0.1)] * 40)})
    assert f"here the {MISTAKES} that it was surest about" in many.mistakes_words
    assert answers_of(answers(1, 1)).mistakes_words == "1 wrong answer of 2 validation photos."


def test_of_pairs_that_are_mixed_up_equally_often_the_rarer_class_comes_first():
    mine = answers_of({**answers(5, 1, NAMES), "cv": crossed(ITEMS), "headline": "cv"})
    assert mine.pairs == [(1, 3, 2, 0), (1, 3, 2, 1), (1, 4, 0, 1)]


@pytest.mark.parametrize("classes", [2, MATRIX_CLASSES, MATRIX_CLASSES + 1])
def test_only_a_matrix_that_nobody_could_read_is_replaced_by_words(classes):
    assert (f"A matrix of {classes} classes" in no_matrix(classes)) == (classes > MATRIX_CLASSES) == bool(no_matrix(classes))
