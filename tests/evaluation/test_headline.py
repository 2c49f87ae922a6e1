"""What stands for a run and beside it: every accuracy with its photos, its interval and what guessing gets of other photos."""

from __future__ import annotations

from typing import Any

from transferui.evaluation.headline import beside, card_rows, weighting

CV = {"accuracy": 0.84, "low": 0.72, "high": 0.91, "n": 60, "folds": 5, "repeats": 3, "majority_accuracy": 0.52,
      "balanced_accuracy": 0.8}  # fmt: skip
PROBE = {"head_val_accuracy": 0.88, "head_val_accuracy_low": 0.79, "head_val_accuracy_high": 0.94, "trainable": ["stage7"]}
TEST = {"n_test": 1, "test_accuracy": 1.0, "test_accuracy_low": 0.2, "test_accuracy_high": 1.0, "test_majority_accuracy": 1.0}
RUN = {
    "val_accuracy": 0.9,
    "val_accuracy_low": 0.8,
    "val_accuracy_high": 0.95,
    "n_val": 80,
    "majority_accuracy": 0.5,
    "trainable": [],
}


def said(**more: Any) -> dict[str, str]:
    return {row.term: row.words().replace("\u00a0", " ") for row in beside(RUN | more)}


def test_photos_that_others_than_the_headline_speaks_of_come_with_what_guessing_gets() -> None:
    assert said(**PROBE, cv=CV) == {
        "linear probe": "88 % of 80 photos (95 % interval 79 % to 94 %)",
        "cross-validation": "84 % of 60 photos (95 % interval 72 % to 91 %); always guessing the largest class gets 52 %",
    }
    assert said(cv=CV, headline="cv", **TEST) == {
        "validation": "90 % of 80 photos (95 % interval 80 % to 95 %); always guessing the largest class gets 50 %",
        "test": "100 % of 1 photo (95 % interval 20 % to 100 %); always guessing the largest class gets 100 %",
    }


def test_a_run_of_an_earlier_version_tells_what_it_knows() -> None:
    assert said(n_test=17, test_accuracy=1.0) == {"test": "100 % of 17 photos"} and weighting(RUN) == ""


def test_of_uneven_classes_a_card_says_the_mean_and_whether_they_were_weighted() -> None:
    rows = dict(card_rows(RUN | {"cv": CV, "headline": "cv", "imbalance": 5.0, "class_weighted": True, "train_counts": [40, 8]}))
    assert rows["Balanced accuracy"].startswith("80\u00a0% of the same 60 photos") and "(40 and 8)" in rows["Uneven classes"]
    assert "Balanced accuracy" not in dict(card_rows(RUN))
