"""Does the warmest place of a heat map lie on the object? One object at a random place, a head trained on other such pictures.

    python -m benchmarks.heatmaps --pictures 30 efficientnet_lite0 vit_b_16 swin_t

Without names: every network of the catalogue; weights that are not on this machine are random. Three kinds of pictures: disks
of three colors on noise, three white shapes on plain gray, three colored shapes on blurred colors. A picture counts when the
answer is right. One line a network and kind: right answers, hits, milliseconds for a map, and processor milliseconds.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from PIL import Image, ImageDraw
from sklearn.linear_model import LogisticRegression

from transferui.backbones.catalogue import CATALOGUE, get_backbone, is_ready
from transferui.backbones.stages import build_backbone
from transferui.data.dataset import default_data_dir
from transferui.data.preprocessing import Preprocessing
from transferui.evaluation.explain import SIDE, heat_map
from transferui.training.features import normalize
from transferui.training.model import Classifier

COLORS = ((205, 60, 45), (50, 165, 75), (60, 80, 205))
KINDS = ("color on noise", "shape on gray", "both on colors")
# Side of the object as a share of the picture's.
OBJECT = 2 / 7


def picture(kind: str, seed: int, label: int, size: int) -> tuple[torch.Tensor, tuple[float, float, float, float]]:
    """Pixels (1, 3, S, S) of one object of a class, and the object's box."""
    rng = np.random.default_rng(seed)
    if kind == "color on noise":
        pixels = rng.integers(90, 160, (size, size, 3))
    elif kind == "shape on gray":
        pixels = np.full((size, size, 3), rng.integers(70, 190)) + rng.integers(-4, 4, (size, size, 3))
    else:
        blurred = Image.fromarray(rng.integers(60, 200, (7, 7, 3), dtype=np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
        pixels = np.asarray(blurred).astype(int) + rng.integers(-25, 25, (size, size, 3))
    image, side = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), round(OBJECT * size)
    x, y = (int(v) for v in rng.integers(2, size - side - 2, 2))
    box, draw = (x, y, x + side, y + side), ImageDraw.Draw(image)
    color, shape = COLORS[label], label
    color = (240, 240, 240) if kind == "shape on gray" else color
    shape = 0 if kind == "color on noise" else shape
    if shape == 0:
        draw.ellipse(box, fill=color)
    elif shape == 1:
        draw.rectangle(box, fill=color)
    else:
        draw.polygon([(x, y + side), (x + side / 2, y), (x + side, y + side)], fill=color)
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None], box


def measure(name: str, kind: str, n_train: int, n: int, size: int) -> tuple[int, int, float, float]:
    """Right answers, hits, seconds and processor seconds per map."""
    backbone = get_backbone(name)
    ready = is_ready(backbone, default_data_dir())
    stages, _ = build_backbone(name, "imagenet" if ready else "random", image_size=size)
    eye = Preprocessing(size, size, backbone.interpolation, backbone.mean, backbone.std)
    model = Classifier(stages, backbone.feature_width, len(COLORS)).eval()
    labels = np.arange(n_train) % len(COLORS)
    with torch.inference_mode():
        rows = torch.cat([stages(normalize(picture(kind, i, int(label), size)[0], eye)) for i, label in enumerate(labels)])
    model.head.standardize(rows)
    inputs = ((rows - model.head.shift) * model.head.scale).numpy()
    fitted = LogisticRegression(C=0.01, max_iter=500).fit(inputs, labels)
    with torch.no_grad():
        model.head.linear.weight.copy_(torch.from_numpy(fitted.coef_))
        model.head.linear.bias.copy_(torch.from_numpy(fitted.intercept_))
    right, hits, wall, busy = 0, 0, 0.0, 0.0
    for i in range(n):
        label = i % len(COLORS)
        pixels, (left, top, end, bottom) = picture(kind, 100_000 + i, label, size)
        batch = normalize(pixels, eye)
        with torch.inference_mode():
            answer = int(model(batch).argmax())
        if answer != label:
            continue
        begun, begun_busy = time.perf_counter(), time.process_time()
        heat = heat_map(model, batch, answer)
        wall, busy, right = wall + time.perf_counter() - begun, busy + time.process_time() - begun_busy, right + 1
        y, x = divmod(int(heat.argmax()), SIDE)
        x, y = (x + 0.5) * size / SIDE, (y + 0.5) * size / SIDE
        hits += left <= x <= end and top <= y <= bottom
    return right, hits, wall / max(1, right), busy / max(1, right)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(CATALOGUE))
    parser.add_argument("--train", type=int, default=60, help="pictures that the head learns from")
    parser.add_argument("--pictures", type=int, default=30, help="pictures that are explained")
    parser.add_argument("--size", type=int, default=224, help="side of the pictures")
    options = parser.parse_args()
    print("| network | weights | kind | right | hits | ms per map | processor ms |\n|---|---|---|---|---|---|---|")
    for name in options.names:
        weights = "ImageNet" if is_ready(get_backbone(name), default_data_dir()) else "random"
        for kind in KINDS:
            right, hits, wall, busy = measure(name, kind, options.train, options.pictures, options.size)
            print(
                f"| {name} | {weights} | {kind} | {right}/{options.pictures} | {hits}/{right} | {1000 * wall:.0f} | {1000 * busy:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
