"""How a job's process tells of itself: status.json while it works, and in the end how it ended."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from transferui.errors import UserError
from transferui.files import disk_full, write_json
from transferui.runs.store import Run
from transferui.training.machine import is_out_of_memory

# Progress rows closer together than this are dropped: nobody can read faster, and each costs a file on disk.
STATUS_EVERY_S = 0.25


class Telling:
    """Writes the status of one job.

    Attributes:
        last: the values of the newest status.
    """

    def __init__(self, run: Run) -> None:
        self.run, self.begun, self.last_status = run, time.monotonic(), 0.0
        self.last: dict[str, Any] = {}

    @property
    def elapsed_s(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self.begun

    def introduce(self) -> None:
        """Leave who is working on this job, so that a restarted server can find or miss the process."""
        me = psutil.Process()
        write_json(self.run.folder / "worker.json", {"pid": me.pid, "create_time": me.create_time()})

    def is_due(self) -> bool:
        """Whether enough time has passed for another row of progress; the next one then has to wait."""
        now = time.monotonic()
        if now - self.last_status < STATUS_EVERY_S:
            return False
        self.last_status = now
        return True

    def status(self, state: str, **values: Any) -> None:
        """Replace status.json."""
        self.last = values
        self.run.write_status(state=state, elapsed_s=round(self.elapsed_s, 2), **values)

    def failed(self, error: Exception, data_dir: Path, **values: Any) -> UserError | None:
        """Write why it ended; the UserError behind an error of the machine, or None when it is a bug."""
        mended = explain(error, data_dir)
        if mended is None:
            code = f"E-{secrets.token_hex(2).upper()}"
            said: Mapping[str, Any] = {
                "message": f"Something went wrong on our side ({code}).", "hint": "The log of this run says more.",
            }  # fmt: skip
            print(code, file=sys.stderr)
        else:
            said = mended.as_dict()
        self.status("failed", **values, **said)
        return mended


def explain(error: Exception, data_dir: Path) -> UserError | None:
    """The UserError behind an exception of the machine (full disk, no memory), or None when it is a bug."""
    if isinstance(error, UserError):
        return error
    if full := disk_full(error, data_dir):
        return full
    if is_out_of_memory(error):
        return UserError(
            "OUT_OF_MEMORY",
            "The memory of this machine was not enough.",
            "Choose a smaller batch size or picture size.",
            "batch_size",
        )
    return None
