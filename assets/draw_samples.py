"""Draws the sample sets into assets/samples: `python assets/draw_samples.py`. The same seed gives the same pictures."""

import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from drawing import fabrics, leaves, signs

OUT = Path(__file__).parent / "samples"
SIDE, PER_CLASS, QUALITY, PREVIEW = 176, 48, 72, 112
OURS = "Drawn by this project; Apache-2.0"
SETS = (
    ("signs", "Road signs", "In rain, at night, out of focus", signs),
    ("leaves", "Leaves", "Five trees, many colors", leaves),
    ("fabrics", "Fabrics", "Five patterns, folded and faded", fabrics),
)
DIGITS = "scikit-learn load_digits; Optical Recognition of Handwritten Digits, UCI, CC BY 4.0"


def picture(kind_set: str, number: int, label: int) -> Image.Image:
    """Picture `number` of class `label` of a set."""
    module = next(row[3] for row in SETS if row[0] == kind_set)
    names = [row[0] for row in SETS]
    return module.draw(np.random.default_rng([names.index(kind_set), label, number]), module.CLASSES[label], SIDE)


def jpeg(image: Image.Image, quality: int = QUALITY) -> bytes:
    """A picture as JPEG bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def draw_set(key: str, title: str, text: str, classes: tuple) -> dict:
    """Write one set's ZIP and previews and return its row of samples.json."""
    previews = []
    with zipfile.ZipFile(OUT / f"{key}.zip", "w", zipfile.ZIP_STORED) as archive:
        for label, name in enumerate(classes):
            for number in range(PER_CLASS):
                image = picture(key, number, label)
                archive.writestr(zipfile.ZipInfo(f"{name}/{name.replace(' ', '_')}_{number:02d}.jpg", (2026, 1, 1, 0, 0, 0)), jpeg(image))
                if number == 3 and len(previews) < 4:
                    previews.append(f"{key}-{label + 1}.jpg")
                    (OUT / "previews" / previews[-1]).write_bytes(jpeg(image.resize((PREVIEW, PREVIEW), Image.Resampling.LANCZOS), 80))
    return {"key": key, "title": title, "description": text, "class_names": list(classes), "n_images": PER_CLASS * len(classes),
            "previews": previews, "source": OURS}  # fmt: skip


def digits() -> dict:
    """Previews and row of scikit-learn's digits, which need no file here."""
    from sklearn.datasets import load_digits

    images, names = load_digits().images, []
    for n in (2, 3, 4, 8):
        gray = Image.fromarray((255 - images[n] * (255 / 16)).round().astype(np.uint8)).resize((PREVIEW, PREVIEW), Image.Resampling.BICUBIC)
        names.append(f"digits-{n}.jpg")
        (OUT / "previews" / names[-1]).write_bytes(jpeg(gray, 80))
    return {"key": "digits", "title": "Handwritten digits", "description": "Far from photos: what now?", "class_names": [str(d) for d in range(10)],
            "n_images": 600, "previews": names, "source": DIGITS}  # fmt: skip


def main() -> None:
    """Draw everything."""
    (OUT / "previews").mkdir(parents=True, exist_ok=True)
    rows = [draw_set(key, title, text, module.CLASSES) for key, title, text, module in SETS]
    (OUT / "samples.json").write_text(json.dumps([*rows, digits()], indent=1) + "\n")


if __name__ == "__main__":
    main()
