"""A run that starts from an own model: its weights, its way of seeing, its family; and every way in which that cannot be."""

import json
import shutil
import zipfile

import pytest
import torch
from torch import nn

import transferui as tui
from transferui.backbones.catalogue import get_backbone
from transferui.config import make_config
from transferui.data.dataset import open_dataset
from transferui.errors import UserError
from transferui.export.checkpoint import load_checkpoint
from transferui.runs.worker import train
from transferui.training.lineage import Ancestor
from transferui.training.start import SEEN, Start, open_start, settled
from transferui.training.state import Hooks
from transferui.training.stored import CHECKPOINT
from transferui.training.train import train_model

QUICK = {"epochs": 2, "finetune_epochs": 1, "batch_size": 8}


@pytest.fixture
def old(tuned_run):
    """A short real run whose last stage has learned, and its bundle."""
    return tuned_run.result, tuned_run.bundle


def begun(photos, data_dir, **settings):
    """A run without a run folder."""
    return train_model(open_dataset(photos), tui.TrainConfig(**QUICK, **settings), data_dir, Hooks(id, bool, id))


def test_blocks_come_from_the_model_and_the_head_is_new(old, photos, data_dir):
    result, bundle = old
    parent = load_checkpoint(result.run_dir, result.data_dir).classifier.stages.state_dict()
    for where in (bundle, result.run_dir):
        run = begun(photos, data_dir, start_from=str(where))
        mine = run.model.stages.state_dict()
        assert all(torch.equal(mine[name], tensor) for name, tensor in parent.items())
        assert run.frozen_unchanged and run.preprocessing.image_size == run.config.image_size == 64
    plain = begun(photos, data_dir, image_size=64).model.stages.state_dict()
    assert any(not torch.equal(plain[name], tensor) for name, tensor in parent.items())


def test_runs_from_different_weights_never_share_rows(old, photos, data_dir):
    settings = {"image_size": 64}
    assert begun(photos, data_dir, **settings).work.prefix_images == 30
    other = begun(photos, data_dir, start_from=str(old[1]), **settings)
    assert (other.work.prefix_images, other.work.cached_images) == (30, 0)
    again = begun(photos, data_dir, start_from=str(old[0].run_dir), **settings)
    assert (again.work.prefix_images, again.work.cached_images) == (0, 30)


def test_a_family_is_written_down_and_outlives_its_oldest_member(old, photos, data_dir, tmp_path):
    result, _ = old
    folder = data_dir / "runs" / result.run_dir.name
    shutil.copytree(result.run_dir, folder)
    second = train(photos, tui.TrainConfig(start_from=folder.name, **QUICK), data_dir=data_dir)
    third = train(photos, tui.TrainConfig(start_from=str(second.save(tmp_path / "second.zip")), **QUICK), data_dir=data_dir)
    shutil.rmtree(folder)
    lineage = third.values["lineage"]
    assert [one["name"] for one in lineage] == [result.run_dir.name, second.run_dir.name]
    assert [one["relation"] for one in lineage] == ["", "continued"] and third.values["relation"] == "continued"
    assert lineage[0]["start"] == "imagenet" and lineage[0]["trainable"] == ["pool"] and lineage[0]["n_photos"] == 30
    assert lineage[0]["weights_fingerprint"] == lineage[1]["weights_fingerprint"]  # only the head has learned in between
    facts = json.loads((third.run_dir / "config.json").read_text())
    assert facts["lineage"] == lineage and facts["relation"] == "continued"
    with zipfile.ZipFile(third.save(tmp_path / "third.zip")) as bundle:
        model, card = json.loads(bundle.read("model.json")), bundle.read("README.md").decode()
    assert model["lineage"] == lineage and model["run"] == third.run_dir.name
    assert str(tmp_path) not in json.dumps(model) and "## Where it comes from" in card and "an earlier model" in card
    (opened, kept) = tui.load_model(tmp_path / "third.zip"), load_checkpoint(third.run_dir, data_dir)
    photo = next(photos.rglob("*.jpg"))
    assert torch.allclose(opened.probabilities([photo]), kept.probabilities([photo]), atol=1e-6)


