"""Which pictures are learned from, which check the result, and which are set aside."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from transferui.data.dataset import Dataset
from transferui.data.given import Given, copies_of, left_out_words, without_leaks
from transferui.data.similar import SERIES_LENGTH, groups_of, natural
from transferui.data.units import ACROSS_CLASSES, EQUAL_FILES, Unit, class_of, in_order, units_of
from transferui.errors import UserError

# A test part is set aside when there is enough: with 1,000 photos and 50 of each class, validation keeps at least 10 of each
# class (at the usual 20 %) and the whole of it is measured to within 6 points.
TEST_FROM, TEST_FROM_CLASS, TEST_FRACTION = 1000, 50, 0.15
# A series is cut only where half of the others of its class would together give less than this share of what is wanted.
ENOUGH = 0.25
# Share of a cut series that is left out between both sides, so that the last frame of one is not the first of the other.
GAP = 0.05


@dataclass(frozen=True)
class Split:
    """Indices into ``dataset.samples``; the parts are disjoint.

    Attributes:
        left_out: pictures between both sides of a series that had to be cut, and copies of files that check.
        notes: what was done that a person should know.
    """

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...] = ()
    left_out: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Part:
    """What was taken to check with and what for no part; classes whose series was cut, or tied to others and so could not be."""

    taken: frozenset[int]
    left_out: frozenset[int] = frozenset()
    cut: tuple[int, ...] = ()
    tied: tuple[int, ...] = ()


def split_dataset(dataset: Dataset, val_fraction: float, seed: int, *, grouped: bool = True) -> Split:
    """Split by given parts where there are some, else at random within each class.

    Near-copies and series stay on one side, or a note says of which classes they could not. The choice hangs on a seeded hash
    of one picture of each group, whatever the names: the same picture falls on the same side again, and new ones move few others.

    Args:
        val_fraction: share of each class kept for validation; at least one picture, and at least one is left to learn from.
        grouped: False splits picture by picture, with equal files together. This is how a leak looks; for comparison only.

    Raises:
        UserError: ``CLASS_NOT_IN_TRAIN`` when given parts leave a class without a picture to learn from,
            ``TOO_FEW_IMAGES`` when there is none to check with.
    """
    given = any(sample.split for sample in dataset.samples)
    pool = [i for i, sample in enumerate(dataset.samples) if sample.split in (None, "train")]
    val = [i for i, sample in enumerate(dataset.samples) if sample.split == "val"]
    test = tuple(i for i, sample in enumerate(dataset.samples) if sample.split == "test")
    parts = Given(pool)
    if given:
        _require_train(dataset, pool)
        parts = without_leaks(dataset, pool, val, test) if grouped else parts
        pool = parts.train
    if val:
        return Split(tuple(pool), tuple(val), test, parts.left_out, parts.notes)
    part = _choose(dataset, pool, val_fraction, seed, grouped)
    gone = part.taken | part.left_out
    rest = [i for i in pool if i not in gone]
    aside: frozenset[int] = frozenset()
    if not given and _is_enough(dataset):
        aside = _aside(dataset, rest, part, seed, grouped)
    notes = _notes(dataset, part, [i for i in rest if i not in aside]) if grouped else []
    if aside:
        notes += [f"With this many photos, {len(aside):,} could be set aside: a last test that nothing was chosen by."]
    return Split(
        tuple(i for i in rest if i not in aside),
        tuple(i for i in pool if i in part.taken),
        test or tuple(sorted(aside)),
        tuple(sorted([*part.left_out, *parts.left_out])),
        (*parts.notes, *notes),
    )


def _require_train(dataset: Dataset, pool: list[int]) -> None:
    present = {dataset.samples[i].label for i in pool}
    for label, name in enumerate(dataset.class_names):
        if label not in present:
            raise UserError(
                "CLASS_NOT_IN_TRAIN",
                f"The class {name!r} has no photo in the train folder.",
                "Add some there or remove the class.",
            )


def _is_enough(dataset: Dataset) -> bool:
    return len(dataset.samples) >= TEST_FROM and min(dataset.counts.values()) >= TEST_FROM_CLASS


def _choose(dataset: Dataset, pool: list[int], fraction: float, seed: int, grouped: bool) -> _Part:
    """Indices for validation: of each class those with the lowest hashes, until the share is reached.

    Where near-copies in two classes leave one of these without a side of its own, or tie a series that has to be cut, this class
    holds together within itself only; when that is not enough, only its equal files do. All other classes stay as they are.
    """
    levels = [ACROSS_CLASSES if grouped else EQUAL_FILES] * len(dataset.class_names)
    while True:
        part = _without_copies(dataset, pool, _take_all(dataset, units_of(dataset, pool, levels), fraction, seed))
        missing = _one_sided(dataset, pool, part)
        weaker = {label for label in missing if levels[label] < EQUAL_FILES}
        weaker |= {label for label in part.tied if levels[label] == ACROSS_CLASSES}
        if not missing and not weaker:
            return part
        if not weaker and min(levels) == EQUAL_FILES:
            name = dataset.class_names[missing[0]]
            raise UserError(
                "TOO_FEW_IMAGES",
                f"The class {name!r} has too few different photos: one to learn from and one to check with are needed.",
                "Add more photos to it or remove it.",
            )
        # As a last resort, before nothing can be learned at all, no class is held together.
        levels = [level + (label in weaker) if weaker else EQUAL_FILES for label, level in enumerate(levels)]


def _take_all(dataset: Dataset, units: Sequence[Unit], fraction: float, seed: int) -> _Part:
    """The share of every class; a unit with pictures of two classes counts for one of them."""
    classes: dict[int, list[Unit]] = defaultdict(list)
    for unit in units:
        classes[class_of(dataset, unit)].append(unit)
    parts = [_take(dataset, in_order(dataset, mine, seed), fraction) for mine in classes.values()]
    return _Part(
        frozenset(i for part in parts for i in part.taken),
        frozenset(i for part in parts for i in part.left_out),
        tuple(label for part in parts for label in part.cut),
        tuple(label for part in parts for label in part.tied),
    )


def _take(dataset: Dataset, units: Sequence[Unit], fraction: float) -> _Part:
    """Units of one class in their order, each if it brings the number closer to what is wanted.

    A unit of more than half of the class, or of more than twice what is wanted, is there to learn from. It would leave all small
    ones to validation, and nothing but one series to learn from; so the share holds for the number of the others, too.
    """
    total = sum(map(len, units))
    if total == 1:  # all others of its class are tied to pictures of another one
        return _Part(frozenset(units[0]))
    wanted = min(max(1, round(total * fraction)), total - 1)
    large = [unit for unit in units if len(unit) > min(2 * wanted, total / 2)]
    limit = max(1, round((len(units) - len(large)) * fraction)) if large else len(units) - 1
    chosen: list[Unit] = []
    taken = 0
    for unit in units:
        if unit not in large and len(unit) <= 2 * (wanted - taken) and len(chosen) < limit:
            chosen.append(unit)
            taken += len(unit)
    enough = max(1.0, ENOUGH * wanted)
    if taken < enough:
        fuller = _fill(units, chosen, enough)
        if not fuller and large and (cut := _cut(dataset, max(large, key=len), chosen, wanted - taken)):
            return cut
        chosen = fuller or chosen
    return _Part(frozenset(i for unit in chosen for i in unit))


def _fill(units: Sequence[Unit], chosen: Sequence[Unit], enough: float) -> list[Unit]:
    """Whole units that are just enough, empty where there are none: better too many than a series on both sides.

    One that is enough by itself, or else some more, the longest first, as long as half of all units are left to learn from.
    The largest is always there to learn from.
    """
    *others, _ = sorted(units, key=len)
    if alone := [unit for unit in others if len(unit) >= enough]:
        return alone[:1]
    known = set(chosen)
    spare = [unit for unit in reversed(others) if unit not in known]
    more = [*chosen, *spare[: max(0, len(units) // 2 - len(chosen))]]
    for n, number in enumerate(itertools.accumulate(map(len, more)), start=1):
        if number >= enough:
            return more[:n]
    return []


def _cut(dataset: Dataset, series: Unit, chosen: Sequence[Unit], rest: int) -> _Part | None:
    """Cut a series in the order of time: its first part is to learn from, its last `rest` to check, a gap between them.

    None where all pictures of it are the same few files.
    """
    samples = dataset.samples
    taken = [i for unit in chosen for i in unit]
    longest = sorted(series, key=lambda i: natural(samples[i].name))
    labels = {samples[i].label for i in longest}
    gap = int(GAP * len(longest))
    if len(labels) > 1:
        return _Part(frozenset(taken), tied=(class_of(dataset, series),))
    seen = {samples[i].sha256 for i in longest[-rest:]}
    if all(samples[i].sha256 in seen for i in longest[: max(0, len(longest) - rest - gap)]):
        return None
    return _Part(frozenset([*taken, *longest[-rest:]]), frozenset(longest[len(longest) - rest - gap : -rest]), tuple(labels))


def _without_copies(dataset: Dataset, pool: Sequence[int], part: _Part) -> _Part:
    """Leave out files to learn from that come again among those that check: far apart in a series, or in two classes."""
    return replace(part, left_out=part.left_out | copies_of(dataset, set(pool) - part.taken, part.taken))


def _one_sided(dataset: Dataset, pool: Sequence[int], part: _Part) -> list[int]:
    """Classes that have pictures on one side only."""
    sides = Counter((dataset.samples[i].label, i in part.taken) for i in pool if i not in part.left_out)
    return [label for label in range(len(dataset.class_names)) if not sides[label, True] or not sides[label, False]]


def _aside(dataset: Dataset, rest: Sequence[int], part: _Part, seed: int, grouped: bool) -> frozenset[int]:
    """A test part from what validation has left: whole units, those with the highest hashes, at most the share of each class.

    The share holds for pictures and for units: small ones alone would leave one long series to learn from.
    Empty where a class would be missing: its photos are one long series, or a few.
    """
    levels = [ACROSS_CLASSES if grouped else EQUAL_FILES] * len(dataset.class_names)
    groups = groups_of(dataset) if grouped else [None] * len(dataset.samples)
    checks = {groups[i] for i in part.taken} - {None}
    pictures = list(dataset.counts.values())
    units = Counter(label for unit in units_of(dataset, range(len(groups)), levels) for label in _labels(dataset, unit))
    aside: set[int] = set()
    used: Counter[int] = Counter()
    many: Counter[int] = Counter()
    for unit in reversed(in_order(dataset, units_of(dataset, rest, levels), seed)):
        mine = _labels(dataset, unit)
        fits = all(used[label] + n <= TEST_FRACTION * pictures[label] for label, n in mine.items())
        few = all(
            many[label] + 1 <= max(1, TEST_FRACTION * units[label]) for label in mine
        )  # the small ones are not all set aside
        if fits and few and not any(groups[i] in checks for i in unit):  # nothing of a series that had to be cut
            aside.update(unit)
            used += mine
            many.update(mine.keys())
    return frozenset(aside) if len(used) == len(pictures) else frozenset()


def _labels(dataset: Dataset, unit: Unit) -> Counter[int]:
    return Counter(dataset.samples[i].label for i in unit)


def _notes(dataset: Dataset, part: _Part, train: Sequence[int]) -> list[str]:
    """What a person should know of series that were cut, are on both sides or the only thing to learn from, and of copies."""
    groups, samples = groups_of(dataset), dataset.samples
    copies = len(copies_of(dataset, part.left_out, part.taken))
    between = len(part.left_out) - copies
    both = {groups[i] for i in part.taken} & {groups[i] for i in train} - {None}
    torn = {samples[i].label for i in [*part.taken, *train] if groups[i] in both} - set(part.cut)
    learned: dict[int, list[int | None]] = defaultdict(list)
    for i in train:
        learned[samples[i].label].append(groups[i])
    one = {label for label, mine in learned.items() if len(mine) >= SERIES_LENGTH and mine[0] is not None and len(set(mine)) == 1}
    notes = []
    if part.cut:
        notes.append(
            f"The photos of {_names(dataset, part.cut)} are one long series, or most of them are: its first part is to learn "
            f"from, its last part checks, and {between:,} between them {'is' if between == 1 else 'are'} left out. "
            "Photos of another day would make a better check."
        )
    if torn:
        notes.append(
            f"Some photos of {_names(dataset, torn)} look almost the same as others, but had to be put on both sides, because "
            "too few others are there. The check may look better than it is; photos of another day would help."
        )
    if alone := one - set(part.cut):
        notes.append(
            f"What is learned of {_names(dataset, alone)} comes from one series only. "
            "Photos of another day, or of another thing of the same class, would help."
        )
    if copies:
        notes.append(left_out_words(copies))
    return notes


def _names(dataset: Dataset, labels: Collection[int]) -> str:
    return ", ".join(f"‘{dataset.class_names[label]}’" for label in sorted(labels))
