import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from transferui import cli

ROOT = Path(__file__).parents[1]
KEYS = ["run_dir", "classes", "n_train", "n_val", "val_accuracy", "val_accuracy_low", "val_accuracy_high", "majority_accuracy", "val_loss",
        "phases", "trainable_parameters", "total_parameters", "frozen_prefix", "prefix_images", "device", "precision", "seconds"]  # fmt: skip


@pytest.fixture
def here(data_dir, monkeypatch):
    """Runs a command in this process, which has loaded torch already; for all but the tests of the process itself."""
    monkeypatch.chdir(ROOT)
    return run_here


def run_here(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main([str(word) for word in words])
    return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


def transferui(*words, home, **env):
    done = subprocess.run([sys.executable, "-m", "transferui", *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**os.environ, "TRANSFERUI_HOME": str(home), **env})  # fmt: skip
    return done


def test_train_predict_evaluate_and_export_in_a_row(photos, data_dir, here, tmp_path):
    model = tmp_path / "model.zip"
    done = transferui("train", photos, "--set", "epochs=5", "--set", "image_size=64", "--save", model, "--json", home=data_dir)
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert set(KEYS) <= values.keys() and set(values["seconds"]) >= {"decode", "prefix", "head", "total"}
    assert values["prefix_images"] == 30 and values["classes"] == ["blue", "green", "red"]
    again = here("train", photos, "--set", "epochs=7", "--set", "image_size=64", "--json")
    assert json.loads(again.stdout)["prefix_images"] == 0
    done = here("predict", model, photos / "red" / "0.jpg", "--json", "--csv", tmp_path / "table.csv")
    found = json.loads(done.stdout)["predictions"][0]
    assert sum(a["probability"] for a in found["answers"]) == pytest.approx(1)
    assert found["verdict"] in ("sure", "not_sure", "unknown") and found["image"] == str(photos / "red" / "0.jpg")
    assert (tmp_path / "table.csv").read_text(encoding="utf-8-sig").count("\n") == 2
    assert json.loads(here("predict", model, photos, "--json").stdout)["n_judged"] == 30
    done = here("evaluate", model, photos, "--json")
    assert json.loads(done.stdout)["n"] == 30
    done = here("export", values["run_dir"], "--format", "bundle", "--to", tmp_path / "again.zip", "--json")
    assert done.returncode == 0 and (tmp_path / "again.zip").read_bytes() == model.read_bytes()
    done = here("export", values["run_dir"], "--format", "report", "--to", tmp_path / "new" / "report.html", "--json")
    assert json.loads(done.stdout)["format"] == "report" and "<h2>Result</h2>" in (tmp_path / "new" / "report.html").read_text()
    done = here("export", values["run_dir"], "--format", "figures", "--to", tmp_path / "figures")
    assert done.returncode == 0 and (tmp_path / "figures" / "loss-curve.svg").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [(["train", "nowhere"], "no folder or file"), (["train", "PHOTOS", "--set", "epochs=0"], "1 to 1000"),
     (["train", "PHOTOS", "--set", "nonsense=1"], "no setting"), (["train", "PHOTOS", "--set", "epochs"], "key=value"),
     (["train", "PHOTOS", "--set", "head_learning_rate=nan"], "a number from"), (["train", "PHOTOS", "--backbone", "resnet"], "resnet18"),
     (["train", "PHOTOS", "--trainable", "layer9"], "stem"), (["predict", "nowhere.zip", "x.jpg"], "no file"),
     (["predict", "README.md", "x.jpg"], "not a model"), (["train", "sample:nonsense"], "signs"),
     (["export", "README.md", "--format", "report", "--to", "x.html"], "run folder")],
)  # fmt: skip
def test_what_the_user_can_mend_is_a_sentence_and_exit_code_2(words, said, photos, here):
    done = here(*(photos if word == "PHOTOS" else word for word in words))
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr and done.stdout == ""


def test_the_process_itself_ends_with_exit_code_2_and_no_trace(photos, data_dir):
    done = transferui("train", photos, "--set", "epochs=0", home=data_dir)
    assert done.returncode == 2 and "1 to 1000" in done.stderr and "Traceback" not in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [(["predict", "MODEL", "PHOTOS/red/0.jpg", "--csv", "PHOTOS"], "A file to write to was expected, but"),
     (["export", "RUN", "--format", "report", "--to", "PHOTOS"], "A file to write to was expected, but"),
     (["export", "RUN", "--format", "report", "--to", "PHOTOS/red/0.jpg/report.html"], "is a file, so nothing can lie in it"),
     (["export", "RUN", "--format", "figures", "--to", "PHOTOS/red/0.jpg"], "A folder to write to was expected, but"),
     (["export", "RUN", "--format", "figures", "--to", "ZIP"], "A file to write to was expected, but"),
     (["train", "PHOTOS", "--save", "PHOTOS"], "A file to write to was expected, but"),
     (["lesson", "PHOTOS", "--to", "PHOTOS"], "A file to write to was expected, but")],
)  # fmt: skip
def test_a_target_of_another_kind_is_refused_before_there_is_work(words, said, photos, head_run, here):
    (photos / "folder.zip").mkdir()
    places = {"MODEL": head_run.bundle, "RUN": head_run.result.run_dir, "ZIP": photos / "folder.zip"}
    done = here(*(places.get(word, word.replace("PHOTOS", str(photos))) for word in words))
    assert done.returncode == 2 and said in done.stderr and "Name" in done.stderr and "Traceback" not in done.stderr


