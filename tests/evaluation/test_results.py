import json
from dataclasses import replace

import pytest

from tests.conftest import draw_photos
from transferui.config import TrainConfig
from transferui.data.dataset import open_dataset
from transferui.evaluation.results import describe
from transferui.training.state import Hooks
from transferui.training.train import train_model


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    photos, home = draw_photos(tmp_path_factory.mktemp("photos")), tmp_path_factory.mktemp("home")
    hooks = Hooks(lambda row: None, lambda: False, lambda run: None)
    return train_model(open_dataset(photos), TrainConfig(epochs=3, image_size=64), home, hooks)


@pytest.fixture
def run(trained):
    return replace(trained, work=replace(trained.work, broken={}))


def test_results_are_plain_data_and_agree_with_themselves(run):
    values = json.loads(json.dumps(describe(run, final=True), allow_nan=False))
    right = sum(item["true"] == item["predicted"] for item in values["val_items"])
    assert values["val_accuracy"] == pytest.approx(right / values["n_val"])
    assert values["val_accuracy_low"] <= values["val_accuracy"] <= values["val_accuracy_high"]
    assert values["n_train"] + values["n_val"] == 30 and sum(sum(row) for row in values["confusion"]) == values["n_val"]
    assert values["majority_accuracy"] == pytest.approx(1 / 3) and values["final"] and values["frozen_unchanged"]
    assert values["seconds"]["total"] > 0 and values["prefix_images"] == 30


def test_before_the_end_nothing_is_claimed_that_only_the_end_shows(run):
    values = describe(run, final=False)
    assert not values["final"] and "frozen_unchanged" not in values and "seconds" not in values


def test_a_photo_that_could_not_be_read_is_named_with_its_reason(run):
    sample = run.dataset.samples[0]
    run.work.broken[sample.sha256] = "It is damaged."
    assert describe(run, final=True)["skipped"] == [[sample.name, "It is damaged."]]


def test_without_validation_there_is_nothing_to_describe(run):
    run.val_logits = None
    with pytest.raises(RuntimeError):
        describe(run, final=True)
