"""The waiting line: one training process at a time by default, a spare one kept warm, every way to end noticed.

Lives in the server process, starts `python -m transferui train RUN_DIR`, and never imports torch.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from transferui.config import TrainConfig
from transferui.errors import UserError
from transferui.files import read_json
from transferui.runs.store import ACTIVE_STATES, Run, Store

# After Stop the process has this long to end by itself; then it is killed, which is safe: every file is replaced whole.
GRACE_S = 0.8
# A measurement that is stopped still has to work out what follows from what it has.
MEASURE_GRACE_S = 6.0
# How often the line looks for free places and ended processes.
LOOK_S = 0.25
INTERRUPTED = "The training process ended unexpectedly. What it had learned until then is kept."
# A process that was killed for taking too much memory leaves this exit code and no word.
KILLED = -int(getattr(signal, "SIGKILL", 9))


class RunQueue:
    """Starts, stops and watches training processes.

    Args:
        max_parallel: runs at the same time.
        max_waiting: places in the line.
        warm: keep a spare process that has torch loaded, so that a run starts at once.
    """

    def __init__(self, store: Store, max_parallel: int = 1, max_waiting: int = 40, *, warm: bool = True) -> None:
        self.store, self.max_parallel, self.max_waiting, self.warm = store, max_parallel, max_waiting, warm
        self._lock, self._wake = threading.RLock(), threading.Event()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._spare: subprocess.Popen[bytes] | None = None
        self._closed = False
        runs = store.all_runs()
        self._waiting = [run for run in reversed(runs) if run.status()["state"] == "queued"]
        self._orphans = {run.id: run for run in runs if run.status()["state"] in ("preparing", "running")}
        self._thread = threading.Thread(target=self._watch, name="run-queue", daemon=True)
        self._thread.start()

    def submit(self, owner: str, dataset_id: str, config: TrainConfig) -> Run:
        """Put a run in the line and return it; a double click returns the run that is already there.

        Raises:
            UserError: ``ALREADY_RUNNING`` (other settings or photos), ``QUEUE_FULL``, or what is wrong with the dataset.
        """
        folder = self._photos(owner, dataset_id)
        with self._lock:
            for run in self.store.list_runs(owner):
                if self.status(run)["state"] in ACTIVE_STATES:
                    if run.config == config and run.dataset_id == dataset_id:
                        return run
                    raise UserError("ALREADY_RUNNING", "One of your runs is still going on.", "Stop it or wait until it is over.")
            self._require_place()
            return self._queued(self.store.create_run(owner, folder, config))

    def submit_measurement(self, owner: str, dataset_id: str, config: TrainConfig, wanted: Mapping[str, Any]) -> Run:
        """Put a measurement in the same line; a double click returns the one that is already there.

        Raises:
            UserError: as `submit`.
        """
        folder = self._photos(owner, dataset_id)
        with self._lock:
            for run in self.store.list_measurements(owner):
                if self.status(run)["state"] in ACTIVE_STATES:
                    if run.wanted == wanted and run.dataset_id == dataset_id:
                        return run
                    raise UserError("ALREADY_RUNNING", "A measurement is still going on.", "Stop it or wait until it is over.")
            self._require_place()
            return self._queued(self.store.create_measurement(owner, folder, config, wanted))

    def _photos(self, owner: str, dataset_id: str) -> Path:
        """The folder of photos that can be learned from."""
        dataset = self.store.find_dataset(owner, dataset_id)
        dataset.require_trainable()
        if dataset.folder is None:
            raise UserError("NOT_FOUND", "These photos are not stored here.", "Add them again in step 1.")
        return dataset.folder

    def _require_place(self) -> None:
        if len(self._waiting) >= self.max_waiting:
            raise UserError(
                "QUEUE_FULL", f"The line is full: {len(self._waiting)} runs are waiting.", "Try again in a few minutes."
            )

    def _queued(self, run: Run) -> Run:
        self._waiting.append(run)
        self._wake.set()
        return run

    def place(self, run_id: str) -> tuple[int, int] | None:
        """(place, length) of the waiting line, from 1; None for a run that does not wait."""
        with self._lock:
            ids = [run.id for run in self._waiting]
        return (ids.index(run_id) + 1, len(ids)) if run_id in ids else None

    def status(self, run: Run) -> dict[str, Any]:
        """The run's status with its place in the line; a process that is gone makes it *interrupted*."""
        place = self.place(run.id)
        if place:
            return {"state": "queued", "place": place[0], "length": place[1]}
        status = run.status()
        if status["state"] in ACTIVE_STATES and not self._working(run):
            status = run.status()  # it may have ended well between the two looks
            if status["state"] in ACTIVE_STATES:
                status = self._interrupt(run)
        return status

    def stop(self, owner: str, run_id: str) -> None:
        """End a run within a second, a measurement within `MEASURE_GRACE_S`; the best model or the answers so far are kept.

        Stopping twice, or what has finished, does nothing.
        """
        run = self.store.get_run(owner, run_id)
        with self._lock:
            if run.id in [waiting.id for waiting in self._waiting]:
                self._waiting = [waiting for waiting in self._waiting if waiting.id != run.id]
                run.write_status(state="stopped", message="Taken out of the line before it began.")
                return
        if self.status(run)["state"] in ACTIVE_STATES:
            run.ask_to_stop()
            # Looked up now: a folder that is erased meanwhile tells nothing any more.
            process = self._processes.get(run.id) or _process_of(run)
            deadline = time.monotonic() + (GRACE_S if run.wanted is None else MEASURE_GRACE_S)
            threading.Thread(target=self._end, args=(run, process, deadline), name="run-stop", daemon=True).start()

    def close(self) -> None:
        """Stop watching and let the spare process go; runs go on and are found again by the next server."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=5)
        if self._spare:
            _kill(self._spare)

    def _end(self, run: Run, process: subprocess.Popen[bytes] | psutil.Process | None, deadline: float) -> None:
        """Wait for a stopped run to end by itself, then end it."""
        while time.monotonic() < deadline:
            if run.status()["state"] not in ACTIVE_STATES:
                return
            time.sleep(0.05)
        process = process or self._processes.get(run.id) or _process_of(run)
        if process:
            _kill(process)
        if run.status()["state"] in ACTIVE_STATES:
            with contextlib.suppress(UserError):  # a full disk: whoever looks is told that it has stopped
                _write_stopped(run)

    def _working(self, run: Run) -> bool:
        process = self._processes.get(run.id)
        if process is not None:
            return process.poll() is None
        return _process_of(run) is not None

    def _interrupt(self, run: Run) -> dict[str, Any]:
        process = self._processes.get(run.id)
        hint = "Press Train again to repeat it."
        if process is not None and process.poll() == KILLED:
            hint = "It was killed, perhaps because the memory was full: try a smaller batch size or picture size."
        # Whoever asked for the end is not told of an accident, however it came about.
        stopped = run.is_to_stop
        try:
            if stopped:
                _write_stopped(run)
            else:
                run.write_status(state="interrupted", message=INTERRUPTED, hint=hint)
        except UserError as full:  # the disk is, and that may be why the process ended
            state, message = ("stopped", _stopped(run)) if stopped else ("interrupted", INTERRUPTED)
            return {"state": state, "message": message, "hint": str(full)}
        return run.status()

    def _watch(self) -> None:
        said = ""
        while not self._closed:
            try:
                self._look()
                said = ""
            except Exception as error:  # noqa: BLE001 - without this thread no run of anybody would ever start again
                if repr(error) != said:  # four times a second it would fill the log
                    traceback.print_exc()
                said = repr(error)
            self._wake.wait(LOOK_S)
            self._wake.clear()

    def _look(self) -> None:
        """Notice what has ended and fill the free places."""
        with self._lock:
            self._reap()
            while self._waiting and self._active() < self.max_parallel:
                self._start(self._waiting.pop(0))
            # Not beside a run: loading torch would take the cores from it.
            if self.warm and self._spare is None and not self._closed and not self._active():
                self._spare = self._launch("-")

    def _active(self) -> int:
        return sum(p.poll() is None for p in self._processes.values()) + len(self._orphans)

    def _reap(self) -> None:
        """Notice ended processes, also those of a former server; their place is free, whatever comes of telling so."""
        for run_id, run in list(self._orphans.items()):
            if run.status()["state"] not in ACTIVE_STATES or not self._working(run):
                del self._orphans[run_id]
                if run.folder.is_dir():  # else its owner has erased everything
                    self.status(run)
        for run_id, process in list(self._processes.items()):
            if process.poll() is not None:
                run = Run(run_id, self.store.data_dir / "runs" / run_id)
                try:
                    if run.folder.is_dir() and run.status()["state"] in ACTIVE_STATES:
                        self._interrupt(run)
                finally:
                    del self._processes[run_id]

    def _start(self, run: Run) -> None:
        spare, self._spare = self._spare, None
        self._processes[run.id] = spare if spare and _hand(spare, run) else self._launch(str(run.folder))
        with contextlib.suppress(UserError):  # a full disk; the process will say so, or be found dead
            run.write_status(state="preparing", what="Starting")

    def _launch(self, folder: str) -> subprocess.Popen[bytes]:
        """A training process: of a run folder, or ``-`` for one that loads torch and waits for a folder on its standard input."""
        return subprocess.Popen(
            [sys.executable, "-m", "transferui", "train", folder, "--data-dir", str(self.store.data_dir)],
            stdin=subprocess.PIPE if folder == "-" else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            start_new_session=True,
        )


def child_environment() -> Mapping[str, str]:
    """The environment of a child process: this package found from anywhere, no tokens that it does not need."""
    root = str(Path(__file__).parents[2])
    kept = {k: v for k, v in os.environ.items() if not k.endswith(("_TOKEN", "_SECRET", "_PASSWORD"))}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))}


def _hand(spare: subprocess.Popen[bytes], run: Run) -> bool:
    """Give the spare process a run; False when it has ended."""
    if spare.poll() is not None or spare.stdin is None:
        return False
    try:
        spare.stdin.write(f"{run.folder}\n".encode())
        spare.stdin.close()
    except OSError:
        return False
    return True


def _write_stopped(run: Run) -> None:
    """A run that was asked to stop has ended; nothing is told of one that was erased meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        run.write_status(state="stopped", message=_stopped(run))


def _stopped(run: Run) -> str:
    return "The best state so far was kept." if run.results() else "Stopped before there was anything to keep."


def _process_of(run: Run) -> psutil.Process | None:
    """The living process that works on a run; its start time tells it from a stranger with the same number."""
    worker = read_json(run.folder / "worker.json")
    if worker is None:
        return None
    try:
        process = psutil.Process(int(worker["pid"]))
        same = abs(process.create_time() - float(worker["create_time"])) < 1.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, KeyError, ValueError):
        return None


def _kill(process: subprocess.Popen[bytes] | psutil.Process) -> None:
    try:
        process.kill()
        process.wait(timeout=5)
    except (psutil.Error, ProcessLookupError, subprocess.TimeoutExpired):
        return
