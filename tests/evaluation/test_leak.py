"""What a random split would have said of photos in series."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from transferui.config import TrainConfig
from transferui.data.dataset import open_dataset
from transferui.evaluation.leak import random_split, words
from transferui.evaluation.results import describe
from transferui.training.state import Hooks
from transferui.training.train import train_model

HOOKS = Hooks(lambda row: None, lambda: False, lambda run: None)


def learned(folder, data_dir, **settings):
    config = TrainConfig(**{"epochs": 20, "image_size": 64, "val_fraction": 0.4, **settings})
    return train_model(open_dataset(folder), config, data_dir, HOOKS)


@pytest.fixture(scope="module")
def leaky(tmp_path_factory):
    """A run on bursts of nothing in particular: what one tells about its class says nothing about another."""
    home = tmp_path_factory.mktemp("leaky")
    rng = np.random.default_rng(0)
    for name in ("heads", "tails"):
        (home / "set" / name).mkdir(parents=True)
        for series in range(8):
            picture = Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)).resize((80, 80), Image.Resampling.BICUBIC)
            for n in range(5):
                picture.save(home / "set" / name / f"{series}_{n}.jpg", quality=60 + 7 * n)
    return learned(home / "set", home / "data")


def test_photos_in_series_would_have_seemed_far_easier_with_a_random_split(leaky):
    values = json.loads(json.dumps(describe(leaky, final=True)))
    found = values["random_split"]
    assert found["n"] == values["n_val"] and found["with_kin"] > 0.9
    assert found["accuracy"] > values["head_val_accuracy"] + 0.2 and found["beyond_chance"]
    (said,) = [note for note in values["notes"] if "random split" in note]
    assert said.startswith("A random split") and "the difference is the leak" in said


def test_single_photos_need_no_such_comparison(photos, data_dir):
    values = describe(learned(photos, data_dir, val_fraction=0.2, epochs=3), final=True)
    assert "random_split" not in values and not any("random split" in note for note in values["notes"])


def test_before_the_end_and_without_a_lesson_of_the_head_nothing_is_compared(leaky):
    assert "random_split" not in describe(leaky, final=False)
    assert random_split(replace(leaky, pooled={})) is None


def test_no_leak_is_claimed_where_chance_explains_it():
    values = {"kept_phase": "finetune", "head_val_accuracy": 0.92}
    found = {"accuracy": 0.93, "beyond_chance": False}
    assert words(values, found).startswith("For the new head on frozen blocks, a random split")
    assert words(values, found).endswith("93\u00a0% instead of 92\u00a0%: no more than chance explains.")
    assert words(values, found | {"accuracy": 0.92}).endswith("would have said the same: 92\u00a0%.")


def test_a_long_lesson_on_many_photos_is_shortened_and_learned_all_the_same(leaky, monkeypatch):
    whole = random_split(leaky)
    monkeypatch.setattr("transferui.evaluation.leak.MOST_SHOWN", 400)
    monkeypatch.setattr("transferui.evaluation.leak.MOST_STEPS", 12)
    assert random_split(leaky)["accuracy"] >= whole["accuracy"] - 0.1
