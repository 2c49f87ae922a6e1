import errno

import torch

from transferui.config import TrainConfig
from transferui.runs.telling import Telling, explain


def test_a_full_disk_and_a_bug_are_told_apart(tmp_path):
    assert explain(OSError(errno.ENOSPC, "No space left on device"), tmp_path).code == "DISK_FULL"
    assert explain(ValueError("a bug"), tmp_path) is None


def test_short_memory_says_what_to_choose_smaller(tmp_path):
    for error in (MemoryError(), torch.OutOfMemoryError("x"), RuntimeError("DefaultCPUAllocator: can't allocate memory")):
        assert explain(error, tmp_path).field == "batch_size"


def test_rows_that_come_too_quickly_wait_for_the_next_look(store, dataset):
    telling = Telling(store.create_run("me-0123456789abcdef", dataset.folder, TrainConfig()))
    assert [telling.is_due() for _ in range(3)] == [True, False, False]


def test_the_reason_of_a_failure_stands_in_the_status(store, dataset, tmp_path):
    run = store.create_run("me-0123456789abcdef", dataset.folder, TrainConfig())
    mended = Telling(run).failed(MemoryError(), tmp_path, part="rank")
    assert mended and run.status()["state"] == "failed" and run.status()["part"] == "rank"
    assert run.status()["message"] == mended.message
