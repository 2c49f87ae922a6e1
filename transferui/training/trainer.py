"""The steps of a phase: optimizer, schedule, random numbers, and a watch over the loss."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from transferui.training.average import Average
from transferui.training.features import Report, ShouldStop
from transferui.training.machine import is_out_of_memory, make_do, synchronize
from transferui.training.phase import Phase, learning_part, phase_weights
from transferui.training.recipe import augment, make_optimizer, make_schedule
from transferui.training.watch import Watch

# A progress row inside a long epoch every half second: often enough to look alive, rare enough to cost nothing.
PROGRESS_S = 0.5


class Trainer:
    """Optimizer, schedule and random numbers of a phase, over its epochs."""

    def __init__(self, phase: Phase, report: Report, should_stop: ShouldStop) -> None:
        self.phase, self.report, self.should_stop = phase, report, should_stop
        self.steps = max(1, math.ceil(len(phase.train) / phase.config.batch_size))
        self.random = torch.Generator().manual_seed(phase.config.seed)
        weights = phase_weights(phase)
        self.weights = weights.to(phase.device) if weights is not None else None
        self.last_progress = time.perf_counter()
        # Rows that go through the network at once; halved when memory is short, without a change to what is learned.
        self.at_once = phase.config.batch_size + 1
        self.step, self.trouble, self.slower = 0, "", 1.0
        self.watch = Watch(math.inf, phase.model.head.linear.out_features)
        self.begin(0, math.inf)

    def begin(self, done: int, loss: float, slower: float = 1.0) -> None:
        """Start, or start over after trouble, with the weights as they are.

        Args:
            done: epochs that are over.
            loss: of the weights as they are; one far above it is trouble.
            slower: share of the asked learning rates.
        """
        phase, fine = self.phase, self.phase.name == "finetune"
        # From a head that has not learned yet, its steps stay large.
        gentle = fine and phase.config.head_start == "trained"
        self.optimizer = make_optimizer(phase.model.head, phase.model.stages[phase.boundary :], phase.config, fine=gentle)
        for group in self.optimizer.param_groups:
            group["lr"] *= slower
        self.schedule = make_schedule(self.optimizer, phase.config, self.steps * (phase.epochs - done), warm_up=fine)
        # From nothing, weights move too far for an average of them to fit the BatchNorm averages of the last steps.
        self.average = Average(learning_part(phase)) if gentle else None
        self.watch = Watch(loss, phase.model.head.linear.out_features)
        self.trouble, self.slower = "", slower

    def averaged(self) -> AbstractContextManager[None]:
        """While it lasts, the network has the running average of its weights, if there is one."""
        return self.average.in_place() if self.average else nullcontext()

    def epoch(self, epoch: int) -> dict[str, Any] | None:
        """One pass over the training rows; None when it was stopped or there is trouble (then `trouble` says which)."""
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
            self.step = (epoch - 1) * self.steps + step
            self.trouble = self.watch.trouble(loss)
            if self.trouble:
                return None
            self._progress(epoch, step, begun)
        synchronize(phase.device)
        mean, accuracy = loss_sum.item() / len(order), right.item() / len(order)
        self.trouble = "" if math.isfinite(mean) else "nan"
        if self.trouble:
            return None
        return {
            "phase": phase.name,
            "epoch": epoch,
            "epochs": phase.epochs,
            "epoch_total": phase.first_epoch + epoch,
            "train_loss": round(mean, 6),
            "train_accuracy": round(accuracy, 6),
            "images_per_s": round(len(order) / max(1e-6, time.perf_counter() - begun), 1),
        }

    def _step(self, picks: Tensor) -> tuple[Tensor, Tensor]:
        """One optimizer update on the rows at `picks`; gives the mean loss and the number of right answers."""
        batch = self._to_device(self.phase.train.drawn(picks, self.random))
        if batch.dtype == torch.uint8:
            batch = augment(batch, self.phase.config.augmentation, self.random)
        labels = self._to_device(self.phase.train.labels[picks])
        loss, hits = self._gradients(batch, labels)
        self.optimizer.step()
        self.schedule.step()
        if self.average:
            self.average.update()
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
