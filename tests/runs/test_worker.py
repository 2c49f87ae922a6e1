import json
from types import SimpleNamespace
from zipfile import ZipFile as Bundle

import pytest

from tests.runs.conftest import ME, OTHER
from transferui.config import TrainConfig
from transferui.errors import UserError
from transferui.export.bundle import save_bundle
from transferui.export.checkpoint import load_checkpoint
from transferui.runs import telling, worker
from transferui.runs.lessons import save_lesson
from transferui.runs.saved import save_figures, save_report
from transferui.runs.store import hash_owner
from transferui.runs.worker import train, train_folder
from transferui.training import phases
from transferui.ui import runs_view
from transferui.ui.compare_view import comparison
from transferui.ui.home_step import model_card

TINY = TrainConfig(epochs=2, image_size=64)


def test_training_tells_what_it_does_and_leaves_a_folder(photos, data_dir):
    told = []
    result = train(photos, TINY, report=told.append, data_dir=data_dir)
    assert [row["row"]["epoch"] for row in told if "row" in row] == [1, 2]
    assert result.val_accuracy == result.values["val_accuracy"] and result.run_dir.parent == data_dir / "runs"
    assert result.save(data_dir / "model.zip").is_file()


def test_nothing_to_learn_from_is_refused_before_a_folder_is_made(tmp_path, data_dir):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError):
        train(tmp_path / "empty", TINY, data_dir=data_dir)
    assert not (data_dir / "runs").exists()


def test_a_run_that_cannot_be_done_says_why_in_its_folder(store, dataset, offline):
    run = store.create_run(ME, dataset.folder, TrainConfig(backbone="resnet18", image_size=64))
    assert train_folder(run.folder) == 2
    status = run.status()
    assert (status["state"], status["code"]) == ("failed", "NO_NETWORK") and "ResNet-18" in status["message"]


def test_a_bug_of_ours_gets_a_number_that_stands_in_the_log_too(store, dataset, monkeypatch, capsys):
    def broken(*_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(worker, "train_model", broken)
    run = store.create_run(ME, dataset.folder, TINY)
    assert train_folder(run.folder) == 1
    number = run.status()["message"].split("(")[1].split(")")[0]
    log = capsys.readouterr().err
    assert number in log and "ZeroDivisionError" in log


class Killed(BaseException):
    """As if the process had ended here."""


@pytest.fixture
def killed(store, dataset, monkeypatch):
    """A run whose process is gone when blocks are about to learn."""
    wanted = TrainConfig(epochs=8, image_size=64, trainable="last", finetune_epochs=1)
    run = store.create_run(ME, dataset.folder, wanted)
    monkeypatch.setattr(phases.Phases, "_finetune", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        train_folder(run.folder)
    run.write_status(state="stopped", message="The best state so far was kept.")
    return run


def test_who_stops_while_blocks_learn_has_the_best_head_and_not_an_earlier_one(killed):
    losses = [row["val_loss"] for row in killed.metrics()]
    results = killed.results()
    assert results["best_epoch"] == losses.index(min(losses)) + 1 > 1
    assert results["val_loss"] <= min(losses) * 1.001 and results["final"] is False


def test_everything_that_is_shown_of_a_run_can_be_shown_of_one_that_was_cut_short(killed, store, dataset, tmp_path):
    measured = store.create_measurement(ME, dataset.folder, TrainConfig(), {"parts": ["curve"], "minutes": 1.0, "run": ""})
    measured.folder.joinpath("results.json").write_text('{"curve": {}}')
    save_lesson(measured, killed, tmp_path / "lesson.html")
    report = save_report(killed, "Run 1", tmp_path / "report.html").read_text()
    assert "stopped before fine-tuning had brought anything better" in report and "before its end" in report
    assert "did not help" not in report and "stage" not in report.split("weights learned:")[1].split("</p>")[0]
    save_figures((killed, "Run 1"), [(killed, "Run 1"), (killed, "Run 2")], tmp_path / "figures.zip")
    card = model_card(SimpleNamespace(run=killed))
    assert "before its end" in card and "did not help" not in card
    with Bundle(save_bundle(load_checkpoint(killed.folder, store.data_dir), tmp_path / "model.zip")) as bundle:
        assert b"before its end" in bundle.read("README.md")
    state, results = killed.status(), killed.results()
    entries = [(killed, state, results), (killed, {"state": "finished"}, results)]
    assert "was stopped before its end" in comparison(entries, {killed.id: "Run 1"})
    assert ", stopped</div>" in runs_view._run_row("Run 1", entries[0], "", "", [])
    assert "stopped" not in runs_view._run_row("Run 2", entries[1], "", "", [])


def test_speed_and_time_left_of_one_job_are_not_told_of_the_next(store, dataset, monkeypatch):
    monkeypatch.setattr(telling, "STATUS_EVERY_S", 0)
    run = store.create_run(ME, dataset.folder, TINY)
    teller = worker.Worker(run, store.data_dir, None)
    teller._report({"what": "Looking at every photo once", "done": 9, "total": 9, "images_per_s": 30, "eta_s": 0.1})
    teller._report({"what": "Preparing the head's first lesson", "done": 1, "total": 9})
    assert "images_per_s" not in run.status() and "eta_s" not in run.status()
    teller._report({"phase": "finetune", "epoch": 1, "epochs": 3, "done": 1, "total": 9})
    teller._report({"row": {"phase": "finetune", "epoch": 1, "images_per_s": 5}})
    assert run.status()["epochs"] == 3


def test_nobody_starts_from_the_run_of_somebody_else(store, dataset, photos, data_dir):
    theirs = train(photos, TINY, data_dir=data_dir)
    facts = theirs.run_dir / "config.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "owner": hash_owner(OTHER)}))
    for where in (theirs.run_dir.name, str(theirs.run_dir), str(theirs.save(data_dir / "model.zip"))):
        run = store.create_run(ME, dataset.folder, TINY.model_copy(update={"start_from": where}))
        assert train_folder(run.folder) == 2
        assert run.status()["code"] == "NOT_FOUND" and run.results() is None
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "owner": hash_owner(ME)}))
    mine = store.create_run(ME, dataset.folder, TINY.model_copy(update={"start_from": theirs.run_dir.name}))
    assert train_folder(mine.folder) == 0 and mine.results()["lineage"][0]["name"] == theirs.run_dir.name
