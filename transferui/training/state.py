"""What a run knows about itself while it goes on and when it is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from transferui.config import TrainConfig
from transferui.data.dataset import Dataset
from transferui.data.preprocessing import Preprocessing
from transferui.data.similar import groups_of, numbered
from transferui.data.splits import Split
from transferui.training.features import Report, ShouldStop, Work
from transferui.training.model import Classifier
from transferui.training.start import Start


@dataclass(frozen=True)
class Kept:
    """What the kept model sees, in numbers.

    Attributes:
        train: features (n, D) of training photos, of at most 2,000.
        val: features (n_val, D) in the order of the split.
        samples: which training photos, as indices into ``dataset.samples``.
    """

    train: Tensor
    val: Tensor
    samples: tuple[int, ...]


@dataclass
class Trained:
    """A trained model and how it came about.

    Attributes:
        split: indices into ``dataset.samples``, without pictures that could not be read.
        val_logits, test_logits: (n_val, K) and (n_test, K) in the order of the split.
        train_logits: (n_train, K) of the kept state in eval mode, without changed copies; None before the end.
        seconds: decode, prefix, head, finetune, total.
        kept_phase, best_epoch: which state was kept.
        kept_share: how much of the way from the trained head to that epoch of fine-tuning was taken; below 1 it is a mix of both.
        pooled: features (n, D) of the pretrained network by part (train, val), original view, in the order of the split;
            empty when the head never saw frozen features.
        pooled_views: (n_train, V, D) of the training photos and their changed copies, where the head learned from these.
        kept: what the kept model sees; None before the run is over.
        start: the own model it started from; None for ImageNet and for nothing.
        augmentation: what was really learned from, when mirrored copies were left out; else empty.
    """

    dataset: Dataset
    config: TrainConfig
    model: Classifier
    preprocessing: Preprocessing
    split: Split
    trainable: tuple[str, ...]
    boundary: int = 0
    device: str = "cpu"
    precision: str = "float32"
    work: Work = field(default_factory=Work)
    phases: list[dict[str, object]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    val_logits: Tensor | None = None
    test_logits: Tensor | None = None
    train_logits: Tensor | None = None
    head_val_logits: Tensor | None = None
    kept_phase: str = ""
    best_epoch: int = 0
    kept_share: float = 1.0
    frozen_unchanged: bool | None = None
    stopped: bool = False
    pooled: dict[str, Tensor] = field(default_factory=dict)
    pooled_views: Tensor | None = None
    kept: Kept | None = None
    start: Start | None = None
    notes: list[str] = field(default_factory=list)
    augmentation: str = ""

    def groups(self) -> list[int]:
        """The number of each photo's near-copies or series, from 0 on; below zero, each with its own, photos that stand alone.

        Where photos that are used where they lie came with a val folder, nobody has looked for series; their owner answers.
        """
        samples = self.dataset.samples
        if self.dataset.folder is None and any(sample.split == "val" for sample in samples):
            return numbered([None] * len(samples))
        return numbered(groups_of(self.dataset))


@dataclass(frozen=True)
class Hooks:
    """How a run talks to the outside.

    Attributes:
        report: gets progress dictionaries, and ``{"row": …}`` after every epoch.
        should_stop: asked at every step.
        keep: called with the run so far whenever a better state was found.
    """

    report: Report
    should_stop: ShouldStop
    keep: Callable[[Trained], None]
