"""Files that are there whole or not at all, whatever happens in between."""

from __future__ import annotations

import base64
import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from transferui.errors import UserError

# With less than this left on the disk, an error while writing is put down to it.
FULL_BYTES = 20_000_000


def disk_full(error: BaseException, folder: Path) -> UserError | None:
    """The sentence behind an error that a full disk has caused, or None when it has not.

    torch and safetensors tell of a full disk in errors of their own, so the free space decides (our own measurement: torch
    raises a RuntimeError, not an OSError).
    """
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())
    free = shutil.disk_usage(there).free
    said = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if not said and not (free < FULL_BYTES and isinstance(error, (OSError, RuntimeError, SafetensorError))):
        return None
    return UserError("DISK_FULL", f"The disk is full: {free / 1e6:.0f} MB are left.", "Delete old runs or free some space.")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, it is flushed to disk and takes its place.

    A crash, a full disk or an exception leaves the old file as it was.

    Raises:
        UserError: ``DISK_FULL``.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        raise disk_full(error, path.parent) or error from error
    finally:
        temporary.unlink(missing_ok=True)


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; those that vanish meanwhile do not count."""
    total = 0
    for file in folder.rglob("*"):
        with suppress(OSError):
            total += file.stat().st_size if file.is_file() else 0
    return total


def empty_folder(folder: Path) -> None:
    """Delete all that is in a folder; what another process is just using may stay."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file as a whole."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def read_json(path: Path) -> dict[str, Any] | None:
    """The content of a JSON object file, or None when there is none (yet) or it is damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


@lru_cache(maxsize=2000)
def data_uri(path: Path) -> str:
    """A ready-made JPEG or PNG of ours as a data URI; it is not decoded here. Empty when it is gone."""
    try:
        kind = "png" if path.suffix == ".png" else "jpeg"
        return f"data:image/{kind};base64," + base64.b64encode(path.read_bytes()).decode()
    except FileNotFoundError:
        return ""
