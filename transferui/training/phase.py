"""One part of a run: what learns, from which rows, and how its answers are judged."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from transferui.config import TrainConfig
from transferui.data.preprocessing import Preprocessing
from transferui.training.features import GPU_BATCH, normalize
from transferui.training.machine import in_parts
from transferui.training.model import Classifier
from transferui.training.recipe import class_weights
from transferui.training.temperature import calibrated_losses

# Photos checked at once on a processor: with 64, new memory for every layer takes as long again as the network.
CHECK_BATCH = 16
# Epochs that a phase by steps gets at least before it is ended for want of improvement.
LEAST_PATIENCE = 4


@dataclass(frozen=True)
class Rows:
    """What a phase learns from or is checked with: activations at the boundary and labels.

    Attributes:
        inputs: (N, …) of every picture as it is; uint8 pictures (N, 3, S, S) when nothing in front of it is frozen.
        labels: (N,) class indices.
        copies: (N, V, …) of V changed copies of every picture, where these are drawn from as well.
    """

    inputs: Tensor
    labels: Tensor
    copies: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def every_view(self) -> Tensor:
        """(N, 1 + V, …): the pictures as they are, then their copies."""
        plain = self.inputs.unsqueeze(1)
        return plain if self.copies is None else torch.cat([plain, self.copies], dim=1)

    def drawn(self, picks: Tensor, random: torch.Generator) -> Tensor:
        """(B, …) of the pictures at `picks` (B,), each as it is or one of its copies, all equally likely."""
        views = torch.randint(1 + (self.copies.shape[1] if self.copies is not None else 0), picks.shape, generator=random)
        if self.copies is None:
            return self.inputs[picks]
        rows = self.copies[picks, (views - 1).clamp_min(0)]
        plain = views == 0
        rows[plain] = self.inputs[picks[plain]]
        return rows


@dataclass(frozen=True)
class Phase:
    """One part of a run.

    Attributes:
        name: ``head`` or ``finetune``.
        model: the whole classifier, already frozen as this phase wants it.
        boundary: index of the stage that the rows go into; ``len(stages)`` for pooled features.
        epochs: passes over the training rows at most.
        first_epoch: how many epochs earlier phases have done, so that charts run on.
        units: (n_val,) numbers of what belongs together among the validation rows, as frames of a series do; none: nothing does.
        on_best: called with (epoch, validation logits) after every epoch with a new lowest validation loss.
    """

    name: str
    model: Classifier
    boundary: int
    train: Rows
    val: Rows
    config: TrainConfig
    preprocessing: Preprocessing
    device: torch.device
    epochs: int
    first_epoch: int
    on_best: Callable[[int, Tensor], None]
    units: tuple[int, ...] = ()

    @cached_property
    def home(self) -> np.ndarray:
        """(n_val,) which unit, from 0, each validation row belongs to; a row that stands alone is a unit of its own."""
        return np.unique(self.units or range(len(self.val)), return_inverse=True)[1]

    @property
    def patience(self) -> int:
        """Epochs without improvement after which it ends; 0 never ends early.

        A phase that goes by steps has few epochs or very many: there it is the same share of them as of the head's, but enough
        for its warm-up.
        """
        asked, by_steps = self.config.early_stopping, self.name == "finetune" and not self.config.finetune_epochs
        return max(LEAST_PATIENCE, round(self.epochs * asked / self.config.epochs)) if asked and by_steps else asked

    def features(self, inputs: Tensor) -> Tensor:
        """Pooled features (B, D) of boundary rows (B, …) that lie on the device."""
        if inputs.dtype == torch.uint8:
            inputs = normalize(inputs, self.preprocessing)
        if inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda" and self.config.precision != "float32"):
            rows: Tensor = self.model.stages[self.boundary :](inputs.float())
        return rows.float()

    def logits(self, inputs: Tensor) -> Tensor:
        """Logits (B, K) of boundary rows (B, …) that lie on the device."""
        logits: Tensor = self.model.head(self.features(inputs))
        return logits


def learning_part(phase: Phase) -> nn.ModuleList:
    """Everything behind the boundary, and the head."""
    return nn.ModuleList([phase.model.stages[phase.boundary :], phase.model.head])


@torch.inference_mode()
def predict_rows(phase: Phase, rows: Tensor) -> Tensor:
    """Logits (N, K) of boundary rows (N, …) in eval mode, on the processor."""
    phase.model.eval()
    batch = CHECK_BATCH if phase.device.type == "cpu" and rows.ndim > 2 else GPU_BATCH
    return torch.cat([in_parts(partial(_answer, phase.logits, phase.device), part) for part in rows.split(batch)])


def _answer(network: Callable[[Tensor], Tensor], device: torch.device, rows: Tensor) -> Tensor:
    return network(rows.to(device)).cpu()


def validate(phase: Phase) -> tuple[Tensor, float]:
    """Logits of the validation rows and their mean cross-entropy, weighted as in training."""
    logits = predict_rows(phase, phase.val.inputs)
    return logits, functional.cross_entropy(logits, phase.val.labels, weight=phase_weights(phase)).item()


def phase_weights(phase: Phase) -> Tensor | None:
    """Class weights (K,) of a phase, on the processor; None when all classes count as they come."""
    counts = torch.bincount(phase.train.labels, minlength=phase.model.head.linear.out_features).tolist()
    return class_weights(counts, phase.config.class_weights)


def losses(phase: Phase, logits: Tensor) -> Tensor:
    """Cross-entropy (n_val,) of every validation picture at the best temperature, weighted as in training."""
    return calibrated_losses(logits, phase.val.labels, phase_weights(phase))


def judge(phase: Phase, logits: Tensor) -> float:
    """What a state is worth by its validation logits: the lower the better, infinite when they are no numbers.

    The head's loss counts as it is; it is convex, and hardly ever too sure. Fine-tuned networks are compared at their best
    temperature.
    """
    if not torch.isfinite(logits).all():
        return math.inf
    if phase.name == "head":
        return functional.cross_entropy(logits, phase.val.labels, weight=phase_weights(phase)).item()
    return losses(phase, logits).mean().item()
