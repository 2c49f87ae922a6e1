"""What Gradio leaves open and this page does not need, closed in front of it; and headers that browsers should get."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Parts of Gradio's API that no step uses.
CLOSED = (
    "process_recording",  # writes a file and runs ffmpeg on it, for anybody
    "deep_link",  # writes the state of any session whose number is known to disk
    "monitoring",  # tells which events others have called, and how often
    "proxy=",  # fetches an address for whoever asks
    "file=http",  # the same; files of this server are asked for by their path
    "vibe-",  # reads and replaces the app's own code, when that editor is on
    "run-history",  # keeps inputs and answers in a bucket on the Hub, with the visitor's token
    "runs",  # the page that shows them
    "stream/",  # feeds and ends events of any session, and plays its media, without asking who it is
    "component_server",  # calls functions of components, by name
)
# The camera asks for the progress of an upload that has no number yet and logs an error when it hears "not found".
NO_UPLOAD = b'data: {"msg": "done"}\n\n'
# Largest request that is not an upload: the list of a folder of 60,000 photos has about 12 MB. A picture that is sent inside
# JSON would get around the limit for files.
MAX_JSON = 16_000_000
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"frame-ancestors 'self' https://huggingface.co https://*.hf.space"),
)


class Guard:
    """ASGI middleware: refuses closed routes, foreign names, other sites and oversized requests, and adds headers.

    Args:
        hosts: names under which the server may be asked, without ports; empty: any. A server for this computer only answers to
            its own names, so that a site whose name is made to point here (DNS rebinding) gets nothing.
    """

    def __init__(self, app: App, hosts: Collection[str] = ()) -> None:
        self.app, self.hosts = app, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = str(scope["path"]).removeprefix("/gradio_api").lstrip("/")
        reading = scope["method"] in ("GET", "HEAD", "OPTIONS")
        if self.hosts and _host(scope) not in self.hosts:
            await _answer(send, 400, b"this server is not known under that name")
        elif path.startswith(CLOSED):
            await _answer(send, 404, b"not found")
        elif path == "upload_progress" and scope["query_string"] in (b"", b"upload_id="):
            await _answer(send, 200, NO_UPLOAD, b"text/event-stream")
        elif not reading and _foreign(scope):
            await _answer(send, 403, b"requests from other sites are not allowed")
        elif reading or path == "upload":
            await self.app(scope, receive, _WithHeaders(send))
        else:
            await self._limited(scope, receive, send)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on after reading it whole, if it is small enough."""
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), message.get("more_body", False)
            if size > MAX_JSON:
                await _answer(send, 413, b"this request is too large")
                return
        await self.app(scope, _Replay(b"".join(parts), receive), _WithHeaders(send))


class _Replay:
    """Gives a request's body, which was already read, and then whatever else comes."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self.body: bytes | None = body
        self.receive = receive

    async def __call__(self) -> MutableMapping[str, Any]:
        if self.body is None:
            return await self.receive()
        body, self.body = self.body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _host(scope: Scope) -> str:
    """The name in the Host header, without its port."""
    value = str(dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower())
    return value[: value.find("]") + 1] if value.startswith("[") else value.partition(":")[0]


def _foreign(scope: Scope) -> bool:
    """Whether a browser says that another site sends this; programs send no Origin."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin")
    if origin is None:
        return False
    host = headers.get(b"x-forwarded-host") or headers.get(b"host", b"")
    return bool(urlsplit(origin.decode("latin-1")).netloc != host.decode("latin-1"))


class _WithHeaders:
    """Passes messages on and adds our headers to the first."""

    def __init__(self, send: Send) -> None:
        self.send = send

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *HEADERS]
        await self.send(message)


async def _answer(send: Send, status: int, body: bytes, kind: bytes = b"text/plain") -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), *HEADERS]})
    await send({"type": "http.response.body", "body": body})
