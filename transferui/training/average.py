"""The running average of the weights, which answers better than the weights of the last step.

Source: B. Polyak and A. Juditsky, 1992, Acceleration of stochastic approximation by averaging; as in `torch.optim.swa_utils`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

# What the past keeps of the average at a step: it remembers about a hundred steps; in the first steps fewer.
KEEP = 0.99
EARLY = 10


class Average:
    """Running average of the parameters of a module that learn."""

    def __init__(self, module: nn.Module) -> None:
        self.learning = [p for p in module.parameters() if p.requires_grad]
        self.average = [p.detach().clone() for p in self.learning]
        self.steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after one more step."""
        self.steps += 1
        keep = min(KEEP, (1 + self.steps) / (EARLY + self.steps))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.learning], 1 - keep)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The module has the averaged weights for a while, and then its own again."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for weight, mean in zip(self.learning, self.average, strict=True):
            own = weight.detach().clone()
            weight.copy_(mean)
            mean.copy_(own)
