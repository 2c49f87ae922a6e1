"""The two arms of a comparison: one network that starts from ImageNet's weights, and its twin that starts from nothing.

In a chain they are one that starts from an own model and one that starts from ImageNet's weights, and all else is the same.

Only the start differs: architecture, split, picture size and changed copies are the same. The twin has a step size, BatchNorm
averages and a number of epochs of its own, because a network without knowledge needs larger steps and more of them.
Source: He et al., 2019, Rethinking ImageNet pre-training (longer schedules from scratch).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from transferui.config import TrainConfig
from transferui.data.dataset import Dataset
from transferui.insight.features import Watch
from transferui.training.machine import pick_device
from transferui.training.state import Hooks, Trained
from transferui.training.train import train_model

Start = Literal["own", "pretrained", "scratch"]

# A few passes are enough for a network that knows much. Its twin gets ten times the step size, and a schedule that it goes
# through to the end: only when its steps have become small do its BatchNorm averages fit its weights.
PRETRAINED_EPOCHS, PRETRAINED_RATE = 6, 1e-4
SCRATCH_STEPS, SCRATCH_EPOCHS, SCRATCH_RATE = 600, 40, 1e-3
BATCH = 16
FLIP = "flip"


@dataclass(frozen=True)
class CurvePoint:
    """Validation after an epoch: seconds of computing so far, accuracy 0 to 1, mean cross-entropy."""

    seconds: float
    accuracy: float
    loss: float


@dataclass
class Arm:
    """What one run left.

    Attributes:
        labels: (n_val,) true classes.
        answers: (n_val,) classes of the kept state; None when the run ended before there was one.
        states: (seconds, answers) of every better state on the way.
        cut: it was ended by the time or by Stop, or had fewer passes than it would need.
        epoch_s: seconds on the clock of one pass through all stages.
        augmentation: changed copies that it learned from, which are fewer than asked for where mirrored ones were mistaken.
    """

    labels: NDArray[np.int64]
    answers: NDArray[np.int64] | None = None
    curve: list[CurvePoint] = field(default_factory=list)
    states: list[tuple[float, NDArray[np.int64]]] = field(default_factory=list)
    seconds: float = 0.0
    cut: bool = False
    epoch_s: float = 0.0
    n_train: int = 0
    augmentation: str = FLIP

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which validation photos the kept state gets right; without a state, those of the largest class."""
        return self._right(self.answers)

    def right_after(self, seconds: float) -> NDArray[np.bool_]:
        """Which photos the best state of the first `seconds` gets right."""
        return self._right(next((answers for at, answers in reversed(self.states) if at <= seconds), None))

    def _right(self, answers: NDArray[np.int64] | None) -> NDArray[np.bool_]:
        known = answers if answers is not None else np.full_like(self.labels, np.bincount(self.labels).argmax())
        right: NDArray[np.bool_] = known == self.labels
        return right


def scratch_epochs(n_train: int) -> int:
    """Passes after which a network from nothing has stopped improving: at least 40, and 600 steps with few photos."""
    return max(SCRATCH_EPOCHS, -(-SCRATCH_STEPS * BATCH // max(1, n_train)))


def arm_config(  # noqa: PLR0913 - keyword-only after the first four
    start: Start, backbone: str, image_size: int, seed: int, *, epochs: int = SCRATCH_EPOCHS, own: str = "",
    augmentation: str = FLIP,
) -> TrainConfig:  # fmt: skip
    """Settings of an arm.

    Args:
        epochs: those of the twin from nothing.
        own: the model that the arm "own" starts from.
        augmentation: changed copies; what the other arm found to be right.
    """
    common: dict[str, Any] = {
        "backbone": backbone, "image_size": image_size, "seed": seed, "trainable": "all", "augmentation": augmentation,
        "batch_size": BATCH,
    }  # fmt: skip
    if start in ("own", "pretrained"):
        common |= {"start_from": own} if start == "own" else {}
        return TrainConfig(**common, finetune_epochs=PRETRAINED_EPOCHS, backbone_learning_rate=PRETRAINED_RATE)
    return TrainConfig(
        **common, weights="random", head_start="random", batchnorm_statistics="update", backbone_learning_rate=SCRATCH_RATE,
        head_learning_rate=SCRATCH_RATE, finetune_epochs=min(1000, epochs), early_stopping=0,
    )  # fmt: skip


class _Recorder:
    """Follows a run: its curve and its better states, by the clock."""

    def __init__(self, arm: Arm, clock: Clock, watch: Watch, what: str) -> None:
        self.arm, self.clock, self.watch, self.what = arm, clock, watch, what

    def report(self, row: dict[str, Any]) -> None:
        """One row of progress."""
        if "row" in row:
            one = row["row"]
            self.arm.epoch_s = float(one["elapsed_s"]) / one["epoch"]
            self.arm.curve.append(CurvePoint(round(self.clock(), 3), one["val_accuracy"], one["val_loss"]))
        self.watch.report({**row, "what": self.what})

    def keep(self, run: Trained) -> None:
        """A better state."""
        if run.val_logits is not None:
            self.arm.states.append((self.clock(), run.val_logits.argmax(1).numpy()))


class Clock:
    """Seconds of computing: of the processor where it does the work, so that other people's programs do not count."""

    def __init__(self, device: str) -> None:
        self.now = time.process_time if device == "cpu" else time.perf_counter
        self.begun = self.now()

    def __call__(self) -> float:
        """Seconds since it was made."""
        return self.now() - self.begun


def run_arm(dataset: Dataset, config: TrainConfig, data_dir: Path, watch: Watch, what: str) -> Arm:
    """Train one arm on a dataset whose samples all name their part.

    Raises:
        UserError: for every cause that a person can mend.
        StoppedError: when stopped before the first photo was learned from.
    """
    labels = np.array([sample.label for sample in dataset.samples if sample.split == "val"])
    arm, clock = Arm(labels), Clock(pick_device(config.device).type)
    recorder = _Recorder(arm, clock, watch, what)
    run = train_model(dataset, config, data_dir, Hooks(recorder.report, watch.should_stop, recorder.keep))
    arm.labels = np.array([dataset.samples[i].label for i in run.split.val])
    arm.answers = run.val_logits.argmax(1).numpy() if run.val_logits is not None else None
    arm.seconds, arm.cut, arm.n_train = clock(), run.stopped, len(run.split.train)
    arm.augmentation = run.augmentation or config.augmentation
    return arm
