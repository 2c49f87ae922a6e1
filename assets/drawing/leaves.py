"""Leaves of five trees, by their outlines."""

import math

import numpy as np
from PIL import Image, ImageDraw

from drawing.light import camera, clouds, shade, speckled, tilt

CLASSES = ("birch", "ginkgo", "maple", "oak", "willow")


def outline(rng: np.random.Generator, kind: str) -> np.ndarray:
    """Points (N, 2) of a leaf that grows from (0, 1) up to (0, -1), with its own irregularity."""
    t = np.linspace(0, 2 * math.pi, 240, endpoint=False)
    wobble = 1 + sum(rng.normal(0, 0.02) * np.cos(k * t + rng.uniform(0, 6)) for k in range(2, 7))
    if kind == "ginkgo":
        angle = np.linspace(-1.25, 1.25, 120) * rng.uniform(0.85, 1.1)
        rim = 1.55 + 0.06 * np.sin(angle * rng.uniform(9, 15)) - 0.5 * np.exp(-((angle / 0.1) ** 2)) * rng.uniform(0.2, 1)
        fan = np.stack([np.sin(angle) * rim, 0.8 - np.cos(angle) * rim], 1)
        return np.vstack([[0, 0.85], fan])
    if kind == "maple":
        lobes = 0.52 + 0.34 * np.abs(np.cos(2.5 * t + 0.0)) ** 1.6 + 0.06 * np.abs(np.cos(12 * t))
        lobes *= 1 - 0.35 * np.exp(-(((t - math.pi) / 0.45) ** 2))
        return np.stack([np.sin(t) * lobes * 1.15, -np.cos(t) * lobes * 1.1], 1) * wobble[:, None]
    length = -np.cos(t)
    width = {"oak": 0.42, "birch": 0.62, "willow": 0.16}[kind] * rng.uniform(0.85, 1.15)
    profile = np.abs(np.sin(t)) ** (0.8 if kind == "oak" else 1.0)
    if kind == "oak":
        profile = profile * (1 + 0.26 * np.cos(length * rng.uniform(9, 11)))
    elif kind == "birch":
        profile = profile * (1 - 0.42 * length) * (1 + 0.07 * np.sign(np.sin(length * 34)))
    side = np.sign(np.sin(t))
    return np.stack([side * profile * width * wobble, -length], 1)[:, ::1]


def leaf(rng: np.random.Generator, kind: str, size: int) -> Image.Image:
    """One leaf with veins, spots and holes as an RGBA layer."""
    layer = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    points = outline(rng, kind) * size * 0.36 + size / 2
    palette = ((74, 120, 52), (108, 138, 60), (60, 98, 56), (178, 158, 52), (186, 112, 44), (150, 60, 40))
    color = np.array(palette[rng.integers(len(palette))]) * rng.uniform(0.8, 1.2)
    pen.polygon([tuple(p) for p in points], fill=tuple(int(c) for c in color.clip(0, 255)))
    dark = tuple(int(c) for c in (color * 0.72).clip(0, 255))
    middle = size / 2
    base, tip = (middle, middle + size * 0.36), (middle, middle - size * 0.34)
    pen.line((middle, middle + size * 0.48, *base), fill=dark, width=max(2, size // 90))
    veins(pen, kind, base, tip, size, dark)
    spoil(rng, pen, layer, size)
    return layer


def veins(pen: ImageDraw.ImageDraw, kind: str, base: tuple, tip: tuple, size: int, color: tuple) -> None:
    """Main and side veins."""
    width = max(1, size // 160)
    if kind in ("ginkgo", "maple"):
        for angle in np.linspace(-1.1, 1.1, 13 if kind == "ginkgo" else 5):
            end = (base[0] + math.sin(angle) * size * 0.45, base[1] - math.cos(angle) * size * 0.45)
            pen.line((*base, *end), fill=color, width=width)
        return
    pen.line((*base, *tip), fill=color, width=width * 2)
    reach = {"oak": 0.13, "birch": 0.18, "willow": 0.05}[kind] * size
    for y in np.linspace(base[1] - size * 0.06, tip[1] + size * 0.08, 7):
        pen.line((base[0], y, base[0] - reach, y - reach * 0.7), fill=color, width=width)
        pen.line((base[0], y, base[0] + reach, y - reach * 0.7), fill=color, width=width)


def spoil(rng: np.random.Generator, pen: ImageDraw.ImageDraw, layer: Image.Image, size: int) -> None:
    """Brown spots on the leaf, and holes that insects have eaten."""
    alpha = np.asarray(layer)[..., 3]
    for _ in range(int(rng.integers(0, 14))):
        x, y = rng.integers(0, size, 2)
        r = rng.uniform(0.005, 0.03) * size
        if alpha[y, x]:
            pen.ellipse((x - r, y - r, x + r, y + r), fill=(96, 70, 40, 255) if rng.random() < 0.65 else (0, 0, 0, 0))
    if rng.random() < 0.4:
        x, y, r = *rng.uniform(0.2, 0.8, 2) * size, rng.uniform(0.06, 0.2) * size
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(0, 0, 0, 0))


def draw(rng: np.random.Generator, kind: str, out: int) -> Image.Image:
    """One photo-like picture (out, out)."""
    size = out * 2
    grounds = ((120, 96, 70), (150, 146, 138), (96, 104, 60), (190, 180, 160))
    image = speckled(rng, size, grounds[rng.integers(len(grounds))], 260) if rng.random() < 0.75 else clouds(rng, size, (200, 200, 196), (244, 244, 240))
    for other in range(int(rng.integers(0, 3))):
        image = laid(rng, image, CLASSES[rng.integers(len(CLASSES))], 0.22 + 0.05 * other)
    image = laid(rng, image, kind, rng.uniform(0.6, 1.0))
    return camera(rng, shade(rng, image, 0.5, 1.2), out, 0.7)


def laid(rng: np.random.Generator, image: Image.Image, kind: str, scale: float) -> Image.Image:
    """The picture with a leaf and its shadow on it."""
    size = image.width
    side = int(size * scale)
    layer = tilt(rng, leaf(rng, kind, size), 180, 0.12).resize((side, side), Image.Resampling.LANCZOS)
    x, y = (int(v) for v in rng.uniform(-0.1 * size, size - side * 0.9, 2))
    shadow = Image.new("RGBA", layer.size, (0, 0, 0, 0))
    shadow.putalpha(layer.getchannel("A").point(lambda a: a * 0.4))
    image.paste(shadow, (x + size // 60, y + size // 50), shadow)
    image.paste(layer, (x, y), layer)
    return image