def test_photos_that_the_model_has_learned_from_are_told_of_when_they_check(tuned_run, data_dir):
    result, bundle, photos = tuned_run
    seen = json.loads((result.run_dir / SEEN).read_text())["photos"]
    assert len(seen) == result.values["n_train"] and all(len(key) == 16 for key in seen)
    same = begun(photos, data_dir, start_from=str(result.run_dir))
    assert not any("look too good" in note for note in same.notes)  # the same split: what checks now has checked before
    other = begun(photos, data_dir, start_from=str(result.run_dir), seed=5)
    assert any("validation photos had been learned from" in note for note in other.notes)
    assert any("perhaps also" in note for note in begun(photos, data_dir, start_from=str(bundle), seed=5).notes)


def test_the_network_is_the_models_unless_another_one_was_asked_for(old, data_dir):
    bundle = str(old[1])
    assert settled(tui.TrainConfig(start_from=bundle), data_dir).backbone == "efficientnet_lite0"
    with pytest.raises(UserError, match="EfficientNet-Lite0, but the network asked for is ResNet-18") as caught:
        settled(tui.TrainConfig(start_from=bundle, backbone="resnet18"), data_dir)
    assert caught.value.code == "OTHER_BACKBONE" and "efficientnet_lite0" in caught.value.hint
    for made in (lambda: make_config({"start_from": bundle, "weights": "random"}),
                 lambda: settled(tui.TrainConfig(start_from=bundle, weights="random"), data_dir)):  # fmt: skip
        with pytest.raises(UserError, match="or from nothing"):
            made()


def test_a_model_that_is_gone_or_damaged_is_a_sentence(old, data_dir, tmp_path):
    result, bundle = old
    with pytest.raises(UserError, match=r"no 'gone\.zip'") as caught:
        open_start(str(tmp_path / "gone.zip"), data_dir)
    assert caught.value.field == "start_from"
    (tmp_path / "cut.zip").write_bytes(bundle.read_bytes()[:1000])
    (tmp_path / "notes.txt").write_text("no model")
    broken, empty = tmp_path / "broken", tmp_path / "empty"
    empty.mkdir()
    shutil.copytree(result.run_dir, broken)
    (broken / CHECKPOINT).write_bytes((broken / CHECKPOINT).read_bytes()[:5000])
    for where, code in (
        ("cut.zip", "NOT_A_MODEL"),
        ("notes.txt", "NOT_A_MODEL"),
        ("broken", "RUN_BROKEN"),
        ("empty", "NO_MODEL"),
    ):
        with pytest.raises(UserError) as caught:
            open_start(str(tmp_path / where), data_dir)
        assert caught.value.code == code


@pytest.mark.parametrize("lineage", [[{"name": 5}], [{"name": "x" * 500}], [{"name": "a"}] * 501, "text"])
def test_a_bundle_that_lies_about_its_family_is_not_opened(old, tmp_path, data_dir, lineage):
    with zipfile.ZipFile(old[1]) as source, zipfile.ZipFile(tmp_path / "odd.zip", "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "model.json":
                content = json.dumps({**json.loads(content), "lineage": lineage}).encode()
            target.writestr(name, content)
    with pytest.raises(UserError, match="not a model of TransferUI"):
        open_start(str(tmp_path / "odd.zip"), data_dir)


def test_a_transformer_keeps_the_size_that_it_was_trained_with():
    own = get_backbone("vit_b_16").preprocessing
    start = Start("vit_b_16", nn.Sequential(), own, 0, (Ancestor(name="x", start="imagenet"),), frozenset())
    assert start.sized(0) == start.sized(224) == own and start.is_imagenets
    with pytest.raises(UserError, match="224 pixels only"):
        start.sized(256)
