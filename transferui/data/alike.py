"""Findings about pictures that are alike: in two classes, on both sides of given folders, in series, or just twice."""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from transferui.data.dataset import Dataset
from transferui.data.findings import MAX_CASES, SHOWN, Action, Case, Finding, count, quoted, some
from transferui.data.images import Original
from transferui.data.similar import SERIES_LENGTH, Kin, natural

# A thinned series keeps at least so many photos.
KEPT = 10
# Parts that are seen before, and parts that check after them.
CHECKS = (("train", "val"), ("train", "test"), ("val", "test"))
ONE_THING = "The same picture cannot be two things. Say what it shows, or drop it."
# Of a whole series: nobody should move that without a look at each.
DETAIL = (
    "If a small detail tells them apart, such as a scratch or a light that is on, ignore this. If nothing does, the same picture "
    "cannot be two things: say what each shows, or drop it."
)


def alike(dataset: Dataset, kin: Kin) -> list[Finding]:
    """All findings about pictures that are alike."""
    groups: dict[int, list[int]] = defaultdict(list)
    for i, group in enumerate(kin.groups):
        if group is not None:
            groups[group].append(i)
    members = list(groups.values())
    return [
        *_conflicts(dataset, kin),
        *_leaks(dataset, kin, members),
        *_series(dataset, kin, members),
        *_copies(dataset, kin, members),
    ]


