"""What curves of known shape are called, and what is proposed."""

from __future__ import annotations

from typing import Any

import pytest

from transferui.config import TrainConfig
from transferui.evaluation.diagnosis import diagnose
from transferui.evaluation.metrics import accuracy_interval, is_guessing


def _results(right: int, n: int, **more: Any) -> dict[str, Any]:
    me = accuracy_interval(right, n)
    return {
        "val_accuracy": me.value,
        "val_accuracy_low": me.low,
        "val_accuracy_high": me.high,
        "n_val": n,
        "majority_accuracy": 0.5,
        "headline": "val",
        "cv": None,
        "guessing": is_guessing(me, 0.5),
        "classes": ["a", "b"],
        "trainable": [],
        "frozen_prefix": ["stem"],
        "train_accuracy": 0.95,
        "train_loss": 0.2,
        "train_counts": [100, 100],
        "phases": [{"name": "head", "epochs": 8, "best_epoch": 4, "ended": "early"}],
        **more,
    }


def _rows(val: list[float], train: list[float], error: float = 0.01, phase: str = "head") -> list[dict[str, Any]]:
    best, rows = float("inf"), []
    for n, (v, t) in enumerate(zip(val, train, strict=True), start=1):
        rows.append({"phase": phase, "epoch": n, "epoch_total": n, "val_loss": v, "train_loss": t, "train_accuracy": 1 - t,
                     "val_change": v - best if n > 1 else -1.0, "val_change_error": error})  # fmt: skip
        best = min(best, v)
    return rows


FALLING = [0.6, 0.5, 0.4, 0.35, 0.33, 0.32, 0.32, 0.32]
DOWN = [0.6, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05]
RISING = [0.6, 0.5, 0.4, 0.35, 0.4, 0.45, 0.5, 0.55]


def _say(rows: list[dict[str, Any]], results: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return diagnose(rows, results, TrainConfig.model_validate(settings).model_dump())


def test_curves_that_fall_together_are_good_and_the_last_stage_is_proposed() -> None:
    found = _say(_rows(FALLING, DOWN), _results(90, 100))
    assert found["kind"] == "good" and found["try"] == {"trainable": "last"}
    few = _say(_rows(FALLING, DOWN), _results(90, 100, train_counts=[12, 90]))
    assert few["kind"] == "good" and few["try"] is None


def test_a_rise_beyond_chance_is_overfitting_and_the_same_rise_within_chance_is_not() -> None:
    found = _say(_rows(RISING, DOWN), _results(90, 100))
    assert found["kind"] == "overfitting" and found["try"] == {"augmentation": "crops"}
    assert "After epoch 4" in found["evidence"] and "0.20" in found["evidence"]
    assert _say(_rows(RISING, DOWN, error=0.5), _results(90, 100))["kind"] == "good"


def test_one_bad_epoch_is_no_overfitting() -> None:
    wiggle = [0.6, 0.5, 0.4, 0.35, 0.55, 0.34, 0.5, 0.33]
    assert _say(_rows(wiggle, DOWN), _results(90, 100))["kind"] == "good"


def test_an_overshoot_in_the_first_epoch_calls_for_smaller_steps() -> None:
    found = _say(_rows([0.4, 0.5, 0.6, 0.7, 0.8], DOWN[:5]), _results(80, 100), head_learning_rate=0.02)
    assert found["try"] == {"head_learning_rate": 0.002}


def test_photos_known_by_heart_are_overfitting_whatever_the_curve_does() -> None:
    found = _say([], _results(75, 100, train_accuracy=1.0))
    assert found["kind"] == "overfitting" and "100" in found["evidence"] and "75" in found["evidence"]


def test_fewer_blocks_are_proposed_when_copies_are_on_already() -> None:
    results = _results(75, 100, train_accuracy=1.0, trainable=["stage7", "stage8"])
    found = _say([], results, trainable="half", augmentation="crops")
    assert set(found["try"]) == {"trainable"} and "freeze more" in found["try_words"]


def test_a_loss_that_still_falls_calls_for_more_epochs() -> None:
    ended = [{"name": "head", "epochs": 5, "best_epoch": 5, "ended": "done"}]
    found = _say(_rows([0.9, 0.8, 0.7, 0.6, 0.5], DOWN[:5]), _results(90, 100, phases=ended), epochs=5)
    assert found["kind"] == "underfitting" and found["try"] == {"epochs": 10}


def test_training_photos_that_it_cannot_tell_apart_call_for_more_that_learns() -> None:
    found = _say(_rows(FALLING, DOWN), _results(70, 100, train_loss=0.6, train_accuracy=0.72))
    assert found["kind"] == "underfitting" and found["try"] == {"trainable": "last"}


def test_guessing_is_told_from_remembering_and_from_too_few_photos() -> None:
    nothing = _results(52, 100, train_accuracy=0.55)
    flat = [0.69] * 8
    assert _say(_rows(flat, flat), nothing)["try"] == {"trainable": "last"}
    remembered = _say(_rows(flat, DOWN), nothing)
    assert remembered["kind"] == "not_learning" and remembered["try"] is None and "labels" in remembered["try_words"]
    assert _say([], _results(4, 4))["kind"] == "too_few"


def test_frozen_random_weights_are_named() -> None:
    found = _say([], _results(50, 100), weights="random")
    assert found["kind"] == "not_learning" and found["try"] == {"weights": "imagenet"}


@pytest.mark.parametrize(("phase", "setting"), [("head", "head_learning_rate"), ("finetune", "backbone_learning_rate")])
def test_a_loss_that_ran_away_calls_for_a_tenth_of_the_step(phase: str, setting: str) -> None:
    ended = [{"name": phase, "epochs": 1, "best_epoch": 0, "ended": "diverged"}]
    found = _say([], _results(90, 100, phases=ended))
    assert found["kind"] == "not_learning"
    assert found["try"] == {setting: pytest.approx(TrainConfig().model_dump()[setting] / 10)}


def test_the_cross_validated_number_is_the_one_that_is_judged() -> None:
    crossed = {"accuracy": 0.6, "low": 0.5, "high": 0.7, "n": 90, "majority_accuracy": 0.4, "folds": 5, "repeats": 3}
    found = _say([], _results(10, 10, train_accuracy=1.0, headline="cv", cv=crossed))
    assert found["kind"] == "overfitting" and "60" in found["evidence"]
