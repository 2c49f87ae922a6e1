import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from transferui.evaluation.metrics import (
    accuracy_interval,
    classification_report,
    how_good,
    is_guessing,
    majority_accuracy,
    tells_apart,
    worth,
)


@given(st.integers(1, 500), st.data())
def test_the_interval_is_wilsons(n, data):
    right = data.draw(st.integers(0, n))
    ours, theirs = accuracy_interval(right, n), binomtest(right, n).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert 0 <= ours.low <= ours.value <= ours.high <= 1


def test_no_pictures_mean_no_knowledge():
    assert (accuracy_interval(0, 0).low, accuracy_interval(0, 0).high) == (0.0, 1.0)
    assert majority_accuracy([]) == 0.0 and majority_accuracy([0, 1, 1, 1]) == 0.75


def test_the_report_counts_what_was_answered():
    report = classification_report([0, 0, 1, 1], [0, 1, 1, 1], ["a", "b", "never"])
    assert report["confusion"] == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert report["balanced_accuracy"] == pytest.approx(0.75)
    assert [row["n"] for row in report["per_class"]] == [2, 2, 0] and report["per_class"][1]["precision"] == pytest.approx(2 / 3)


def test_the_report_agrees_with_scikit_learn():
    random = np.random.default_rng(0)
    labels, answers = random.integers(0, 4, 200), random.integers(0, 4, 200)
    report = classification_report(labels.tolist(), answers.tolist(), list("abcd"))
    assert report["balanced_accuracy"] == pytest.approx(sklearn.metrics.balanced_accuracy_score(labels, answers))
    assert report["confusion"] == sklearn.metrics.confusion_matrix(labels, answers).tolist()
    theirs = sklearn.metrics.classification_report(labels, answers, target_names=list("abcd"), output_dict=True)
    for row in report["per_class"]:
        expected = theirs[row["class_name"]]
        found = (row["precision"], row["recall"], row["f1"], row["n"])
        assert found == pytest.approx((expected["precision"], expected["recall"], expected["f1-score"], expected["support"]))


@pytest.mark.parametrize(
    ("right", "n", "base", "guessing"),
    [
        (50, 100, 0.5, True),
        (58, 100, 0.5, True),
        (70, 100, 0.5, False),
        (4, 4, 0.5, True),
        (12, 12, 0.5, False),
        (80, 100, 0.8, True),
    ],
)
def test_a_result_counts_only_when_guessing_does_not_explain_it(right, n, base, guessing):
    assert is_guessing(accuracy_interval(right, n), base) is guessing


def test_about_all_coin_tosses_are_called_guessing():
    tosses = np.random.default_rng(1).binomial(80, 0.5, 500)
    called = [is_guessing(accuracy_interval(int(right), 80), 0.5) for right in tosses]
    assert np.mean(called) > 0.95
    assert is_guessing(accuracy_interval(0, 0), 0.5)


def test_sixty_frames_of_two_films_are_worth_two_photos():
    assert worth(range(60)) == pytest.approx(60) and worth([n // 30 for n in range(60)]) == pytest.approx(2)
    assert worth([]) == 0 and 1 < worth([0] * 50 + [1]) < 2
    many, few = accuracy_interval(58, 60), accuracy_interval(58, 60, 2)
    assert few.value == many.value and few.low < 0.4 < many.low and is_guessing(few, 0.5) and not is_guessing(many, 0.5)


def test_a_small_class_that_is_found_is_no_guessing_however_large_the_other_is():
    labels = [0] * 60 + [1] * 10
    answers = [0] * 55 + [1] * 5 + [1] * 9 + [0]
    assert is_guessing(accuracy_interval(64, 70), 60 / 70) and tells_apart(labels, answers)
    assert not tells_apart(labels, [0] * 70)


def test_shuffled_answers_hardly_ever_tell_anything_apart():
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    assert np.mean([tells_apart(labels, rng.permutation(labels)) for _ in range(60)]) < 0.06


def test_how_good_tells_the_accuracy_with_all_that_it_takes_to_judge_it():
    found = how_good([0, 0, 0, 1], [0, 0, 1, 1], ["a", "b", "c"])
    assert (found["n"], found["accuracy"], found["majority_accuracy"], found["imbalance"]) == (4, 0.75, 0.75, 3)
    assert found["accuracy_low"] < 0.75 < found["accuracy_high"] and found["per_class"][2]["n"] == 0
    assert found["balanced_accuracy"] == sklearn.metrics.balanced_accuracy_score([0, 0, 0, 1], [0, 0, 1, 1])