def test_evaluate_tells_what_guessing_gets_and_with_uneven_classes_what_each_class_gets(photos, head_run, here):
    for n in range(2, 10):
        (photos / "red" / f"{n}.jpg").unlink()
    done = here("evaluate", head_run.bundle, photos, "--json")
    values = json.loads(done.stdout)
    assert values["majority_accuracy"] == pytest.approx(10 / 22) and 0 <= values["balanced_accuracy"] <= 1
    text = here("evaluate", head_run.bundle, photos).stdout
    assert (
        "guessing the largest class gets 45.5 %" in text and "balanced accuracy" in text and "  red: " in text and "of 2" in text
    )


def test_a_folder_that_differs_from_its_class_in_capitals_only_is_that_class(photos, head_run, here):
    (photos / "red").rename(photos / "Red")
    assert json.loads(here("evaluate", head_run.bundle, photos, "--json").stdout)["per_class"][2]["n"] == 10
    (photos / "Red").rename(photos / "rot")
    assert "also have rot" in here("evaluate", head_run.bundle, photos).stderr


def test_check_says_what_is_wrong(photos, here):
    (photos / "red" / "broken.jpg").write_bytes((photos / "red" / "0.jpg").read_bytes()[:-200])
    done = here("check", photos, "--json")
    assert done.returncode == 0 and len(json.loads(done.stdout)["skipped"]) == 1
    (photos / "single").mkdir()
    (photos / "red" / "1.jpg").rename(photos / "single" / "1.jpg")
    done = here("check", photos)
    assert done.returncode == 2 and "single" in done.stdout


def test_check_lists_what_was_found_with_its_files(photos, here):
    (photos / "red" / "again.jpg").write_bytes((photos / "blue" / "0.jpg").read_bytes())
    done = here("check", photos, "--json")
    (finding,) = json.loads(done.stdout)["findings"]
    assert (
        finding["kind"] == "conflict"
        and finding["severity"] == "bad"
        and sorted(finding["files"]) == ["blue/0.jpg", "red/again.jpg"]
    )
    assert "in more than one class" in here("check", photos).stdout and done.returncode == 0


def test_backbones_and_doctor_print_one_object(here):
    rows = json.loads(here("backbones", "--json").stdout)["backbones"]
    assert len(rows) == 18 and rows[0]["ready"]
    report = json.loads(here("doctor", "--json").stdout)
    assert {f["what"] for f in report["findings"]} >= {"Python", "torch and torchvision", "networks that are ready"}


ANTS = [("efficientnet_lite0", "none", 0.93), ("squeezenet1_1", "none", 0.88), ("mobilenet_v2", "none", 0.88), ("efficientnet_lite0", "last", 0.93),
        ("squeezenet1_1", "last", 0.88), ("mobilenet_v2", "last", 0.88)]  # fmt: skip


@pytest.mark.parametrize(("backbone", "trainable", "least"), ANTS)
def test_ants_and_bees_are_learned_from_real_weights(shared_data, ants_home, backbone, trainable, least):
    done = run_here("train", shared_data / "data" / "hymenoptera", "--backbone", backbone, "--trainable", trainable, "--set", "finetune_epochs=1",
                "--json")  # fmt: skip
    values = json.loads(done.stdout)
    assert values["n_val"] == 153 and values["val_accuracy"] >= least and values["frozen_unchanged"]


@pytest.mark.parametrize("backbone", ["efficientnet_lite0", "squeezenet1_1", "mobilenet_v2"])
def test_every_stage_of_a_real_network_can_learn(shared_data, here, monkeypatch, photos, backbone):
    monkeypatch.setenv("TORCH_HOME", str(shared_data / "torch_home"))
    done = here("train", photos, "--backbone", backbone, "--trainable", "all", "--set", "finetune_epochs=1", "--set", "epochs=5",
                "--set", "image_size=96", "--json")  # fmt: skip
    values = json.loads(done.stdout)
    assert values["frozen_prefix"] == [] and values["trainable_parameters"] == values["total_parameters"]


def test_preset_auto_says_which_recipe_it_takes_and_why(photos, here):
    done = here("train", photos, "--preset", "auto", "--set", "epochs=2", "--set", "image_size=64", "--json")
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert values["proposal"]["preset"] == "quick" and "has 10 photos" in values["proposal"]["why"]
    assert "Recipe quick" in done.stderr and [phase["name"] for phase in values["phases"]] == ["head"]


def test_lr_gives_a_rate_that_set_takes(photos, here):
    done = here("lr", photos, "--set", "image_size=64", "--json")
    assert done.returncode == 0, done.stderr
    (head,) = json.loads(done.stdout)["sweeps"]
    assert head["setting"] == "head_learning_rate" and 1e-7 <= head["suggestion"] <= 10
    assert here("lr", photos / "nowhere").returncode == 2
