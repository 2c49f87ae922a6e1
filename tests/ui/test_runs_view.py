import pytest

from tests.ui.conftest import answers
from transferui.files import write_json
from transferui.ui.runs_view import numbers, runs, what


def test_runs_are_counted_from_the_oldest(entry):
    mine = [entry(answers(9, 1)), entry(answers(8, 2))][::-1]
    assert list(numbers([run for run, _, _ in mine]).values()) == ["Run 2", "Run 1"]
    html = runs(mine, mine[0][0].id, [])
    assert html.index("Run 2") < html.index("Run 1") and html.count("shown</em>") == 1


def test_a_run_keeps_its_name_when_another_is_deleted(entry):
    third = entry(answers(9, 1))
    write_json(third[0].folder / "config.json", {**third[0].facts, "number": 3})
    html = runs([third], "", [])
    assert numbers([third[0]]) == {third[0].id: "Run 3"}
    assert "Run 3" in html and 'aria-label="Open Run 3"' in html and "Run 1" not in html


def test_no_run_yet_says_so():
    assert "None yet" in runs([], "", [])


@pytest.mark.parametrize(("state", "word"), [("queued", "waiting"), ("running", "going on"), ("failed", "failed")])
def test_a_run_without_result_says_where_it_stands(entry, state, word):
    html = runs([entry(state=state)], "", [])
    assert word in html
    assert ("disabled" in html) == (state != "failed")


def test_every_accuracy_says_what_it_is_of(entry):
    cv = {"accuracy": 0.9, "low": 0.8, "high": 0.95, "n": 60, "folds": 5, "repeats": 1, "majority_accuracy": 0.5}
    html = runs([entry({**answers(11, 1), "cv": cv, "headline": "cv"}), entry(answers(12))], "", [])
    assert ">of 60, cross-validated<" in html and ">of 12<" in html


def test_runs_of_the_same_name_are_told_apart_by_their_classes(entry):
    one, other, third = entry(answers(9, 1)), entry(answers(9, 1, ("a" * 40, "bees"))), entry(answers(9, 1, ("ants", "b", "c")))
    assert "with ants" not in runs([one, one], "", [])
    html = runs([one, other], "", [])
    assert ">with ants<" in html and f">with {'a' * 23}…<" in html and "bees" not in html
    assert ">2 classes<" in runs([entry(answers(9, 1, ("b", "c"))), third], "", [])


def test_names_of_photos_stay_text(entry):
    assert "<b>garden" not in runs([entry(answers(9, 1))], "", []) and "garden" in what(entry()[0])


def test_one_marked_run_asks_for_another(entry):
    one = entry(answers(9, 1))
    html = runs([one], "", [one[0].id])
    assert 'aria-checked="true"' in html and "Mark two or more" in html and "Compared" not in html


def test_two_marked_runs_are_compared(entry):
    mine = [entry(answers(60, 40)), entry(answers(95, 5))]
    assert "is better" in runs(mine, "", [run.id for run, _, _ in mine])
