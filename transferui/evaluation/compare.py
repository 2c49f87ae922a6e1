"""Is one run better than another? Asked picture by picture, on the validation pictures that all of them have answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

RESAMPLES = 10_000
# Chance results rarer than this count as a difference.
ALPHA = 0.05


Results = Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """Two runs A and B on the same pictures.

    Attributes:
        difference: accuracy of B minus accuracy of A, -1 to 1, with a 95 % interval from low to high.
        better, worse: pictures that only B, and that only A, has answered right.
        p_value: McNemar's exact test, two-sided; corrected for the number of pairs when there are more than two runs.
        verdict: ``b_better``, ``a_better`` or ``no_clear_difference``.
    """

    n: int
    difference: float
    low: float
    high: float
    better: int
    worse: int
    p_value: float
    verdict: str


@dataclass(frozen=True)
class Ranking:
    """Several runs on the same pictures, each held against the best of them.

    Attributes:
        n: pictures that all runs have answered.
        accuracies: of every run on these pictures, 0 to 1.
        best: position of the run with most right answers; the first of equals.
        against: position of every other run and its comparison with the best one (A is the other, B the best).
    """

    n: int
    accuracies: tuple[float, ...]
    best: int
    against: tuple[tuple[int, Comparison], ...]


def compare_answers(right_a: Sequence[bool], right_b: Sequence[bool]) -> Comparison:
    """McNemar's exact test and a paired bootstrap over pictures.

    A difference is called one only when test and interval agree.
    Source: Q. McNemar, 1947, Note on the sampling error of the difference between correlated proportions.

    Raises:
        ValueError: when there is no picture, or not the same number of answers.
    """
    if len(right_a) != len(right_b) or not len(right_a):
        raise ValueError("both runs must have answered the same pictures")
    from scipy.stats import binomtest  # noqa: PLC0415 - half a second that a page without a comparison does not need

    n = len(right_a)
    gain = np.asarray(right_b, dtype=int) - np.asarray(right_a, dtype=int)
    worse, better = int((gain < 0).sum()), int((gain > 0).sum())
    p_value = float(binomtest(better, better + worse).pvalue) if better + worse else 1.0
    # Resampling pictures only changes how many of the three kinds are drawn, so the counts are drawn at once.
    counts = np.random.default_rng(0).multinomial(n, [worse / n, better / n, (n - worse - better) / n], size=RESAMPLES)
    low, high = np.quantile((counts[:, 1] - counts[:, 0]) / n, [0.025, 0.975])
    found = Comparison(n, float(gain.mean()), float(low), float(high), better, worse, p_value, "")
    return replace(found, verdict=_verdict(found, p_value))


def _verdict(found: Comparison, p_value: float) -> str:
    if p_value >= ALPHA or found.low <= 0 <= found.high:
        return "no_clear_difference"
    return "b_better" if found.low > 0 else "a_better"


def rank_runs(results: Sequence[Results]) -> Ranking | None:
    """Hold two or more results.json against the best of them; None when they share no picture or other photos were used.

    Which run is best was seen on the same pictures, so the correction counts every pair, not only those with the best one:
    after it the chance that any difference is called one by luck stays below 5 %.
    """
    answers = _answers(results)
    if not answers or len(answers) < 2:
        return None
    scores, n = [sum(row) for row in answers], len(answers[0])
    best = scores.index(max(scores))
    return Ranking(n, tuple(score / n for score in scores), best, tuple(against_best(answers, best).items()))


def against_best(answers: Sequence[Sequence[bool]], best: int) -> dict[int, Comparison]:
    """Every other row of right answers against the best one (A is the other, B the best), corrected for the number of all pairs.

    Which one is best was seen on the same pictures, so it is not enough to count the pairs with it.
    """
    pairs = {(i, j): compare_answers(answers[i], answers[j]) for i, j in combinations(range(len(answers)), 2)}
    corrected = dict(zip(pairs, holm([pair.p_value for pair in pairs.values()]), strict=True))
    against = {}
    for other in range(len(answers)):
        if other != best:
            found = compare_answers(answers[other], answers[best])
            p_value = corrected[min(other, best), max(other, best)]
            against[other] = replace(found, p_value=p_value, verdict=_verdict(found, p_value))
    return against


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


def same_photos(results: Sequence[Results]) -> list[list[int]]:
    """Positions of the runs that were checked with the same photos, the largest group first."""
    groups: dict[str, list[int]] = {}
    for i, values in enumerate(results):
        groups.setdefault(str(values["dataset_fingerprint"]), []).append(i)
    return sorted(groups.values(), key=len, reverse=True)


def _answers(results: Sequence[Results]) -> list[list[bool]] | None:
    """Right or wrong by run, for the pictures that all have answered, in the same order; None when there is none."""
    if len(same_photos(results)) != 1:
        return None
    by_run = [{_photo(item): item["true"] == item["predicted"] for item in values["val_items"]} for values in results]
    shared = sorted(set.intersection(*(set(right) for right in by_run)))
    return [[right[i] for i in shared] for right in by_run] if shared else None


def _photo(item: Mapping[str, Any]) -> str:
    """What a picture goes by: class and content, since the same pictures may lie in another order; in old runs its place."""
    return f"{item['true']} {item['photo']}" if "photo" in item else str(item["sample"])
