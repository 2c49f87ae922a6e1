"""Frozen activations on disk: append-only shards under ``features/<key>/``, least recently used keys go first.

A shard is written under a temporary name and renamed, so that a reader sees it whole or not at all. Two processes that
compute the same rows write two shards; either serves. A shard that cannot be read is the same as a missing one.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from transferui.files import empty_folder, folder_bytes

# 4 GB hold the pooled features of 800,000 photos, or one middle stage of about 20,000.
DEFAULT_BUDGET = 4_000_000_000
# A shard that a killed process left half written is swept after this many seconds.
STALE_S = 3600.0


def cache_key(*parts: str) -> str:
    """Folder name for what decides an activation besides the picture: weights, preprocessing, view, precision."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


class FeatureCache:
    """Rows of activations by content hash of the picture.

    Args:
        folder: ``DATA_DIR/features``.
        budget: bytes that all keys together may take; the environment variable ``TRANSFERUI_CACHE_BYTES`` replaces it.
    """

    def __init__(self, folder: Path, budget: int | None = None) -> None:
        self.folder = folder
        self.budget = budget if budget is not None else int(os.environ.get("TRANSFERUI_CACHE_BYTES", DEFAULT_BUDGET))

    def load(self, key: str, hashes: Sequence[str]) -> dict[str, Tensor]:
        """The rows that are there, by picture hash."""
        wanted, found = set(hashes), dict[str, Tensor]()
        for shard in sorted((self.folder / key).glob("*.safetensors")):
            try:
                with safe_open(shard, framework="pt") as file:
                    names = json.loads(file.metadata()["sha256"])
                    if wanted.intersection(names) - found.keys():
                        rows = file.get_tensor("rows")
                        found.update((name, rows[i]) for i, name in enumerate(names) if name in wanted)
            except (OSError, SafetensorError, ValueError, KeyError, TypeError):
                shard.unlink(missing_ok=True)
        if found:
            with suppress(OSError):  # another process may have dropped the folder meanwhile
                os.utime(self.folder / key)
        return found

    def save(self, key: str, hashes: Sequence[str], rows: Tensor) -> bool:
        """Add rows (N, …) of these pictures; False when they alone would take more than half the budget, or the disk is full."""
        size = rows.numel() * rows.element_size()
        if size > self.budget // 2:
            self._make_room(0)  # a budget that was lowered, to nothing perhaps, holds from now on
            return False
        home = self.folder / key
        temporary = home / f".{os.getpid()}-{secrets.token_hex(4)}.tmp"
        try:
            home.mkdir(parents=True, exist_ok=True)
            self._make_room(size, keep=key)
            save_file({"rows": rows.contiguous()}, temporary, metadata={"sha256": json.dumps(list(hashes))})
            temporary.replace(home / f"{secrets.token_hex(8)}.safetensors")
        except (OSError, SafetensorError):  # a full disk costs time in the next run, never this one
            return False
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        return True

    def size(self) -> int:
        """Bytes that the cache takes now."""
        return folder_bytes(self.folder)

    def clear(self) -> None:
        """Forget everything."""
        empty_folder(self.folder)

    def _keys(self) -> list[Path]:
        return [p for p in self.folder.iterdir() if p.is_dir()] if self.folder.is_dir() else []

    def _make_room(self, size: int, keep: str = "") -> None:
        """Drop the least recently used keys until `size` more bytes fit; sweep what killed processes left."""
        folders = sorted(self._keys(), key=_last_used)
        for leftover in (f for folder in folders for f in folder.glob(".*.tmp")):
            if 0 < _last_used(leftover) < time.time() - STALE_S:
                leftover.unlink(missing_ok=True)
        total = sum(folder_bytes(folder) for folder in folders)
        for folder in folders:
            if total + size <= self.budget:
                return
            if folder.name != keep:
                total -= folder_bytes(folder)
                shutil.rmtree(folder, ignore_errors=True)


def _last_used(path: Path) -> float:
    """When a file or folder was last written to; 0 for one that another process has just renamed or dropped."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def empty_rows(shape: Sequence[int], dtype: torch.dtype, budget: int, folder: Path) -> Tensor:
    """Room for activations: in memory within `budget` bytes, else in an unlinked file that the system pages in and out."""
    numel = 1
    for length in shape:
        numel *= length
    size = numel * torch.empty((), dtype=dtype).element_size()
    if size <= budget:
        return torch.empty(tuple(shape), dtype=dtype)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".rows-{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        return torch.from_file(str(path), shared=True, size=numel, dtype=dtype).reshape(tuple(shape))
    finally:
        path.unlink(missing_ok=True)  # the mapping keeps the blocks until the process ends, also after a kill
