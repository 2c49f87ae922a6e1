"""A data folder, its waiting line, and drawn photos in it."""

import psutil
import pytest

from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.runs.queue import RunQueue
from transferui.runs.store import Store, hash_owner

ME, OTHER = "me-0123456789abcdef", "other-0123456789abcdef"


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
def offline(tmp_path, monkeypatch):
    """No network but the bundled one is here, and none can be fetched."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("TRANSFERUI_WEIGHTS_MIRROR", "http://127.0.0.1:9")


@pytest.fixture
def dataset(photos, data_dir):
    return create_dataset(scan(photos), data_dir, "drawn", hash_owner(ME))
