"""Has the validation loss really changed? Asked photo by photo, because a mean over few photos wiggles by itself."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional


def loss_change(before: Tensor | None, now: Tensor, labels: Tensor, weights: Tensor | None) -> dict[str, float]:
    """Mean change of the loss of the same photos from one state to another, with its standard error, for a metrics row.

    Photos differ far more from each other than one photo does between two epochs; paired, that difference is out.

    Args:
        before, now: logits (N, K) of both states.
        labels: (N,).
        weights: class weights (K,), as in training.

    Returns:
        ``val_change`` (below 0: it got better) and ``val_change_error``; nothing when there is no state before or one photo.
    """
    if before is None or len(labels) < 2:
        return {}
    losses = [functional.cross_entropy(logits, labels, weight=weights, reduction="none") for logits in (before, now)]
    change = losses[1] - losses[0]
    mean, error = float(change.mean()), float(change.std()) / math.sqrt(len(labels))
    if not (math.isfinite(mean) and math.isfinite(error)):
        return {}
    return {"val_change": round(mean, 6), "val_change_error": round(error, 6)}
