"""Learning-rate finder: a short trial in which the step size grows until the loss runs away, and what that suggests.

Source: L. N. Smith, 2017, Cyclical learning rates for training neural networks (range test); the exponential sweep, the
smoothing and the "valley" rule are fastai's (fastai/callback/schedule.py).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from transferui.config import SETTINGS, TrainConfig
from transferui.data.dataset import Dataset
from transferui.training.choose import snapshot
from transferui.training.features import StoppedError
from transferui.training.loop import run_phase
from transferui.training.phase import Phase, Rows, learning_part, phase_weights
from transferui.training.prefix import Prefix
from transferui.training.recipe import FINE_HEAD, make_optimizer
from transferui.training.state import Hooks, Trained
from transferui.training.train import begin

LOWEST, HIGHEST = 1e-6, 10.0
# Steps of a trial: the head's cost next to nothing, those of blocks do.
HEAD_STEPS, BLOCK_STEPS = 60, 40
# Weight of the past in the smoothed loss. fastai's 0.98 goes with 100 steps; in 60 it would still remember the first ones.
SMOOTH = 0.9
# The trial ends where the smoothed loss is so many times its lowest value, and higher by so much: four times nothing is nothing.
RUNAWAY, RISE = 4.0, 0.2
# Photos to try with, and to check the head with, and seconds for one trial: it must never cost more than training itself.
PHOTOS, CHECKED, LIMIT_S = 400, 128, 60.0
BATCH = 32
# A loss that falls by less than a tenth, or than this, has no valley: the head has learned these photos already.
FALL = 0.02
# Differences below this share of the whole fall are noise.
GRAIN = 0.02


@dataclass(frozen=True)
class Sweep:
    """One trial.

    Attributes:
        setting: the setting whose value was tried.
        rates: learning rates, growing.
        losses: smoothed training loss after the step with each of them.
        suggestion: a learning rate inside the setting's range, with two digits.
        flat: the loss hardly fell at any rate, so the suggestion is the setting as it is, or a smaller one that does no harm.
    """

    setting: str
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float
    flat: bool = False


def find_rates(dataset: Dataset, config: TrainConfig, data_dir: Path, hooks: Hooks) -> dict[str, Any]:
    """Try learning rates for the head and, where blocks learn, for them.

    Returns:
        Plain data: ``sweeps`` (a `Sweep` each), ``photos`` tried with, ``seconds``.

    Raises:
        UserError: for every cause that a person can mend.
        StoppedError: when `hooks.should_stop` says so.
    """
    begun = time.perf_counter()
    dataset.require_trainable()
    run = begin(dataset, config, data_dir, hooks)
    split = run.split
    run.split = replace(split, train=_spread(split.train, PHOTOS), val=_spread(split.val, CHECKED), test=())
    parts = Prefix(run, data_dir, hooks).parts()
    boundary = _phase(run, "finetune", parts, run.boundary)
    pooled = dict[str, Rows]()
    for part in ("train", "val"):
        pooled[part] = Rows(_features(boundary, parts[part].inputs, hooks), parts[part].labels)
    run.model.freeze(())
    run.model.head.standardize(pooled["train"].inputs)
    head = _phase(run, "head", pooled, len(run.model.stages))
    sweeps = [sweep(head, "head_learning_rate", hooks)]
    if run.trainable:
        if config.head_start == "trained":
            run_phase(head, _quiet, hooks.should_stop)
        run.model.freeze(run.trainable, config.batchnorm_statistics)
        sweeps.append(sweep(boundary, "backbone_learning_rate", hooks, pooled["train"].inputs))
    return {
        "sweeps": [asdict(one) for one in sweeps],
        "photos": len(parts["train"]),
        "seconds": round(time.perf_counter() - begun, 2),
    }


def sweep(phase: Phase, setting: str, hooks: Hooks, features: Tensor | None = None) -> Sweep:
    """Train for some steps with a growing learning rate, then put every weight back.

    Args:
        phase: the network as it is when the phase begins, and its rows.
        setting: ``head_learning_rate``, or ``backbone_learning_rate`` while the head goes on at its own rate.
        features: (N, D) that the network as it is gives for the training rows, if that is known. Then
            losses are compared photo by photo with those of the start, so that an easy batch does not look like progress.
    """
    before, was_training = snapshot(phase), phase.model.training
    with torch.no_grad():
        known = None if features is None else _losses(phase, phase.model.head(features.to(phase.device)), phase.train.labels)
    try:
        rates, losses = _trial(phase, setting, hooks, known)
    finally:
        learning_part(phase).load_state_dict(before)
        phase.model.zero_grad(set_to_none=True)
        phase.model.train(was_training)
    rate, flat = suggest(rates, losses)
    if flat:  # nothing speaks for larger steps than those that are set
        rate = min(rate, float(getattr(phase.config, setting)))
    low, high = SETTINGS[setting].low or 0.0, SETTINGS[setting].high or math.inf
    return Sweep(setting, tuple(rates), tuple(losses), min(max(float(f"{rate:.1e}"), low), high), flat)


def _trial(phase: Phase, setting: str, hooks: Hooks, known: Tensor | None) -> tuple[list[float], list[float]]:
    of_head = setting == "head_learning_rate"
    optimizer = make_optimizer(phase.model.head, phase.model.stages[phase.boundary :], phase.config)
    for group in _groups(optimizer, phase, of_head=True):
        group["lr"] *= FINE_HEAD if phase.name == "finetune" and phase.config.head_start == "trained" else 1.0
    steps, tried = HEAD_STEPS if of_head else BLOCK_STEPS, _groups(optimizer, phase, of_head=of_head)
    # Earlier stages keep their share of the rate, so that what is found is a value for the setting.
    shares = [group["lr"] / getattr(phase.config, setting) for group in tried]
    random, begun = torch.Generator().manual_seed(phase.config.seed), time.perf_counter()
    rates, losses, average = list[float](), list[float](), 0.0
    phase.model.train()
    for step in range(steps):
        if hooks.should_stop():
            raise StoppedError
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1))
        for group, share in zip(tried, shares, strict=True):
            group["lr"] = rate * share
        average = SMOOTH * average + (1 - SMOOTH) * _step(phase, optimizer, random, known)
        smooth = average / (1 - SMOOTH ** (step + 1))
        lowest = min(losses, default=smooth)
        if not math.isfinite(smooth) or (smooth > RUNAWAY * lowest and smooth > lowest + RISE):
            break
        rates.append(rate)
        losses.append(smooth)
        hooks.report({"what": "Trying learning rates", "done": step + 1, "total": steps})
        if time.perf_counter() - begun > LIMIT_S:
            break
    return rates, losses


def _groups(optimizer: torch.optim.Optimizer, phase: Phase, *, of_head: bool) -> list[dict[str, Any]]:
    """Parameter groups of the head, or of the blocks."""
    head = {id(p) for p in phase.model.head.parameters()}
    return [group for group in optimizer.param_groups if (id(group["params"][0]) in head) == of_head]


def _step(phase: Phase, optimizer: torch.optim.Optimizer, random: torch.Generator, known: Tensor | None) -> float:
    """One optimizer update on a random batch, and its mean loss before the update."""
    size = min(phase.config.batch_size, BATCH, len(phase.train))
    picks = torch.randperm(len(phase.train), generator=random)[:size]
    loss = _losses(phase, phase.logits(phase.train.inputs[picks].to(phase.device)), phase.train.labels[picks]).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    luck = 0.0 if known is None else float(known[picks].mean() - known.mean())
    return float(loss.detach()) - luck


def _losses(phase: Phase, logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy (B,) of every row, weighted as in training."""
    weights = phase_weights(phase)
    weights = weights.to(logits.device) if weights is not None else None
    return functional.cross_entropy(logits, labels.to(logits.device), weight=weights, reduction="none")


