"""Ranking networks, and the promise that training finds what was computed here."""

from __future__ import annotations

import dataclasses
import json

import pytest

import transferui as tui
from tests.conftest import draw_photo
from transferui.insight.features import learnable, pick_sample
from transferui.insight.ranking import rank_backbones


def test_one_ready_network_is_ranked_with_a_sentence_and_training_then_computes_nothing(photos, data_dir, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    seen = []
    found = rank_backbones(photos, report=seen.append)
    assert (found.recommended, found.n_images, found.prefix_images) == ("efficientnet_lite0", 30, 30)
    assert "only network" in found.sentence
    assert found.rows[0].ridge.n == 30
    assert found.rows[0].ms_per_image > 0
    assert seen[0]["networks"] == 1
    assert json.loads(json.dumps(found.as_dict()))["rows"][0]["name"] == "efficientnet_lite0"
    result = tui.train(photos, tui.TrainConfig(epochs=2))
    assert result.values["prefix_images"] == 0
    again = rank_backbones(photos)
    assert again.prefix_images == 0
    assert again.rows[0].ridge == found.rows[0].ridge
    assert again.rows[0].ms_per_image > 0


def test_what_was_finished_before_a_stop_is_kept_and_said(photos, data_dir, monkeypatch):
    found = rank_backbones(photos, should_stop=lambda: True)
    assert (found.rows, found.stopped, found.recommended) == ((), True, "")
    assert "Stopped" in found.sentence
    rank_backbones(photos, backbones=["efficientnet_lite0"])
    found = rank_backbones(photos, backbones=["efficientnet_lite0", "squeezenet1_1"], should_stop=Countdown(1))
    assert found.stopped
    assert [row.name for row in found.rows] == ["efficientnet_lite0"]
    assert "1 of 2" in found.notes[-1]


class Countdown:
    """Says stop after some questions."""

    def __init__(self, questions):
        self.left = questions

    def __call__(self):
        self.left -= 1
        return self.left < 0


def test_damaged_weights_leave_a_sentence_and_the_others_are_ranked(photos, data_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "squeezenet1_1-b8a52dc0.pth").write_bytes(b"half a file")
    found = rank_backbones(photos)
    assert [row.name for row in found.rows] == ["efficientnet_lite0"]
    assert "SqueezeNet 1.1 was left out" in found.notes[-1]


def test_two_photos_in_a_class_and_one_class_much_larger_are_said(photos, data_dir):
    for n in range(2, 10):
        (photos / "red" / f"{n}.jpg").unlink()
    for n in range(10):
        draw_photo(photos / "blue" / f"more{n}.jpg", (40, 60, 200), 500 + n)
    notes = " ".join(rank_backbones(photos, backbones=["efficientnet_lite0"]).notes)
    assert "'red' has only 2 photos" in notes
    assert "'blue' has 20 photos" in notes


def test_a_sample_keeps_proportions_small_classes_and_no_twins(photos, data_dir):
    dataset = tui.open_dataset(photos)
    samples = tuple(
        dataclasses.replace(dataset.samples[0], label=0 if n < 900 else 1 if n < 1190 else 2, sha256=f"{n:064x}")
        for n in range(1200)
    )
    large = dataclasses.replace(dataset, samples=samples)
    picked = pick_sample(large, 400)
    labels = [large.samples[i].label for i in picked]
    assert 390 <= len(picked) <= 400
    assert labels.count(2) == 10
    assert labels.count(0) == pytest.approx(3 * labels.count(1), rel=0.1)
    assert picked == pick_sample(large, 400)
    twins = dataclasses.replace(large, samples=(*samples[:5], samples[0], dataclasses.replace(samples[7], split="test")))
    assert learnable(twins) == [0, 1, 2, 3, 4]


def test_the_best_real_network_is_found_and_slower_ties_are_not_recommended(shared_data, ants_home):
    found = rank_backbones(shared_data / "data" / "hymenoptera", backbones=["squeezenet1_1", "mobilenet_v2"])
    assert found.recommended == "mobilenet_v2"
    assert found.rows[0].ridge.value > 0.93
    assert not found.rows[1].tied
    assert found.rows[1].gap_low > 0
