"""Whether some stored photos are what was made of others by changing them, told by their contents."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from transferui.data.dataset import MANIFEST
from transferui.files import read_json


def mostly_same(folder: Path, other: Path) -> bool:
    """Whether at least half of the smaller dataset's photos are in the other: photos may have been added, or left out."""
    photos, others = _contents(folder), _contents(other)
    smaller = min(len(photos), len(others))
    return smaller > 0 and 2 * len(photos & others) >= smaller


@lru_cache(maxsize=16)  # a dataset never changes
def _contents(folder: Path) -> frozenset[str]:
    """Content hashes of the photos; none when they are gone."""
    samples = (read_json(folder / MANIFEST) or {}).get("samples", [])
    return frozenset(str(row["sha256"]) for row in samples)