def suggest(rates: Sequence[float], losses: Sequence[float]) -> tuple[float, bool]:
    """The learning rate in the middle of the longest fall of the loss ("valley"), and whether there was none.

    The longest falling subsequence is found as in fastai, after rounding, so that a start that falls by nothing does not
    count; the suggestion lies half way into it. Without a fall it is a tenth of the largest rate that did no harm.
    """
    if not losses:
        return LOWEST, True
    fall = losses[0] - min(losses)
    if fall < max(FALL, losses[0] / 10):
        harmless = max(rate for rate, loss in zip(rates, losses, strict=True) if loss <= losses[0] + FALL)
        return harmless / 10, True
    steps = [round(loss / (GRAIN * fall)) for loss in losses]
    longest, came_from = [1] * len(steps), list(range(len(steps)))
    for i in range(1, len(steps)):
        for j in range(i):
            if steps[i] < steps[j] and longest[j] + 1 >= longest[i]:  # the latest, or the flat start would count
                longest[i], came_from[i] = longest[j] + 1, j
    end = start = max(range(len(steps)), key=longest.__getitem__)
    while came_from[start] != start:
        start = came_from[start]
    return rates[start + (end - start) // 2], False


def _spread(indices: Sequence[int], most: int) -> tuple[int, ...]:
    """At most so many of the indices, evenly taken, so that every class keeps its share."""
    step = max(1.0, len(indices) / most)
    return tuple(indices[int(n * step)] for n in range(min(most, len(indices))))


@torch.inference_mode()
def _features(phase: Phase, rows: Tensor, hooks: Hooks) -> Tensor:
    """Pooled features (N, D) of boundary rows, on the processor."""
    phase.model.eval()
    if phase.boundary == len(phase.model.stages):
        return rows.float().clone()
    features = []
    for part in rows.split(16):
        if hooks.should_stop():
            raise StoppedError
        features.append(phase.features(part.to(phase.device)).cpu())
        hooks.report({"what": "Preparing the head's first lesson", "done": 16 * len(features), "total": len(rows)})
    return torch.cat(features).clone()


def _phase(run: Trained, name: str, parts: dict[str, Rows], boundary: int) -> Phase:
    epochs = run.config.epochs if name == "head" else 0
    return Phase(name, run.model, boundary, parts["train"], parts["val"], run.config, run.preprocessing, torch.device(run.device),
                 epochs, 0, _ignore)  # fmt: skip


def _ignore(_epoch: int, _logits: Tensor) -> None:
    """Nothing is kept of a trial."""


def _quiet(_row: dict[str, Any]) -> None:
    """The head's rows are no progress of the trial."""
