"""What a picture looks like, small: enough to tell copies, series and blank pictures without opening the picture again."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from transferui.files import replacing

SIDE, COLORS = 32, 4
# One row a picture, 1.1 KB. 32 x 32 gray values tell two handwritten ones apart, which a hash of 64 bits does not.
LOOK = np.dtype([("sha256", "S64"), ("gray", "u1", (SIDE, SIDE)), ("color", "u1", (COLORS, COLORS, 3))])
LOOKS = "looks.npy"
# Files of folders that are used where they lie stand side by side; those of the folders looked at last are kept.
KEPT = 50

Array = np.ndarray[Any, Any]


def look(image: Image.Image, sha256: str) -> Array:
    """One row of `LOOK`, shape (), for an upright RGB picture of any shape and the SHA-256 of its file."""
    # Averages of areas are stable under scaling and compression; what is smaller than that is enlarged smoothly.
    how = Image.Resampling.BOX if min(image.size) >= SIDE else Image.Resampling.BICUBIC
    small = image.resize((SIDE, SIDE), how, reducing_gap=2.0)
    row = np.zeros((), LOOK)
    row["sha256"] = sha256.encode()
    row["gray"] = np.asarray(small.convert("L"))
    row["color"] = np.asarray(small.resize((COLORS, COLORS), Image.Resampling.BOX))
    return row


def read_looks(file: Path | None) -> dict[str, Array]:
    """Rows of a file by the pictures' SHA-256; nothing when it is missing or damaged (looks can be made again)."""
    if file is None:
        return {}
    try:
        rows = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return {}
    if not isinstance(rows, np.ndarray) or rows.dtype != LOOK:
        return {}
    return {row["sha256"].decode(errors="replace"): row for row in rows.reshape(-1)}


def write_looks(file: Path, rows: Iterable[Array]) -> None:
    """Keep rows, one a picture; the file is there whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as temporary, temporary.open("wb") as out:
        np.save(out, np.array(list(rows), LOOK), allow_pickle=False)
    with suppress(FileNotFoundError):  # another process clears up, too
        others = [(path.stat().st_mtime, path) for path in file.parent.glob("*.npy") if path != file]
        for _, path in sorted(others, reverse=True)[KEPT - 1 :]:
            path.unlink()
