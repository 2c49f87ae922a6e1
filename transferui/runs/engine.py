"""Quick questions (store these pictures, classify this one) go to resident child processes that may die at any time.

The server process never decodes an untrusted picture and never loads torch; a child that crashes, hangs or eats memory
takes one question with it and is started anew. Messages are JSON lines over pipes.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from transferui.errors import UserError
from transferui.runs.queue import child_environment

Report = Callable[[Mapping[str, Any]], object]

# Questions by the child that answers them: `model` has torch; `pictures` has Pillow, and matplotlib once it has saved figures or
# a report.
MODEL_QUESTIONS = frozenset({"predict", "look", "save_bundle", "open_bundle", "open_online", "copies"})
# Questions that take minutes. Their child is started for them and ends with them: it would hold half a gigabyte, and nobody's
# single photo is to wait behind them.
ALONE = {"find_rates": "trial", "batch": "batch"}
# Who has waited this long for a child that is busy with another question is told so.
PATIENCE_S = 0.5
# A file of this name beside the photos ends a trial.
RATE_STOP = "trial.stop"


class Engine:
    """Asks child processes.

    Args:
        data_dir: the data folder, handed to the children.
        helpers: children that work on pictures at the same time, so that one long import does not hold up a class.
    """

    def __init__(self, data_dir: Path, helpers: int = 2) -> None:
        self._children = {
            "pictures": [_Child("pictures", data_dir) for _ in range(helpers)],
            "model": [_Child("model", data_dir)],
            **{kind: [_Child(kind, data_dir)] for kind in ALONE.values()},
        }

    def ask(self, question: str, report: Report | None = None, timeout_s: float = 120.0, **arguments: Any) -> Any:
        """Ask and wait for the answer.

        Args:
            question: a function of `transferui.runs.questions`.
            report: gets progress dictionaries meanwhile.
            timeout_s: seconds without any sign of life after which the child is killed.

        Raises:
            UserError: what the child raised, or ``ENGINE_DIED`` / ``ENGINE_SILENT`` when it did not live to answer.
        """
        kind = ALONE.get(question) or ("model" if question in MODEL_QUESTIONS else "pictures")
        child = min(self._children[kind], key=lambda c: c.waiting)
        return child.ask({"question": question, "arguments": arguments}, report, timeout_s)

    def busy(self) -> bool:
        """Whether somebody already waits for an answer about a photo."""
        return all(child.waiting for child in self._children["model"])

    def warm_up(self) -> None:
        """Start the children now, so that the first question does not wait for them."""
        for child in (*self._children["pictures"], *self._children["model"]):
            threading.Thread(target=child.start, name="engine-start", daemon=True).start()

    def close(self) -> None:
        """End the children."""
        for child in (child for children in self._children.values() for child in children):
            child.end()


class _Child:
    """One resident process and the pipe to it."""

    def __init__(self, kind: str, data_dir: Path) -> None:
        self.kind, self.data_dir = kind, data_dir
        self.waiting = 0
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()

    def ask(self, message: Mapping[str, Any], report: Report | None, timeout_s: float) -> Any:
        self.waiting += 1
        try:
            with self._turn(report):
                self._ensure()
                self._send(message)
                try:
                    return self._listen(report, timeout_s)
                finally:
                    if self.kind in ALONE.values():
                        self.end()
        finally:
            self.waiting -= 1

    @contextlib.contextmanager
    def _turn(self, report: Report | None) -> Iterator[None]:
        """Wait until the child is free; whoever waits for long is told."""
        if not self._lock.acquire(timeout=PATIENCE_S if report else -1):
            if report:
                report({"what": "Waiting for its turn"})
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def start(self) -> None:
        with self._lock:
            self._ensure()

    def end(self) -> None:
        """Kill the process; the next question starts a new one."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait(timeout=5)

    def _ensure(self) -> None:
        if self._process and self._process.poll() is None:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-m", "transferui.runs.questions", self.kind, str(self.data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**child_environment(), "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
        )
        self._answers = queue.Queue()
        threading.Thread(target=_pump, args=(self._process, self._answers), name=f"engine-{self.kind}", daemon=True).start()

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._process and self._process.stdin:
            with contextlib.suppress(BrokenPipeError):  # a child that has just died is noticed by `_listen`
                self._process.stdin.write(json.dumps(message) + "\n")
                self._process.stdin.flush()

    def _listen(self, report: Report | None, timeout_s: float) -> Any:
        while True:
            try:
                line = self._answers.get(timeout=timeout_s)
            except queue.Empty:
                self.end()
                raise UserError(
                    "ENGINE_SILENT", "This took too long and was given up.", "Try again with fewer or smaller photos."
                ) from None
            if line is None:
                self.end()
                raise UserError(
                    "ENGINE_DIED", "The helper that reads photos ended unexpectedly and was started anew.",
                    "Try again; if it happens again, leave out the last photo.",
                )  # fmt: skip
            answer = json.loads(line)
            if "progress" in answer:
                if report:
                    report(answer["progress"])
            elif "error" in answer:
                raise UserError(**answer["error"])
            else:
                return answer["result"]


def _pump(process: subprocess.Popen[str], answers: queue.Queue[str | None]) -> None:
    """Pass the child's lines on; None says that it has ended."""
    if process.stdout:
        for line in process.stdout:
            answers.put(line)
    answers.put(None)
