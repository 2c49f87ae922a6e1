"""How unusual photos are, in words, where there is something to compare with."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from transferui.insight.features import Watch, load_network
from transferui.insight.unusual import how_unusual, measure, references


def test_noise_is_very_unusual_and_further_than_any_photos(data_dir):
    pictures = torch.randint(0, 256, (6, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = measure(load_network("efficientnet_lite0", data_dir), pictures, Watch())
    assert (found.measure, found.word) == ("batchnorm", "very unusual")
    assert found.low <= found.value
    assert {layer.stage for layer in found.layers} >= {"stem", "stage4", "pool"}
    typical, far = references()["efficientnet_lite0"]
    assert typical < far < found.value


def test_a_network_nobody_has_measured_gets_no_word(photos, data_dir, monkeypatch, shared_data):
    monkeypatch.setenv("TORCH_HOME", str(shared_data / "torch_home"))
    found = how_unusual(photos, "squeezenet1_1")
    assert (found.measure, found.word, found.typical) == ("energy", "", None)
    assert "no reference values" in found.notes[0]


def test_a_network_whose_batchnorm_was_folded_away_is_asked_for_its_energy(data_dir):
    network = load_network("efficientnet_lite0", data_dir)
    for module in network.stages.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.fill_(1.0)
    pictures = torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8)
    found = measure(network, pictures, Watch())
    assert (found.measure, found.word, found.layers) == ("energy", "", ())


def test_the_words_stand_beside_what_decides_and_a_stop_is_a_sentence(photos, data_dir):
    assert "Stopped" in how_unusual(photos, should_stop=lambda: True).sentence
    values = json.loads(json.dumps(how_unusual(photos).as_dict()))
    assert values["knn"]["n"] == 30
    assert "What decides" in values["sentence"]
    assert values["word"] in {"typical", "unusual", "very unusual"}


@pytest.mark.parametrize(("name", "each", "word"), [("hymenoptera", 24, "typical"), ("mnist_png", 5, "very unusual")])
def test_real_photos_are_typical_and_digits_are_not(shared_data, data_dir, tmp_path, name, each, word):
    for folder in (shared_data / "data" / name / "train").iterdir():
        (tmp_path / "photos" / folder.name).mkdir(parents=True)
        for file in sorted(folder.iterdir())[:each]:
            shutil.copy(file, tmp_path / "photos" / folder.name)
    found = how_unusual(tmp_path / "photos")
    assert found.word == word and found.n_images >= 40
