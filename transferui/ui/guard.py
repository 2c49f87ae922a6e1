"""What Gradio leaves open and this page does not need, closed in front of it; and headers that browsers should get.

Every row has its reason in the security notes of ARCHITECTURE.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Parts of Gradio's API that write files, fetch addresses or tell about others, and that no step uses.
CLOSED = (
    "process_recording",
    "deep_link",
    "monitoring",
    "proxy=",
    "file=http",
    "vibe-",
    "run-history",
    "runs",
    "stream/",
)
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"frame-ancestors 'self' https://huggingface.co https://*.hf.space"),
)


class Guard:
    """ASGI middleware: refuses closed routes and requests from other sites, and adds headers."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = str(scope["path"]).removeprefix("/gradio_api").lstrip("/")
        if path.startswith(CLOSED):
            await _refuse(send, 404, b"not found")
        elif scope["method"] not in ("GET", "HEAD", "OPTIONS") and _foreign(scope):
            await _refuse(send, 403, b"requests from other sites are not allowed")
        else:
            await self.app(scope, receive, _WithHeaders(send))


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


async def _refuse(send: Send, status: int, text: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain"), *HEADERS]})
    await send({"type": "http.response.body", "body": text})
