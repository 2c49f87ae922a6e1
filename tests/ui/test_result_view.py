"""The result card: the honest number, what guessing gets, uneven classes, the diagnosis and its button."""

from __future__ import annotations

import re
from typing import Any

from transferui.ui.html import percent
from transferui.ui.result_view import result


def values(**more: Any) -> dict[str, Any]:
    return {
        "val_accuracy": 0.9,
        "val_accuracy_low": 0.8,
        "val_accuracy_high": 0.95,
        "n_val": 80,
        "majority_accuracy": 0.5,
        "head_val_accuracy": 0.88,
        "head_val_accuracy_low": 0.79,
        "head_val_accuracy_high": 0.94,
        "trainable": [],
        "notes": [],
        "headline": "val",
        "cv": None,
        "guessing": False,
        "imbalance": 1.0,
        **more,
    }


CV = {"accuracy": 0.84, "low": 0.72, "high": 0.91, "n": 60, "folds": 5, "repeats": 3, "majority_accuracy": 0.52,
      "balanced_accuracy": 0.8, "per_class": [{"class_name": "<b>", "n": 50, "recall": 0.9}, {"class_name": "b", "n": 10, "recall": 0.7}]}  # fmt: skip


def large(text: str) -> str:
    return re.findall(r'class="tu-huge[ a-z]*">([^<]*)<', text)[0]


def test_the_large_number_is_the_one_that_results_name() -> None:
    assert large(result(values(cv=CV))) == percent(0.9)
    small = result(values(cv=CV, headline="cv"))
    assert large(small) == percent(0.84) and "cross-validation: 5 parts, the middle of 3 rounds" in small
    assert f"{percent(0.72)} to {percent(0.91)}" in small and f"largest class {percent(0.52)}" in small
    assert f"<b>{percent(0.9)}</b> ({percent(0.8)}–{percent(0.95)}) of 80" in small


def test_a_fine_tuned_model_stands_beside_the_linear_probe() -> None:
    text = result(values(trainable=["stage7"], cv=CV))
    assert "linear probe" in text and f"<b>{percent(0.88)}</b> ({percent(0.79)}–{percent(0.94)}) of 80" in text
    assert f"<b>{percent(0.84)}</b> ({percent(0.72)}–{percent(0.91)}) of 60" in text
    assert "linear probe" not in result(values())


def test_guessing_is_said_in_plain_words() -> None:
    assert "No better than guessing" in result(values(guessing=True))
    assert "No better than guessing" not in result(values())


def test_uneven_classes_show_recall_balanced_accuracy_and_weights() -> None:
    text = result(values(cv=CV, headline="cv", imbalance=5.0, class_weighted=True, train_counts=[40, 8]))
    assert "Classes were weighted" in text and "5.0 times" in text and "(40 and 8)" in text
    assert "&lt;b&gt;" in text and f"{percent(0.7)} of 10" in text and f"<b>{percent(0.8)}</b>" in text
    assert "not weighted" in result(values(cv=CV, headline="cv", imbalance=5.0, class_weighted=False))
    assert "balanced accuracy" not in result(values())


def test_the_diagnosis_has_a_button_only_when_there_is_something_to_set() -> None:
    found = {"kind": "overfitting", "words": "It learned <by> heart.", "evidence": "Rose by 0.2.", "try": {"trainable": "none"},
             "try_words": "freeze more"}  # fmt: skip
    text = result(values(diagnosis=found))
    assert 'data-pick="try"' in text and "Freeze more" in text and "&lt;by&gt;" in text and "overfitting" in text
    without = result(values(diagnosis=found | {"try": None}))
    assert "data-pick" not in without and "freeze more" in without


def test_results_of_an_older_version_still_show() -> None:
    old = {k: v for k, v in values().items() if k not in {"headline", "cv", "guessing", "imbalance", "head_val_accuracy_low"}}
    assert large(result(old)) == percent(0.9) and result(None) == ""


def test_an_interval_that_is_wide_because_of_series_says_so() -> None:
    assert "count like about 5 single ones" in result(values(val_worth=4.8))
    assert "single ones" not in result(values(val_worth=70.0)) and "single ones" not in result(values())
    assert "count like about 12" in result(values(cv={**CV, "worth": 12.0}, headline="cv", val_worth=80.0))


def test_a_network_that_finds_small_classes_is_not_held_against_the_largest_alone() -> None:
    assert "tells the classes apart" in result(values(majority_accuracy=0.85))
    assert "tells the classes apart" not in result(values())
