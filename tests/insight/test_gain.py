"""Positive, negative, no clear difference: called by their names, and only with reason."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from transferui.errors import UserError
from transferui.insight import arms, race
from transferui.insight.arms import Arm, arm_config
from transferui.insight.catching_up import photos_needed
from transferui.insight.gain import Effort, compare_arms, gap_interval, transfer_gain


def made_arm(labels, right, at=(1.0,)):
    """An arm that answers so many of the photos right, in states at these seconds."""
    answers = labels.copy()
    answers[right:] = 1 - answers[right:]
    return Arm(labels, answers, states=[(second, answers) for second in at], seconds=at[-1])


LABELS = np.array([0] * 30 + [1] * 70)


@pytest.mark.parametrize(("first", "second", "verdict"), [(95, 60, "positive"), (60, 95, "negative"), (80, 81, "no_clear_difference"),
                                                           (100, 100, "no_clear_difference")])  # fmt: skip
def test_the_verdict_follows_the_photos(first, second, verdict):
    pairs = [(made_arm(LABELS, first), made_arm(LABELS, second)) for _ in range(3)]
    found = compare_arms(pairs, LABELS.size, "efficientnet_lite0", 96)
    assert found.verdict == verdict
    assert found.gap == pytest.approx((first - second) / 100)
    assert found.gap_low <= found.gap <= found.gap_high


def test_one_lucky_start_is_no_clear_difference():
    pairs = [(made_arm(LABELS, right), made_arm(LABELS, 80)) for right in (95, 78, 79)]
    assert compare_arms(pairs, LABELS.size, "efficientnet_lite0", 96).verdict == "no_clear_difference"
    low, high = gap_interval(np.ones((3, 50)))
    assert (low, high) == (1.0, 1.0)


def test_a_handful_of_photos_is_no_verdict_and_a_clear_case_with_one_seed_is():
    few = [(made_arm(LABELS[28:34], 6), made_arm(LABELS[28:34], 3))]
    assert compare_arms(few, 6, "efficientnet_lite0", 96).verdict == "no_clear_difference"
    assert compare_arms([(made_arm(LABELS, 95), made_arm(LABELS, 60))], 100, "efficientnet_lite0", 96).verdict == "positive"


def test_mirrored_copies_that_one_arm_finds_mistaken_are_left_out_of_both(monkeypatch, tmp_path):
    asked = []

    def run_arm(dataset, config, *_):
        asked.append((bool(config.start_from), config.weights, config.augmentation))
        # ImageNet's weights find mirrored copies mistaken, the own model does not.
        found = "none" if config.weights == "imagenet" and not config.start_from else config.augmentation
        return Arm(LABELS, LABELS, curve=[arms.CurvePoint(1.0, 1.0, 0.1)], epoch_s=0.001, n_train=10, augmentation=found)

    monkeypatch.setattr(race, "run_arm", run_arm)
    now = time.monotonic()
    one = race.Race(None, "efficientnet_lite0", 64, tmp_path, race.Watch(), now + 60, 60.0, "own")
    assert {arm.augmentation for arm in one.run(0, 1)} == {"none"}
    assert asked == [(True, "imagenet", "flip"), (False, "imagenet", "flip"), (True, "imagenet", "none")]
    asked.clear()
    replace(one, own="").run(0, 1)
    assert asked == [(False, "imagenet", "flip"), (False, "random", "none")]


def test_with_the_same_time_only_what_was_there_by_then_counts():
    slow = made_arm(LABELS, 100, at=(5.0, 9.0))
    assert slow.right_after(4.9).mean() == 0.7  # nothing yet: the largest class
    assert slow.right_after(5.0).all()
    found = compare_arms([(made_arm(LABELS, 90, at=(2.0,)), slow)], LABELS.size, "efficientnet_lite0", 96)
    assert found.gap < 0 < found.same_time_gap


def test_only_the_start_and_the_pace_differ():
    first, second = (arm_config(start, "resnet18", 96, 3).model_dump() for start in ("pretrained", "scratch"))
    differing = {name for name, value in first.items() if second[name] != value}
    assert differing == {
        "weights",
        "head_start",
        "batchnorm_statistics",
        "head_learning_rate",
        "backbone_learning_rate",
        "finetune_epochs",
        "early_stopping",
    }


def test_the_photos_needed_are_read_off_only_where_they_can_be():
    assert photos_needed((100, 200), (0.6, 0.8), 0.9) == 400
    assert photos_needed((100, 200), (0.6, 0.8), 0.7) is None
    assert photos_needed((100, 200), (0.8, 0.8), 0.9) is None
    assert photos_needed((100, 200), (0.60, 0.62), 0.95) is None


def test_both_arms_run_and_all_of_it_is_plain_data(photos, data_dir, monkeypatch):
    monkeypatch.setattr(arms, "SCRATCH_EPOCHS", 2)
    monkeypatch.setattr(arms, "SCRATCH_STEPS", 2)
    monkeypatch.setattr(arms, "PRETRAINED_EPOCHS", 1)
    seen = []
    found = transfer_gain(photos, effort=Effort(minutes=10, seeds=1, image_size=64), report=seen.append)
    assert (found.n_train, found.n_val, len(found.seeds)) == (21, 9, 1)
    assert found.verdict in {"positive", "no_clear_difference", "negative"}
    assert [len(found.seeds[0].scratch_curve), found.seeds[0].scratch_cut] == [2, False]
    assert found.seeds[0].scratch_s > 0
    assert "64 pixels" in found.notes[0]
    assert json.loads(json.dumps(found.as_dict()))["seeds"][0]["seed"] == 0
    assert {"Seed 1: from pretrained weights", "Seed 1: from nothing"} <= {row["what"] for row in seen}


def test_time_that_is_over_and_stop_keep_what_is_there_and_say_so(photos, data_dir):
    found = transfer_gain(photos, should_stop=lambda: True)
    assert (found.verdict, found.stopped) == ("unknown", True)
    assert "Nothing was finished" in found.sentence
    assert "Stopped after 0 of 3" in " ".join(found.notes)
    over = transfer_gain(photos, effort=Effort(minutes=0.001, image_size=64))
    assert "The time was over after 0 of 3" in " ".join(over.notes)
    with pytest.raises(UserError, match="1 to 20 seeds"):
        transfer_gain(photos, effort=Effort(seeds=0))


def test_the_first_pair_ends_though_the_time_is_over(photos, data_dir, monkeypatch):
    monkeypatch.setattr(race, "FIRST_PAIR", 1e6)
    monkeypatch.setattr(arms, "PRETRAINED_EPOCHS", 1)
    monkeypatch.setattr(race, "PRETRAINED_EPOCHS", 1)
    found = transfer_gain(photos, effort=Effort(minutes=0.001, image_size=64))
    assert (len(found.seeds), found.stopped, found.seeds[0].scratch_cut) == (1, False, True)
    assert found.verdict in {"positive", "no_clear_difference", "negative"}
    assert "The time was over after 1 of 3" in " ".join(found.notes)
