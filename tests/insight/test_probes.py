"""The curve over depth, from one forward pass, and trials of training one stage."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import transferui as tui
from transferui.backbones.catalogue import CATALOGUE, get_backbone
from transferui.backbones.stages import build_backbone
from transferui.insight import probes, trials
from transferui.insight.features import load_network
from transferui.insight.probes import probe_stages
from transferui.insight.taps import StageTaps, width_of


@pytest.mark.parametrize("name", ["squeezenet1_1", "swin_t", "resnet18"])
def test_taps_give_the_mean_of_every_stage_and_the_features_themselves(name):
    stages, _ = build_backbone(name, "random")
    facts = get_backbone(name).stages
    pictures = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        found = StageTaps(stages, facts).eval()(pictures)
        assert found.shape == (2, sum(width_of(stage) for stage in facts))
        assert torch.equal(found[:, -width_of(facts[-1]) :], stages.eval()(pictures))
        first = stages[0](pictures)
        assert first.numel() // 2 > width_of(facts[0])
        channels = [axis for axis, length in enumerate(first.shape) if length == width_of(facts[0]) and axis]
        mean = first.mean([axis for axis in (1, 2, 3) if axis != channels[0]])
        assert torch.allclose(found[:, : width_of(facts[0])], mean, atol=1e-6)


def test_every_network_of_the_catalogue_has_a_width_for_every_stage():
    for backbone in CATALOGUE.values():
        assert width_of(backbone.stages[-1]) == backbone.feature_width
    assert [width_of(stage) for stage in get_backbone("vit_b_16").stages] == [768] * 6
    assert [width_of(stage) for stage in get_backbone("swin_t").stages] == [96, 96, 192, 384, 768, 768]


def test_one_pass_probes_every_stage_and_training_then_computes_nothing(photos, data_dir):
    found = probe_stages(photos, train_s=0)
    assert [stage.name for stage in found.stages] == [stage.name for stage in get_backbone("efficientnet_lite0").stages]
    assert found.prefix_images == found.n_images == 30
    assert found.freeze_to in {stage.name for stage in found.stages}
    assert found.trainable == "none" or set(found.trainable.split(",")) < {stage.name for stage in found.stages}
    assert json.loads(json.dumps(found.as_dict()))["sentence"] == found.sentence
    assert tui.train(photos, tui.TrainConfig(epochs=1)).values["prefix_images"] == 0
    assert probe_stages(photos, train_s=0).prefix_images == 0


def test_trials_train_one_stage_after_the_other_until_the_time_is_over(photos, data_dir, monkeypatch):
    for module in (probes, trials):  # as if the network had two stages with weights
        monkeypatch.setattr(module, "stages_with_weights", lambda _: ["stage7", "pool"])
    found = probe_stages(photos, train_s=600)
    assert [trial.stage for trial in found.trials] == ["pool", "stage7"]
    assert all(trial.gain >= 0 and trial.n_val > 0 and trial.seconds > 0 for trial in found.trials)
    assert "The time was over" not in " ".join(found.notes) and not found.stopped
    late = probe_stages(photos, train_s=1e-9)
    assert late.trials == () and "The time was over before training stage7, pool" in late.notes[-1] and not late.stopped


def test_a_stop_keeps_the_curve_and_says_so(photos, data_dir):
    early = probe_stages(photos, should_stop=lambda: True)
    assert (early.stages, early.stopped) == ((), True)
    assert "Stopped" in early.sentence
    probe_stages(photos, train_s=0)
    late = probe_stages(photos, should_stop=lambda: True)  # the rows are there, so that only the trials are stopped
    assert len(late.stages) == 9
    assert late.stopped
    assert "Stopped" in late.notes[-1]


def test_features_that_get_worse_with_depth_are_called_so(photos, data_dir, monkeypatch):
    # A network whose later half was wiped: its features say nothing any more.
    def half_wiped(name, home, watch=None):
        network = load_network(name, home, watch)
        for stage in list(network.stages)[5:]:
            for module in stage.modules():
                if isinstance(module, nn.BatchNorm2d):
                    nn.init.zeros_(module.weight)
                    nn.init.zeros_(module.bias)
        return network

    monkeypatch.setattr(probes, "load_network", half_wiped)
    found = probe_stages(photos, train_s=0)
    assert "hurts" in found.sentence
    assert "pool" in found.trainable
    assert found.stages[-1].below
