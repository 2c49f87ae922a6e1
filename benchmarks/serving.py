"""A running server, for whatever drives the real page: the browser tests and `benchmarks.first_point`."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
# It is there within a second or two; a busy machine takes longer.
WAIT_S = 60.0


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """The address of `python app.py` on a free port, with its data in `home`; what it says goes to ``server.log`` there.

    Raises:
        RuntimeError: when it has ended or does not answer in time, with what it said.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, log = f"http://127.0.0.1:{port}/", home / "server.log"
    with log.open("w") as said:
        command = [sys.executable, str(ROOT / "app.py"), "--port", str(port), "--data-dir", str(home)]
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, cwd=ROOT)
        try:
            _wait(url, process, log)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=10)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url + "config", timeout=2).close()
            return
        except OSError:
            time.sleep(0.25)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")
