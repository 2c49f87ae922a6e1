"""Runs as people meet them: a real training process, killed, stopped, restarted, and somebody else's."""

import json
import os
import signal
import time

import psutil
import pytest

from transferui.config import TrainConfig
from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.errors import UserError
from transferui.files import read_json
from transferui.runs.engine import Engine
from transferui.runs.queue import RunQueue
from transferui.runs.store import Run, Store, hash_owner

ME, OTHER = "me-0123456789abcdef", "other-0123456789abcdef"
QUICK = TrainConfig(epochs=3, image_size=64)
LONG = TrainConfig(epochs=3, image_size=64, trainable="all", finetune_epochs=1000, early_stopping=0, batch_size=4)


@pytest.fixture
def store(data_dir):
    return Store(data_dir)


@pytest.fixture
def line(store):
    queue = RunQueue(store, warm=False)
    yield queue
    queue.close()
    for process in psutil.process_iter(["cmdline"]):
        if any(str(store.data_dir) in word for word in process.info["cmdline"] or []):
            process.kill()


@pytest.fixture
def dataset(photos, data_dir):
    return create_dataset(scan(photos), data_dir, "drawn", hash_owner(ME))


def wait_for(check, seconds=40.0):
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
    assert results["val_accuracy"] >= 0 and results["frozen_unchanged"] and results["n_val"] == 6
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
    state(line, second, "finished")


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


@pytest.mark.parametrize("name", ["get_run", "delete_run", "find_dataset"])
@pytest.mark.parametrize("foreign", ["theirs", "../../etc", "", "x" * 500, None, 7])
def test_what_belongs_to_somebody_else_does_not_exist(store, dataset, name, foreign):
    run = store.create_run(OTHER, dataset.folder, QUICK)
    wanted = run.id if foreign == "theirs" and name != "find_dataset" else foreign
    owner = OTHER if name == "find_dataset" and foreign == "theirs" else ME
    wanted = dataset.id if name == "find_dataset" and foreign == "theirs" else wanted
    with pytest.raises((UserError, TypeError)) as caught:
        getattr(store, name)(owner, wanted)
    assert getattr(caught.value, "code", "NOT_FOUND") == "NOT_FOUND"


def test_a_torn_last_line_of_metrics_is_ignored(store, dataset):
    run = store.create_run(ME, dataset.folder, QUICK)
    (run.folder / "metrics.jsonl").write_bytes(b'{"epoch": 1}\n{"epoch": 2}\n{"epo')
    assert run.metrics() == [{"epoch": 1}, {"epoch": 2}]


def test_a_desk_is_remembered_and_erased(store, dataset):
    store.update_desk(ME, dataset=dataset.id, step=3)
    assert store.update_desk(ME, step=4) == {"dataset": dataset.id, "step": 4} and store.desk(OTHER) == {}
    run = store.create_run(ME, dataset.folder, QUICK)
    with pytest.raises(UserError, match="still going on"):
        store.delete_run(ME, run.id)
    store.erase_owner(ME)
    assert store.desk(ME) == {} and store.list_runs(ME) == [] and not dataset.folder.exists()


def test_unused_drafts_go_and_what_a_run_needs_stays(store, dataset, photos, data_dir):
    draft = create_dataset(scan(photos), data_dir, "draft", hash_owner(ME))
    store.create_run(ME, dataset.folder, QUICK)
    store.drop_unused_datasets(ME)
    assert dataset.folder.exists() and not draft.folder.exists()


def test_the_engine_answers_explains_and_survives_its_children(store, photos, tmp_path):
    engine = Engine(store.data_dir, helpers=1)
    rows = []
    files = [(f"photos/{p.parent.name}/{p.name}", str(p)) for p in sorted(photos.rglob("*.jpg"))]
    answer = engine.ask("import_folder", rows.append, owner=ME, files=files, name="photos")
    assert store.find_dataset(ME, answer["dataset_id"]).counts["red"] == 10 and rows[-1]["done"] == 30
    with pytest.raises(UserError, match=r"no trained model"):
        engine.ask("predict", folder=str(tmp_path), picture=files[0][1])
    child = engine._children["pictures"][0]
    child._process.kill()
    child._process.wait()
    assert engine.ask("open_sample", owner=ME, key="digits")["dataset_id"]
    with pytest.raises(UserError, match="no sample set"):
        engine.ask("open_sample", owner=ME, key="../x")
    engine.close()


def test_an_interrupted_status_is_never_written_over_a_finished_one(line, dataset):
    run = line.submit(ME, dataset.id, QUICK)
    state(line, run, "finished")
    time.sleep(0.6)
    assert Run(run.id, run.folder).status()["state"] == "finished"
