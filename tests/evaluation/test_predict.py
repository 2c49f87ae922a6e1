"""A model's answers, from training to bundle."""

import shutil
from dataclasses import replace

import pytest
import torch
from PIL import Image

import transferui as tui
from transferui.data.dataset import open_dataset
from transferui.data.preprocessing import Preprocessing
from transferui.errors import UserError
from transferui.evaluation.calibration import HOTTEST
from transferui.evaluation.explain import SIDE
from transferui.evaluation.novelty import Novelty
from transferui.evaluation.predict import Model, evaluate
from transferui.evaluation.summary import evaluation_text
from transferui.export.checkpoint import load_checkpoint
from transferui.training.model import Classifier
from transferui.training.start import photo_key

SMALL = Preprocessing(16, 16, "bilinear", (0.5,) * 3, (0.5,) * 3)


def model(names=("blue", "green", "red"), **facts):
    """Answers with the class whose channel is the brightest, in this order: red, green, blue."""
    stages = torch.nn.Sequential(torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()))
    made = Classifier(stages, 3, len(names))
    with torch.no_grad():
        made.head.linear.weight.copy_(torch.eye(3).flip(0)[: len(names)] * 20)
    return Model(made.eval(), tuple(names), SMALL, facts)


def test_classes_are_ranked_and_probabilities_sum_to_one(photos):
    answers = model().predict(photos / "red" / "0.jpg")
    assert [a.probability for a in answers] == sorted((a.probability for a in answers), reverse=True)
    assert sum(a.probability for a in answers) == pytest.approx(1) and {a.class_name for a in answers} == {"blue", "green", "red"}


def test_a_path_a_name_and_bytes_give_the_same_answer(photos):
    path = photos / "red" / "0.jpg"
    assert model().predict(path) == model().predict(str(path)) == model().predict(path.read_bytes())


def test_many_pictures_are_answered_as_one_by_one(photos):
    paths = sorted(photos.rglob("*.jpg"))
    one = model()
    together = one.probabilities(paths)
    assert together.shape == (30, 3) and torch.allclose(together, torch.cat([one.probabilities([p]) for p in paths]), atol=1e-6)


def test_temperature_makes_it_less_sure_and_does_not_change_the_answer(photos):
    path = photos / "red" / "0.jpg"
    cold, warm = model().predict(path), model(temperature=2.0).predict(path)
    assert warm[0].class_name == cold[0].class_name and warm[0].probability < cold[0].probability


@pytest.mark.parametrize("value", [None, "2", float("nan"), 0.0, -1.0, HOTTEST * 10])
def test_a_temperature_that_cannot_be_is_ignored(value):
    assert model(temperature=value).temperature == 1.0


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "x.jpg").write_text("text")
    for wrong in (tmp_path / "x.jpg", tmp_path / "missing.jpg", b""):
        with pytest.raises(UserError):
            model().predict(wrong)


def test_a_labeled_set_is_answered_and_what_cannot_be_read_is_said(photos):
    (photos / "red" / "bad.jpg").write_bytes((photos / "red" / "0.jpg").read_bytes()[:-300])
    found = evaluate(model(), open_dataset(photos))
    assert len(found.labels) == len(found.answers) == len(found.names) == 30
    assert [name for name, _ in found.skipped] == ["red/bad.jpg"]


def test_photos_that_a_model_has_learned_from_are_told_from_new_ones(photos):
    dataset = open_dataset(photos)
    known = [photo_key(sample.sha256) for sample in dataset.samples[:25]]
    values = evaluate(model(), dataset).how_good(dataset, ("blue", "green", "red"), known)
    assert values["n"] == 30 and values["n_learned"] == 25 and values["unseen"]["n"] == 5
    assert "learned from 25 of these photos" in evaluation_text(values) and "Of the others" in evaluation_text(values)
    new = evaluate(model(), dataset).how_good(dataset, ("blue", "green", "red"), ())
    assert new["n_learned"] == 0 and "learned from" not in evaluation_text(new)
    unknown = evaluate(model(), dataset).how_good(dataset, ("blue", "green", "red"))
    assert unknown["n_learned"] is None and "does not tell which photos" in evaluation_text(unknown)


def test_an_answer_between_two_classes_is_not_sure_however_few_photos_there_were_to_check_with(tmp_path):
    one, zero = torch.tensor(1.0), torch.tensor(0.0)
    novelty = Novelty(torch.zeros(3, 3), torch.zeros(3, 1).half(), torch.ones(1), one, 1e9 * one, zero)
    for color, verdict in (((90, 90, 90), "not_sure"), ((200, 20, 20), "sure")):
        Image.new("RGB", (32, 32), color).save(tmp_path / "one.png")
        assert replace(model(), novelty=novelty).answer(tmp_path / "one.png").verdict == verdict


def test_classes_that_the_model_does_not_know_are_named(photos):
    with pytest.raises(UserError, match="red"):
        evaluate(model(names=("blue", "green")), open_dataset(photos))


@pytest.fixture
def trained(head_run):
    return load_checkpoint(head_run.result.run_dir, head_run.result.data_dir)


def test_an_answer_has_ranks_a_verdict_neighbors_and_a_heat_map_when_asked(trained, photos):
    photo = photos / "red" / "0.jpg"
    reply = trained.answer(photo, heat=True)
    assert list(reply.ranked) == trained.predict(photo)
    assert reply.verdict in ("sure", "not_sure", "unknown") and reply.strangeness > 0
    assert reply.heat.shape == (SIDE, SIDE) and trained.answer(photo).heat is None
    assert sorted(n.similarity for n in reply.neighbors) == [n.similarity for n in reply.neighbors][::-1]
    assert all(0 <= n.label < 3 and 0 <= n.sample < 30 for n in reply.neighbors)


def test_the_same_pictures_give_the_same_answers_alone_and_together(trained, photos):
    files = sorted(photos.rglob("*.jpg"))[:18]
    together = trained.answers(files)
    assert len(together) == 18
    assert [r.verdict for r in together] == [trained.answer(f).verdict for f in files]
    assert torch.allclose(trained.probabilities(files)[3], trained.probabilities([files[3]])[0], atol=1e-5)


def test_digits_are_like_nothing_that_a_flower_model_was_shown(shared_data, tmp_path, data_dir):
    for name in ("daisy", "rose", "tulip"):
        (tmp_path / "flowers" / name).mkdir(parents=True)
        for file in sorted((shared_data / "data" / "flowers5_tiny" / name).iterdir())[:80]:
            shutil.copy(file, tmp_path / "flowers" / name)
    result = tui.train(tmp_path / "flowers", tui.TrainConfig(epochs=10), data_dir=data_dir)
    flowers = tui.load_model(result.save(tmp_path / "model.zip"))
    digits = sorted((shared_data / "data" / "mnist_png" / "test").rglob("*.png"))[::25]
    verdicts = [reply.verdict for reply in flowers.answers(digits)]
    assert sum(v != "sure" for v in verdicts) >= 0.8 * len(digits)
    samples = tui.open_dataset(tmp_path / "flowers").samples
    right = [samples[i["sample"]].path for i in result.values["val_items"] if i["true"] == i["predicted"]]
    assert sum(reply.verdict == "sure" for reply in flowers.answers(right)) >= 0.9 * len(right)
