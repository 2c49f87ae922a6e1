"""Which pictures are learned from, which check the result, and which are set aside."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from transferui.data.dataset import Dataset
from transferui.data.similar import groups_of, natural
from transferui.errors import UserError

# A test part is set aside when there is enough: with 1,000 photos and 50 of each class, validation keeps at least 10 of each
# class (at the usual 20 %) and the whole of it is measured to within 6 points.
TEST_FROM, TEST_FROM_CLASS, TEST_FRACTION = 1000, 50, 0.15
# A series is cut only where all other pictures of its class together would give less than this share of what is wanted.
ENOUGH = 0.25
# Share of a cut series that is left out between both sides, so that the last frame of one is not the first of the other.
GAP = 0.05

Unit = tuple[int, ...]


@dataclass(frozen=True)
class Split:
    """Indices into ``dataset.samples``; the parts are disjoint.

    Attributes:
        left_out: pictures between both sides of a series that had to be cut.
        notes: what was done that a person should know.
    """

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...] = ()
    left_out: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Part:
    """What was taken for one part, the rest, and the classes of which a series had to be cut."""

    taken: frozenset[int]
    left_out: frozenset[int] = frozenset()
    cut: tuple[int, ...] = ()


def split_dataset(dataset: Dataset, val_fraction: float, seed: int, *, grouped: bool = True) -> Split:
    """Split by given parts where there are some, else at random within each class.

    Near-copies and series stay on one side. The choice hangs on a seeded hash of each group's first picture: the same
    picture falls on the same side again, and adding pictures moves at most as many others as keep the share right.

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
    if given:
        _require_train(dataset, pool)
    if val:
        return Split(tuple(pool), tuple(val), test)
    part = _choose(dataset, pool, val_fraction, seed, grouped)
    rest = [i for i in pool if i not in part.taken | part.left_out]
    notes = _cut_notes(dataset, part)
    aside: frozenset[int] = frozenset()
    if not given and _is_enough(dataset):
        aside = _aside(dataset, rest, seed, grouped)
        if aside:
            notes += [f"With this many photos, {len(aside):,} could be set aside: a last test that nothing was chosen by."]
    return Split(
        tuple(i for i in rest if i not in aside),
        tuple(i for i in pool if i in part.taken),
        test or tuple(sorted(aside)),
        tuple(sorted(part.left_out)),
        tuple(notes),
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

    When near-copies in two classes leave one of these without a side of its own, they hold together within their class only;
    when that is not enough, only equal files do.
    """
    for key in _ways(dataset, grouped):
        part = _take_all(dataset, _units(dataset, pool, key), fraction, seed)
        if not (missing := _one_sided(dataset, pool, part)):
            return part
    raise UserError(
        "TOO_FEW_IMAGES",
        f"The class {missing!r} has too few different photos: one to learn from and one to check with are needed.",
        "Add more photos to it or remove it.",
    )


def _ways(dataset: Dataset, grouped: bool) -> Iterable[Callable[[int], object]]:
    """What holds pictures together, the strictest first: keys of an index; equal files are together whatever the key."""
    if grouped:
        groups = groups_of(dataset)
        yield lambda i: ("group", groups[i]) if groups[i] is not None else i
        yield lambda i: ("group", groups[i], dataset.samples[i].label) if groups[i] is not None else i
    yield lambda i: i


def _units(dataset: Dataset, pool: Sequence[int], key: Callable[[int], object]) -> list[Unit]:
    """Pictures that must stay together, each unit in the order of the dataset."""
    home: dict[object, list[int]] = {}
    for i in pool:
        mine, same = key(i), ("file", dataset.samples[i].sha256)
        one, other = home.get(mine), home.get(same)
        unit = one if one is not None else other if other is not None else []
        if one is not None and other is not None and one is not other:  # a file ties two groups together
            unit += other
            home.update({k: unit for k, v in home.items() if v is other})
        unit.append(i)
        home[mine] = home[same] = unit
    return [tuple(sorted(unit)) for unit in {id(unit): unit for unit in home.values()}.values()]


def _take_all(dataset: Dataset, units: Sequence[Unit], fraction: float, seed: int) -> _Part:
    """The share of every class; a unit with pictures of two classes counts for that of its first."""
    classes: dict[int, list[Unit]] = defaultdict(list)
    for unit in units:
        classes[dataset.samples[unit[0]].label].append(unit)
    parts = [_take(dataset, _in_order(dataset, mine, seed), fraction) for mine in classes.values()]
    cut = tuple(label for label, part in zip(classes, parts, strict=True) if part.left_out or part.cut)
    taken = frozenset(i for part in parts for i in part.taken)
    return _Part(taken, frozenset(i for part in parts for i in part.left_out), cut)


def _in_order(dataset: Dataset, units: Sequence[Unit], seed: int) -> list[Unit]:
    """By a seeded hash of the first picture's content: neither names nor other pictures matter."""
    return sorted(units, key=lambda u: hashlib.sha256(f"{seed}:{dataset.samples[u[0]].sha256}".encode()).digest())


def _take(dataset: Dataset, units: Sequence[Unit], fraction: float) -> _Part:
    """Units of one class in their order, each if it brings the number closer to what is wanted."""
    total = sum(map(len, units))
    wanted = min(max(1, round(total * fraction)), total - 1)
    taken: list[int] = []
    for n, unit in enumerate(units):
        last = n == len(units) - 1 and len(taken) + len(unit) == total
        if len(unit) <= 2 * (wanted - len(taken)) and not last:
            taken += unit
    enough = max(1.0, ENOUGH * wanted)
    for unit in sorted(units, key=len)[:-1]:  # better too many than a series on both sides; the largest is to learn from
        if len(taken) < enough and not set(unit) <= set(taken):
            taken += unit
    cut = _cut(dataset, units, taken, wanted) if len(taken) < enough else None
    return cut or _Part(frozenset(taken))


def _cut(dataset: Dataset, units: Sequence[Unit], taken: Sequence[int], wanted: int) -> _Part | None:
    """Cut the longest series in the order of time: its first part is to learn from, its last to check, a gap between them."""
    samples = dataset.samples
    longest = sorted(sorted(units, key=len)[-1], key=lambda i: natural(samples[i].name))
    labels = {samples[i].label for i in longest}
    rest = wanted - len(taken)
    gap = int(GAP * len(longest))
    if len(labels) > 1 or len(longest) - rest - gap < 1:
        return None
    end, between = longest[-rest:], longest[len(longest) - rest - gap : -rest]
    # The same file may come twice in a series, far apart.
    seen = {samples[i].sha256 for i in end}
    again = [i for i in longest[: -rest - gap or None] if i not in end and samples[i].sha256 in seen]
    if len(again) + rest + gap >= len(longest):
        return None
    return _Part(frozenset([*taken, *end]), frozenset([*between, *again]), tuple(labels))


def _one_sided(dataset: Dataset, pool: Sequence[int], part: _Part) -> str:
    """Name of a class that has pictures on one side only; empty when there is none."""
    used = [i for i in pool if i not in part.left_out]
    sides = Counter((dataset.samples[i].label, i in part.taken) for i in used)
    for label, name in enumerate(dataset.class_names):
        if not sides[label, True] or not sides[label, False]:
            return name
    return ""


def _aside(dataset: Dataset, rest: Sequence[int], seed: int, grouped: bool) -> frozenset[int]:
    """A test part from what validation has left: whole units, those with the highest hashes, at most the share of each class.

    Empty where a class would be missing: its photos are one long series, or a few.
    """
    key = next(iter(_ways(dataset, grouped)))
    counts = list(dataset.counts.values())
    aside: set[int] = set()
    used: Counter[int] = Counter()
    for unit in reversed(_in_order(dataset, _units(dataset, rest, key), seed)):
        mine = Counter(dataset.samples[i].label for i in unit)
        if all(used[label] + n <= TEST_FRACTION * counts[label] for label, n in mine.items()):
            aside.update(unit)
            used += mine
    return frozenset(aside) if len(used) == len(counts) else frozenset()


def _cut_notes(dataset: Dataset, part: _Part) -> list[str]:
    names = [f"‘{dataset.class_names[label]}’" for label in part.cut]
    if not names:
        return []
    return [
        f"The photos of {', '.join(names)} are one long series: its first part is to learn from, its last part checks, "
        f"and {len(part.left_out):,} between them {'is' if len(part.left_out) == 1 else 'are'} left out. "
        "Photos of another day would make a better check."
    ]
