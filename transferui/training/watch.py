"""Sees within a few steps that learning goes wrong: a loss that is no number or runs away, answers that are all one class."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# The loss is looked at so many steps at a time: one bad batch is no alarm, and a GPU is asked rarely.
LOOK_EVERY = 5
# Guessing costs ln(classes). A loss so many times that above where it began is worse than knowing nothing at all.
FAR = 1.5


class Watch:
    """Watches the training loss of a phase.

    Args:
        start: loss before the first step.
        n_classes: number of classes.
    """

    def __init__(self, start: float, n_classes: int) -> None:
        self.limit = (start if math.isfinite(start) else 0.0) + FAR * math.log(max(2, n_classes))
        self.recent: list[Tensor] = []

    def trouble(self, loss: Tensor) -> str:
        """``nan``, ``runaway`` or nothing, after one more step with this mean loss."""
        self.recent.append(loss)
        if len(self.recent) < LOOK_EVERY:
            return ""
        mean = torch.stack(self.recent).mean().item()
        self.recent.clear()
        if not math.isfinite(mean):
            return "nan"
        return "runaway" if mean > self.limit else ""


def one_answer(logits: Tensor, labels: Tensor) -> int | None:
    """The class (index) that answers every picture although the pictures are of several; None when that is not so.

    Args:
        logits: (N, K).
        labels: (N,).
    """
    answers = logits.argmax(1).unique()
    return int(answers) if len(answers) == 1 and len(labels.unique()) > 1 else None


def words(kind: str, phase: str, step: int, rate: float) -> str:
    """What happened and what was done about it, for the person.

    Args:
        kind: ``nan``, ``runaway`` or ``collapse``.
        step: step of the phase, from 1.
        rate: share of the asked step size with which it went on.
    """
    what = {
        "nan": "the numbers grew beyond all bounds",
        "runaway": "the loss ran away",
        "collapse": "every photo got the same answer",
    }[kind]
    return (
        f"At step {step} of phase {phase} {what}: the step size is too large. "
        f"The best state so far was put back, and learning went on with {rate:g} of the step size."
    )
