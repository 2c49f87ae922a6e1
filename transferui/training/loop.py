"""One phase of learning: epochs of steps over rows in memory, validation after each, the best state kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from transferui.config import TrainConfig
from transferui.data.preprocessing import Preprocessing
from transferui.training.features import Report, ShouldStop, normalize
from transferui.training.machine import in_parts, is_out_of_memory, make_do, synchronize
from transferui.training.model import Classifier
from transferui.training.paired import loss_change
from transferui.training.recipe import augment, class_weights, make_optimizer, make_schedule

# A progress row inside a long epoch every half second: often enough to look alive, rare enough to cost nothing.
PROGRESS_S = 0.5


@dataclass(frozen=True)
class Rows:
    """What a phase learns from: activations at the boundary and labels.

    Attributes:
        inputs: (N, V, …): V views of every picture; uint8 pictures (N, V, 3, S, S) when nothing is cached.
        labels: (N,) class indices.
    """

    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Phase:
    """One part of a run.

    Attributes:
        name: ``head`` or ``finetune``.
        model: the whole classifier, already frozen as this phase wants it.
        boundary: index of the stage that the rows go into; ``len(stages)`` for pooled features.
        epochs: passes over the training rows at most.
        first_epoch: how many epochs earlier phases have done, so that charts run on.
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


@dataclass
class Outcome:
    """How a phase ended.

    Attributes:
        val_loss: lowest validation loss, of the kept state.
        state: kept weights of everything behind the boundary, on the processor.
        reason: ``done``, ``early`` (no improvement), ``stopped`` or ``diverged``.
        at_once: rows that went through the network at once in the end; fewer than a batch when memory was short.
    """

    epochs_done: int = 0
    best_epoch: int = 0
    val_loss: float = math.inf
    val_logits: Tensor | None = None
    state: dict[str, Tensor] | None = None
    reason: str = "done"
    seconds: float = 0.0
    at_once: int = 0


def run_phase(phase: Phase, report: Report, should_stop: ShouldStop) -> Outcome:
    """Train until the epochs are over, nothing improves, the loss is no number any more, or somebody stops it.

    The state with the lowest validation loss is put back into the model.
    """
    outcome, begun = Outcome(), time.perf_counter()
    trainer = Trainer(phase, report, should_stop)
    keep_best(phase, outcome, *validate(phase))
    for epoch in range(1, phase.epochs + 1):
        row = trainer.epoch(epoch)
        if row is None:
            outcome.reason = "diverged" if trainer.diverged else "stopped"
            break
        logits, loss = validate(phase)
        accuracy = (logits.argmax(1) == phase.val.labels).float().mean().item()
        row |= {"val_loss": round(loss, 6), "val_accuracy": round(accuracy, 6)}
        row |= loss_change(outcome.val_logits, logits, phase.val.labels, phase_weights(phase))
        report({"row": row | {"elapsed_s": round(time.perf_counter() - begun, 3)}})
        outcome.epochs_done = epoch
        if loss < outcome.val_loss:
            keep_best(phase, outcome, logits, loss, epoch)
        elif not math.isfinite(loss):
            outcome.reason = "diverged"
            break
        elif phase.config.early_stopping and epoch - outcome.best_epoch >= phase.config.early_stopping:
            outcome.reason = "early"
            break
    restore(phase, outcome)
    outcome.at_once = trainer.at_once
    outcome.seconds = time.perf_counter() - begun
    return outcome


def keep_best(phase: Phase, outcome: Outcome, logits: Tensor, loss: float, epoch: int = 0) -> None:
    """Remember this state as the best so far; epoch 0 is the state before the first step."""
    outcome.best_epoch, outcome.val_loss, outcome.val_logits = epoch, loss, logits
    outcome.state = {name: value.detach().cpu().clone() for name, value in learning_part(phase).state_dict().items()}
    if epoch:
        phase.on_best(epoch, logits)


def restore(phase: Phase, outcome: Outcome) -> None:
    """Put the kept state back into the model."""
    if outcome.state is not None:
        learning_part(phase).load_state_dict(outcome.state)


def learning_part(phase: Phase) -> nn.ModuleList:
    """Everything behind the boundary, and the head."""
    return nn.ModuleList([phase.model.stages[phase.boundary :], phase.model.head])


@torch.inference_mode()
def predict_rows(phase: Phase, rows: Tensor, batch: int = 64) -> Tensor:
    """Logits (N, K) of boundary rows (N, …) in eval mode, on the processor."""
    phase.model.eval()
    return torch.cat([in_parts(partial(_answer, phase.logits, phase.device), part) for part in rows.split(batch)])


def _answer(network: Callable[[Tensor], Tensor], device: torch.device, rows: Tensor) -> Tensor:
    return network(rows.to(device)).cpu()


def validate(phase: Phase) -> tuple[Tensor, float]:
    """Logits of the validation rows (first view) and their mean cross-entropy, weighted as in training."""
    logits = predict_rows(phase, phase.val.inputs[:, 0])
    return logits, functional.cross_entropy(logits, phase.val.labels, weight=phase_weights(phase)).item()


def phase_weights(phase: Phase) -> Tensor | None:
    """Class weights (K,) of a phase, on the processor; None when all classes count as they come."""
    counts = torch.bincount(phase.train.labels, minlength=phase.model.head.linear.out_features).tolist()
    return class_weights(counts, phase.config.class_weights)


