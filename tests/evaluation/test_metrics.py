import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from transferui.evaluation.metrics import accuracy_interval, classification_report, majority_accuracy


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
