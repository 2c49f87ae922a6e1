"""Which single stage is worth training? Tried, with a small budget, from the cached frozen stages before it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, tensor
from torch.nn import functional

from transferui.backbones.catalogue import Backbone, stages_with_weights
from transferui.config import TrainConfig
from transferui.data.dataset import Dataset
from transferui.insight.features import Watch, pick_sample
from transferui.training.choose import CHANCE
from transferui.training.features import StoppedError
from transferui.training.flips import by_chance
from transferui.training.paired import mean_and_error
from transferui.training.state import Hooks, Trained
from transferui.training.train import train_model

# A short budget: 160 photos, four passes in small steps. Enough to see in which direction a stage goes.
PHOTOS, EPOCHS, BATCH, HELD_BACK = 160, 4, 16, 0.4
RATE = 3e-4


@dataclass(frozen=True)
class Trial:
    """What training one stage and the head did, against the head alone.

    Attributes:
        gain: how much lower the mean validation loss became; 0 when it never did.
        error: standard error of the gain, over photos; frames of a series count as one.
        n_val: photos it was measured on.
        clear: the gain is more than chance, also when all stages are tried.
    """

    stage: str
    gain: float
    error: float
    n_val: int
    clear: bool
    seconds: float


def try_stages(backbone: Backbone, dataset: Dataset, data_dir: Path, watch: Watch, seconds: float) -> tuple[list[Trial], bool]:
    """Train each stage alone, from the last to the first, until the time is over.

    Returns:
        trials in the order they were made; whether all stages were tried.
    """
    small = _small(dataset)
    until, done = time.monotonic() + seconds, list[Trial]()
    for stage in reversed(stages_with_weights(backbone)):
        limit = _Limit(until, watch)
        try:
            done.append(_try(stage, backbone, small, data_dir, limit))
        except StoppedError:
            return done, False
    return done, True


@dataclass(frozen=True)
class _Limit:
    """Stops when the watch says so or the time is over."""

    until: float
    watch: Watch

    def __call__(self) -> bool:
        return time.monotonic() > self.until or self.watch.should_stop()


def _small(dataset: Dataset) -> Dataset:
    """A few of the photos, split anew: given parts may not fit so few."""
    samples = tuple(replace(dataset.samples[i], split=None) for i in pick_sample(dataset, PHOTOS))
    return replace(dataset, samples=samples)


@dataclass
class _Best:
    """Keeps the validation logits of the best fine-tuned state."""

    logits: Tensor | None = field(default=None)

    def __call__(self, run: Trained) -> None:
        if run.kept_phase == "finetune" and run.val_logits is not None:
            self.logits = run.val_logits.clone()


def _try(stage: str, backbone: Backbone, dataset: Dataset, data_dir: Path, limit: _Limit) -> Trial:
    begun, best = time.perf_counter(), _Best()
    config = TrainConfig(
        backbone=backbone.name, trainable=stage, finetune_epochs=EPOCHS, batch_size=BATCH, val_fraction=HELD_BACK,
        backbone_learning_rate=RATE,
    )  # fmt: skip
    run = train_model(dataset, config, data_dir, Hooks(_Told(limit.watch, stage), limit, best))
    if run.stopped or run.head_val_logits is None:
        raise StoppedError
    labels = tensor([dataset.samples[i].label for i in run.split.val])
    logits = best.logits if best.logits is not None else run.head_val_logits
    gains = (_loss(run.head_val_logits, labels) - _loss(logits, labels)).double().numpy()
    groups = run.groups()
    home = np.unique([groups[i] for i in run.split.val], return_inverse=True)[1]
    gain, error = mean_and_error(gains, home)
    chance = CHANCE / len(stages_with_weights(backbone))  # every stage is tried on the same photos (Bonferroni)
    clear = bool(by_chance(np.bincount(home, gains)[None])[0] < chance)
    return Trial(stage, gain, error, len(gains), clear, round(time.perf_counter() - begun, 2))


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits, labels, reduction="none")


@dataclass(frozen=True)
class _Told:
    """Reports which stage is being tried."""

    watch: Watch
    stage: str

    def __call__(self, row: dict[str, Any]) -> None:
        self.watch.report({**row, "what": f"Trying to train {self.stage}"})
