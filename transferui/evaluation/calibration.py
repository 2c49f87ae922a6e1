"""Confidence that means what it says: a temperature for the logits, and how far confidence and truth are apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from transferui.evaluation.shown import BINS
from transferui.training.temperature import COLDEST, HOTTEST, best_temperature

__all__ = ["COLDEST", "HOTTEST", "calibration_error", "error_by_chance", "fit_temperature"]

# Parts of the photos; each is judged at the temperature of the others.
FOLDS = 5
# Draws from which the error by chance is read.
DRAWS = 200


def fit_temperature(logits: Tensor, labels: Sequence[int]) -> float:
    """The temperature by which logits (N, K) are divided for the lowest mean cross-entropy, from 0.5 to 5.

    Source: Guo et al., 2017, On calibration of modern neural networks.

    Raises:
        ValueError: without any picture.
    """
    if not len(labels):
        raise ValueError("a temperature needs at least one answer")
    return best_temperature(logits, torch.tensor(list(labels)))


def cross_fit(logits: Tensor, labels: Sequence[int], least: float = COLDEST) -> list[float]:
    """Confidence (0 to 1) for every photo of (N, K) logits, each at the temperature that all other folds' photos call for.

    A temperature looks better than it is on the photos that it was fitted to; here none is judged by its own.

    Args:
        least: the lowest temperature that is taken.
    """
    truth, confidence = torch.tensor(list(labels)), [0.0] * len(labels)
    # Dealt class by class, so that every fold has its share of each.
    order = torch.argsort(truth, stable=True)
    for start in range(FOLDS):
        mine, others = order[start::FOLDS], torch.cat([order[f::FOLDS] for f in range(FOLDS) if f != start])
        if len(mine) and len(others):
            temperature = max(least, fit_temperature(logits[others], truth[others].tolist()))
            sure = torch.softmax(logits[mine] / temperature, dim=1).max(dim=1).values
            for place, value in zip(mine.tolist(), sure.tolist(), strict=True):
                confidence[place] = value
    return confidence


def calibration_error(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy over ten equal bins of confidence, 0 to 1."""
    sure, hits = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    if not len(sure):
        return 0.0
    bins = np.clip((sure * BINS).astype(int), 0, BINS - 1)
    gaps = np.bincount(bins, weights=sure, minlength=BINS) - np.bincount(bins, weights=hits, minlength=BINS)
    return float(np.abs(gaps).sum() / len(sure))


def error_by_chance(confidence: Sequence[float], groups: Sequence[int] | None = None) -> float:
    """The calibration error that a network which is right exactly as often as it says stays below in 95 of 100 cases.

    With few photos in a bin the share of right ones is off by chance: 400 photos, three quarters of them right, already have
    a mean error of 0.04. An error below this value says nothing against the network.

    Args:
        groups: (N,) the group of each photo; those of one group stand or fall together. Every photo alone when left out.
    """
    sure, rng = np.asarray(confidence, dtype=float), np.random.default_rng(0)
    names, places = np.unique(np.arange(len(sure)) if groups is None else np.asarray(groups), return_inverse=True)
    # One draw for a whole group: each of its photos is still right as often as it is sure.
    errors = [calibration_error(confidence, (rng.random(len(names))[places] < sure).tolist()) for _ in range(DRAWS)]
    return float(np.quantile(errors, 0.95))
