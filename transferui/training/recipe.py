"""How a phase learns: optimizer, schedule, class weights, augmentation of a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from transferui.config import TrainConfig

# Above this ratio of largest to smallest class, `auto` weighs classes (methods notes 1.1: "on automatically when max/min > 3").
IMBALANCE = 3.0
# In fine-tuning the head has learned already: large steps would throw away what it knows before the stages can follow.
FINE_HEAD = 0.1
# Share of a fine-tuning phase in which the step size grows from zero, so that Adam's first steps do not tear weights.
WARM_UP = 0.1


def make_optimizer(head: nn.Module, stages: nn.Module, config: TrainConfig, *, fine: bool = False) -> Optimizer:
    """AdamW or SGD with the head's and the backbone's own learning rates; no decay on biases and norms."""
    groups = []
    head_rate = config.head_learning_rate * (FINE_HEAD if fine else 1.0)
    for module, rate in ((head, head_rate), (stages, config.backbone_learning_rate)):
        weights = [p for p in module.parameters() if p.requires_grad]
        for decayed in (True, False):
            params = [p for p in weights if (p.ndim > 1) == decayed]
            if params:
                groups.append({"params": params, "lr": rate, "weight_decay": config.weight_decay if decayed else 0.0})
    return SGD(groups, momentum=0.9) if config.optimizer == "sgd" else AdamW(groups)


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


def views_for(augmentation: str) -> tuple[str, ...]:
    """Names of the views of every training picture that are computed once and drawn from in each epoch."""
    return {"none": ("original",), "flip": ("original", "flip")}.get(augmentation, ("original", "flip", "crop1", "crop2"))


def augment(pictures: Tensor, augmentation: str, generator: torch.Generator) -> Tensor:
    """Random mirror images and cuts of a batch of uint8 pictures (N, 3, S, S), when nothing in front of them is frozen.

    Source: random resized crop of scale 0.6-1 and ratio 3/4-4/3 (methods notes 1.1).
    """
    if augmentation == "none":
        return pictures
    n, side = pictures.shape[0], pictures.shape[-1]
    draws = torch.rand((n, 5), generator=generator)
    out = torch.where(draws[:, 0].lt(0.5).view(-1, 1, 1, 1).to(pictures.device), pictures.flip(-1), pictures)
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
