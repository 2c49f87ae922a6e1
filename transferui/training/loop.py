"""One phase of learning: epochs of steps over rows in memory, validation after each, the best state kept."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from transferui.training import watch
from transferui.training.features import Report, ShouldStop
from transferui.training.paired import loss_change
from transferui.training.phase import Phase, judge, learning_part, phase_weights, validate
from transferui.training.trainer import Trainer

# After trouble a phase goes on with a tenth of the learning rates, at most so often.
TRIES, SLOWER = 3, 0.1


@dataclass
class Outcome:
    """How a phase ended.

    Attributes:
        val_loss: validation loss of the kept state.
        judged: what states were compared by (`judge`); the kept state has the lowest.
        state: kept weights of everything behind the boundary, on the processor.
        reason: ``done``, ``early`` (no improvement), ``stopped`` or ``diverged``.
        at_once: rows that went through the network at once in the end; fewer than a batch when memory was short.
        slower: share of the asked learning rates with which it ended.
        trouble: what ended it when it diverged: ``nan``, ``runaway`` or ``collapse``.
        notes: troubles on the way, in words for the person.
    """

    epochs_done: int = 0
    best_epoch: int = 0
    val_loss: float = math.inf
    judged: float = math.inf
    val_logits: Tensor | None = None
    state: dict[str, Tensor] | None = None
    reason: str = "done"
    seconds: float = 0.0
    at_once: int = 0
    slower: float = 1.0
    trouble: str = ""
    notes: list[str] = field(default_factory=list)


def run_phase(phase: Phase, report: Report, should_stop: ShouldStop) -> Outcome:
    """Train until the epochs are over, nothing improves, somebody stops it, or trouble comes back too often.

    The state with the lowest validation loss is put back into the model.
    """
    outcome, begun = Outcome(), time.perf_counter()
    trainer = Trainer(phase, report, should_stop)
    keep_best(phase, outcome, *validate(phase))
    trainer.begin(0, outcome.val_loss)
    epoch = 1
    while epoch <= phase.epochs and outcome.reason == "done":
        row = trainer.epoch(epoch)
        if row is not None:
            _check(phase, outcome, trainer, row)
            report({"row": row | {"elapsed_s": round(time.perf_counter() - begun, 3)}})
            epoch += 1
        if trainer.trouble:
            _start_over(phase, outcome, trainer)
        elif row is None:
            outcome.reason = "stopped"
        elif phase.patience and outcome.epochs_done - outcome.best_epoch >= phase.patience:
            outcome.reason = "early"
    restore(phase, outcome)
    outcome.at_once, outcome.slower = trainer.at_once, trainer.slower
    outcome.seconds = time.perf_counter() - begun
    return outcome


def _check(phase: Phase, outcome: Outcome, trainer: Trainer, row: dict[str, Any]) -> None:
    """Validate after an epoch, complete its row, keep the state if it is the best, and see whether it has collapsed."""
    with trainer.averaged():
        logits, loss = validate(phase)
        accuracy = (logits.argmax(1) == phase.val.labels).float().mean().item()
        row |= {"val_loss": round(loss, 6), "val_accuracy": round(accuracy, 6)}
        row |= loss_change(outcome.val_logits, logits, phase.val.labels, phase_weights(phase), phase.home)
        row["val_change_since"] = outcome.best_epoch
        outcome.epochs_done = int(row["epoch"])
        if not math.isfinite(loss):
            trainer.trouble = "nan"
        elif judge(phase, logits) < outcome.judged:
            keep_best(phase, outcome, logits, loss, outcome.epochs_done)
        elif _collapsed(phase, outcome, logits):
            trainer.trouble = "collapse"
        row["best_epoch"] = outcome.best_epoch


def _collapsed(phase: Phase, outcome: Outcome, logits: Tensor) -> bool:
    """Whether one class answers everything, which was not so in the best state."""
    labels, best = phase.val.labels, outcome.val_logits
    before = best is not None and watch.one_answer(best, labels) is None
    return before and watch.one_answer(logits, labels) is not None


def _start_over(phase: Phase, outcome: Outcome, trainer: Trainer) -> None:
    """Put the best state back and go on with smaller steps; after too many troubles, give up."""
    if len(outcome.notes) == TRIES:
        outcome.reason, outcome.trouble = "diverged", trainer.trouble
        return
    restore(phase, outcome)
    slower = trainer.slower * SLOWER
    outcome.notes.append(watch.words(trainer.trouble, phase.name, trainer.step, slower))
    trainer.begin(outcome.epochs_done, outcome.val_loss, slower)


def keep_best(phase: Phase, outcome: Outcome, logits: Tensor, loss: float, epoch: int = 0) -> None:
    """Remember this state as the best so far; epoch 0 is the state before the first step."""
    outcome.best_epoch, outcome.val_loss, outcome.val_logits = epoch, loss, logits
    outcome.judged = judge(phase, logits)
    outcome.state = {name: value.detach().cpu().clone() for name, value in learning_part(phase).state_dict().items()}
    if epoch:
        phase.on_best(epoch, logits)


def restore(phase: Phase, outcome: Outcome) -> None:
    """Put the kept state back into the model."""
    if outcome.state is not None:
        learning_part(phase).load_state_dict(outcome.state)
