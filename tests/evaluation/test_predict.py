"""A model's answers, from training to bundle."""

import shutil

import pytest
import torch

import transferui as tui
from transferui.evaluation.explain import SIDE
from transferui.export.checkpoint import load_checkpoint


@pytest.fixture
def model(photos, data_dir):
    result = tui.train(photos, tui.TrainConfig(epochs=5, image_size=64), data_dir=data_dir)
    return load_checkpoint(result.run_dir, data_dir)


def test_an_answer_has_ranks_a_verdict_neighbors_and_a_heat_map_when_asked(model, photos):
    photo = photos / "red" / "0.jpg"
    reply = model.answer(photo, heat=True)
    assert list(reply.ranked) == model.predict(photo)
    assert reply.verdict in ("sure", "not_sure", "unknown") and reply.strangeness > 0
    assert reply.heat.shape == (SIDE, SIDE) and model.answer(photo).heat is None
    assert sorted(n.similarity for n in reply.neighbors) == [n.similarity for n in reply.neighbors][::-1]
    assert all(0 <= n.label < 3 and 0 <= n.sample < 30 for n in reply.neighbors)


def test_the_same_pictures_give_the_same_answers_alone_and_together(model, photos):
    files = sorted(photos.rglob("*.jpg"))[:18]
    together = model.answers(files)
    assert len(together) == 18
    assert [r.verdict for r in together] == [model.answer(f).verdict for f in files]
    assert torch.allclose(model.probabilities(files)[3], model.probabilities([files[3]])[0], atol=1e-5)


@pytest.mark.slow
def test_digits_are_like_nothing_that_a_flower_model_was_shown(shared_data, tmp_path, data_dir):
    for name in ("daisy", "rose", "tulip"):
        (tmp_path / "flowers" / name).mkdir(parents=True)
        for file in sorted((shared_data / "data" / "flowers5_tiny" / name).iterdir())[:80]:
            shutil.copy(file, tmp_path / "flowers" / name)
    result = tui.train(tmp_path / "flowers", tui.TrainConfig(epochs=10), data_dir=data_dir)
    model = tui.load_model(result.save(tmp_path / "model.zip"))
    digits = sorted((shared_data / "data" / "mnist_png" / "test").rglob("*.png"))[::25]
    verdicts = [reply.verdict for reply in model.answers(digits)]
    assert sum(v != "sure" for v in verdicts) >= 0.8 * len(digits)
    samples = tui.open_dataset(tmp_path / "flowers").samples
    right = [samples[i["sample"]].path for i in result.values["val_items"] if i["true"] == i["predicted"]]
    assert sum(reply.verdict == "sure" for reply in model.answers(right)) >= 0.9 * len(right)
