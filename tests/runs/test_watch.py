"""The thread that starts runs: whatever one person's run comes to, the next person's starts."""

import json
import shutil
import subprocess
import sys
import time

import psutil
import pytest

from tests.runs.conftest import ME, OTHER
from transferui.config import TrainConfig
from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.errors import UserError
from transferui.runs.queue import RunQueue
from transferui.runs.store import Run, hash_owner

QUICK = TrainConfig(epochs=3, image_size=64)


@pytest.fixture
def started(monkeypatch):
    """Folders of the runs that were started; their processes end at once."""
    folders = []

    def launch(_, folder):
        folders.append(folder)
        return subprocess.Popen([sys.executable, "-c", ""])

    monkeypatch.setattr(RunQueue, "_launch", launch)
    return folders


@pytest.fixture
def starts_another(photos, data_dir, started):
    """Whether another person's run starts."""
    theirs = create_dataset(scan(photos), data_dir, "theirs", hash_owner(OTHER))

    def starts(line):
        line.submit(OTHER, theirs.id, QUICK)
        end = time.monotonic() + 10
        while not started and time.monotonic() < end:
            time.sleep(0.02)
        return len(started) == 1

    return starts


def test_a_run_of_a_former_server_whose_folder_was_erased_gives_its_place_free(store, dataset, starts_another):
    run = store.create_run(ME, dataset.folder, QUICK)
    run.write_status(state="running")
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    made = psutil.Process(process.pid).create_time()
    (run.folder / "worker.json").write_text(json.dumps({"pid": process.pid, "create_time": made}))
    line = RunQueue(store, warm=False)
    line.stop(ME, run.id)
    shutil.rmtree(run.folder)
    assert starts_another(line)
    process.wait(timeout=10)  # it is ended, although nothing tells any more which process it was
    line.close()


def test_a_run_that_was_stopped_on_a_full_disk_gives_its_place_free(store, dataset, starts_another, monkeypatch):
    run = store.create_run(ME, dataset.folder, QUICK)
    run.write_status(state="running")
    run.ask_to_stop()
    write = Run.write_status

    def full(self, **values):
        if self.id == run.id:
            raise UserError("DISK_FULL", "The disk is full.")
        write(self, **values)

    monkeypatch.setattr(Run, "write_status", full)
    line = RunQueue(store, warm=False)
    assert starts_another(line)
    assert line.status(run)["state"] == "stopped"
    line.close()


def test_a_bug_in_a_look_at_the_line_is_logged_once_and_the_next_look_comes(store, starts_another, monkeypatch, capfd):
    look, times = RunQueue._look, []

    def broken(self):
        times.append(1)
        if len(times) < 4:
            raise RuntimeError("a bug")
        look(self)

    monkeypatch.setattr(RunQueue, "_look", broken)
    line = RunQueue(store, warm=False)
    assert starts_another(line)
    assert capfd.readouterr().err.count("RuntimeError: a bug") == 1
    line.close()
