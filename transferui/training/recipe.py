"""How a phase learns: optimizer, schedule, class weights, augmentation of a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from transferui.config import IMBALANCE, TrainConfig

# In fine-tuning the head has learned already: large steps would throw away what it knows before the stages can follow.
FINE_HEAD = 0.1
# AdamW's weight decay of the head in units of the stages'. A thousand features for a few hundred photos need a firm hand: of 1
# to 200, 60 took a tenth off the loss on flowers and on ants and bees, with a point more of accuracy, and cost digits nothing.
# It is as good as scikit-learn's logistic regression with the best of three penalties there.
HEAD_DECAY = 60.0
# Learning rate of a stage as a share of the next one's: what early stages know serves every picture, if they know something.
EARLIER = 0.6
# Transformers, and networks without norms, tear at step sizes that BatchNorm takes: it makes weights' scale matter less.
WITHOUT_BATCHNORM = 0.1
# Share of a fine-tuning phase in which the step size grows from zero, so that Adam's first steps do not tear weights.
WARM_UP = 0.1


def make_optimizer(head: nn.Module, stages: nn.Sequential, config: TrainConfig, *, fine: bool = False) -> Optimizer:
    """AdamW or SGD; the head has its own learning rate, every stage a smaller one than the stage behind it.

    Biases and norms do not decay.

    Source: J. Howard and S. Ruder, 2018, Universal language model fine-tuning (discriminative learning rates).
    """
    firm = HEAD_DECAY if config.optimizer == "adamw" else 1.0
    groups = _groups(head, config.head_learning_rate * (FINE_HEAD if fine else 1.0), config.weight_decay * firm)
    learning = [stage for stage in stages if any(p.requires_grad for p in stage.parameters())]
    earlier = EARLIER if config.weights == "imagenet" else 1.0
    rate = config.backbone_learning_rate * (1.0 if has_batchnorm(stages) else WITHOUT_BATCHNORM)
    for depth, stage in enumerate(reversed(learning)):
        groups += _groups(stage, rate * earlier**depth, config.weight_decay)
    return SGD(groups, momentum=0.9) if config.optimizer == "sgd" else AdamW(groups)


def has_batchnorm(stages: nn.Module) -> bool:
    """Whether there is a BatchNorm layer in it."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in stages.modules())


def _groups(module: nn.Module, rate: float, decay: float) -> list[dict[str, Any]]:
    """Parameter groups of what learns in a module: matrices with weight decay, vectors without."""
    learning = [p for p in module.parameters() if p.requires_grad]
    parts = ([p for p in learning if p.ndim > 1], decay), ([p for p in learning if p.ndim <= 1], 0.0)
    return [{"params": params, "lr": rate, "weight_decay": weight_decay} for params, weight_decay in parts if params]


def make_schedule(optimizer: Optimizer, config: TrainConfig, total_steps: int, *, warm_up: bool) -> LambdaLR:
    """Factor on the learning rates at every step: optional linear warm-up, then cosine, linear or constant."""
    first = max(1, round(WARM_UP * total_steps)) if warm_up else 0
    return LambdaLR(optimizer, _Factor(config.schedule, first, max(1, total_steps)))


class _Factor:
    """Learning-rate factor by step; a class and not a closure so that it can be read and pickled."""

    def __init__(self, kind: str, first: int, total: int) -> None:
        self.kind, self.first, self.total = kind, first, total

    def __call__(self, step: int) -> float:
        if step < self.first:
            return (step + 1) / self.first
        done = min(1.0, (step - self.first) / max(1, self.total - self.first))
        return {"cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done}.get(self.kind, 1.0)


def class_weights(counts: Sequence[int], wanted: str) -> Tensor | None:
    """Weights n / (K * n_c) per class, or None when all classes count as they come."""
    if wanted == "off" or (wanted == "auto" and max(counts) <= IMBALANCE * max(1, min(counts))):
        return None
    numbers = torch.tensor(counts, dtype=torch.float32).clamp_min(1)
    return numbers.sum() / (len(counts) * numbers)


def augment(pictures: Tensor, augmentation: str, generator: torch.Generator) -> Tensor:
    """Random mirror images and cuts of a batch of uint8 pictures (N, 3, S, S), when nothing in front of them is frozen.

    Source: the cuts are those of C. Szegedy et al., 2015, Going deeper with convolutions, with 60 % of the area at the least
    instead of 8 %, which is our own choice for few photos.
    """
    if augmentation == "none":
        return pictures
    n, side = pictures.shape[0], pictures.shape[-1]
    draws = torch.rand((n, 5), generator=generator)
    mirrored = draws[:, 0].lt(0.0 if augmentation == "crops_no_flip" else 0.5)
    out = torch.where(mirrored.view(-1, 1, 1, 1).to(pictures.device), pictures.flip(-1), pictures)
    if augmentation == "flip":
        return out
    area = 0.6 + 0.4 * draws[:, 1]
    stretch = torch.exp((draws[:, 2] * 2 - 1) * math.log(4 / 3) / 2)
    width, height = (area.sqrt() * stretch).clamp(max=1), (area.sqrt() / stretch).clamp(max=1)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = width, height
    theta[:, 0, 2] = (1 - width) * (draws[:, 3] * 2 - 1)
    theta[:, 1, 2] = (1 - height) * (draws[:, 4] * 2 - 1)
    grid = functional.affine_grid(theta.to(pictures.device), [n, 3, side, side], align_corners=False)
    cut = functional.grid_sample(out.float(), grid, padding_mode="reflection", align_corners=False)
    return cut.round().clamp(0, 255).to(torch.uint8)
