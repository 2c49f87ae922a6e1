"""From a picture to the square of bytes that a network sees; the numbers travel with the weights."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from transferui.data.images import read_image

# Views of a training picture by augmentation, computed once and drawn from in each epoch; of the cuts, those with an odd number
# are mirrored (`picture_views`).
VIEWS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "none": ("original",),
        "flip": ("original", "flip"),
        "crops": ("original", "flip", "cut1", "cut2"),
        "crops_no_flip": ("original", "cut2", "cut4"),
    }
)
# Short side asked of the JPEG decoder, in units of the final short side: twice, so that the second step still averages.
REDUCE = 2
# A picture this many times as long as it is wide is not resized as a whole: of 1 × 20,000 pixels that would be 256 × 5,120,000.
LONGEST = 10
_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes a network's input.

    Attributes:
        image_size: side of the square, in pixels.
        resize_size: short side before the square is cut from the middle.
        interpolation: ``bilinear`` or ``bicubic``.
        mean, std: per channel, of values from 0 to 1.
    """

    image_size: int
    resize_size: int
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __post_init__(self) -> None:
        if self.interpolation not in _FILTERS or not 1 <= self.image_size <= self.resize_size <= 4096:
            raise ValueError("impossible preprocessing")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError("mean and std need three numbers each")

    @property
    def key(self) -> str:
        """A short name that changes with every value."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:16]

    def resized(self, image_size: int) -> Preprocessing:
        """The same for another input size; the margin that is cut off keeps its share."""
        return replace(self, image_size=image_size, resize_size=round(self.resize_size * image_size / self.image_size))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """The reverse of `as_dict`.

        Raises:
            KeyError, TypeError, ValueError: when it is not one.
        """
        mean, std = (tuple(float(v) for v in values[name]) for name in ("mean", "std"))
        return cls(int(values["image_size"]), int(values["resize_size"]), str(values["interpolation"]), mean, std)  # type: ignore[arg-type]


def picture_array(source: Path | bytes, preprocessing: Preprocessing) -> Pixels:
    """A picture as bytes (S, S, 3), as a network sees it.

    Raises:
        UserError: ``IMAGE_…`` when it cannot be read.
    """
    return picture_views(source, preprocessing, ["original"])[0]


def picture_views(source: Path | bytes, preprocessing: Preprocessing, views: Sequence[str], seed: str = "") -> list[Pixels]:
    """Several views of a picture, decoded once.

    Views: ``original`` (short side resized, middle cut out: torchvision's Resize and CenterCrop), ``flip`` (mirrored), and
    ``cut1``, ``cut2`` … (a random cut of 60 to 100 % of the area, the odd ones mirrored).

    Args:
        seed: decides where the cuts lie, so that they are the same every time. The hash of each picture's content gives every
            picture cuts of its own: two for each show a network more places and sizes than six that are the same for all.

    Raises:
        UserError: ``IMAGE_…`` when it cannot be read.
    """
    image = read_image(source, at_least=REDUCE * preprocessing.resize_size)
    return [_view(image, preprocessing, view, seed) for view in views]


def _view(image: Image.Image, preprocessing: Preprocessing, view: str, seed: str) -> Pixels:
    if view in ("original", "flip"):
        pixels = np.asarray(_center(image, preprocessing))
        return np.ascontiguousarray(pixels[:, ::-1]) if view == "flip" else pixels
    number = int(view.removeprefix("cut"))
    box = _random_box(image.size, random.Random(f"{view}:{seed}"))
    side = preprocessing.image_size
    pixels = np.asarray(image.resize((side, side), _FILTERS[preprocessing.interpolation], box=box))
    return np.ascontiguousarray(pixels[:, ::-1]) if number % 2 else pixels


def _center(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Short side to `resize_size`, then the middle square; sizes are rounded as torchvision rounds them."""
    short, side = preprocessing.resize_size, preprocessing.image_size
    width, height = image.size
    size = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    left, top = round((size[0] - side) / 2.0), round((size[1] - side) / 2.0)
    square = (left, top, left + side, top + side)
    if max(size) > LONGEST * short:
        # The square's place in the picture as it is; the filter looks at the pixels around it all the same.
        x, y = width / size[0], height / size[1]
        box = (left * x, top * y, (left + side) * x, (top + side) * y)
        return image.resize((side, side), _FILTERS[preprocessing.interpolation], box=box)
    if size != image.size:
        image = image.resize(size, _FILTERS[preprocessing.interpolation])
    return image.crop(square)


def _random_box(size: tuple[int, int], rng: random.Random) -> tuple[float, float, float, float]:
    """A cut of 60 to 100 % of the area and a ratio of 3:4 to 4:3.

    Source: C. Szegedy et al., 2015, Going deeper with convolutions, who cut down to 8 %; 60 % is our own choice for few photos.
    """
    width, height = size
    area = width * height * rng.uniform(0.6, 1.0)
    ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
    w, h = min(width, math.sqrt(area * ratio)), min(height, math.sqrt(area / ratio))
    left, top = rng.uniform(0, width - w), rng.uniform(0, height - h)
    return (left, top, left + w, top + h)
