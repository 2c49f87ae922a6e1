"""Is one run better than another? Asked picture by picture, on the validation pictures that all of them have answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from transferui.training.flips import RESAMPLES, by_chance

# Where every draw needs a row of its own, so many are made at once: with thousands of photos all of them would not fit.
PORTIONS = (500,) * (RESAMPLES // 500)
# Chance results rarer than this count as a difference.
ALPHA = 0.05
# Photos in common that make runs comparable when not all of them are. McNemar's test needs six that only one run has right, so
# that fewer than ten could hardly ever show a difference; and less than half of the smaller part would stand for another task.
FEWEST, PART = 10, 0.5

Results = Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """Two runs A and B on the same pictures.

    Attributes:
        difference: accuracy of B minus accuracy of A, -1 to 1, with a 95 % interval from low to high.
        better, worse: pictures that only B, and that only A, has answered right.
        p_value: McNemar's exact test, two-sided; corrected for the number of pairs when there are more than two runs.
        verdict: ``b_better``, ``a_better`` or ``no_clear_difference``.
        units: pictures that stand alone and groups of such as belong together; `n` when all stand alone.
    """

    n: int
    difference: float
    low: float
    high: float
    better: int
    worse: int
    p_value: float
    verdict: str
    units: int


@dataclass(frozen=True)
class Ranking:
    """Several runs on the same pictures, each held against the best of them.

    Attributes:
        n: pictures that all runs have answered.
        accuracies: of every run on these pictures, 0 to 1.
        best: position of the run with most right answers; the first of equals.
        against: position of every other run and its comparison with the best one (A is the other, B the best).
        left_out: pictures that all have answered, but that taught one of them or a model before it.
        others: positions of two runs, the clearly better one first, where neither is the best: a run may be clearly worse than
            the second without being clearly worse than the best, if that one fails on other pictures.
    """

    n: int
    accuracies: tuple[float, ...]
    best: int
    against: tuple[tuple[int, Comparison], ...]
    left_out: int = 0
    others: tuple[tuple[int, int], ...] = ()


def compare_answers(right_a: Sequence[bool], right_b: Sequence[bool], groups: Sequence[object] | None = None) -> Comparison:
    """McNemar's exact test and a paired bootstrap over pictures; where some belong together, both over what belongs together.

    A difference is called one only when test and interval agree. Frames of a series stand or fall together: taken one by one,
    a single lucky scene would look like proof.

    Args:
        groups: (n,) the group of each picture; every picture alone when it is left out.

    Sources: Q. McNemar, 1947, Note on the sampling error of the difference between correlated proportions; for groups the sign
    of each group's gain is flipped, as in M. Eliasziw and A. Donner, 1991, Application of the McNemar test to non-independent
    matched pair data, but by permutation.

    Raises:
        ValueError: when there is no picture, or not the same number of answers.
    """
    if len(right_a) != len(right_b) or not len(right_a):
        raise ValueError("both runs must have answered the same pictures")
    n = len(right_a)
    gain = np.asarray(right_b, dtype=int) - np.asarray(right_a, dtype=int)
    worse, better = int((gain < 0).sum()), int((gain > 0).sum())
    units = len(set(groups)) if groups is not None else n
    if groups is None or units == n:
        p_value, (low, high) = _exact(better, worse), _reach(n, better, worse)
    else:
        where = {group: at for at, group in enumerate(dict.fromkeys(groups))}
        home = np.array([where[group] for group in groups])
        gains, sizes = np.bincount(home, weights=gain), np.bincount(home)
        p_value, (low, high) = _flipped(gains), _reach_of_groups(gains, sizes)
    found = Comparison(n, float(gain.mean()), low, high, better, worse, p_value, "", units)
    return replace(found, verdict=_verdict(found, p_value))


def _exact(better: int, worse: int) -> float:
    """McNemar's p-value: how often a fair coin is at least as uneven over the pictures that only one of both has right."""
    from scipy.stats import binomtest  # noqa: PLC0415 - half a second that a page without a comparison does not need

    return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0


