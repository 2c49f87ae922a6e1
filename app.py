"""TransferUI's web server: `python app.py` opens it on http://127.0.0.1:7860. The page itself is transferui/ui/page.py."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import sys
from pathlib import Path

# Before Gradio is imported: no telemetry, no version check, no request that leaves this machine.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr
from starlette.middleware import Middleware

from transferui.data.dataset import default_data_dir
from transferui.insight.lesson.page import STYLE
from transferui.ui.desk import start_server
from transferui.ui.guard import Guard
from transferui.ui.page import build
from transferui.ui.theme import theme

# The tokens and what all steps share come first.
OURS = sorted((Path(__file__).with_name("assets") / "style").glob("*.css"), key=lambda p: (p.name != "base.css", p.name))
STYLES = [*OURS, STYLE]
ON_SPACES = bool(os.environ.get("SPACE_ID"))
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


def options() -> argparse.Namespace:
    """The command line of the server; Gradio and tests import this file with arguments of their own, which are left alone."""
    parser = argparse.ArgumentParser(description="TransferUI in the browser.")
    parser.add_argument("--data-dir", type=Path, default=default_data_dir(), help="where photos, runs and weights are kept")
    parser.add_argument("--host", default="0.0.0.0" if ON_SPACES else "127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=int(os.environ.get("GRADIO_SERVER_PORT", "7860")))
    parser.add_argument("--parallel", type=int, default=1, help="training runs at the same time")
    parser.add_argument("--cache-gb", type=float, default=4.0, help="room for remembered features; the oldest go first")
    parser.add_argument("--allow-host", action="append", default=[], help="another name of this server, behind a proxy")
    return parser.parse_args(None if __name__ == "__main__" else [])


def where(host: str) -> str:
    """Who can see what is uploaded, for the page's top line."""
    if ON_SPACES:
        return "A public server: upload nothing private"
    return "Everything stays on this computer" if host in LOOPBACK else "Everything stays on this server"


def names(host: str) -> tuple[str, ...]:
    """Names under which this server may be asked; none: any, because a classroom's names for it are not known here."""
    return (*LOOPBACK, *OPTIONS.allow_host) if host in LOOPBACK else ()


def port_is_taken(host: str, port: int) -> bool:
    """Whether another program listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name != "nt")
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def refuse_port(port: int) -> int:
    """Say that the port is in use; gives the exit code."""
    print(f"Port {port} is in use. Close the other program or choose another: python app.py --port {port + 1}", file=sys.stderr)
    return 2


OPTIONS = options()
# Before anything in the data folder is touched: started twice by mistake, the second one must not wipe the first one's uploads.
if __name__ == "__main__" and port_is_taken(OPTIONS.host, OPTIONS.port):
    sys.exit(refuse_port(OPTIONS.port))
os.environ.setdefault("TRANSFERUI_CACHE_BYTES", str(int(1e9 * OPTIONS.cache_gb)))
SERVER = start_server(OPTIONS.data_dir.expanduser(), max_parallel=OPTIONS.parallel)
demo: gr.Blocks = build(SERVER, where(OPTIONS.host))


def main() -> int:
    """Serve until the process is ended."""
    demo.queue(default_concurrency_limit=8, max_size=200)
    try:
        demo.launch(
            server_name=OPTIONS.host,
            server_port=OPTIONS.port,
            theme=theme(),
            css_paths=list(STYLES),
            max_file_size="2gb",
            blocked_paths=[str(SERVER.data_dir / name) for name in ("datasets", "runs", "desks", "weights", "models")],
            app_kwargs={"middleware": [Middleware(Guard, hosts=list(names(OPTIONS.host)))]},
            ssr_mode=False,
            run_history=False,
            enable_monitoring=False,
            footer_links=[],
            mcp_server=False,
            share=False,
            strict_cors=True,
            show_error=False,
            _frontend=False,  # else it asks for its own page and gives up when a busy machine needs 3 s for the answer
        )
    except OSError as error:
        if error.errno not in (None, errno.EADDRINUSE):
            raise
        return refuse_port(OPTIONS.port)
    finally:
        SERVER.queue.close()
        SERVER.engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
