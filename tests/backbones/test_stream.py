import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from transferui.backbones.stream import Stream

CONTENT = bytes(range(256)) * 2000


class Handler(BaseHTTPRequestHandler):
    """/file answers, from a byte on where asked; /silent never does."""

    def do_GET(self):
        if self.path == "/silent":
            time.sleep(5)
            return
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start:])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def nothing():
    pass


@pytest.mark.parametrize("start", [0, 1000])
def test_the_bytes_arrive_whole_or_from_where_they_were_asked(url, start):
    with Stream(url + "/file", start, 10, nothing) as stream:
        head = stream.head()
        parts = list(iter(stream.chunk, b""))
    assert head.continued == bool(start) and head.length == len(CONTENT) - start and b"".join(parts) == CONTENT[start:]


def test_silence_is_given_up(url):
    with Stream(url + "/silent", 0, 0.3, nothing) as stream, pytest.raises(TimeoutError):
        stream.head()


def test_stop_is_heard_while_the_server_says_nothing(url):
    def stop():
        raise InterruptedError

    begun = time.monotonic()
    with Stream(url + "/silent", 0, 60, stop) as stream, pytest.raises(InterruptedError):
        stream.head()
    assert time.monotonic() - begun < 5


def test_nobody_there_is_an_error_where_it_is_waited_for():
    with Stream("http://127.0.0.1:9/file", 0, 5, nothing) as stream, pytest.raises(OSError):
        stream.head()
