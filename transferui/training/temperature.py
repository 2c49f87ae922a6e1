"""A temperature for logits, so that confidence is as high as it should be.

Source: C. Guo et al., 2017, On calibration of modern neural networks.
"""

from __future__ import annotations

import math

from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn import functional

# Outside this range the few pictures, not the model, speak.
COLDEST, HOTTEST = 0.5, 5.0
# With fewer pictures than this a temperature is a guess, and 1 is the better one.
ENOUGH = 50


def best_temperature(logits: Tensor, labels: Tensor, weight: Tensor | None = None) -> float:
    """The temperature by which logits (N, K) are divided for the lowest cross-entropy, from 0.5 to 5.

    Args:
        weight: class weights (K,).
    """
    scores, weight = logits.double(), weight.double() if weight is not None else None
    bounds = (math.log(COLDEST), math.log(HOTTEST))
    found = minimize_scalar(_loss, bounds=bounds, args=(scores, labels, weight), method="bounded")
    return float(min(HOTTEST, max(COLDEST, math.exp(found.x))))


def _loss(log_temperature: float, logits: Tensor, labels: Tensor, weight: Tensor | None) -> float:
    return functional.cross_entropy(logits / math.exp(log_temperature), labels, weight=weight).item()


def calibrated_losses(logits: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy (N,) of every picture at the best temperature for these logits; as they are when pictures are few.

    Two models are compared by what they know, not by how loudly they say it: a fine-tuned network that is right more often
    is usually also too sure of itself, and the temperature that is fitted after training takes that back.
    """
    temperature = best_temperature(logits, labels, weight) if len(labels) >= ENOUGH else 1.0
    return functional.cross_entropy(logits / temperature, labels, weight=weight, reduction="none")
