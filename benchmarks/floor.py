"""Promise: a first head-only run costs at most 1.2 times the physical floor (one parallel decode, one forward pass per photo).

python -m benchmarks.floor --photos FOLDER
"""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure import data_folder, median, options, ours, photos, spread, tell
from transferui.backbones.catalogue import get_backbone
from transferui.backbones.stages import build_backbone
from transferui.data.dataset import Dataset
from transferui.data.preprocessing import Preprocessing, picture_array
from transferui.training.features import fold_batchnorm, normalize
from transferui.training.machine import available_cores, pick_precision

BATCHES = (8, 16, 32, 64)


def decode(dataset: Dataset, preprocessing: Preprocessing) -> tuple[torch.Tensor, float]:
    """All pictures (N, 3, S, S), and the seconds that a pool of threads needed."""
    started = time.perf_counter()
    with ThreadPoolExecutor(available_cores()) as pool:
        arrays = list(pool.map(picture_array, [s.path for s in dataset.samples], [preprocessing] * len(dataset.samples)))
    seconds = time.perf_counter() - started
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2), seconds


class Fastest:
    """The bare network at the fastest configuration found: number format, batch size, a batch by all threads or one each."""

    def __init__(self, name: str, preprocessing: Preprocessing, data_dir: Path, sample: torch.Tensor) -> None:
        stages, _ = build_backbone(name, "imagenet", data_dir=data_dir)
        self.folded, self.preprocessing, self.cores = fold_batchnorm(stages), preprocessing, available_cores()
        formats = sorted({torch.float32, pick_precision("auto", torch.device("cpu"))}, key=str)
        tried = []
        for way in itertools.product(formats, BATCHES, (False, True)):
            self._use(*way)
            self.forward(sample)
            tried.append((min(self.forward(sample) for _ in range(3)), str(way), way))
        way = min(tried)[2]
        self._use(*way)
        self.words = (
            f"{str(way[0]).removeprefix('torch.')}, batches of {way[1]}, {'one a thread' if way[2] else 'all threads on one'}"
        )

    def _use(self, dtype: torch.dtype, size: int, split: bool) -> None:
        self.dtype, self.size, self.split = dtype, size, split
        self.network = self.folded.to(dtype).to(memory_format=torch.channels_last)

    def forward(self, pictures: torch.Tensor) -> float:
        """Seconds of one pass over all pictures."""
        started, parts = time.perf_counter(), pictures.split(self.size)
        if self.split:
            with ThreadPoolExecutor(self.cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                list(pool.map(self._batch, parts))
            torch.set_num_threads(self.cores)
        else:
            for part in parts:
                self._batch(part)
        return time.perf_counter() - started

    @torch.inference_mode()
    def _batch(self, part: torch.Tensor) -> None:
        self.network(normalize(part, self.preprocessing, self.dtype).contiguous(memory_format=torch.channels_last))


def main() -> None:
    """Measure both sides, one after the other, as often as wanted."""
    wanted = options(__doc__ or "", backbone="efficientnet_lite0")
    torch.set_num_threads(available_cores())
    b = get_backbone(wanted.backbone)
    preprocessing = b.preprocessing
    totals, floors, ratios = [], [], []
    with data_folder() as home:
        dataset = photos(wanted.photos, home)
        pictures, _ = decode(dataset, preprocessing)
        fastest = Fastest(wanted.backbone, preprocessing, home, pictures[:128])
        for n in range(wanted.repeats + 1):
            with data_folder() as fresh:
                _, decode_s = decode(dataset, preprocessing)
                floor = decode_s + fastest.forward(pictures)
                total = float(ours(dataset, fresh, backbone=wanted.backbone)["seconds"]["total"])
            if n:  # the first round warms caches of disk and memory on both sides
                totals.append(total)
                floors.append(floor)
                ratios.append(total / floor)
    row = {"photos": len(dataset.samples), "first run, s": spread(totals), "floor, s": spread(floors), "ratio": spread(ratios),
           "promise": "≤ 1.2", "kept": median(ratios) <= 1.2, "fastest": fastest.words}  # fmt: skip
    tell("Head-only, first run, against the floor", [row], wanted)


if __name__ == "__main__":
    main()
