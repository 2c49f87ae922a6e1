"""What curves of known shape are called, and what is proposed."""

from __future__ import annotations

from typing import Any

import pytest

from transferui.config import TrainConfig
from transferui.evaluation.diagnosis import diagnose
from transferui.evaluation.metrics import accuracy_interval, classification_report, is_guessing
from transferui.ui.result_view import KINDS


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
        "kept_phase": "head",
        "best_epoch": 4,
        "classes": ["cat", "dog"],
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
    assert found["kind"] == "good" and found["try"] == {"trainable": "last"} and "did not rise much" in found["evidence"]
    few = _say(_rows(FALLING, DOWN), _results(90, 100, train_counts=[12, 90]))
    assert few["kind"] == "good" and few["try"] is None


def test_where_nothing_is_mixed_up_nothing_is_said_of_mixing_up() -> None:
    found = _say(_rows(FALLING, DOWN), _results(100, 100))
    assert found["kind"] == "good" and found["try"] is None and "another day" in found["try_words"]


def _answered(found: list[int], each: int, **more: Any) -> dict[str, Any]:
    """Results of a network that finds so many of each class's photos and takes the others for the class before."""
    labels = [k for k in range(len(found)) for _ in range(each)]
    answers = [k if n < found[k] else (k - 1) % len(found) for k in range(len(found)) for n in range(each)]
    names = [f"class {k}" for k in range(len(found))]
    told = classification_report(labels, answers, names) | {"classes": names, "train_counts": [100] * len(found)}
    share = sum(found) / len(labels)
    return _results(sum(found), len(labels), **told, **{"guessing": False, "train_accuracy": share, **more})


def test_a_class_that_is_hardly_found_is_named_with_what_it_is_taken_for() -> None:
    found = _say(_rows(FALLING, DOWN), _answered([29, 30, 1], 30))
    assert found["kind"] == "class_missed" and "class 2" in found["words"] and "it took 29 for “class 1”" in found["evidence"]
    assert found["try"] is None and "class 2" in found["try_words"] and "clearer" in found["try_words"]


def test_a_missed_class_is_also_named_where_the_curves_say_more() -> None:
    found = _say([], _answered([30, 30, 0], 30, train_accuracy=1.0))
    assert found["kind"] == "overfitting" and "hardly ever finds the class “class 2”" in found["evidence"] and found["try"]


def test_class_weights_are_proposed_only_where_they_would_change_something() -> None:
    few = {"class_weighted": False, "train_counts": [100, 100, 40]}
    assert _say([], {**_answered([30, 30, 0], 30), **few})["try"] == {"class_weights": "balanced"}
    assert _say([], {**_answered([30, 30, 0], 30), **few, "class_weighted": True})["try"] is None
    assert _say([], {**_answered([30, 30, 0], 30), **few, "train_counts": [100, 100, 100]})["try"] is None


def test_a_few_photos_or_bad_luck_among_many_classes_make_no_class_missed() -> None:
    assert _say([], _answered([4, 4, 0], 4))["kind"] != "class_missed"
    assert _say([], _answered([2, 4, 3, 1, 4, 2, 3, 5] * 6, 8))["kind"] == "weak"


def test_a_network_that_is_often_wrong_is_not_called_good_and_gets_the_next_step() -> None:
    found = _say(_rows(FALLING, DOWN), _answered([20] * 10, 50))
    assert found["kind"] == "weak" and "only 40" in found["words"] and found["try"] == {"trainable": "last"}
    few = _say(_rows(FALLING, DOWN), {**_answered([20] * 10, 50), "train_counts": [5] * 10})
    assert few["try"] is None and "More photos" in few["try_words"]


def test_every_kind_of_diagnosis_has_a_name_on_the_page() -> None:
    told = diagnose.__doc__ or ""
    assert len(KINDS) == 7 and all(f"``{kind}``" in told for kind in KINDS)


def test_a_rise_beyond_chance_is_overfitting_and_the_same_rise_within_chance_is_not() -> None:
    found = _say(_rows(RISING, DOWN), _results(90, 100))
    assert found["kind"] == "overfitting" and found["try"] == {"augmentation": "crops"}
    assert "After epoch 4" in found["evidence"] and "0.20" in found["evidence"]
    luck = _say(_rows(RISING, DOWN, error=0.5), _results(90, 100))
    assert luck["kind"] == "good" and "rose later" in luck["evidence"] and "rise much" not in luck["evidence"]


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
    results = _results(75, 100, train_accuracy=1.0, trainable=["stage7", "stage8"], kept_phase="finetune")
    found = _say([], results, trainable="half", augmentation="crops")
    assert set(found["try"]) == {"trainable"} and "freeze more" in found["try_words"]
    taken_back = _say([], results | {"kept_phase": "head"}, trainable="half", augmentation="crops")
    assert taken_back["try"] is None and "More photos" in taken_back["try_words"]


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
    assert _say([], _results(4, 4))["kind"] == _say([], _results(5, 8))["kind"] == "too_few"
    few = _results(52, 100, train_accuracy=0.55, train_counts=[30, 30])
    assert _say(_rows(flat, flat), few)["try"] == {"epochs": 60}  # a recipe that changes blocks would not be proposed


def test_photos_of_one_class_tell_no_classes_apart() -> None:
    told = classification_report([0] * 12, [0] * 11 + [1], ["cat", "dog"])
    found = _say(_rows(FALLING, DOWN), _results(11, 12, majority_accuracy=1.0, guessing=False, **told))
    assert found["kind"] == "too_few" and found["try"] is None and "cat" in found["evidence"]