def _clusters(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """What hangs together by pairs, each cluster and all of them in order of the first picture."""
    home: dict[int, list[int]] = {}
    for a, b in pairs:
        one, other = home.setdefault(a, [a]), home.setdefault(b, [b])
        if one is not other:
            one += other
            home.update(dict.fromkeys(other, one))
    unique = {id(cluster): sorted(cluster) for cluster in home.values()}
    return sorted(unique.values())


def _same_files(dataset: Dataset) -> list[tuple[int, int]]:
    """Pairs of the very same file (a blank one has no look to compare)."""
    first: dict[str, int] = {}
    same = [(first.setdefault(s.sha256, i), i) for i, s in enumerate(dataset.samples)]
    return [(a, b) for a, b in same if a != b]


def _pairs(dataset: Dataset, kin: Kin) -> list[tuple[int, int]]:
    """Near-copies, and the very same files."""
    return [*((int(a), int(b)) for a, b in kin.near), *_same_files(dataset)]


def _conflicts(dataset: Dataset, kin: Kin) -> list[Finding]:
    """The same picture in more than one class."""
    label = [s.label for s in dataset.samples]
    # The same file first: it is beyond doubt, and without it a series of its neighbors may be none of two classes any more.
    clusters = _clusters(pair for pair in _same_files(dataset) if label[pair[0]] != label[pair[1]])
    settled = {i for cluster in clusters for i in cluster}
    near = [(int(a), int(b)) for a, b in kin.near if label[a] != label[b]]
    clusters += _clusters(pair for pair in near if settled.isdisjoint(pair))
    short = [cluster for cluster in clusters if len(cluster) < SERIES_LENGTH]
    long = [cluster for cluster in clusters if len(cluster) >= SERIES_LENGTH]
    return [*_conflict(dataset, short), *_conflict(dataset, long, long=True)]


def _conflict(dataset: Dataset, clusters: Sequence[list[int]], *, long: bool = False) -> list[Finding]:
    """One finding about clusters that lie in more than one class: single photos, or whole series."""
    if not clusters:
        return []
    cases = []
    for cluster in clusters[:MAX_CASES]:
        names = quoted(dataset.class_names[k] for k in sorted({dataset.samples[i].label for i in cluster}))
        cases.append(Case(tuple(some(cluster)), f"in {names}", () if long else _decisions(dataset, cluster)))
    n, everything = len(clusters), tuple(sorted(i for cluster in clusters for i in cluster))
    files = len(everything)
    title = f"{count(n, 'picture lies', 'pictures lie')} in more than one class ({files:,} files)"
    words = ONE_THING
    if long:
        title, words = f"{files:,} photos of different classes look nearly the same", DETAIL
    return [
        Finding(
            "conflict",
            "warn" if long else "bad",
            title,
            words,
            "conflicting labels",
            everything,
            cases=tuple(cases),
            n_cases=n,
            actions=(Action(f"Drop all {files:,} files", "drop", everything),) if n > 1 and not long else (),
        )
    ]


def _decisions(dataset: Dataset, cluster: Sequence[int]) -> tuple[Action, ...]:
    """One click per class, and one to drop."""
    label = {i: dataset.samples[i].label for i in cluster}
    moves = [
        Action(f"It is {dataset.class_names[k]}", "move", tuple(i for i in cluster if label[i] != k), k)
        for k in sorted(set(label.values()))
    ]
    return (*moves, Action("Drop", "drop", tuple(cluster)))


@dataclass(frozen=True)
class _Dealt:
    """Pictures that check with frames of their own series that were seen before, and all that those series have taught.

    Attributes:
        frames: the nearest frames before and after it, by the picture that checks.
    """

    frames: dict[int, list[int]]
    taught: set[int]


def _leaks(dataset: Dataset, kin: Kin, members: Sequence[list[int]]) -> list[Finding]:
    """Pictures of given val or test folders that have a near-copy in train, and such of test in val, which chooses the model."""
    if not {s.split for s in dataset.samples} & {"val", "test"}:
        return []
    part = _parts(dataset)
    copies: dict[str, dict[int, list[int]]] = {"train": defaultdict(list), "val": defaultdict(list)}
    for a, b in [*_pairs(dataset, kin), *((int(a), int(b)) for a, b in kin.turned)]:
        for seen, check in ((a, b), (b, a)):
            if (part[seen], part[check]) in CHECKS:
                copies[part[seen]][check].append(seen)
    dealt = _dealt_out(dataset, members, part)
    return [_leak(dataset, seen, found, dealt[seen]) for seen, found in copies.items() if found or dealt[seen].frames]


def _parts(dataset: Dataset) -> list[str]:
    """The part of each picture; what was added to given folders later has none of its own and is learned from."""
    return [s.split or "train" for s in dataset.samples]


def _dealt_out(dataset: Dataset, members: Sequence[list[int]], part: Sequence[str]) -> dict[str, _Dealt]:
    """Series that lie in a part that is seen before and in one that checks, by the former."""
    dealt = {"train": _Dealt({}, set()), "val": _Dealt({}, set())}
    for group in members:
        if not _is_series(dataset, group):
            continue
        order = sorted(group, key=lambda i: natural(dataset.samples[i].name.rpartition("/")[2]))
        for seen, check in CHECKS:
            before = [n for n, i in enumerate(order) if part[i] == seen]
            checks = [n for n, i in enumerate(order) if part[i] == check] if before else []
            for n in checks:
                k = bisect.bisect(before, n)
                dealt[seen].frames[order[n]] = [order[m] for m in before[max(0, k - SHOWN // 2) : k + SHOWN // 2]]
            dealt[seen].taught.update(order[n] for n in (before if checks else ()))
    return dealt


def _leak(dataset: Dataset, seen: str, copies: Mapping[int, Sequence[int]], dealt: _Dealt) -> Finding:
    """Pictures that check (keys) with their near-copies, or with frames of their series, in the part that is `seen` before."""
    whole, parts = {**dealt.frames, **copies}, _parts(dataset)
    drop = tuple(sorted(dealt.taught.union(*copies.values())))
    folders = quoted(sorted({parts[i] for i in whole}, reverse=True))
    cases = [Case((check, *mine[: SHOWN - 1]), f"{parts[check]} beside {seen}") for check, mine in sorted(whole.items())]
    n, words = len(whole), "It would be asked what it has already seen, and the result would look better than it is."
    has = count(n, "photo of " + folders + " has", "photos of " + folders + " have")
    actions: tuple[Action, ...] = (Action(f"Drop {count(len(drop), 'photo')} from {seen}", "drop", drop),)
    if _guts(dataset, drop):
        actions = ()
        words += f" Put whole series into one folder, or give the photos without {folders}: then we split them for you."
    return Finding(
        "leak",
        "bad",
        f"{has} a near-copy in ‘{seen}’" + (", or a series goes on there" if dealt.frames else ""),
        words,
        "data leak",
        tuple(sorted({*whole, *drop})),
        cases=tuple(cases[:MAX_CASES]),
        n_cases=n,
        actions=actions,
    )


def _guts(dataset: Dataset, drop: Sequence[int]) -> bool:
    """Whether a class would lose more than half of the photos of its part."""
    homes = [(sample.label, part) for sample, part in zip(dataset.samples, _parts(dataset), strict=True)]
    sizes, lost = Counter(homes), Counter(homes[i] for i in drop)
    return any(2 * lost[home] > sizes[home] for home in lost)


def _series(dataset: Dataset, kin: Kin, groups: Sequence[list[int]]) -> list[Finding]:
    """Bursts: many pictures of one thing, one after the other."""
    samples = dataset.samples
    series = sorted((g for g in groups if _is_series(dataset, g)), key=len, reverse=True)
    if not series:
        return []
    everything = tuple(sorted(i for members in series for i in members))
    cases = []
    for members in series[:MAX_CASES]:
        order = sorted(members, key=lambda i: natural(samples[i].name))
        names = quoted(sorted({dataset.class_names[samples[i].label] for i in members}))
        cases.append(Case(tuple(some(order)), f"{len(members):,} of {names}"))
    return [
        Finding(
            "series",
            "warn",
            f"{len(everything):,} photos belong to {count(len(series), 'series', 'series')}",
            _series_words(dataset),
            "bursts",
            everything,
            cases=tuple(cases),
            n_cases=len(series),
            actions=_thin_out(dataset, kin, series),
        )
    ]


def _is_series(dataset: Dataset, group: Sequence[int]) -> bool:
    """Whether they were taken one after the other. A camera does not change its size from one picture to the next: copies do."""
    sizes = {(o.width, o.height) for i in group if (o := dataset.samples[i].original)}
    return len(group) >= SERIES_LENGTH and 2 * len(sizes) <= len(group)


def _series_words(dataset: Dataset) -> str:
    words = "They were taken one after the other, as a webcam does. A random split would put near-copies on both sides, and the "
    words += "result would look better than it is"
    if any(s.split == "val" for s in dataset.samples):
        return words + ". Your own folders are kept as they are."
    return words + "; so we keep each series on one side. Where a class is one long series, its last part checks."


def _thin_out(dataset: Dataset, kin: Kin, series: Sequence[list[int]]) -> tuple[Action, ...]:
    """Of every class in a series, keep one photo of every run of near-copies."""
    near: dict[int, set[int]] = defaultdict(set)
    for a, b in kin.near:
        near[int(a)].add(int(b))
        near[int(b)].add(int(a))
    shelves: dict[tuple[int, int], list[int]] = defaultdict(list)
    for n, members in enumerate(series):
        for i in members:
            if dataset.samples[i].split in (None, "train"):  # what checks stays as it is
                shelves[n, dataset.samples[i].label].append(i)
    drop: list[int] = []
    for members in shelves.values():
        order = sorted(members, key=lambda i: natural(dataset.samples[i].name))
        kept: set[int] = set(order[:: max(1, len(order) // KEPT)][:KEPT])
        for i in order:
            if not near[i] & kept:
                kept.add(i)
        drop += [i for i in order if i not in kept]
    words = f"Drop {count(len(drop), 'photo')} that look like another"
    return (Action(words, "drop", tuple(sorted(drop))),) if drop else ()


def _copies(dataset: Dataset, kin: Kin, groups: Sequence[list[int]]) -> list[Finding]:
    """A few near-copies within a class and a given part; series, conflicts and leaks have their own findings."""
    samples, turned = dataset.samples, set(kin.turned.reshape(-1).tolist())
    given = any(s.split for s in samples)
    part = [s.split or ("train" if given else None) for s in samples]
    twins = [g for g in groups if not _is_series(dataset, g) and len({(samples[i].label, part[i]) for i in g}) == 1]
    if not twins:
        return []
    cases: list[Case] = []
    drop: list[int] = []
    for members in twins:
        extra = tuple(i for i in members if i != max(members, key=lambda i: (_area(samples[i].original), -i)))
        drop += extra
        same = len({samples[i].sha256 for i in members}) == 1
        how = "the same file" if same else "mirrored or turned" if turned.issuperset(members) else "nearly the same"
        caption = f"{dataset.class_names[samples[members[0]].label]}: {how}"
        cases.append(Case(tuple(members), caption, (Action("Keep one", "drop", extra),)))
    n = len(drop)
    return [
        Finding(
            "copies",
            "warn",
            f"{count(n, 'photo is a near-copy', 'photos are near-copies')} of another",
            "A copy teaches nothing new. We keep copies on one side of the split, so that the check stays fair.",
            "near-duplicates",
            tuple(sorted(i for members in twins for i in members)),
            cases=tuple(cases[:MAX_CASES]),
            n_cases=len(cases),
            actions=(Action(f"Drop {'the copy' if n == 1 else f'the {n:,} copies'}", "drop", tuple(sorted(drop))),),
        )
    ]


def _area(original: Original | None) -> int:
    return original.width * original.height if original else 0
