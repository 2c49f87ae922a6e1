"""Confidence that means what it says: a temperature for the logits, and how far confidence and truth are apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional

# Outside this range the few validation pictures, not the model, speak.
COLDEST, HOTTEST = 0.5, 5.0
BINS = 10


def fit_temperature(logits: Tensor, labels: Sequence[int]) -> float:
    """The temperature by which logits (N, K) are divided for the lowest mean cross-entropy, from 0.5 to 5.

    Source: Guo et al., 2017, On calibration of modern neural networks.

    Raises:
        ValueError: without any picture.
    """
    if not len(labels):
        raise ValueError("a temperature needs at least one answer")
    scores, truth = logits.double(), torch.tensor(list(labels))
    found = minimize_scalar(_loss, bounds=(math.log(COLDEST), math.log(HOTTEST)), args=(scores, truth), method="bounded")
    return float(min(HOTTEST, max(COLDEST, math.exp(found.x))))


def _loss(log_temperature: float, logits: Tensor, labels: Tensor) -> float:
    return functional.cross_entropy(logits / math.exp(log_temperature), labels).item()


def calibration_error(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy over ten equal bins of confidence, 0 to 1."""
    sure, hits = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    if not len(sure):
        return 0.0
    bins = np.clip((sure * BINS).astype(int), 0, BINS - 1)
    gaps = np.bincount(bins, weights=sure, minlength=BINS) - np.bincount(bins, weights=hits, minlength=BINS)
    return float(np.abs(gaps).sum() / len(sure))
