"""Bytes from an address, read in a thread of their own, so that Stop is heard also while a server says nothing."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

CHUNK = 1 << 18
POLL_S = 0.1


@dataclass(frozen=True)
class Head:
    """How an answer begins: whether it continues where it was asked to, and how many bytes follow (0: not said)."""

    continued: bool
    length: int


class Stream:
    """One answer from a byte on: `head` first, then `chunk` until it is empty.

    Args:
        timeout: seconds of silence after which it is given up; looking up the name counts as silence, too.
        tick: called about ten times a second while there is nothing to read; may raise to leave.
    """

    def __init__(self, url: str, start: int, timeout: float, tick: Callable[[], None]) -> None:
        self.url, self.start, self.timeout, self.tick = url, start, timeout, tick
        self._items: queue.Queue[Head | bytes | Exception] = queue.Queue(maxsize=8)
        self._closed = threading.Event()
        threading.Thread(target=self._pump, daemon=True).start()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()  # the thread leaves at its next byte or timeout

    def head(self) -> Head:
        """The beginning of the answer; raises what `urlopen` raises, and TimeoutError."""
        item = self._next()
        assert isinstance(item, Head)
        return item

    def chunk(self) -> bytes:
        """What has arrived since; empty at the end. Raises what reading raises, and TimeoutError."""
        item = self._next()
        assert isinstance(item, bytes)
        return item

    def _next(self) -> Head | bytes:
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                item = self._items.get(timeout=POLL_S)
            except queue.Empty:
                self.tick()
                if time.monotonic() > deadline:
                    raise TimeoutError from None
                continue
            if isinstance(item, Exception):
                raise item
            return item

    def _pump(self) -> None:
        try:
            request = urllib.request.Request(self.url, headers={"Range": f"bytes={self.start}-"} if self.start else {})
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                self._put(Head(answer.status == 206, int(answer.headers.get("Content-Length") or 0)))
                # read1 gives what is there; read would wait on a slow line until a whole chunk has come.
                while not self._closed.is_set() and (chunk := answer.read1(CHUNK)):
                    self._put(chunk)
            self._put(b"")
        except Exception as error:  # noqa: BLE001 - raised again where somebody waits for it
            self._put(error)

    def _put(self, item: Head | bytes | Exception) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._items.put(item, timeout=POLL_S)
                return
