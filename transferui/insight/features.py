"""Features of photos for every measurement of this room, from the same cache as training.

A run whose stages are all frozen looks the same rows up under the same keys: whoever comes second computes nothing.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from transferui.backbones.catalogue import Backbone, get_backbone
from transferui.backbones.stages import build_backbone
from transferui.data.dataset import Dataset, default_data_dir, open_dataset
from transferui.data.preprocessing import Preprocessing
from transferui.data.similar import groups_among, numbered
from transferui.errors import UserError
from transferui.evaluation.shown import share
from transferui.insight.scores import Floats, Ints
from transferui.training.cache import FeatureCache
from transferui.training.features import Extractor, Report, ShouldStop, Work
from transferui.training.machine import pick_device, pick_precision
from transferui.training.start import Start

# A class of a sample has at least this many photos, if it has them: fewer say nothing about it.
LEAST_PER_CLASS = 10


def tell_nobody(_: dict[str, Any]) -> None:
    """A report to nobody."""


def go_on() -> bool:
    """Nobody wants it to stop."""
    return False


@dataclass(frozen=True)
class Watch:
    """Who follows a measurement: gets progress dictionaries, and is asked whether to stop."""

    report: Report = tell_nobody
    should_stop: ShouldStop = go_on


@dataclass(frozen=True)
class Network:
    """A pretrained network as training uses it.

    Attributes:
        stages: pictures to features, in eval mode.
        classifier: its original last layers; nothing for an own model.
    """

    backbone: Backbone
    stages: nn.Sequential
    classifier: nn.Module
    preprocessing: Preprocessing
    device: torch.device
    dtype: torch.dtype

    def extractor(self, data_dir: Path) -> Extractor:
        """What computes or finds its features."""
        return Extractor(self.stages, self.preprocessing, self.device, self.dtype, FeatureCache(data_dir / "features"))


@dataclass(frozen=True)
class Features:
    """Features of photos.

    Attributes:
        table: (N, D).
        labels: (N,) class indices.
        indices: (N,) into ``dataset.samples``; photos that could not be decoded are left out.
        groups: (N,) numbers of what belongs together (near-copies, series); None when every photo is alone.
        notes: sentences about it.
    """

    table: Floats
    labels: Ints
    indices: Ints
    work: Work = field(default_factory=Work)
    groups: Ints | None = None
    notes: tuple[str, ...] = ()


def own_network(start: Start) -> Network:
    """The network of an own model, which sees pictures as that does."""
    backbone, device = get_backbone(start.backbone), pick_device("auto")
    dtype = pick_precision("auto", device)
    return Network(backbone, start.stages.eval().to(device), nn.Identity(), start.preprocessing, device, dtype)


def load_network(name: str, data_dir: Path, watch: Watch | None = None) -> Network:
    """A network with its ImageNet weights.

    Raises:
        UserError: ``UNKNOWN_BACKBONE``, and what `load_state` raises.
    """
    watch = watch or Watch()
    backbone, device = get_backbone(name), pick_device("auto")
    stages, classifier = build_backbone(name, data_dir=data_dir, report=watch.report, should_stop=watch.should_stop)
    preprocessing = backbone.preprocessing
    dtype = pick_precision("auto", device)
    return Network(backbone, stages.eval().to(device), classifier.eval(), preprocessing, device, dtype)


def pooled_features(network: Network, dataset: Dataset, indices: Sequence[int], data_dir: Path, watch: Watch) -> Features:
    """What the head gets to see of these photos: from the cache, or computed and kept there.

    Raises:
        UserError: ``EMPTY_DATASET`` when no photo could be read.
        StoppedError: when the watch says so.
    """
    return extract(network.extractor(data_dir), dataset, indices, watch)


def extract(extractor: Extractor, dataset: Dataset, indices: Sequence[int], watch: Watch) -> Features:
    """Rows of an extractor as a table, without the photos that could not be read.

    Raises:
        UserError, StoppedError: as `pooled_features`.
    """
    work = Work()
    rows = extractor.rows([dataset.samples[i] for i in indices], ("original",), work, watch.report, watch.should_stop)
    good = [n for n, i in enumerate(indices) if dataset.samples[i].sha256 not in work.broken]
    if not good:
        raise UserError("EMPTY_DATASET", "None of the photos could be read.", "Add JPEG or PNG photos.")
    table = rows[good, 0].float().numpy().astype(np.float64)
    kept = np.asarray(indices, dtype=np.int64)[good]
    labels = np.array([dataset.samples[i].label for i in kept])
    return Features(table, labels, kept, work, *_kin(dataset, kept, labels))


def _kin(dataset: Dataset, indices: Ints, labels: Ints) -> tuple[Ints | None, tuple[str, ...]]:
    """Groups of the photos, and what is to be said about them.

    A class that is one series as a whole cannot be left out: its photos count one by one.
    """
    groups = np.array(numbered(groups_among(dataset, tuple(indices.tolist()))), dtype=np.int64)
    whole = [label for label in np.unique(labels) if len(np.unique(groups[labels == label])) == 1 < (labels == label).sum()]
    for label in whole:
        mine = np.flatnonzero(labels == label)
        groups[mine] = -1 - mine
    several = len(groups) - int((np.unique(groups, return_counts=True)[1] == 1).sum())
    said = []
    if several:
        said.append(f"{several} of {len(groups)} photos are near-copies or in series; none was asked about another of its own.")
    if whole:
        names = ", ".join(repr(dataset.class_names[label]) for label in whole)
        said.append(
            f"All photos of {names} are one series and answer for each other, so the numbers are better than they should be."
        )
    return groups if several else None, tuple(said)


def learnable(dataset: Dataset) -> list[int]:
    """Indices of the photos that may be measured: none of a test part, and of equal photos only the first.

    An equal photo left in would answer for its twin.
    """
    seen = set[str]()
    found = []
    for i, sample in enumerate(dataset.samples):
        if sample.split != "test" and sample.sha256 not in seen:
            seen.add(sample.sha256)
            found.append(i)
    return found


def pick_sample(dataset: Dataset, most: int) -> list[int]:
    """At most `most` photos, classes in their proportion, small classes with at least ten; always the same ones.

    Chosen by a hash of their content, so that another photo more moves few others.
    """
    classes = defaultdict[int, list[int]](list)
    for i in learnable(dataset):
        classes[dataset.samples[i].label].append(i)
    total = sum(len(rows) for rows in classes.values())
    if total <= most:
        return sorted(i for rows in classes.values() for i in rows)
    least = max(2, min(LEAST_PER_CLASS, most // (2 * len(classes))))
    base = {label: min(len(rows), least) for label, rows in classes.items()}
    left, rest = max(0, most - sum(base.values())), total - sum(base.values())
    picked = []
    for label, rows in classes.items():  # the "0:" keeps the choice that measurements were made with
        quota = base[label] + left * (len(rows) - base[label]) // max(1, rest)
        picked += sorted(rows, key=lambda i: hashlib.sha256(f"0:{dataset.samples[i].sha256}".encode()).digest())[:quota]
    return sorted(picked)


def opened(dataset: Dataset | Path | str, data_dir: Path | None) -> tuple[Dataset, Path]:
    """A dataset that can be learned from, and where things are kept.

    Raises:
        UserError: what is wrong with the photos.
    """
    home = data_dir or default_data_dir()
    found = dataset if isinstance(dataset, Dataset) else open_dataset(dataset, home)
    found.require_trainable()
    return found, home


def warnings(labels: Ints, class_names: Sequence[str]) -> list[str]:
    """Sentences about photos that make every number here uncertain: very few of a class, or one class much larger."""
    counts = np.bincount(labels, minlength=len(class_names))
    least, most = int(counts.argmin()), int(counts.argmax())
    said = []
    if counts[least] < LEAST_PER_CLASS:
        said.append(
            f"The class {class_names[least]!r} has only {counts[least]} photos: numbers from so few can be far off. "
            f"At least {LEAST_PER_CLASS} per class say more."
        )
    if counts[most] > 3 * max(1, counts[least]):
        said.append(
            f"The class {class_names[most]!r} has {counts[most]} photos and {class_names[least]!r} {counts[least]}: always "
            f"answering the largest class would already be right for {share(counts[most] / len(labels))}."
        )
    return said
