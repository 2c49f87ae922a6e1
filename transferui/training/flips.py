"""Is a gain more than chance? Were it chance, every photo, or series of photos, could as well have lost what it gained.

Sources: R. Fisher, 1935, The design of experiments (flipping signs); P. Westfall and S. Young, 1993, Resampling-based multiple
testing (several questions about the same photos, by the largest of their answers).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

RESAMPLES = 10_000
# So many signs are drawn at once: with thousands of photos all of them would not fit.
PORTION = 500
# So few units have few enough ways to be flipped to look at every one.
FEW = 13
# Sums that differ by less are equal but for rounding.
ROUNDING = 1e-9


def by_chance(gains: np.ndarray) -> np.ndarray:
    """How often chance alone would look as good, for several questions that are asked of the same units.

    Each question's sum is held against its own size, and the largest of all questions against each of them, so that asking more
    questions makes nothing easier; questions with nearly the same answers count nearly as one.

    Args:
        gains: (Q, U) what each of U units (photos, or whole series) gained in each of Q questions.

    Returns:
        (Q,) one-sided p-values, corrected for the number of questions; 1 where nothing changed.
    """
    gains = np.asarray(gains, dtype=float)
    gains = gains[:, gains.any(axis=0)]
    sizes = np.sqrt((gains**2).sum(axis=1))
    answers = np.ones(len(gains))
    if not (asked := sizes > 0).any():
        return answers
    shares = gains[asked] / sizes[asked, None]
    units = gains.shape[1]
    largest = np.concatenate([(signs @ shares.T).max(axis=1) for signs in _signs(units)])
    as_good = (largest[:, None] >= shares.sum(axis=1) - ROUNDING).sum(axis=0)
    answers[asked] = as_good / 2**units if units <= FEW else (1 + as_good) / (1 + RESAMPLES)
    return answers


def _signs(units: int) -> Iterator[np.ndarray]:
    """Signs (n, units): all there are of a few units, else many that were drawn."""
    if units <= FEW:
        yield np.array(list(product((1, -1), repeat=units)))
        return
    rng = np.random.default_rng(0)
    for _ in range(RESAMPLES // PORTION):
        yield 2 * rng.integers(2, size=(PORTION, units), dtype=np.int8) - 1
