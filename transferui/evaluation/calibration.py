"""Confidence that means what it says: a temperature for the logits, and how far confidence and truth are apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from transferui.training.temperature import COLDEST, HOTTEST, best_temperature

__all__ = ["COLDEST", "HOTTEST", "calibration_error", "fit_temperature"]

BINS = 10


def fit_temperature(logits: Tensor, labels: Sequence[int]) -> float:
    """The temperature by which logits (N, K) are divided for the lowest mean cross-entropy, from 0.5 to 5.

    Source: Guo et al., 2017, On calibration of modern neural networks.

    Raises:
        ValueError: without any picture.
    """
    if not len(labels):
        raise ValueError("a temperature needs at least one answer")
    return best_temperature(logits, torch.tensor(list(labels)))


def calibration_error(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy over ten equal bins of confidence, 0 to 1."""
    sure, hits = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    if not len(sure):
        return 0.0
    bins = np.clip((sure * BINS).astype(int), 0, BINS - 1)
    gaps = np.bincount(bins, weights=sure, minlength=BINS) - np.bincount(bins, weights=hits, minlength=BINS)
    return float(np.abs(gaps).sum() / len(sure))
