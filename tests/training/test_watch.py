"""Trouble is seen within a few steps, and what was good is put back."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from transferui.config import TrainConfig
from transferui.data.dataset import open_dataset
from transferui.data.preprocessing import Preprocessing
from transferui.training.average import Average
from transferui.training.loop import TRIES, run_phase
from transferui.training.model import Classifier
from transferui.training.phase import Phase, Rows
from transferui.training.state import Hooks
from transferui.training.train import train_model
from transferui.training.watch import LOOK_EVERY, Watch, one_answer

PLAIN = Preprocessing(8, 8, "bilinear", (0.5,) * 3, (0.5,) * 3)


def phase(name="head", epochs=6, spoil=None, shown=(0, 1), **settings):
    """200 points in two classes, of which those `shown` are learned, a network of one linear stage, a head that knows nothing."""
    torch.manual_seed(0)
    labels = torch.arange(200) % 2
    points = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    points[:, 0] += 2.0 * (labels * 2 - 1)
    stage = torch.nn.Linear(4, 4)
    torch.nn.init.eye_(stage.weight)
    model = Classifier(torch.nn.Sequential(torch.nn.Sequential(stage)), 4, 2)
    model.freeze(["0"] if name == "finetune" else [])
    learned = [i for i in range(160) if int(labels[i]) in shown]
    train, val = Rows(points[learned], labels[learned]), Rows(points[160:], labels[160:])
    if spoil:
        spoil(train)
    config = TrainConfig(batch_size=8, early_stopping=0, **settings)
    return Phase(name, model, 0, train, val, config, PLAIN, torch.device("cpu"), epochs, 0, lambda *_: None)


def learn(phase):
    rows = []
    outcome = run_phase(phase, rows.append, lambda: False)
    return outcome, [row["row"] for row in rows if "row" in row]


def test_a_healthy_phase_is_left_alone():
    outcome, rows = learn(phase())
    assert not outcome.notes and outcome.reason == "done" and [row["epoch"] for row in rows] == list(range(1, 7))


@pytest.mark.parametrize("name", ["head", "finetune"])
def test_far_too_large_steps_are_seen_within_a_few_steps_and_made_smaller(name):
    wild = {"optimizer": "sgd", "head_learning_rate": 10.0, "backbone_learning_rate": 1.0, "head_start": "random"}
    outcome, rows = learn(phase(name, epochs=8, schedule="constant", **wild))
    assert outcome.notes and "step size is too large" in outcome.notes[0]
    step = int(outcome.notes[0].split("At step ")[1].split()[0])
    assert step <= (10 if name == "head" else 40)  # of 160; in fine-tuning they only grow during the first 16
    assert outcome.reason == "done" and rows[-1]["val_accuracy"] > 0.9 and math.isfinite(outcome.val_loss)


def test_a_single_wild_photo_does_not_ring_the_bell():
    def spoil(train):
        train.inputs[0] *= 3

    assert not learn(phase(spoil=spoil))[0].notes


def test_a_photo_without_numbers_ends_the_phase_with_the_state_before_it():
    def spoil(train):
        train.inputs[0] = math.nan

    outcome, _ = learn(phase(spoil=spoil))
    assert outcome.reason == "diverged" and len(outcome.notes) == TRIES
    assert "beyond all bounds" in outcome.notes[0] and "with 0.1 of the step size" in outcome.notes[0]
    assert all(torch.isfinite(value).all() for value in outcome.state.values())


def test_a_collapse_to_one_class_is_undone():
    def spoil(train):
        train.inputs[:, 0] = 0  # what tells the classes apart is not to be seen

    able = phase("finetune", spoil=spoil, shown=(1,), epochs=6, head_learning_rate=10.0, schedule="constant", class_weights="off")
    with torch.no_grad():
        able.model.head.linear.weight.copy_(torch.tensor([[-0.5, 0, 0, 0], [0.5, 0, 0, 0]]))
    outcome, rows = learn(able)
    assert any(row["val_accuracy"] == 0.5 for row in rows) and any("same answer" in note for note in outcome.notes)
    assert one_answer(outcome.val_logits, able.val.labels) is None


def test_the_watch_looks_every_few_steps_at_their_mean():
    watch = Watch(0.1, 2)
    limit = 0.1 + 1.5 * math.log(2)
    assert [watch.trouble(torch.tensor(limit * 0.99)) for _ in range(LOOK_EVERY)] == [""] * LOOK_EVERY
    assert [watch.trouble(torch.tensor(limit * 1.01)) for _ in range(LOOK_EVERY)] == [""] * (LOOK_EVERY - 1) + ["runaway"]
    assert [watch.trouble(torch.tensor(math.inf)) for _ in range(LOOK_EVERY)][-1] == "nan"


def test_the_average_of_the_weights_lies_between_and_gives_them_back():
    layer = torch.nn.Linear(1, 1, bias=False)
    layer.weight.data.zero_()
    average = Average(layer)
    for value in (1.0, 2.0, 3.0):
        layer.weight.data.fill_(value)
        average.update()
    with average.in_place():
        assert 1.0 < layer.weight.item() < 3.0
    assert layer.weight.item() == 3.0


def hooks():
    return Hooks(lambda _: None, lambda: False, lambda _: None)


def test_a_run_with_wild_steps_keeps_what_the_head_knew_and_says_so(photos, data_dir):
    settings = {"epochs": 8, "finetune_epochs": 6, "batch_size": 8, "image_size": 64, "trainable": "pool"}
    trained = train_model(open_dataset(photos), TrainConfig(**settings, backbone_learning_rate=1.0), data_dir, hooks())
    assert torch.isfinite(trained.val_logits).all() and any("step size is too large" in note for note in trained.notes)
    labels = torch.tensor([trained.dataset.samples[i].label for i in trained.split.val])
    assert float((trained.val_logits.argmax(1) == labels).float().mean()) > 0.8


def test_a_run_does_not_mirror_what_a_mirror_changes(tmp_path, data_dir):
    across, down = np.meshgrid(np.arange(64), np.arange(64))
    for name, side in (("rising", 1), ("falling", -1)):  # stripes, each the mirror image of the other
        (tmp_path / "stripes" / name).mkdir(parents=True)
        for n in range(15):
            stripes = 120 + 60 * np.sin((down + side * across) / 4 + n) + np.random.default_rng(n).normal(0, 20, (64, 64))
            Image.fromarray(stripes.clip(0, 255).astype(np.uint8)).save(tmp_path / "stripes" / name / f"{n}.png")
    settings = {"epochs": 3, "finetune_epochs": 1, "image_size": 64, "trainable": "pool", "augmentation": "flip"}
    trained = train_model(open_dataset(tmp_path / "stripes"), TrainConfig(**settings), data_dir, hooks())
    assert any("no mirrored copies" in note for note in trained.notes)
