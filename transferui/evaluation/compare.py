"""Is one run better than another? Asked picture by picture, on the validation pictures that both have answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 10_000
# Chance results rarer than this count as a difference.
ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """Two runs A and B on the same pictures.

    Attributes:
        difference: accuracy of B minus accuracy of A, -1 to 1, with a 95 % interval from low to high.
        p_value: McNemar's exact test, two-sided.
        verdict: ``b_better``, ``a_better`` or ``no_clear_difference``.
    """

    n: int
    difference: float
    low: float
    high: float
    p_value: float
    verdict: str


def compare_answers(right_a: Sequence[bool], right_b: Sequence[bool], seed: int = 0) -> Comparison:
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
    counts = np.random.default_rng(seed).multinomial(n, [worse / n, better / n, (n - worse - better) / n], size=RESAMPLES)
    low, high = np.quantile((counts[:, 1] - counts[:, 0]) / n, [0.025, 0.975])
    verdict = "no_clear_difference"
    if p_value < ALPHA and (low > 0 or high < 0):
        verdict = "b_better" if low > 0 else "a_better"
    return Comparison(n, float(gain.mean()), float(low), float(high), p_value, verdict)


def compare_runs(a: Mapping[str, Any], b: Mapping[str, Any]) -> Comparison | None:
    """Compare two results.json on the validation pictures they share; None when they share none or other photos were used."""
    if a["dataset_fingerprint"] != b["dataset_fingerprint"]:
        return None
    first, second = _right(a), _right(b)
    shared = sorted(first.keys() & second.keys())
    return compare_answers([first[i] for i in shared], [second[i] for i in shared]) if shared else None


def _right(results: Mapping[str, Any]) -> dict[int, bool]:
    return {int(item["sample"]): item["true"] == item["predicted"] for item in results["val_items"]}