class Trainer:
    """Optimizer, schedule and random numbers of a phase, over its epochs."""

    def __init__(self, phase: Phase, report: Report, should_stop: ShouldStop) -> None:
        self.phase, self.report, self.should_stop = phase, report, should_stop
        self.steps = max(1, math.ceil(len(phase.train) / phase.config.batch_size))
        fine = phase.name == "finetune"
        # From a head that has not learned yet, its steps stay large.
        gentle = fine and phase.config.head_start == "trained"
        self.optimizer = make_optimizer(phase.model.head, phase.model.stages[phase.boundary :], phase.config, fine=gentle)
        self.schedule = make_schedule(self.optimizer, phase.config, self.steps * phase.epochs, warm_up=fine)
        self.random = torch.Generator().manual_seed(phase.config.seed)
        weights = phase_weights(phase)
        self.weights = weights.to(phase.device) if weights is not None else None
        self.diverged, self.last_progress = False, time.perf_counter()
        # Rows that go through the network at once; halved when memory is short, without a change to what is learned.
        self.at_once = phase.config.batch_size + 1

    def epoch(self, epoch: int) -> dict[str, Any] | None:
        """One pass over the training rows; None when it was stopped or the loss is no number any more."""
        phase, begun = self.phase, time.perf_counter()
        phase.model.train()
        order = torch.randperm(len(phase.train), generator=self.random)
        loss_sum, right = torch.zeros((), device=phase.device), torch.zeros((), device=phase.device)
        for step, picks in enumerate(_batches(order, phase.config.batch_size), start=1):
            if self.should_stop():
                return None
            loss, hits = self._step(picks)
            loss_sum += loss * len(picks)
            right += hits
            self._progress(epoch, step, begun)
        synchronize(phase.device)
        mean, accuracy = loss_sum.item() / len(order), right.item() / len(order)
        self.diverged = not math.isfinite(mean)
        if self.diverged:
            return None
        return {
            "phase": phase.name,
            "epoch": epoch,
            "epoch_total": phase.first_epoch + epoch,
            "train_loss": round(mean, 6),
            "train_accuracy": round(accuracy, 6),
            "images_per_s": round(len(order) / max(1e-6, time.perf_counter() - begun), 1),
        }

    def _step(self, picks: Tensor) -> tuple[Tensor, Tensor]:
        """One optimizer update on the rows at `picks`; gives the mean loss and the number of right answers."""
        inputs = self.phase.train.inputs
        view = torch.randint(inputs.shape[1], picks.shape, generator=self.random)
        batch = inputs[picks, view]
        batch = self._to_device(batch)
        if batch.dtype == torch.uint8:
            batch = augment(batch, self.phase.config.augmentation, self.random)
        labels = self._to_device(self.phase.train.labels[picks])
        loss, hits = self._gradients(batch, labels)
        self.optimizer.step()
        self.schedule.step()
        return loss, hits

    def _to_device(self, rows: Tensor) -> Tensor:
        """Rows on the device; on their way to a GPU from pinned memory, so that the copy waits for nobody."""
        on_gpu = self.phase.device.type == "cuda"
        return (rows.pin_memory() if on_gpu else rows).to(self.phase.device, non_blocking=on_gpu)

    def _gradients(self, batch: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the mean loss, from as many rows at once as memory takes."""
        while True:
            try:
                return self._accumulated(batch, labels)
            except (RuntimeError, MemoryError) as error:
                if self.at_once == 1 or not is_out_of_memory(error):
                    raise
            self.at_once = (min(self.at_once, len(labels)) + 1) // 2
            make_do(self.at_once)

    def _accumulated(self, batch: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss and right answers of a batch; gradients are summed over parts of at most ``at_once`` rows."""
        self.optimizer.zero_grad(set_to_none=True)
        whole = (self.weights[labels].sum() if self.weights is not None else torch.tensor(float(len(labels)))).to(batch.device)
        loss_sum, right = torch.zeros((), device=batch.device), torch.zeros((), device=batch.device)
        for rows, truth in zip(batch.split(self.at_once), labels.split(self.at_once), strict=True):
            logits = self.phase.logits(rows)
            loss = functional.cross_entropy(logits, truth, weight=self.weights, reduction="sum") / whole
            loss.backward()
            loss_sum += loss.detach()
            right += (logits.detach().argmax(1) == truth).sum()
        return loss_sum, right

    def _progress(self, epoch: int, step: int, begun: float) -> None:
        now = time.perf_counter()
        if now - self.last_progress < PROGRESS_S:
            return
        self.last_progress = now
        speed = step * self.phase.config.batch_size / (now - begun)
        left = self.steps * (self.phase.epochs - epoch + 1) - step
        self.report(
            {
                "what": "Learning",
                "phase": self.phase.name,
                "epoch": epoch,
                "epochs": self.phase.epochs,
                "done": (epoch - 1) * self.steps + step,
                "total": self.steps * self.phase.epochs,
                "images_per_s": round(speed, 1),
                "eta_s": round(left * (now - begun) / step, 1),
            }
        )


def _batches(order: Tensor, size: int) -> list[Tensor]:
    """Slices of at most `size`; a last one of a single row joins its neighbor, since BatchNorm cannot learn from one."""
    parts = list(order.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts
