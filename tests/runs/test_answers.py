"""Questions about a trained model, as the page asks them."""

import base64
import csv
import shutil
from pathlib import Path

import pytest

from tests.conftest import COLORS
from transferui.errors import UserError
from transferui.runs.engine import Engine
from transferui.runs.questions import Answers


@pytest.fixture(scope="module")
def asked(head_run):
    """The answering side, a run folder, and the photos it learned from."""
    result = head_run.result
    return Answers(result.data_dir, lambda row: None), str(result.run_dir), head_run.photos


def test_one_photo_gets_everything_that_is_shown_beside_it(asked):
    answers, run, photos = asked
    found = answers.predict(run, str(photos / "red" / "0.jpg"))
    assert found["thumbnail"].startswith("data:image/jpeg") and found["heat"].startswith("data:image/png")
    assert [n["class_name"] in COLORS for n in found["neighbors"]] == [True] * 4
    assert found["verdict"] in ("sure", "not_sure", "unknown")


@pytest.mark.parametrize("late", ["results.json", "memory.safetensors", "config.json"])
def test_a_run_that_is_asked_while_its_files_are_written_is_read_anew_afterwards(asked, tmp_path, late):
    _, run, photos = asked
    folder = tmp_path / "home" / "runs" / Path(run).name
    shutil.copytree(run, folder)
    written = (folder / late).read_bytes()
    (folder / late).write_bytes(written) if late == "config.json" else (folder / late).unlink()
    answers = Answers(tmp_path / "home", lambda row: None)
    first = answers._model(folder)
    assert answers._model(folder) is first
    (folder / late).write_bytes(written + b" " * (late != "memory.safetensors"))
    answers.save_bundle(str(folder), str(tmp_path / "late.zip"))
    fresh = Answers(tmp_path / "home", lambda row: None)
    fresh.save_bundle(str(folder), str(tmp_path / "fresh.zip"))
    assert answers._model(folder) is not first and len(answers.models) == 1
    assert (tmp_path / "late.zip").read_bytes() == (tmp_path / "fresh.zip").read_bytes()


def everything_at(*folders):
    return [sorted(folder.rglob("*")) for folder in folders]


def test_a_camera_frame_is_answered_as_the_file_is_and_leaves_none(asked):
    answers, run, photos = asked
    photo = photos / "blue" / "1.jpg"
    before = everything_at(photos, answers.data_dir)
    frame = answers.look(run, base64.b64encode(photo.read_bytes()).decode())
    assert frame["ranked"] == answers.predict(run, str(photo))["ranked"] and "heat" not in frame
    assert everything_at(photos, answers.data_dir) == before
    with pytest.raises(UserError):
        answers.look(run, base64.b64encode(b"nonsense").decode())


def test_a_batch_gives_rows_and_a_table(asked, tmp_path):
    answers, run, photos = asked
    files = [str(p) for p in sorted(photos.rglob("*.jpg"))[:5]]
    found = answers.batch(run, files, str(tmp_path / "made" / "answers.csv"))
    assert (
        found["n"] == 5
        and "accuracy" not in found
        and [r["image"] for r in found["rows"]] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    )
    with (tmp_path / "made" / "answers.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == 5


def test_a_batch_has_a_process_of_its_own_that_ends_with_it(asked, tmp_path):
    _, run, photos = asked
    engine, rows = Engine(tmp_path, helpers=1), []
    found = engine.ask("batch", rows.append, folder=run, files=[str(photos / "red" / "0.jpg")], to=str(tmp_path / "a.csv"))
    assert found["n"] == 1 and rows[-1]["done"] == 1
    assert engine._children["batch"][0]._process is None and engine._children["model"][0]._process is None
    assert not engine.busy()
    engine.close()