def _reach(n: int, better: int, worse: int) -> tuple[float, float]:
    """The 95 % interval of the difference; resampling pictures only changes how many of the three kinds are drawn."""
    shares = [worse / n, better / n, (n - worse - better) / n]
    counts = np.random.default_rng(0).multinomial(n, shares, size=RESAMPLES)
    low, high = np.quantile((counts[:, 1] - counts[:, 0]) / n, [0.025, 0.975])
    return float(low), float(high)


def _flipped(gains: np.ndarray) -> float:
    """How often the sum of the groups' gains (G,) is at least as far from zero when each gain's sign is a coin's, two-sided."""
    return float(by_chance(np.stack([gains, -gains])).min())


def _reach_of_groups(gains: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the difference when whole groups (G,) are drawn again."""
    rng = np.random.default_rng(0)
    drawn = (rng.integers(len(gains), size=(some, len(gains))) for some in PORTIONS)
    shares = np.concatenate([gains[some].sum(axis=1) / sizes[some].sum(axis=1) for some in drawn])
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(low), float(high)


def _verdict(found: Comparison, p_value: float) -> str:
    if p_value >= ALPHA or found.low <= 0 <= found.high:
        return "no_clear_difference"
    return "b_better" if found.low > 0 else "a_better"


def rank_runs(results: Sequence[Results], learned: Sequence[Collection[str]] = ()) -> Ranking | None:
    """Hold two or more results.json against the best of them; None when they cannot be compared (`same_photos`).

    Which run is best was seen on the same pictures, so the correction counts every pair, not only those with the best one:
    after it the chance that any difference is called one by luck stays below 5 %.

    Args:
        learned: content of the pictures that taught each run and the models before it, as `val_items` name it; they do not count.
    """
    common = _common(results, learned) if len(results) > 1 else None
    if common is None:
        return None
    answers = [[common.right[run][photo] for photo in common.photos] for run in range(len(results))]
    scores, n = [sum(row) for row in answers], len(common.photos)
    best = scores.index(max(scores))
    pairs = _pairs(answers, best, [common.series.get(photo, photo) for photo in common.photos])
    others = tuple(sorted((b, a) for (a, b), found in pairs.items() if b != best and found.verdict == "b_better"))
    against = _with(best, pairs)
    return Ranking(n, tuple(score / n for score in scores), best, tuple(against.items()), common.left_out, others)


def against_best(answers: Sequence[Sequence[bool]], best: int, groups: Sequence[object] | None = None) -> dict[int, Comparison]:
    """Every other row of right answers against the best one (A is the other, B the best), corrected for the number of all pairs.

    Which one is best was seen on the same pictures, so it is not enough to count the pairs with it.
    """
    return _with(best, _pairs(answers, best, groups))


def _with(best: int, pairs: Mapping[tuple[int, int], Comparison]) -> dict[int, Comparison]:
    return {a: found for (a, b), found in sorted(pairs.items()) if b == best}


def _pairs(answers: Sequence[Sequence[bool]], best: int, groups: Sequence[object] | None) -> dict[tuple[int, int], Comparison]:
    """Every two rows of right answers, corrected for their number; the second has more of them right or is the best one."""
    order = sorted(range(len(answers)), key=lambda i: (i == best, sum(answers[i])))
    pairs = {(a, b): compare_answers(answers[a], answers[b], groups) for a, b in combinations(order, 2)}
    corrected = zip(pairs.items(), holm([found.p_value for found in pairs.values()]), strict=True)
    return {pair: replace(found, p_value=p_value, verdict=_verdict(found, p_value)) for (pair, found), p_value in corrected}


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number, in the order given.

    Source: S. Holm, 1979, A simple sequentially rejective multiple test procedure.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = highest
    return corrected


def same_photos(results: Sequence[Results], learned: Sequence[Collection[str]] = ()) -> list[list[int]]:
    """Positions of runs that can be compared, the largest group first.

    They tell the same classes apart (`same_classes`) and were checked with the same photos, or with enough of the same
    (`FEWEST`, `PART`): a set from which one photo was taken away is another set, but what both runs were checked with is as good
    a test as before.

    Args:
        learned: as in `rank_runs`.
    """
    groups: list[list[int]] = []
    for i in range(len(results)):
        for group in groups:
            some = [*group, i]
            if _common([results[k] for k in some], [learned[k] for k in some] if learned else ()):
                group.append(i)
                break
        else:
            groups.append([i])
    return sorted(groups, key=len, reverse=True)


@dataclass(frozen=True)
class _Common:
    """The photos that runs are compared on, in one order.

    Attributes:
        right: whether each run has answered each of its photos right.
        series: the group of a photo that belongs to one.
    """

    photos: list[str]
    right: list[dict[str, bool]]
    series: dict[str, str]
    left_out: int


def same_classes(one: Results, other: Results) -> dict[int, int] | None:
    """Which class of `one` each class of `other` is; None when they tell different classes apart.

    The photos that both were checked with show it, so that a class may have been given another name. Where they have none of a
    class in common its name must say it, and where they contradict each other, because photos were moved, all names must.
    """
    names, others = list(one.get("classes", ())), list(other.get("classes", ()))
    labels, other_labels = _labels(one), _labels(other)
    shown = {(other_labels[photo], labels[photo]) for photo in labels.keys() & other_labels.keys()}
    unseen = set(range(len(others))) - {theirs for theirs, _ in shown}
    pairs = shown | {(theirs, names.index(others[theirs])) for theirs in unseen if others[theirs] in names}
    found = dict(pairs)
    if len(pairs) == len(found) == len(set(found.values())) == len(names) == len(others):
        return found
    return {theirs: names.index(name) for theirs, name in enumerate(others)} if sorted(names) == sorted(others) else None


def _labels(results: Results) -> dict[str, int]:
    """Class of every validation photo by content; photos that lie in more than one class tell nothing."""
    pairs = {(str(item["photo"]), int(item["true"])) for item in results.get("val_items", ()) if "photo" in item}
    times = Counter(photo for photo, _ in pairs)
    return {photo: label for photo, label in pairs if times[photo] == 1}


def _common(results: Sequence[Results], learned: Sequence[Collection[str]]) -> _Common | None:
    """What all of these runs have answered, if it is enough to compare them."""
    by_content = all("photo" in item for values in results for item in values["val_items"])
    classes = [same for values in results if (same := same_classes(results[0], values)) is not None]
    if len(classes) < len(results) or (len({values["dataset_fingerprint"] for values in results}) > 1 and not by_content):
        return None
    items = [
        {_photo(item, same, by_content): item for item in values["val_items"]}
        for values, same in zip(results, classes, strict=True)
    ]
    everywhere = set.intersection(*(set(mine) for mine in items))
    taught = set().union(*learned)
    photos = sorted(photo for photo in everywhere if items[0][photo].get("photo") not in taught)
    sizes = [len(mine) for mine in items]
    if not photos or (len(photos) < max(sizes) and len(photos) < max(FEWEST, PART * min(sizes))):
        return None
    right = [{photo: item["true"] == item["predicted"] for photo, item in mine.items()} for mine in items]
    series = {photo: f"group {item['group']}" for photo, item in items[0].items() if "group" in item}
    return _Common(photos, right, series, len(everywhere) - len(photos))


def _photo(item: Mapping[str, Any], classes: Mapping[int, int], by_content: bool) -> str:
    """What a picture goes by: class and content, since the same pictures may lie in another order; in old runs its place."""
    return f"{classes.get(item['true'], item['true'])} {item['photo']}" if by_content else str(item["sample"])
