"""Traffic signs in bad light. Shapes after the common international kinds, drawn here."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from drawing.light import camera, rain, shade, street, tilt

CLASSES = ("crossing", "no entry", "speed limit", "stop", "yield")
RED, WHITE, BLACK, BLUE = (192, 28, 40), (242, 242, 238), (24, 24, 28), (28, 84, 168)


def ring(size: int, n: int, radius: float, turn: float) -> list[tuple[float, float]]:
    """Corners of a regular polygon in the middle."""
    middle = size / 2
    return [(middle + radius * math.cos(turn + 2 * math.pi * i / n), middle + radius * math.sin(turn + 2 * math.pi * i / n)) for i in range(n)]


def word(draw: ImageDraw.ImageDraw, size: int, text: str, height: float, color: tuple) -> None:
    """Text in the middle, in Pillow's own font."""
    font = ImageFont.load_default(height)
    draw.text((size / 2, size / 2), text, font=font, fill=color, anchor="mm", stroke_width=max(1, int(height / 14)), stroke_fill=color)


def sign(rng: np.random.Generator, kind: str, size: int) -> Image.Image:
    """One sign as an RGBA layer."""
    layer = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    draw, r, middle = ImageDraw.Draw(layer), size * 0.36, size / 2
    draw.rectangle((middle - size * 0.02, middle, middle + size * 0.02, size), fill=(120, 124, 128))
    if kind == "stop":
        draw.polygon(ring(size, 8, r * 1.06, math.pi / 8), fill=WHITE)
        draw.polygon(ring(size, 8, r * 0.98, math.pi / 8), fill=RED)
        word(draw, size, "STOP", r * 0.55, WHITE)
    elif kind == "yield":
        draw.polygon(ring(size, 3, r * 1.2, math.pi / 2), fill=RED)
        draw.polygon(ring(size, 3, r * 0.74, math.pi / 2), fill=WHITE)
    elif kind == "no entry":
        draw.ellipse((middle - r, middle - r, middle + r, middle + r), fill=RED, outline=WHITE, width=int(size * 0.012))
        draw.rectangle((middle - r * 0.72, middle - r * 0.18, middle + r * 0.72, middle + r * 0.18), fill=WHITE)
    elif kind == "speed limit":
        draw.ellipse((middle - r, middle - r, middle + r, middle + r), fill=WHITE, outline=RED, width=int(r * 0.2))
        word(draw, size, str(rng.choice([20, 30, 50, 60, 70, 80])), r * 0.9, BLACK)
    else:
        draw.rounded_rectangle((middle - r, middle - r, middle + r, middle + r), r * 0.1, fill=BLUE, outline=WHITE, width=int(r * 0.05))
        draw.polygon([(middle, middle - r * 0.8), (middle - r * 0.8, middle + r * 0.7), (middle + r * 0.8, middle + r * 0.7)], fill=WHITE)
        walker(draw, middle, middle + r * 0.1, r * 0.5)
    return layer


def walker(draw: ImageDraw.ImageDraw, x: float, y: float, h: float) -> None:
    """A walking figure."""
    draw.ellipse((x - h * 0.16, y - h * 0.95, x + h * 0.16, y - h * 0.63), fill=BLACK)
    lines = (((0, -0.6), (0, 0.1)), ((0, 0.1), (-0.4, 0.8)), ((0, 0.1), (0.38, 0.8)), ((0, -0.45), (-0.42, 0)), ((0, -0.45), (0.4, -0.05)))
    for (x1, y1), (x2, y2) in lines:
        draw.line((x + x1 * h, y + y1 * h, x + x2 * h, y + y2 * h), fill=BLACK, width=max(2, int(h * 0.17)))


def dirt(rng: np.random.Generator, layer: Image.Image) -> None:
    """Stickers, scratches and branches in front of the sign."""
    draw, size = ImageDraw.Draw(layer), layer.width
    for _ in range(int(rng.integers(0, 5))):
        x, y, w = rng.uniform(0.2, 0.75, 3) * size
        w *= 0.3
        color = tuple(int(c) for c in rng.integers(20, 240, 3))
        draw.rectangle((x, y, x + w, y + w * rng.uniform(0.2, 0.9)), fill=color)
    for _ in range(int(rng.integers(0, 4))):
        x, y = rng.uniform(0, size, 2)
        draw.line((x, y, x + rng.uniform(-size, size), y + rng.uniform(-size, size)), fill=(60, 74, 48, 255), width=int(rng.uniform(2, size * 0.05)))


def draw(rng: np.random.Generator, kind: str, out: int) -> Image.Image:
    """One photo-like picture (out, out)."""
    size = out * 2
    image = street(rng, size)
    layer = sign(rng, kind, size)
    dirt(rng, layer)
    scale = rng.uniform(0.3, 1.0)
    layer = tilt(rng, layer, 16, 0.1).resize((int(size * scale),) * 2, Image.Resampling.LANCZOS)
    place = tuple(int(v) for v in rng.uniform(-0.12 * size, size * (1.12 - scale), 2))
    image.paste(layer, place, layer)
    image = shade(rng, image, 0.25, 1.15)
    if rng.random() < 0.5:
        image = rain(rng, image)
    return camera(rng, image, out, 0.95)
