"""Pictures beside an answer: the photo itself, small and without metadata, and a heat map that lies over it."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image
from torch import Tensor

from transferui.data.images import read_image
from transferui.data.preprocessing import Preprocessing

# Side of the picture that is shown beside an answer.
SHOWN = 420
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


def _uri(image: Image.Image, kind: str) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 82} if kind == "JPEG" else {}))
    return f"data:image/{kind.lower()};base64," + base64.b64encode(buffer.getvalue()).decode()
