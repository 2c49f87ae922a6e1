"""Two runs on the same pictures."""

from __future__ import annotations

import pytest

from transferui.evaluation.compare import compare_answers, compare_runs


def test_a_golden_value_of_mcnemar() -> None:
    # 2 pictures only A has right, 10 only B: 2 * (1 + 12 + 66) / 2**12.
    found = compare_answers([True] * 52 + [False] * 10, [False] * 2 + [True] * 60)
    assert found.p_value == pytest.approx(158 / 4096)
    assert found.difference == pytest.approx(8 / 62)
    assert 0 < found.low < found.difference < found.high
    assert found.verdict == "b_better"


def test_the_other_way_round() -> None:
    found = compare_answers([True] * 30, [False] * 12 + [True] * 18)
    assert found.verdict == "a_better"
    assert found.high < 0


def test_a_few_pictures_are_no_difference() -> None:
    assert compare_answers([True, False, True], [True, True, True]).verdict == "no_clear_difference"
    same = compare_answers([True, False], [True, False])
    assert (same.p_value, same.low, same.high) == (1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="same pictures"):
        compare_answers([True], [])


def test_only_pictures_that_both_have_answered_count() -> None:
    a = {"dataset_fingerprint": "x", "val_items": [{"sample": i, "true": 0, "predicted": 1} for i in range(20)]}
    b = {"dataset_fingerprint": "x", "val_items": [{"sample": i, "true": 0, "predicted": 0} for i in range(5, 30)]}
    found = compare_runs(a, b)
    assert found is not None
    assert (found.n, found.difference, found.verdict) == (15, 1.0, "b_better")
    assert compare_runs(a, b | {"dataset_fingerprint": "y"}) is None
    assert compare_runs(a, b | {"val_items": []}) is None
