"""What the kept model sees in its training and validation photos."""

from types import SimpleNamespace

import pytest
import torch

import transferui as tui
from transferui.data.preprocessing import picture_array
from transferui.evaluation.novelty import fit_novelty
from transferui.training import kept
from transferui.training.features import normalize
from transferui.training.state import Hooks
from transferui.training.train import train_model

HOOKS = Hooks(lambda row: None, lambda: False, lambda run: None)


@pytest.mark.parametrize("trainable", ["none", "last"])
def test_features_are_those_of_the_kept_model(photos, data_dir, trainable):
    config = tui.TrainConfig(trainable=trainable, epochs=3, finetune_epochs=1, image_size=64, precision="float32")
    run = train_model(tui.open_dataset(photos), config, data_dir, HOOKS)
    assert run.kept.train.shape == (len(run.split.train), 1280) and run.kept.val.shape == (len(run.split.val), 1280)
    assert run.kept.samples == tuple(run.split.train)
    sample = run.dataset.samples[run.kept.samples[3]]
    pixels = torch.from_numpy(picture_array(sample.path, run.preprocessing).copy()).permute(2, 0, 1)[None]
    with torch.no_grad():
        features = run.model.eval().stages(normalize(pixels, run.preprocessing))[0]
    assert torch.allclose(features, run.kept.train[3], atol=0.02 * float(features.abs().max()))
    assert fit_novelty(run) is not None


def test_only_so_many_training_photos_are_kept(monkeypatch):
    monkeypatch.setattr(kept, "MOST", 4)
    run = SimpleNamespace(
        pooled={"train": torch.arange(20.0).view(10, 2), "val": torch.zeros(3, 2)}, kept_phase="head", stopped=True,
        split=SimpleNamespace(train=tuple(range(100, 110))), config=SimpleNamespace(seed=1),
        dataset=SimpleNamespace(samples=[SimpleNamespace(label=i % 2) for i in range(110)]),
    )  # fmt: skip
    found, logits = kept.look_back(SimpleNamespace(run=run))
    assert logits is None
    assert len(found.samples) == len(found.train) == 4
    assert [int(i) - 100 for i in found.samples] == (found.train[:, 0] / 2).int().tolist()


@pytest.mark.parametrize("seed", range(5))
def test_a_rare_class_is_kept_and_the_others_keep_their_share(seed):
    picks = kept._draw(torch.tensor([0] * 3000 + [1] * 1480 + [2] * 5 + [3] * 15), seed)
    counts = torch.tensor([0] * 3000 + [1] * 1480 + [2] * 5 + [3] * 15)[picks].bincount().tolist()
    assert len(set(picks.tolist())) == sum(counts) == 2000 and picks.tolist() == sorted(picks.tolist())
    assert counts[2:] == [5, 15] and abs(counts[0] - 1980 * 3000 / 4480) < 2
    assert picks.tolist() != kept._draw(torch.tensor([0] * 3000 + [1] * 1480 + [2] * 5 + [3] * 15), seed + 1).tolist()


def test_of_very_many_classes_each_keeps_the_same_number():
    labels = torch.arange(300).repeat(10)
    assert set(labels[kept._draw(labels, 0)].bincount().tolist()) == {6, 7}


def test_nobody_waits_for_features_of_a_stopped_fine_tuning():
    run = SimpleNamespace(pooled={"train": torch.zeros(2, 2)}, kept_phase="finetune", stopped=True)
    assert kept.look_back(SimpleNamespace(run=run)) == (None, None)
