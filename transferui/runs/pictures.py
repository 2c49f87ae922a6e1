"""Pictures beside an answer: the photo itself, small and without metadata, and a heat map that lies over it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

from transferui.data.dataset import Dataset, thumbnail_path
from transferui.data.images import read_image
from transferui.data.preprocessing import Preprocessing
from transferui.errors import UserError

# Side of the picture that is shown beside an answer.
SHOWN = 420
# Squares of a sheet, in pixels, and how many stand in a row.
SQUARE, COLUMNS = 56, 20
# A map whose lightness grows evenly with the value, also for color-blind eyes.
COLORS = "inferno"
# How much of the photo stays visible where the map is weakest and strongest.
FAINT, STRONG = 0.18, 0.75


@dataclass(frozen=True)
class Picture:
    """A picture as a data URI and its size in pixels."""

    uri: str
    size: tuple[int, int]


def shown_jpeg(source: Path | bytes) -> Picture:
    """A picture as a small JPEG without metadata."""
    image = read_image(source, at_least=SHOWN)
    image.thumbnail((SHOWN, SHOWN))
    return Picture(_uri(image, "JPEG"), image.size)


def heat_png(heat: Tensor, size: tuple[int, int], preprocessing: Preprocessing) -> str:
    """A heat map (H, W) from 0 to 1 as a half-transparent PNG that fits over a picture of this size.

    The network sees the middle square only; what it did not see stays clear.
    """
    side = max(1, round(min(size) * preprocessing.image_size / preprocessing.resize_size))
    values = Image.fromarray(heat.numpy().astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC)
    amount = np.clip(np.asarray(values), 0, 1)
    colors = matplotlib.colormaps[COLORS](amount)
    colors[..., 3] = FAINT + (STRONG - FAINT) * amount
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    square = Image.fromarray((colors * 255).round().astype(np.uint8), "RGBA")
    layer.paste(square, ((size[0] - side) // 2, (size[1] - side) // 2))
    return _uri(layer, "PNG")


def sheet(dataset: Dataset, samples: Sequence[int]) -> dict[str, Any]:
    """Small squares of stored photos on one JPEG, row by row, with what it takes to cut them out again."""
    rows = max(1, -(-len(samples) // COLUMNS))
    whole = Image.new("RGB", (COLUMNS * SQUARE, rows * SQUARE), (128, 128, 128))
    for n, i in enumerate(samples):
        stored = thumbnail_path(dataset, dataset.samples[i])
        try:
            picture = read_image(stored if stored and stored.is_file() else dataset.samples[i].path, at_least=2 * SQUARE)
        except UserError:
            continue  # its place stays gray
        whole.paste(ImageOps.fit(picture, (SQUARE, SQUARE)), (n % COLUMNS * SQUARE, n // COLUMNS * SQUARE))
    return {"uri": _uri(whole, "JPEG"), "columns": COLUMNS, "side": SQUARE, "samples": list(samples)}


def _uri(image: Image.Image, kind: str) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 82} if kind == "JPEG" else {}))
    return f"data:image/{kind.lower()};base64," + base64.b64encode(buffer.getvalue()).decode()
