"""What a camera adds: backgrounds, light, blur, noise. All pictures are PIL RGB, all randomness comes from `rng`."""

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter


def smooth_noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Soft random hills (size, size) from 0 to 1, about `cells` of them across."""
    small = Image.fromarray((rng.random((cells + 1, cells + 1)) * 255).astype(np.uint8))
    return np.asarray(small.resize((size, size), Image.Resampling.BICUBIC), dtype=float) / 255


def clouds(rng: np.random.Generator, size: int, dark: tuple, light: tuple) -> Image.Image:
    """A background between two colors, in hills of several sizes."""
    hills = sum(smooth_noise(rng, size, c) * w for c, w in ((3, 0.5), (9, 0.3), (31, 0.2)))[..., None]
    return Image.fromarray((np.array(dark) * (1 - hills) + np.array(light) * hills).clip(0, 255).astype(np.uint8))


def speckled(rng: np.random.Generator, size: int, base: tuple, n: int) -> Image.Image:
    """Ground with stones, leaves or grains."""
    image = clouds(rng, size, tuple(int(c * 0.7) for c in base), base)
    draw = ImageDraw.Draw(image)
    for _ in range(n):
        x, y, r = rng.uniform(0, size), rng.uniform(0, size), rng.uniform(1, size / 40)
        shade = rng.uniform(0.6, 1.25)
        draw.ellipse((x - r, y - r * rng.uniform(0.5, 1), x + r, y + r), fill=tuple(int(min(255, c * shade)) for c in base))
    return image


def street(rng: np.random.Generator, size: int) -> Image.Image:
    """Sky, houses or trees, and a road, out of focus."""
    night = rng.random() < 0.35
    sky = rng.choice([(150, 185, 220), (200, 205, 210), (235, 190, 150)]) if not night else np.array((22, 26, 44))
    image = clouds(rng, size, tuple(int(c * 0.85) for c in sky), tuple(int(c) for c in sky))
    draw, line = ImageDraw.Draw(image), size * rng.uniform(0.45, 0.75)
    x = -20.0
    while x < size:
        width, height = rng.uniform(size * 0.12, size * 0.4), rng.uniform(size * 0.1, size * 0.6)
        color = rng.choice([(92, 110, 70), (120, 96, 80), (150, 140, 130), (60, 84, 62)]) * (0.35 if night else 1)
        box = (x, line - height, x + width, line + 10)
        (draw.ellipse if rng.random() < 0.4 else draw.rectangle)(box, fill=tuple(int(c) for c in color))
        if night:
            for _ in range(6):
                wx, wy = rng.uniform(x, x + width), rng.uniform(line - height, line)
                draw.rectangle((wx, wy, wx + 6, wy + 8), fill=(240, 210, 130))
        x += width * rng.uniform(0.6, 1.2)
    draw.rectangle((0, line, size, size), fill=tuple(int(c * (0.4 if night else 1)) for c in (96, 98, 104)))
    return image.filter(ImageFilter.GaussianBlur(size / rng.uniform(50, 120)))


def tilt(rng: np.random.Generator, layer: Image.Image, angle: float, lean: float) -> Image.Image:
    """Turn and lean an RGBA layer as a camera that is not straight in front of it."""
    size = layer.width
    layer = layer.rotate(rng.uniform(-angle, angle), Image.Resampling.BICUBIC)
    corners = np.array([(0, 0), (0, size), (size, size), (size, 0)], float) + rng.uniform(-lean, lean, (4, 2)) * size
    rows, values = [], []
    for (x, y), (u, v) in zip(corners, [(0, 0), (0, size), (size, size), (size, 0)], strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    factors = np.linalg.solve(np.array(rows), np.array(values))
    return layer.transform(layer.size, Image.Transform.PERSPECTIVE, tuple(factors), Image.Resampling.BICUBIC)


def shade(rng: np.random.Generator, image: Image.Image, low: float, high: float) -> Image.Image:
    """Uneven light: one side brighter, soft shadows."""
    size = image.width
    ramp = np.linspace(rng.uniform(low, high), rng.uniform(low, high), size)[None, :, None]
    hills = 0.82 + 0.36 * smooth_noise(rng, size, 4)[..., None]
    return Image.fromarray((np.asarray(image, float) * ramp * hills).clip(0, 255).astype(np.uint8))


def camera(rng: np.random.Generator, image: Image.Image, out: int, hard: float) -> Image.Image:
    """Blur, color cast, contrast, noise and the final size; `hard` from 0 to 1 says how bad it may get."""
    if rng.random() < hard:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 3.2 * hard) * image.width / 200))
    image = ImageEnhance.Color(image).enhance(rng.uniform(1 - 0.7 * hard, 1.15))
    image = ImageEnhance.Contrast(image).enhance(rng.uniform(1 - 0.5 * hard, 1.15))
    image = image.resize((out, out), Image.Resampling.LANCZOS)
    pixels = np.asarray(image, float) * (1 + rng.normal(0, 0.05, 3)) + rng.normal(0, 4 + 10 * hard * rng.random(), (out, out, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def rain(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Streaks of rain or flakes of snow in front of everything."""
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    draw, snow, lean = ImageDraw.Draw(layer), rng.random() < 0.4, rng.uniform(-0.3, 0.3)
    for _ in range(int(rng.uniform(40, 160))):
        x, y, length = rng.uniform(0, image.width), rng.uniform(0, image.width), rng.uniform(8, 34)
        if snow:
            draw.ellipse((x, y, x + length / 5, y + length / 5), fill=(255, 255, 255, 190))
        else:
            draw.line((x, y, x + lean * length, y + length), fill=(225, 232, 240, 120), width=2)
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")
