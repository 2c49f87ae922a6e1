"""An own model against ImageNet's weights: fair, on photos that are new to it, and called by its name."""

import json
import shutil

import numpy as np
import pytest

from tests.conftest import draw_photo
from tests.insight.test_gain import LABELS, made_arm
from transferui.data.dataset import open_dataset
from transferui.errors import UserError
from transferui.insight import arms
from transferui.insight.arms import arm_config
from transferui.insight.chain import chain_gain
from transferui.insight.gain import Effort, compare_arms
from transferui.insight.race import split_photos
from transferui.insight.ranking import rank_backbones
from transferui.training.start import SEEN, photo_key

EFFORT = Effort(minutes=10, seeds=1, image_size=64)


@pytest.fixture
def own(tuned_run, head_run):
    """Drawn photos, a run of them whose last stage has learned, and one whose head alone has."""
    return tuned_run.photos, tuned_run.result, head_run.result


@pytest.fixture
def others(tmp_path):
    """Photos of two other classes."""
    for k, color in enumerate(["yellow", "purple"]):
        for n in range(12):
            draw_photo(tmp_path / "others" / color / f"{n}.jpg", color, 700 + 100 * k + n)
    return tmp_path / "others"


def test_only_the_start_differs_between_the_arms():
    first, second = (arm_config(start, "resnet18", 96, 3, own="m.zip").model_dump() for start in ("own", "pretrained"))
    assert {name for name, value in first.items() if second[name] != value} == {"start_from"}


def test_both_arms_run_and_the_verdict_names_the_model(own, others, data_dir, monkeypatch):
    monkeypatch.setattr(arms, "PRETRAINED_EPOCHS", 1)
    told = []
    found = chain_gain(others, own[1].run_dir, effort=EFFORT, report=told.append)
    assert (found.start, found.against, found.own_model, found.relation) == ("own_model", "imagenet", "photos", "lateral")
    assert len(found.seeds) == 1 and found.n_val >= 4 and found.gap == found.same_time_gap
    assert "from your model of photos" in found.sentence and "from ImageNet" in found.sentence
    assert not any("nothing" in text for text in (found.sentence, *found.notes))
    assert {"Seed 1: from your model", "Seed 1: from ImageNet's weights"} <= {row["what"] for row in told}
    assert json.loads(json.dumps(found.as_dict()))["seeds"]


def test_with_equal_passes_the_same_time_is_the_same_comparison():
    pair = (made_arm(LABELS, 90, at=(2.0,)), made_arm(LABELS, 80, at=(5.0,)))
    found = compare_arms([pair], LABELS.size, "efficientnet_lite0", 96, same_budget=True)
    assert found.same_time_gap == found.gap == pytest.approx(0.1)


def test_a_model_whose_head_alone_has_learned_is_no_other_start(own, others, data_dir):
    with pytest.raises(UserError, match="blocks are ImageNet's") as caught:
        chain_gain(others, own[2].run_dir)
    assert caught.value.code == "SAME_WEIGHTS"


def test_photos_that_the_model_has_learned_from_never_compare(own, data_dir, tmp_path):
    dataset = open_dataset(own[0])
    seen = {photo_key(sample.sha256) for sample in dataset.samples[::2]}
    small = split_photos(dataset, 100, seen)
    checking = [photo_key(sample.sha256) for sample in small.samples if sample.split == "val"]
    assert checking and not seen.intersection(checking) and len(small.samples) == 30
    shutil.copytree(own[1].run_dir, tmp_path / "knows-all")
    keys = [photo_key(sample.sha256) for sample in dataset.samples]
    (tmp_path / "knows-all" / SEEN).write_text(json.dumps({"photos": keys}))
    with pytest.raises(UserError, match="did not learn from") as caught:
        chain_gain(own[0], tmp_path / "knows-all", effort=EFFORT)
    assert caught.value.code == "TOO_FEW_NEW_PHOTOS"


def test_a_bundle_from_the_same_photos_is_told_of(own, data_dir, tmp_path):
    bundle = own[1].save(tmp_path / "own.zip")
    found = chain_gain(own[0], bundle, should_stop=lambda: True)
    assert (found.verdict, found.stopped, found.relation) == ("unknown", True, "continued")
    assert "wins more than it should" in found.notes[-1]


def test_own_models_are_ranked_beside_their_network(own, others, data_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    bundle = own[1].save(tmp_path / "own.zip")
    found = rank_backbones(others, own_models=[bundle, own[2].run_dir, tmp_path / "gone.zip"])
    rows = {row.title: row for row in found.rows}
    assert set(rows) == {"EfficientNet-Lite0", "your model: photos"}
    assert rows["your model: photos"].start_from == str(bundle) and rows["EfficientNet-Lite0"].start_from == ""
    assert rows["your model: photos"].name == rows["EfficientNet-Lite0"].name == found.recommended
    assert found.recommended_start in {row.start_from for row in found.rows}
    notes = " ".join(found.notes)
    assert "only its head has learned" in notes and "no 'gone.zip'" in notes
    again = rank_backbones(own[0], own_models=[own[1].run_dir])
    assert "has learned from 24 of these 30 photos" in " ".join(again.notes)
    assert np.isfinite([row.ms_per_image for row in again.rows]).all()
