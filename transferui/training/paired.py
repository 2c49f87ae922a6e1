"""Has the validation loss really changed? Asked photo by photo, because a mean over few photos wiggles by itself."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor
from torch.nn import functional


def loss_change(before: Tensor | None, now: Tensor, labels: Tensor, weights: Tensor | None, home: np.ndarray) -> dict[str, float]:
    """Mean change of the loss of the same photos from one state to another, with its standard error, for a metrics row.

    Photos differ far more from each other than one photo does between two epochs; paired, that difference is out.

    Args:
        before, now: logits (N, K) of both states.
        labels: (N,).
        weights: class weights (K,), as in training.
        home: (N,) which unit, from 0, each photo belongs to.

    Returns:
        ``val_change`` (below 0: it got better) and ``val_change_error``; nothing when there is no state before or one unit.
    """
    if before is None:
        return {}
    losses = [functional.cross_entropy(logits, labels, weight=weights, reduction="none") for logits in (before, now)]
    mean, error = mean_and_error((losses[1] - losses[0]).double().numpy(), home)
    if not (math.isfinite(mean) and math.isfinite(error)):
        return {}
    return {"val_change": round(mean, 6), "val_change_error": round(error, 6)}


def mean_and_error(values: np.ndarray, home: np.ndarray) -> tuple[float, float]:
    """Mean of the values (N,) and its standard error, where the values of a unit rise and fall together.

    Args:
        home: (N,) which unit, from 0, each value belongs to.

    Source: K.-Y. Liang and S. Zeger, 1986, Longitudinal data analysis using generalized linear models (of a mean, from sums over
    units). Where every unit is one value, it is the usual one.
    """
    sums = np.bincount(home, values - values.mean())
    units = len(sums)
    error = math.sqrt((sums**2).sum() * units / (units - 1)) / len(values) if units > 1 else math.inf
    return float(values.mean()), error
