"""Woven and printed fabrics, with folds."""

import math

import numpy as np
from PIL import Image

from drawing.light import camera, shade, smooth_noise

CLASSES = ("checks", "dots", "houndstooth", "stripes", "waves")


def colors(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three colors that can be told apart, at least by brightness."""
    first = rng.uniform(20, 235, 3)
    second = (first + rng.choice([-1, 1]) * rng.uniform(45, 130, 3)).clip(8, 246)
    return first, second, (first + second) / 2 + rng.normal(0, 18, 3)


def pattern(rng: np.random.Generator, kind: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Colors (S, S, 3) of a pattern at fabric coordinates u, v (in repeats)."""
    a, b, c = (color[None, None] for color in colors(rng))
    iu, iv = np.floor(u), np.floor(v)
    fu, fv = u - iu, v - iv
    share = rng.uniform(0.35, 0.6)
    if kind == "stripes":
        thin = (np.abs(fu - 0.85) < 0.05)[..., None]
        return np.where(thin, c, np.where((fu < share)[..., None], a, b))
    if kind == "checks":
        cross = (fu < share).astype(float) + (fv < share)
        return np.where((cross == 2)[..., None], a, np.where((cross == 1)[..., None], c, b))
    if kind == "dots":
        shift = (iv % 2) * 0.5
        du, dv = (u + shift) % 1 - 0.5, fv - 0.5
        return np.where((du**2 + dv**2 < rng.uniform(0.05, 0.12))[..., None], a, b)
    if kind == "waves":
        bent = (v + 0.25 * np.sin(2 * math.pi * u * rng.uniform(0.6, 1.2))) % 1
        return np.where((bent < share)[..., None], a, b)
    # Houndstooth: a check whose mixed squares are filled by diagonal stripes.
    warp, weft, twill = fu < 0.5, fv < 0.5, ((u + v) * 2) % 1 < 0.5
    dark = np.where(warp == weft, warp, twill)
    return np.where(dark[..., None], a, b)


def draw(rng: np.random.Generator, kind: str, out: int) -> Image.Image:
    """One photo-like picture (out, out)."""
    size = out * 2
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    angle, repeats = rng.uniform(0, math.pi), rng.uniform(3, 13)
    fold = smooth_noise(rng, size, int(rng.integers(2, 6))) * rng.uniform(0.02, 0.16)
    lean = 1 + rng.uniform(-0.5, 0.5) * x + rng.uniform(-0.5, 0.5) * y
    u = ((x + fold) * math.cos(angle) + (y - fold) * math.sin(angle)) * repeats * lean + 50
    v = ((y + fold) * math.cos(angle) - (x - fold) * math.sin(angle)) * repeats * lean + 50
    cloth = pattern(rng, kind, u, v)
    threads = 1 + 0.06 * np.sin(u * 60) * np.sin(v * 60)
    light = 0.75 + 1.8 * (np.gradient(fold, axis=1) + np.gradient(fold, axis=0)) * size / 6
    pixels = cloth * threads[..., None] * light.clip(0.45, 1.35)[..., None]
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return camera(rng, shade(rng, image, 0.45, 1.3), out, 0.95)
