import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KEYS = ["run_dir", "classes", "n_train", "n_val", "val_accuracy", "val_accuracy_low", "val_accuracy_high", "majority_accuracy", "val_loss",
        "phases", "trainable_parameters", "total_parameters", "frozen_prefix", "prefix_images", "device", "precision", "seconds"]  # fmt: skip


def transferui(*words, home, **env):
    import os

    done = subprocess.run([sys.executable, "-m", "transferui", *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**os.environ, "TRANSFERUI_HOME": str(home), **env})  # fmt: skip
    return done


def test_train_predict_evaluate_and_export_in_a_row(photos, data_dir, tmp_path):
    model = tmp_path / "model.zip"
    done = transferui("train", photos, "--set", "epochs=5", "--set", "image_size=64", "--save", model, "--json", home=data_dir)
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert set(KEYS) <= values.keys() and set(values["seconds"]) >= {"decode", "prefix", "head", "total"}
    assert values["prefix_images"] == 30 and values["classes"] == ["blue", "green", "red"]
    again = transferui("train", photos, "--set", "epochs=7", "--set", "image_size=64", "--json", home=data_dir)
    assert json.loads(again.stdout)["prefix_images"] == 0
    done = transferui("predict", model, photos / "red" / "0.jpg", "--json", home=data_dir)
    answers = json.loads(done.stdout)["predictions"][0]["answers"]
    assert sum(a["probability"] for a in answers) == pytest.approx(1)
    done = transferui("evaluate", model, photos, "--json", home=data_dir)
    assert json.loads(done.stdout)["n"] == 30
    done = transferui("export", values["run_dir"], "--format", "bundle", "--to", tmp_path / "again.zip", "--json", home=data_dir)
    assert done.returncode == 0 and (tmp_path / "again.zip").read_bytes() == model.read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [(["train", "nowhere"], "no folder or file"), (["train", "PHOTOS", "--set", "epochs=0"], "1 to 1000"),
     (["train", "PHOTOS", "--set", "nonsense=1"], "no setting"), (["train", "PHOTOS", "--set", "epochs"], "key=value"),
     (["train", "PHOTOS", "--set", "head_learning_rate=nan"], "a number from"), (["train", "PHOTOS", "--backbone", "resnet"], "resnet18"),
     (["train", "PHOTOS", "--trainable", "layer9"], "stem"), (["predict", "nowhere.zip", "x.jpg"], "no file"),
     (["predict", "README.md", "x.jpg"], "not a model"), (["train", "sample:nonsense"], "signs")],
)  # fmt: skip
def test_what_the_user_can_mend_is_a_sentence_and_exit_code_2(words, said, photos, data_dir):
    done = transferui(*(photos if word == "PHOTOS" else word for word in words), home=data_dir)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr and done.stdout == ""


def test_check_says_what_is_wrong(photos, data_dir):
    (photos / "red" / "broken.jpg").write_bytes((photos / "red" / "0.jpg").read_bytes()[:-200])
    done = transferui("check", photos, "--json", home=data_dir)
    assert done.returncode == 0 and len(json.loads(done.stdout)["skipped"]) == 1
    (photos / "single").mkdir()
    (photos / "red" / "1.jpg").rename(photos / "single" / "1.jpg")
    done = transferui("check", photos, home=data_dir)
    assert done.returncode == 2 and "single" in done.stdout


def test_backbones_and_doctor_print_one_object(data_dir):
    rows = json.loads(transferui("backbones", "--json", home=data_dir).stdout)["backbones"]
    assert len(rows) == 18 and rows[0]["ready"]
    report = json.loads(transferui("doctor", "--json", home=data_dir).stdout)
    assert {f["what"] for f in report["findings"]} >= {"Python", "torch and torchvision", "networks that are ready"}


ANTS = [("efficientnet_lite0", "none", 0.93), ("squeezenet1_1", "none", 0.88), ("mobilenet_v2", "none", 0.88), ("efficientnet_lite0", "last", 0.93),
        ("squeezenet1_1", "last", 0.88), ("mobilenet_v2", "last", 0.88)]  # fmt: skip


@pytest.mark.parametrize(("backbone", "trainable", "least"), ANTS)
def test_ants_and_bees_are_learned_from_real_weights(shared_data, data_dir, backbone, trainable, least):
    done = transferui("train", shared_data / "data" / "hymenoptera", "--backbone", backbone, "--trainable", trainable, "--set", "finetune_epochs=2",
                      "--json", home=data_dir, TORCH_HOME=str(shared_data / "torch_home"))  # fmt: skip
    values = json.loads(done.stdout)
    assert values["n_val"] == 153 and values["val_accuracy"] >= least and values["frozen_unchanged"]


@pytest.mark.parametrize("backbone", ["efficientnet_lite0", "squeezenet1_1", "mobilenet_v2"])
def test_every_stage_of_a_real_network_can_learn(shared_data, data_dir, photos, backbone):
    done = transferui("train", photos, "--backbone", backbone, "--trainable", "all", "--set", "finetune_epochs=1", "--set", "epochs=5",
                      "--json", home=data_dir, TORCH_HOME=str(shared_data / "torch_home"))  # fmt: skip
    values = json.loads(done.stdout)
    assert values["frozen_prefix"] == [] and values["trainable_parameters"] == values["total_parameters"]
