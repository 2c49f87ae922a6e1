"""The commands of the insight room: one JSON object, sentences, exit codes."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.conftest import draw_photo
from tests.test_cli import run_here
from transferui.terminal import Interruptible


def test_rank_prints_one_object_or_a_table(photos, data_dir):
    done = run_here("rank", photos, "--backbones", "efficientnet_lite0", "--json")
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert values["recommended"] == "efficientnet_lite0"
    assert values["rows"][0]["ridge"]["n"] == 30
    assert "EfficientNet-Lite0" in run_here("rank", photos, "--backbones", "efficientnet_lite0").stdout


def test_probe_and_curve_print_one_object_or_lines(photos, data_dir):
    values = json.loads(run_here("probe", photos, "--train-seconds", "0", "--json").stdout)
    assert len(values["stages"]) == 9
    assert "trainable=" in run_here("probe", photos, "--train-seconds", "0").stdout
    assert json.loads(run_here("curve", photos, "--json").stdout)["points"]
    assert "photos per class" in run_here("curve", photos).stdout


def test_labels_and_gain_print_one_object_or_lines(photos, data_dir):
    assert json.loads(run_here("labels", photos, "--json").stdout)["n_images"] == 30
    assert "labels looks wrong" in run_here("labels", photos).stdout
    assert json.loads(run_here("gain", photos, "--minutes", "0.001", "--json").stdout)["verdict"] == "unknown"
    done = run_here("gain", photos, "--seeds", "0")
    assert done.returncode == 2
    assert "seeds" in done.stderr


def test_a_lesson_is_written_as_one_page(photos, data_dir, tmp_path):
    done = run_here("lesson", photos, "--to", tmp_path / "new" / "lesson.html", "--only", "curve,map", "--json")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "new" / "lesson.html").read_text(encoding="utf-8")
    assert "Transfer learning, on your photos" in page and "http" not in page.replace("http-equiv", "").replace(
        "http://www.w3.org", ""
    )
    assert set(json.loads(done.stdout)) == {"path", "curve", "map"}
    wrong = run_here("lesson", photos, "--to", tmp_path / "lesson.html", "--only", "weather")
    assert wrong.returncode == 2 and "no measurement named" in wrong.stderr


@pytest.mark.parametrize("command", ["rank", "probe", "curve", "labels", "gain"])
def test_what_the_user_can_mend_is_a_sentence(command, data_dir, tmp_path):
    done = run_here(command, tmp_path / "nowhere")
    assert done.returncode == 2
    assert "no folder or file" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_first_interrupt_asks_to_stop_and_the_second_ends():
    with Interruptible() as work:
        assert not work.should_stop()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert work.should_stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)


def test_rank_and_gain_take_own_models(photos, data_dir, tmp_path):
    model = tmp_path / "own.zip"
    settings = ["--set", "epochs=2", "--set", "image_size=64", "--set", "finetune_epochs=1", "--set", "head_start=random"]
    done = run_here("train", photos, "--trainable", "last", *settings, "--save", model)
    assert done.returncode == 0, done.stderr
    found = json.loads(run_here("rank", photos, "--backbones", "efficientnet_lite0", "--models", model, "--json").stdout)
    assert [row["start_from"] for row in found["rows"]] == [""]
    assert "has learned from" in " ".join(found["notes"])  # the same photos: it would win unfairly
    others = tmp_path / "others"
    for n in range(12):
        for color in ("yellow", "purple"):
            draw_photo(others / color / f"{n}.jpg", color, 700 + 20 * len(color) + n)
    found = json.loads(run_here("rank", others, "--backbones", "efficientnet_lite0", "--models", model, "--json").stdout)
    assert sorted(row["start_from"] for row in found["rows"]) == ["", str(model)]
    gain = json.loads(run_here("gain", photos, "--from", model, "--minutes", "0.001", "--json").stdout)
    assert (gain["start"], gain["against"], gain["verdict"]) == ("own_model", "imagenet", "unknown")
    chained = json.loads(run_here("train", photos, "--from", model, "--set", "epochs=2", "--json").stdout)
    assert [one["dataset_name"] for one in chained["lineage"]] == ["photos"] and chained["relation"] == "continued"
    refused = run_here("train", photos, "--from", model, "--backbone", "resnet18")
    assert refused.returncode == 2 and "ResNet-18" in refused.stderr
