import json

import pytest
import torch
from safetensors import safe_open

from transferui.errors import UserError
from transferui.export.checkpoint import load_checkpoint
from transferui.training.stored import CHECKPOINT


@pytest.fixture
def result(head_run):
    return head_run.result


def test_only_what_pretrained_weights_cannot_give_back_is_kept(result):
    with safe_open(result.run_dir / CHECKPOINT, framework="pt") as file:
        assert {name.split(".")[0] for name in file.keys()} == {"head"}  # noqa: SIM118 - not a mapping
        assert json.loads(file.metadata()["transferui"])["class_names"] == ["blue", "green", "red"]


def test_the_loaded_model_answers_as_the_run_did(result, photos, data_dir):
    model = load_checkpoint(result.run_dir, data_dir)
    items = result.values["val_items"]
    paths = sorted(photos.rglob("*.jpg"))
    answers = model.probabilities([paths[item["sample"]] for item in items]).argmax(1)
    assert torch.equal(answers, torch.tensor([item["predicted"] for item in items]))


def test_a_damaged_or_missing_checkpoint_is_a_sentence(result, data_dir, tmp_path):
    with pytest.raises(UserError, match="no trained model"):
        load_checkpoint(tmp_path, data_dir)
    (tmp_path / CHECKPOINT).write_bytes((result.run_dir / CHECKPOINT).read_bytes()[:100])
    with pytest.raises(UserError, match="damaged"):
        load_checkpoint(tmp_path, data_dir)
