"""Promises: a fine-tuning epoch costs hardly more than a bare hand-written loop on tensors in memory.

Last stage from the cache: ≤ 1.15 × forward and backward of that suffix alone. All stages from pictures: ≤ 1.05 ×.

python -m benchmarks.finetune --photos FOLDER
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.measure import data_folder, median, options, photos, spread, tell
from transferui.config import make_config
from transferui.data.dataset import Dataset
from transferui.training import train as training
from transferui.training.features import normalize
from transferui.training.phase import Phase
from transferui.training.phases import Phases
from transferui.training.prefix import Prefix
from transferui.training.recipe import augment
from transferui.training.state import Hooks, Trained
from transferui.training.trainer import Trainer


def silent(*_: Any) -> None:
    """A listener who does not listen."""


def never() -> bool:
    """Nobody presses Stop."""
    return False


def prepared(dataset: Dataset, trainable: str, home: Path) -> tuple[Trained, Phase]:
    """A run just before its fine-tuning phase, with everything in memory."""
    hooks = Hooks(silent, never, silent)
    config = make_config({"trainable": trainable, "augmentation": "flip"})
    run = training.begin(dataset, config, home, hooks)
    prefix = Prefix(run, home, hooks)
    phases = Phases(run, prefix.parts(), prefix.copies, hooks)
    return run, phases.phase("finetune", phases.parts | {"train": phases.with_copies()}, run.boundary, 1000)


class Bare:
    """The shortest loop there is: forward, backward, step, on tensors in memory."""

    def __init__(self, run: Trained, phase: Phase) -> None:
        self.stages, self.head, self.p = run.model.stages[run.boundary :], run.model.head, run.preprocessing
        self.x, self.y, self.size = phase.train.every_view(), phase.train.labels, run.config.batch_size
        self.augmentation = run.config.augmentation
        weights = [p for p in nn.ModuleList([self.stages, self.head]).parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(weights, lr=1e-6)

    def epoch(self) -> None:
        """One pass in random order; pictures are augmented as in ours, because that is a part of the work."""
        random = torch.Generator().manual_seed(0)
        for picks in torch.randperm(len(self.y), generator=random).split(self.size):
            batch: Tensor = self.x[picks, torch.randint(self.x.shape[1], picks.shape, generator=random)]
            if batch.dtype == torch.uint8:
                batch = normalize(augment(batch, self.augmentation, random), self.p)
            batch = batch.float()
            batch = batch.contiguous(memory_format=torch.channels_last) if batch.ndim == 4 else batch
            loss = functional.cross_entropy(self.head(self.stages(batch)), self.y[picks])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()


def seconds(function: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def main() -> None:
    """Both sides turn by turn on the same rows."""
    wanted = options(__doc__ or "")
    rows = []
    for trainable, limit, words in (("last", 1.15, "last stage, from the cache"), ("all", 1.05, "all stages, from pictures")):
        with data_folder() as home:
            run, phase = prepared(photos(wanted.photos, home), trainable, home)
            bare, ours, theirs = Bare(run, phase), [], []
            trainer = Trainer(phase, silent, never)
            for n in range(wanted.repeats + 1):
                a, b = seconds(lambda: trainer.epoch(n)), seconds(bare.epoch)  # noqa: B023 - called at once
                if n:
                    ours.append(a)
                    theirs.append(b)
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        rows.append({"one epoch of": words, "photos": len(phase.train), "ours, s": spread(ours), "bare loop, s": spread(theirs),
                     "ratio": spread(ratios, 3), "promise": f"≤ {limit}", "kept": median(ratios) <= limit})  # fmt: skip
    tell("Fine-tuning against a bare loop", rows, wanted)


if __name__ == "__main__":
    main()
