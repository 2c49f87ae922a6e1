"""Runs as people meet them: a real training process, killed, stopped, restarted, and somebody else's."""

import json
import os
import signal
import time

import pytest

from tests.runs.conftest import ME, OTHER
from transferui.config import TrainConfig
from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.errors import UserError
from transferui.files import read_json
from transferui.runs.queue import RunQueue
from transferui.runs.store import Store, hash_owner

QUICK = TrainConfig(epochs=3, image_size=64)
LONG = TrainConfig(epochs=3, image_size=64, trainable="all", finetune_epochs=1000, early_stopping=0, batch_size=4)


def wait_for(check, seconds=180.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("this did not happen in time")


def state(line, run, *wanted):
    return wait_for(lambda: line.status(run) if line.status(run)["state"] in wanted else None)


def test_a_run_finishes_and_everything_is_in_its_folder(line, store, dataset):
    run = line.submit(ME, dataset.id, QUICK)
    state(line, run, "finished")
    results = run.results()
    assert (
        0 <= results["val_accuracy_low"] <= results["val_accuracy"] <= results["val_accuracy_high"] <= 1
        and results["frozen_unchanged"]
        and results["n_val"] == 6
    )
    assert len(run.metrics()) == 3 and (run.folder / "checkpoint.safetensors").is_file()
    assert [r.id for r in store.list_runs(ME)] == [run.id]
    assert not list(run.folder.glob(".*"))


def test_a_killed_process_is_interrupted_and_what_it_had_is_kept(line, store, dataset):
    run = line.submit(ME, dataset.id, LONG)
    wait_for(lambda: run.results())
    os.kill(read_json(run.folder / "worker.json")["pid"], signal.SIGKILL)
    status = state(line, run, "interrupted")
    assert "ended unexpectedly" in status["message"] and run.results()["val_items"]
    second = line.submit(ME, dataset.id, QUICK)
    assert second.id != run.id
    state(line, second, "preparing", "running")


def test_stop_takes_effect_within_a_second_and_keeps_the_best(line, dataset):
    run = line.submit(ME, dataset.id, LONG)
    wait_for(lambda: any(row["phase"] == "finetune" for row in run.metrics()))
    begun = time.monotonic()
    line.stop(ME, run.id)
    state(line, run, "stopped")
    assert time.monotonic() - begun < 1.5
    assert run.results() is not None
    line.stop(ME, run.id)
    assert run.status()["state"] == "stopped"


def test_a_new_server_finds_the_run_of_the_old_one(line, store, dataset):
    run = line.submit(ME, dataset.id, LONG)
    wait_for(lambda: run.metrics())
    line.close()
    again = RunQueue(Store(store.data_dir), warm=False)
    assert again.status(run)["state"] in ("preparing", "running")
    again.stop(ME, run.id)
    state(again, run, "stopped")
    again.close()


def test_a_new_server_calls_a_run_without_process_interrupted(line, store, dataset):
    line.close()
    run = store.create_run(ME, dataset.folder, QUICK)
    run.write_status(state="running")
    (run.folder / "worker.json").write_text(json.dumps({"pid": os.getpid(), "create_time": 1.0}))  # a stranger with this number
    again = RunQueue(Store(store.data_dir), warm=False)
    assert state(again, run, "interrupted")
    again.close()


def test_a_run_that_was_asked_to_stop_is_stopped_however_its_process_ended(line, store, dataset):
    run = store.create_run(ME, dataset.folder, QUICK)
    run.write_status(state="running")
    run.ask_to_stop()
    assert line.status(run)["state"] == "stopped" and "before there was anything to keep" in run.status()["message"]


def test_others_wait_and_see_their_place(line, store, dataset, photos, data_dir):
    first = line.submit(ME, dataset.id, LONG)
    state(line, first, "preparing", "running")
    theirs = create_dataset(scan(photos), data_dir, "theirs", hash_owner(OTHER))
    second = line.submit(OTHER, theirs.id, QUICK)
    assert line.status(second) == {"state": "queued", "place": 1, "length": 1}
    line.stop(OTHER, second.id)
    assert line.status(second)["state"] == "stopped"


def test_a_double_click_gives_one_run_and_other_settings_are_refused(line, dataset):
    run = line.submit(ME, dataset.id, LONG)
    assert line.submit(ME, dataset.id, LONG).id == run.id
    with pytest.raises(UserError) as caught:
        line.submit(ME, dataset.id, QUICK)
    assert caught.value.code == "ALREADY_RUNNING"


def test_a_full_line_says_so(store, dataset, photos, data_dir):
    full = RunQueue(store, max_parallel=0, max_waiting=1, warm=False)
    full.submit(ME, dataset.id, QUICK)
    theirs = create_dataset(scan(photos), data_dir, "theirs", hash_owner(OTHER))
    with pytest.raises(UserError) as caught:
        full.submit(OTHER, theirs.id, QUICK)
    assert caught.value.code == "QUEUE_FULL"
    full.close()


def test_an_interrupted_status_is_never_written_over_a_finished_one(line, store, dataset, monkeypatch):
    run = store.create_run(ME, dataset.folder, QUICK)
    run.write_status(state="running")

    def ended_meanwhile(_):
        run.write_status(state="finished")  # the process writes its last word and ends between the two looks
        return False

    monkeypatch.setattr(line, "_working", ended_meanwhile)
    assert line.status(run)["state"] == "finished" == run.status()["state"]
