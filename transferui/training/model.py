"""Stages and a head: what is frozen, what learns, and where the frozen prefix ends."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

# Share of the mean deviation below which a feature is not scaled up any further.
QUIET = 0.1


class Head(nn.Module):
    """The new classifier: a linear layer on standardized features.

    Features of different networks differ in scale by factors of a hundred; with the training photos' mean and deviation
    taken out, one learning rate serves them all. Both are buffers: they are data, not weights.

    Shapes: features (N, D) to logits (N, K).
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, feature_width: int, n_classes: int) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(feature_width))
        self.register_buffer("scale", torch.ones(feature_width))
        self.linear = nn.Linear(feature_width, n_classes)
        nn.init.zeros_(self.linear.bias)
        # Zero weights: the first answer is "all classes alike", so the curves start from chance on every seed.
        nn.init.zeros_(self.linear.weight)

    @torch.no_grad()
    def standardize(self, features: Tensor) -> None:
        """Take mean and deviation of the training features (N, D).

        Features that hardly vary in these photos get no more than a tenth of the mean deviation's scale: divided by their own
        tiny deviation, a rounding error would become the loudest feature of all.
        """
        deviation = features.std(dim=0, unbiased=False)
        floor = (QUIET * deviation.mean()).clamp_min(1e-12)
        self.shift.copy_(features.mean(dim=0))
        self.scale.copy_(1.0 / torch.maximum(deviation, floor))

    def forward(self, features: Tensor) -> Tensor:
        """Logits (N, K) of features (N, D)."""
        logits: Tensor = self.linear((features - self.shift) * self.scale)
        return logits


class Classifier(nn.Module):
    """A backbone's named stages followed by a new head.

    A frozen stage has no gradients **and** stays in eval mode, whatever `train()` is told, so that neither its weights
    nor its BatchNorm statistics can change.
    """

    def __init__(self, stages: nn.Sequential, feature_width: int, n_classes: int) -> None:
        super().__init__()
        self.stages = stages
        self.head = Head(feature_width, n_classes)
        self.trainable: tuple[str, ...] = ()
        self._keep_statistics = False
        self.freeze(self.stage_names)

    @property
    def stage_names(self) -> tuple[str, ...]:
        """Names of the stages from input to output, without the head."""
        return tuple(name for name, _ in self.stages.named_children())

    def freeze(self, trainable: Sequence[str], batchnorm_statistics: str = "update") -> None:
        """Let exactly the stages named in `trainable` (and the head) learn.

        Args:
            trainable: stage names in any order.
            batchnorm_statistics: ``update`` lets trainable BatchNorm layers renew their running averages, ``keep``
                trains only their scale and shift.
        """
        unknown = set(trainable) - set(self.stage_names)
        if unknown:
            raise ValueError(f"no such stages: {sorted(unknown)}")
        self.trainable = tuple(name for name in self.stage_names if name in trainable)
        self._keep_statistics = batchnorm_statistics == "keep"
        for name, stage in self.stages.named_children():
            stage.requires_grad_(name in self.trainable)
        self.head.requires_grad_(True)
        self.train(self.training)

    def train(self, mode: bool = True) -> Classifier:
        """Like `nn.Module.train`, but frozen stages stay in eval mode, and are not walked through again in every epoch."""
        self.training = self.stages.training = mode
        self.head.train(mode)
        for name, stage in self.stages.named_children():
            if name in self.trainable:
                stage.train(mode)
                if self._keep_statistics:
                    _keep_statistics_of(stage)
            elif stage.training:
                stage.eval()
        return self

    @property
    def prefix_length(self) -> int:
        """How many stages from the input on are frozen without a gap."""
        names = self.stage_names
        return next((i for i, name in enumerate(names) if name in self.trainable), len(names))

    @property
    def prefix(self) -> nn.Sequential:
        """The frozen prefix; empty when the first stage learns."""
        return self.stages[: self.prefix_length]

    @property
    def suffix(self) -> nn.Sequential:
        """What follows the frozen prefix, without the head."""
        return self.stages[self.prefix_length :]

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, K) of normalized pictures (N, 3, S, S)."""
        logits: Tensor = self.head(self.stages(pictures))
        return logits


# How much the newest batch counts in a BatchNorm's running averages: torch's own default.
NEWEST = 0.1


def forget_quickly(stages: nn.Module) -> None:
    """Let the BatchNorm averages of a network that starts from nothing follow its weights.

    Some networks average over hundreds of steps, which suits a million pictures; with few photos the run would be over before
    their averages have anything to do with the weights.
    """
    for module in stages.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = NEWEST


def _keep_statistics_of(stage: nn.Module) -> None:
    for module in stage.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def frozen_digest(model: Classifier) -> str:
    """SHA-256 over all weights and statistics of the frozen stages, to prove afterwards that none has changed."""
    digest = hashlib.sha256()
    for name, stage in model.stages.named_children():
        if name not in model.trainable:
            digest.update(state_digest(stage).encode())
    return digest.hexdigest()


def state_digest(module: nn.Module) -> str:
    """SHA-256 over names, shapes and bytes of a module's parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name}{tuple(plain.shape)}{plain.dtype}".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def count_parameters(module: nn.Module) -> int:
    """Number of weights in a module."""
    return sum(p.numel() for p in module.parameters())
