"""Which pictures are learned from, which check the result, and which are set aside."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass

from transferui.data.dataset import Dataset
from transferui.errors import UserError


@dataclass(frozen=True)
class Split:
    """Indices into ``dataset.samples``; the three parts are disjoint."""

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...] = ()


def split_dataset(dataset: Dataset, val_fraction: float, seed: int) -> Split:
    """Split by given parts where there are some, else at random within each class.

    The choice hangs on a seeded hash of each picture's content: the same picture always falls on the same side, equal
    pictures stay together, and adding pictures moves at most as many others as keep the share right.

    Args:
        val_fraction: share of each class kept for validation; at least one picture, and at least one is left to learn from.

    Raises:
        UserError: ``CLASS_NOT_IN_TRAIN`` when given parts leave a class without a picture to learn from,
            ``TOO_FEW_IMAGES`` when there is none to check with.
    """
    given = any(sample.split for sample in dataset.samples)
    pool = [i for i, sample in enumerate(dataset.samples) if sample.split in (None, "train")]
    val = [i for i, sample in enumerate(dataset.samples) if sample.split == "val"]
    test = tuple(i for i, sample in enumerate(dataset.samples) if sample.split == "test")
    if given:
        _require_train(dataset, pool)
    if val:
        return Split(tuple(pool), tuple(val), test)
    chosen = _choose(dataset, pool, val_fraction, seed)
    return Split(tuple(i for i in pool if i not in chosen), tuple(i for i in pool if i in chosen), test)


def _require_train(dataset: Dataset, pool: list[int]) -> None:
    present = {dataset.samples[i].label for i in pool}
    for label, name in enumerate(dataset.class_names):
        if label not in present:
            raise UserError(
                "CLASS_NOT_IN_TRAIN",
                f"The class {name!r} has no photo in the train folder.",
                "Add some there or remove the class.",
            )


def _choose(dataset: Dataset, pool: list[int], val_fraction: float, seed: int) -> set[int]:
    """Indices for validation: per class the groups of equal pictures with the lowest hashes, until the share is reached."""
    classes: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    # Equal pictures in two classes go with the first class's decision, so that none is on both sides.
    home: dict[str, int] = {}
    for i in pool:
        sample = dataset.samples[i]
        classes[home.setdefault(sample.sha256, sample.label)][sample.sha256].append(i)
    chosen: set[int] = set()
    for groups in classes.values():
        total = sum(len(group) for group in groups.values())
        wanted = min(max(1, round(total * val_fraction)), total - 1)
        order = sorted(groups, key=lambda sha: hashlib.sha256(f"{seed}:{sha}".encode()).digest())
        taken = 0
        for sha in order[:-1]:
            if taken >= wanted:
                break
            chosen.update(groups[sha])
            taken += len(groups[sha])
    _require_val(dataset, pool, chosen)
    return chosen


def _require_val(dataset: Dataset, pool: list[int], chosen: set[int]) -> None:
    """Every class needs a picture on both sides."""
    for label, name in enumerate(dataset.class_names):
        mine = [i for i in pool if dataset.samples[i].label == label]
        if not any(i in chosen for i in mine) or all(i in chosen for i in mine):
            raise UserError(
                "TOO_FEW_IMAGES",
                f"The class {name!r} has too few different photos: one to learn from and one to check with are needed.",
                "Add more photos to it or remove it.",
            )
