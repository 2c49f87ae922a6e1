import json

import pytest

from tests.runs.conftest import ME, OTHER
from transferui.config import TrainConfig
from transferui.errors import UserError
from transferui.runs import telling, worker
from transferui.runs.store import hash_owner
from transferui.runs.worker import train, train_folder

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
