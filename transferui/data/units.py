"""Which pictures must stay on one side of a split, how strictly, and in which order these units come."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from transferui.data.dataset import Dataset
from transferui.data.similar import groups_of

# How strictly the pictures of a class are held together, the strictest first: near-copies, series and equal files, also with
# those of other classes; the same, within the class only; nothing but equal files.
ACROSS_CLASSES, WITHIN_CLASS, EQUAL_FILES = 0, 1, 2

Unit = tuple[int, ...]


def units_of(dataset: Dataset, pool: Iterable[int], levels: Sequence[int]) -> list[Unit]:
    """Pictures that must stay together, each unit in the order of the dataset.

    Args:
        pool: indices of the pictures to sort into units.
        levels: for each class, `ACROSS_CLASSES`, `WITHIN_CLASS` or `EQUAL_FILES`. A class that is held together within itself
            is not tied to another one, not even by a file that lies in both.
    """
    groups = groups_of(dataset) if min(levels) < EQUAL_FILES else ()
    home: dict[Hashable, list[int]] = {}
    for i in pool:
        sample, level = dataset.samples[i], levels[dataset.samples[i].label]
        own = (sample.label,) if level == WITHIN_CLASS else ()
        alone = level == EQUAL_FILES or groups[i] is None
        mine, same = ("picture", i) if alone else ("group", groups[i], *own), ("file", sample.sha256, *own)
        one, other = home.get(mine), home.get(same)
        unit = one if one is not None else other if other is not None else []
        if one is not None and other is not None and one is not other:  # a file ties two groups together
            unit += other
            home.update({k: unit for k, v in home.items() if v is other})
        unit.append(i)
        home[mine] = home[same] = unit
    return [tuple(sorted(unit)) for unit in {id(unit): unit for unit in home.values()}.values()]


def class_of(dataset: Dataset, unit: Unit) -> int:
    """The class that a unit counts for: that of most of its pictures, of the first where two have as many."""
    return Counter(dataset.samples[i].label for i in unit).most_common(1)[0][0]


def in_order(dataset: Dataset, units: Iterable[Unit], seed: int) -> list[Unit]:
    """By a seeded hash of the content of each unit's first picture, so that pictures that are added behind move nothing.

    The smallest of the hashes would not do: of many numbers the smallest is very small, so that long series would come first and
    fill validation.
    """
    return sorted(units, key=lambda unit: hashlib.sha256(f"{seed}:{dataset.samples[unit[0]].sha256}".encode()).digest())
