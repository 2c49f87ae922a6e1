"""The rows that a run learns from: every picture once through what is frozen, by part of the split."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from transferui.backbones.catalogue import get_backbone
from transferui.data.splits import Split
from transferui.errors import UserError
from transferui.training.cache import FeatureCache
from transferui.training.features import MEMORY_BUDGET, Extractor, Report
from transferui.training.phase import Rows
from transferui.training.recipe import views_for
from transferui.training.state import Hooks, Trained

# Activations up to this size (eight times the memory budget, memory-mapped) are kept for the epochs; beyond it the
# frozen stages run again in every epoch, which is slower but needs no disk.
LARGEST_ROWS = 8 * MEMORY_BUDGET
PARTS = ("train", "val", "test")
CACHE_FULL = "The disk or the cache is full, so what was computed is not remembered for the next run."


@dataclass(frozen=True)
class _Offset:
    """Reports the passes over train, val and test as one."""

    report: Report
    before: int
    total: int

    def __call__(self, row: dict[str, Any]) -> None:
        self.report(row | {"done": self.before + row["done"], "total": self.total})


def frozen_rows(run: Trained, data_dir: Path, hooks: Hooks) -> dict[str, Rows]:
    """Run the frozen prefix over all pictures once: rows at the boundary by part of the split."""
    run.boundary = _boundary(run)
    prefix = run.model.stages[: run.boundary].eval()
    cache = FeatureCache(data_dir / "features")
    extractor = Extractor(prefix, run.preprocessing, torch.device(run.device), getattr(torch, run.precision), cache)
    planned = run.split
    parts, before, total = dict[str, Rows](), 0, sum(len(getattr(run.split, part)) for part in PARTS)
    for views, names in _by_views(run).items():
        samples = [run.dataset.samples[i] for part in names for i in getattr(run.split, part)]
        offset = _Offset(hooks.report, before, total)
        rows = extractor.rows(samples, views, run.work, offset, hooks.should_stop) if samples else torch.empty(0, 1)
        before += len(samples)
        for part, mine in zip(names, rows.split([len(getattr(run.split, part)) for part in names]), strict=True):
            parts[part] = _good_rows(run, part, mine)
    run.notes += ["Memory was short, so the photos went through the network in smaller groups."] if extractor.halved else []
    run.notes += [CACHE_FULL] if extractor.unsaved else []
    _require_all_classes(run, planned)
    return parts


def _by_views(run: Trained) -> dict[tuple[str, ...], list[str]]:
    """Parts of the split by the views that are needed of their pictures; parts with the same views are one pass."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for part in PARTS:
        views = views_for(run.config.augmentation) if part == "train" and run.boundary else ("original",)
        grouped.setdefault(views, []).append(part)
    return grouped


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
    size = numbers * width * len(views_for(run.config.augmentation)) * len(run.dataset.samples)
    if size <= LARGEST_ROWS:
        return length
    run.notes.append(
        f"The frozen blocks' output would take {size / 1e9:.0f} GB, so those blocks run again in every epoch instead."
    )
    return 0
