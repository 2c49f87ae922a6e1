"""Parts that a folder gives: what is learned from must not come again among what checks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from transferui.data.dataset import Dataset
from transferui.data.similar import groups_of


class Given(NamedTuple):
    """Given parts, checked for leaks.

    Attributes:
        train: indices to learn from, without files that come again among those that check.
        left_out: those files.
        notes: what was left out, and how much of each given check hardly differs from what was seen before.
    """

    train: list[int]
    left_out: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def copies_of(dataset: Dataset, indices: Iterable[int], checks: Iterable[int]) -> set[int]:
    """Which of some pictures come again, as the same file, among those that check."""
    files = {dataset.samples[i].sha256 for i in checks}
    return {i for i in indices if dataset.samples[i].sha256 in files}


def left_out_words(n: int) -> str:
    """What is said of `n` such pictures."""
    return f"{n:,} {'photo is' if n == 1 else 'photos are'} left out: the same file is there to check with."


def without_leaks(dataset: Dataset, train: Sequence[int], val: Sequence[int], test: Sequence[int]) -> Given:
    """Leave copies of given val and test photos out of train, and say how many of the others are near-copies or of one series.

    A given check stays whole. A class that would have nothing left to learn from keeps its copies, which the notes count.
    """
    samples, groups = dataset.samples, groups_of(dataset)
    again = copies_of(dataset, train, (*val, *test))
    different = {samples[i].label for i in train if i not in again}
    copies = {i for i in again if samples[i].label in different}
    learned = [i for i in train if i not in copies]
    notes = []
    if copies:
        notes.append(left_out_words(len(copies)))

    def known(part: Sequence[int], before: Collection[int]) -> int:
        files, seen = {samples[i].sha256 for i in before}, {groups[i] for i in before} - {None}
        return sum(samples[i].sha256 in files or groups[i] in seen for i in part)

    for name, part, before, where in (
        ("val", val, learned, "‘train’"),
        ("test", test, (*learned, *val), "‘train’ or ‘val’" if val else "‘train’"),
    ):
        if n := known(part, before):
            look = "looks almost the same as one in" if n == 1 else "look almost the same as photos in"
            notes.append(
                f"{n:,} of the {len(part):,} photos in ‘{name}’ {look} {where}, or {'is' if n == 1 else 'are'} of one series "
                "with them. The accuracy there may look better than it is."
            )
    return Given(learned, tuple(sorted(copies)), tuple(notes))