def test_what_few_photos_say_is_called_that() -> None:
    few = _say(_rows(FALLING, DOWN), _results(11, 11))
    assert "so few photos" in few["words"] and few["kind"] == "too_few" and "another day" in few["try_words"]
    assert "so few photos" not in _say(_rows(FALLING, DOWN), _results(90, 100))["words"]


def test_many_photos_of_few_scenes_are_not_called_good_and_tiny_losses_are_called_tiny() -> None:
    me, rows = accuracy_interval(172, 172, 3.9), _rows([0.011, 0.012, 0.016, 0.021, 0.024], [0.138, 0.001, 0.001, 0.002, 0.004])
    found = _say(rows, _results(172, 172, val_accuracy_low=me.low, val_worth=me.worth, majority_accuracy=0.35))
    assert found["kind"] == "too_few" and "so few photos" in found["words"] and found["try"] is None
    assert "count like about 4" in found["evidence"] and "training 0.004, validation 0.024" in found["evidence"]
    assert "rise much" not in found["evidence"]


def test_a_training_loss_that_did_not_fall_is_not_said_to_have_fallen() -> None:
    found = _say(_rows(FALLING, [0.2] * 8), _results(90, 100))
    assert found["kind"] == "good" and "did not rise much" in found["evidence"] and "training loss" not in found["evidence"]


def test_frozen_random_weights_are_named() -> None:
    found = _say([], _results(50, 100), weights="random")
    assert found["kind"] == "not_learning" and found["try"] == {"weights": "imagenet"}


@pytest.mark.parametrize(("phase", "setting"), [("head", "head_learning_rate"), ("finetune", "backbone_learning_rate")])
def test_a_phase_that_went_wrong_calls_for_smaller_steps_than_all_that_were_tried(phase: str, setting: str) -> None:
    ended = [{"name": phase, "epochs": 1, "best_epoch": 0, "ended": "diverged", "trouble": "collapse", "slower": 0.001}]
    found = _say([], _results(50, 100, phases=ended, kept_phase=phase))
    assert found["kind"] == "not_learning" and "same answer" in found["evidence"] and "number" not in found["evidence"]
    assert found["try"] == {setting: pytest.approx(max(1e-7, TrainConfig().model_dump()[setting] * 1e-4))}


def test_a_good_head_is_not_called_bad_because_fine_tuning_ran_away() -> None:
    ended = [{"name": "head", "epochs": 8, "best_epoch": 4, "ended": "early"},
             {"name": "finetune", "epochs": 1, "best_epoch": 0, "ended": "diverged", "trouble": "nan", "slower": 0.001}]  # fmt: skip
    found = _say([], _results(95, 100, phases=ended, trainable=["stage8"]))
    assert found["kind"] == "good" and "95" in found["evidence"] and set(found["try"]) == {"backbone_learning_rate"}
    kept = _say([], _results(95, 100, phases=[ended[1]], trainable=["stage8"], kept_phase="finetune"))
    assert kept["kind"] == "good" and "before was kept" in kept["words"]


def test_more_of_a_phase_that_goes_by_steps_is_more_steps() -> None:
    ended = [{"name": "finetune", "epochs": 5, "best_epoch": 5, "ended": "done"}]
    rows = _rows([0.9, 0.8, 0.7, 0.6, 0.5], DOWN[:5], phase="finetune")
    found = _say(rows, _results(90, 100, phases=ended, trainable=["stage8"], kept_phase="finetune", best_epoch=5))
    assert found["kind"] == "underfitting" and found["try"] == {"finetune_steps": 1200}
    asked = _say(rows, _results(90, 100, phases=ended, trainable=["stage8"]), finetune_epochs=5)
    assert asked["try"] == {"finetune_epochs": 10}


def test_no_mirrored_copies_are_proposed_where_a_mirror_lies() -> None:
    digits = _results(75, 100, train_accuracy=1.0, classes=["3", "7"])
    assert _say([], digits)["try"] == {"augmentation": "crops_no_flip"}
    mistaken = _results(75, 100, train_accuracy=1.0, augmentation="none")
    assert _say([], mistaken, augmentation="flip")["try"] == {"augmentation": "crops_no_flip"}
    assert _say([], _results(75, 100, train_accuracy=1.0, dataset_name="traffic signs"))["try"] == {
        "augmentation": "crops_no_flip"
    }
    asked = _results(75, 100, train_accuracy=1.0, trainable=["stage7", "stage8"], kept_phase="finetune")
    assert set(_say([], asked, trainable="half", augmentation="crops_no_flip")["try"]) == {"trainable"}


def test_a_rise_is_told_from_the_state_that_it_was_measured_against() -> None:
    rows = _rows(RISING, DOWN)
    for row in rows:
        row["val_change_since"] = min(3, row["epoch"] - 1)
    later = _say(rows, _results(90, 100, best_epoch=6))
    assert "After epoch 3" in later["evidence"] and "were kept" not in later["evidence"]
    assert "were kept" in _say(rows, _results(90, 100, best_epoch=3))["evidence"]


def test_the_cross_validated_number_is_the_one_that_is_judged() -> None:
    crossed = {"accuracy": 0.6, "low": 0.5, "high": 0.7, "n": 90, "majority_accuracy": 0.4, "folds": 5, "repeats": 3}
    found = _say([], _results(10, 10, train_accuracy=1.0, headline="cv", cv=crossed))
    assert found["kind"] == "overfitting" and "60" in found["evidence"]
