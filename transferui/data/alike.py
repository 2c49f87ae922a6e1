"""Findings about pictures that are alike: in two classes, on both sides of given folders, in series, or just twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from transferui.data.dataset import Dataset
from transferui.data.findings import MAX_CASES, SHOWN, Action, Case, Finding, count, quoted, some
from transferui.data.images import Original
from transferui.data.similar import SERIES_LENGTH, Kin, natural

# A thinned series keeps at least so many photos.
KEPT = 10


def alike(dataset: Dataset, kin: Kin) -> list[Finding]:
    """All findings about pictures that are alike."""
    groups: dict[int, list[int]] = defaultdict(list)
    for i, group in enumerate(kin.groups):
        if group is not None:
            groups[group].append(i)
    members = list(groups.values())
    return [*_conflicts(dataset, kin), *_leaks(dataset, kin), *_series(dataset, kin, members), *_copies(dataset, kin, members)]


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


def _pairs(dataset: Dataset, kin: Kin) -> list[tuple[int, int]]:
    """Near-copies, and the very same files (a blank one has no look to compare)."""
    first: dict[str, int] = {}
    same = [(first.setdefault(s.sha256, i), i) for i, s in enumerate(dataset.samples)]
    return [*((int(a), int(b)) for a, b in kin.near), *((a, b) for a, b in same if a != b)]


def _conflicts(dataset: Dataset, kin: Kin) -> list[Finding]:
    """The same picture in two classes."""
    label = [s.label for s in dataset.samples]
    clusters = _clusters(pair for pair in _pairs(dataset, kin) if label[pair[0]] != label[pair[1]])
    if not clusters:
        return []
    cases = []
    for cluster in clusters[:MAX_CASES]:
        names = quoted(dataset.class_names[k] for k in sorted({label[i] for i in cluster}))
        cases.append(Case(tuple(some(cluster)), f"in {names}", _decisions(dataset, cluster)))
    n, everything = len(clusters), tuple(sorted(i for cluster in clusters for i in cluster))
    long = any(len(cluster) >= SERIES_LENGTH for cluster in clusters)
    title = f"{len(everything):,} photos of different classes look the same" if long else ""
    return [
        Finding(
            "conflict",
            "bad",
            title or f"{count(n, 'photo is', 'photos are')} in two classes at once",
            "The same picture cannot be two things. Say what it shows, or drop it.",
            "conflicting labels",
            everything,
            cases=tuple(cases),
            n_cases=n,
            actions=(Action(f"Drop all {len(everything):,}", "drop", everything),) if n > 1 and not long else (),
        )
    ]


def _decisions(dataset: Dataset, cluster: Sequence[int]) -> tuple[Action, ...]:
    """One click per class, and one to drop; none for a whole series, which nobody should move without a look at each."""
    if len(cluster) >= SERIES_LENGTH:
        return ()
    label = {i: dataset.samples[i].label for i in cluster}
    moves = [
        Action(f"It is {dataset.class_names[k]}", "move", tuple(i for i in cluster if label[i] != k), k)
        for k in sorted(set(label.values()))
    ]
    return (*moves, Action("Drop", "drop", tuple(cluster)))


def _leaks(dataset: Dataset, kin: Kin) -> list[Finding]:
    """Pictures of given val or test folders that have a near-copy in train, and such of test in val, which chooses the model."""
    if not {s.split for s in dataset.samples} & {"val", "test"}:
        return []
    # What was added to given folders later has no part of its own and is learned from.
    part = [s.split or "train" for s in dataset.samples]
    copies: dict[str, dict[int, list[int]]] = {"train": defaultdict(list), "val": defaultdict(list)}
    for a, b in [*_pairs(dataset, kin), *((int(a), int(b)) for a, b in kin.mirrored)]:
        for seen, check in ((a, b), (b, a)):
            if (part[seen], part[check]) in (("train", "val"), ("train", "test"), ("val", "test")):
                copies[part[seen]][check].append(seen)
    return [_leak(dataset, seen, found) for seen, found in copies.items() if found]


def _leak(dataset: Dataset, seen: str, copies: Mapping[int, Sequence[int]]) -> Finding:
    """Pictures that check (keys) with their near-copies in the part that is `seen` before."""
    drop = tuple(sorted({i for mine in copies.values() for i in mine}))
    parts = {i: dataset.samples[i].split or "train" for i in copies}
    folders = quoted(sorted(set(parts.values()), reverse=True))
    cases = [Case((check, *mine[: SHOWN - 1]), f"{parts[check]} beside {seen}") for check, mine in sorted(copies.items())]
    n = len(copies)
    return Finding(
        "leak",
        "bad",
        f"{count(n, 'photo of ' + folders + ' has', 'photos of ' + folders + ' have')} a near-copy in ‘{seen}’",
        "It would be asked what it has already seen, and the result would look better than it is.",
        "data leak",
        tuple(sorted({*copies, *drop})),
        cases=tuple(cases[:MAX_CASES]),
        n_cases=n,
        actions=(Action(f"Drop {count(len(drop), 'photo')} from {seen}", "drop", drop),),
    )


def _series(dataset: Dataset, kin: Kin, groups: Sequence[list[int]]) -> list[Finding]:
    """Bursts: many pictures of one thing, one after the other."""
    samples = dataset.samples
    series = sorted((g for g in groups if len(g) >= SERIES_LENGTH), key=len, reverse=True)
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


def _series_words(dataset: Dataset) -> str:
    words = "They were taken one after the other, as a webcam does. A random split would put near-copies on both sides, and the "
    words += "result would look better than it is"
    if any(s.split == "val" for s in dataset.samples):
        return words + ". Your own folders are kept as they are."
    return words + "; so we keep each series on one side."


def _thin_out(dataset: Dataset, kin: Kin, series: Sequence[list[int]]) -> tuple[Action, ...]:
    """Keep one photo of every run of near-copies."""
    near: dict[int, set[int]] = defaultdict(set)
    for a, b in kin.near:
        near[int(a)].add(int(b))
        near[int(b)].add(int(a))
    drop: list[int] = []
    for members in series:
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
    samples, mirrored = dataset.samples, set(kin.mirrored.reshape(-1).tolist())
    given = any(s.split for s in samples)
    part = [s.split or ("train" if given else None) for s in samples]
    twins = [g for g in groups if len(g) < SERIES_LENGTH and len({(samples[i].label, part[i]) for i in g}) == 1]
    if not twins:
        return []
    cases: list[Case] = []
    drop: list[int] = []
    for members in twins:
        extra = tuple(i for i in members if i != max(members, key=lambda i: (_area(samples[i].original), -i)))
        drop += extra
        same = len({samples[i].sha256 for i in members}) == 1
        how = "the same file" if same else "mirror images" if mirrored.issuperset(members) else "nearly the same"
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
