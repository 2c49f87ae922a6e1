import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from transferui.ui.guard import CLOSED, MAX_JSON, Guard


async def app(scope, receive, send):
    """Answers with what it was sent."""
    body = (await receive()).get("body", b"") if scope["method"] == "POST" else b""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def ask(path, *, method="GET", hosts=(), body=(b"",), query=b"", **headers):
    """(status, headers, body) of a request through the guard."""
    scope = {"type": "http", "path": path, "method": method, "query_string": query,
             "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]}  # fmt: skip
    parts = [{"type": "http.request", "body": part, "more_body": n + 1 < len(body)} for n, part in enumerate(body)]
    sent = []

    async def receive():
        return parts.pop(0) if parts else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    # In a thread of its own: in this one the browser tests' driver may have an event loop running.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(Guard(app, hosts)(scope, receive, send))).result()
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize("route", CLOSED)
def test_what_no_step_uses_is_closed_with_and_without_the_prefix(route):
    assert ask(f"/{route}")[0] == ask(f"/gradio_api/{route}")[0] == 404


def test_every_answer_forbids_sniffing_and_foreign_frames():
    for status, headers, _ in (ask("/"), ask("/gradio_api/monitoring")):
        assert headers[b"x-content-type-options"] == b"nosniff" and b"frame-ancestors" in headers[b"content-security-policy"], (
            status
        )


def test_another_site_may_read_nothing_into_us():
    assert ask("/gradio_api/queue/join", method="POST", origin="http://evil.example", host="127.0.0.1:7860")[0] == 403
    assert ask("/gradio_api/queue/join", method="POST", origin="http://127.0.0.1:7860", host="127.0.0.1:7860")[0] == 200
    assert (
        ask("/gradio_api/queue/join", method="POST", origin="https://us.example", host="x", x_forwarded_host="us.example")[0]
        == 200
    )
    assert ask("/gradio_api/queue/join", method="POST", host="127.0.0.1:7860")[0] == 200


def test_a_name_that_is_made_to_point_here_gets_nothing():
    hosts = ("127.0.0.1", "localhost", "[::1]")
    assert ask("/", hosts=hosts, host="evil.example:7860")[0] == 400 and ask("/", hosts=hosts)[0] == 400
    for name in ("127.0.0.1:7860", "localhost", "LOCALHOST:1", "[::1]:7860"):
        assert ask("/", hosts=hosts, host=name)[0] == 200
    assert ask("/", host="any.example")[0] == 200


def test_a_request_is_passed_on_whole_unless_it_is_too_large():
    assert ask("/run/predict", method="POST", body=(b"one ", b"two"))[2] == b"one two"
    half = bytes(MAX_JSON // 2 + 1)
    assert ask("/run/predict", method="POST", body=(half, half))[0] == 413
    assert ask("/gradio_api/upload", method="POST", body=(half, half))[0] == 200


def test_an_upload_that_has_no_number_yet_is_told_that_it_is_done():
    assert ask("/gradio_api/upload_progress", query=b"upload_id=")[2].startswith(b"data:")
    assert ask("/gradio_api/upload_progress", query=b"upload_id=abc")[2] == b""
