"""The rows that a run learns from: every picture once through what is frozen, by part of the split."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from transferui.backbones.catalogue import get_backbone
from transferui.data.preprocessing import VIEWS
from transferui.data.splits import Split
from transferui.errors import UserError
from transferui.training.cache import FeatureCache
from transferui.training.features import MEMORY_BUDGET, Extractor
from transferui.training.phase import Rows
from transferui.training.state import Hooks, Trained

# Activations up to this size (eight times the memory budget, memory-mapped) are kept for the epochs; beyond it the
# frozen stages run again in every epoch, which is slower but needs no disk.
LARGEST_ROWS = 8 * MEMORY_BUDGET
PARTS = ("train", "val", "test")
ALL, COPIES = "Looking at every photo once", "Looking at changed copies of every photo"
SMALLER_GROUPS = "Memory was short, so the photos went through the network in smaller groups."
CACHE_FULL = "The disk or the cache is full, so what was computed is not remembered for the next run."


class Prefix:
    """The frozen prefix of a run, and what its pictures are behind it.

    Attributes:
        asked: mirrored pictures that were computed for some of the training pictures only.
    """

    def __init__(self, run: Trained, data_dir: Path, hooks: Hooks) -> None:
        self.run, self.hooks, self.asked = run, hooks, 0
        run.boundary = _boundary(run)
        prefix, device = run.model.stages[: run.boundary].eval(), torch.device(run.device)
        self.extractor = Extractor(
            prefix, run.preprocessing, device, getattr(torch, run.precision), FeatureCache(data_dir / "features")
        )

    def parts(self) -> dict[str, Rows]:
        """Every picture as it is, by part of the split; pictures that could not be read leave the split.

        Raises:
            StoppedError: when `hooks.should_stop` says so.
            UserError: ``TOO_FEW_IMAGES`` when a class has none left.
        """
        run, planned = self.run, self.run.split
        rows = self._pass([i for part in PARTS for i in getattr(planned, part)], ("original",), ALL)[:, 0]
        lengths = [len(getattr(planned, part)) for part in PARTS]
        parts = {part: _good_rows(run, part, mine) for part, mine in zip(PARTS, rows.split(lengths), strict=True)}
        _require_all_classes(run, planned)
        return parts

    def copies(self, views: Sequence[str], picks: Sequence[int] | None = None) -> Tensor | None:
        """Changed copies (n, V, …) of the training pictures, or of those at the places `picks` among them.

        None when a picture can no longer be read.

        Raises:
            StoppedError: when `hooks.should_stop` says so.
        """
        train, work = self.run.split.train, self.run.work
        broken, computed, found = len(work.broken), work.prefix_images, work.cached_images
        rows = self._pass([train[n] for n in (range(len(train)) if picks is None else picks)], views, COPIES)
        if picks is not None:
            self.asked = work.prefix_images - computed
        elif "flip" in views:  # what this run itself has computed for its question is not remembered from before
            work.cached_images -= min(self.asked, work.cached_images - found)
        return rows if len(work.broken) == broken else None

    def _pass(self, indices: Sequence[int], views: Sequence[str], what: str) -> Tensor:
        """Rows (n, V, …) of the photos at `indices`."""
        run, hooks, extractor = self.run, self.hooks, self.extractor
        samples = [run.dataset.samples[i] for i in indices]
        rows = extractor.rows(samples, views, run.work, lambda row: hooks.report(row | {"what": what}), hooks.should_stop)
        told = (extractor.halved, SMALLER_GROUPS), (extractor.unsaved, CACHE_FULL)
        run.notes += [words for found, words in told if found and words not in run.notes]
        return rows


def _good_rows(run: Trained, part: str, rows: Tensor) -> Rows:
    """Rows of one part with labels; pictures that could not be decoded leave the split."""
    indices = getattr(run.split, part)
    good = [n for n, i in enumerate(indices) if run.dataset.samples[i].sha256 not in run.work.broken]
    if len(good) < len(indices):
        rows = rows[good]
        run.split = replace(run.split, **{part: tuple(indices[n] for n in good)})
    return Rows(rows, torch.tensor([run.dataset.samples[indices[n]].label for n in good], dtype=torch.long))


def _require_all_classes(run: Trained, planned: Split) -> None:
    """Every class that was planned to be in a part must have a readable picture there; a given val folder may lack one.

    Raises:
        UserError: ``TOO_FEW_IMAGES`` naming the class.
    """
    if not run.work.broken:
        return
    for label, name in enumerate(run.dataset.class_names):
        for part, purpose in (("train", "to learn from"), ("val", "to check with")):
            if label in _labels(run, planned, part) and label not in _labels(run, run.split, part):
                raise UserError(
                    "TOO_FEW_IMAGES",
                    f"The class {name!r} has no readable photo left {purpose}: {len(run.work.broken)} photos are damaged.",
                    "Add more photos to this class or remove it.",
                )


def _labels(run: Trained, split: Split, part: str) -> set[int]:
    """Classes that are in a part of a split."""
    return {run.dataset.samples[i].label for i in getattr(split, part)}


def _boundary(run: Trained) -> int:
    """The stage at which rows are kept: the end of the frozen prefix, or 0 when they would take too much room."""
    backbone, length = get_backbone(run.config.backbone), run.model.prefix_length
    if not length:
        return 0
    growth = (run.preprocessing.image_size / backbone.image_size) ** 2 if length < len(backbone.stages) else 1.0
    numbers = math.prod(backbone.stages[length - 1].output) * growth
    width = 2 if run.precision == "bfloat16" else 4
    size = numbers * width * len(VIEWS[run.config.augmentation]) * len(run.dataset.samples)
    if size <= LARGEST_ROWS:
        return length
    run.notes.append(
        f"The frozen blocks' output would take {size / 1e9:.0f} GB, so those blocks run again in every epoch instead."
    )
    return 0
