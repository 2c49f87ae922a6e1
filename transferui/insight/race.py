"""Both arms of a comparison from each random start, within the time that there is."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from transferui.data.dataset import Dataset
from transferui.data.splits import split_dataset
from transferui.insight.arms import FLIP, PRETRAINED_EPOCHS, Arm, Start, arm_config, run_arm, scratch_epochs
from transferui.insight.catching_up import photos_needed
from transferui.insight.features import Watch, pick_sample
from transferui.training.features import StoppedError
from transferui.training.start import photo_key

HELD_BACK = 0.3
# Share of its time that the twin's passes are planned to fill.
HEADROOM = 0.7
# On a busy machine the first pair may take so many times what there is for all: one answer is worth more than none.
FIRST_PAIR = 4


def split_photos(dataset: Dataset, most: int, seen: Collection[str] = ()) -> Dataset:
    """At most `most` photos, each with the part it belongs to in every run.

    Args:
        seen: keys of photos that must not check anything, because a model has learned from them before.
    """
    split = split_dataset(dataset, HELD_BACK, 0)
    parts = {**dict.fromkeys(split.train, "train"), **dict.fromkeys(split.val, "val")}
    parts |= {i: "train" for i in split.val if photo_key(dataset.samples[i].sha256) in seen}
    named = replace(dataset, samples=tuple(replace(s, split=parts.get(i, "test")) for i, s in enumerate(dataset.samples)))  # type: ignore[arg-type]
    few = []
    for part, share in (("train", 1 - HELD_BACK), ("val", HELD_BACK)):
        only = replace(named, samples=tuple(s for s in named.samples if s.split == part))
        few += [only.samples[i] for i in pick_sample(only, max(2 * len(dataset.class_names), round(share * most)))]
    return replace(named, samples=tuple(few))


@dataclass(frozen=True)
class Race:
    """Runs the arms, each within its share of the time that is left.

    Attributes:
        until: when the time is over, by `time.monotonic`; only the first pair may go on then.
        seconds: how long that was from the start.
        own: the model that the first arm starts from, in a race against ImageNet's weights; empty in one against nothing.
    """

    dataset: Dataset
    backbone: str
    side: int
    data_dir: Path
    watch: Watch
    until: float
    seconds: float
    own: str = ""

    def over(self) -> bool:
        """The time is over."""
        return time.monotonic() > self.until

    def run(self, seed: int, seeds_left: int) -> tuple[Arm, Arm]:
        """Both arms from one seed; the twin from nothing may take its share of the time that is left.

        Raises:
            StoppedError: when there is nothing to compare.
        """
        if self.own:
            return self._both(seed)
        first = self._whole("pretrained", seed, "from pretrained weights")
        return first, self._twin(first, seed, seeds_left)

    def _both(self, seed: int) -> tuple[Arm, Arm]:
        """From the own model and from ImageNet's weights; mirrored copies, if one finds them mistaken, are left out of both."""
        what = "from your model"
        first = self._whole("own", seed, what)
        second = self._whole("pretrained", seed, "from ImageNet's weights", first.augmentation)
        if second.augmentation != first.augmentation:
            first = self._whole("own", seed, what, second.augmentation)
        return first, second

    def _whole(self, start: Start, seed: int, what: str, augmentation: str = FLIP) -> Arm:
        """An arm that counts only when it went all the way: half of one would be an unfair opponent."""
        config = arm_config(start, self.backbone, self.side, seed, own=self.own, augmentation=augmentation)
        arm = run_arm(self.dataset, config, self.data_dir, self._watch(seed), f"Seed {seed + 1}: {what}")
        if arm.answers is None or arm.cut:
            raise StoppedError
        return arm

    def _twin(self, first: Arm, seed: int, seeds_left: int) -> Arm:
        """The twin from nothing, in as many passes as there is time for."""
        wanted = scratch_epochs(first.n_train)
        # Its schedule must end within its share of the time, of which the next seeds' pretrained runs take a part.
        share = (self.until - time.monotonic()) / seeds_left * HEADROOM
        least = PRETRAINED_EPOCHS if seed == 0 else 1
        epochs = min(wanted, max(least, int(share / max(first.epoch_s, 1e-6))))
        config = arm_config("scratch", self.backbone, self.side, seed, epochs=epochs, augmentation=first.augmentation)
        second = run_arm(self.dataset, config, self.data_dir, self._watch(seed), f"Seed {seed + 1}: from nothing")
        if not second.curve:
            raise StoppedError
        second.cut = second.cut or epochs < wanted
        return second

    def needed(self, pairs: Sequence[tuple[Arm, Arm]]) -> int | None:
        """Photos with which the twin from nothing would catch up, from one more run of it with half of them."""
        if self.own or self.over() or any(second.cut for _, second in pairs):
            return None
        train = [s for s in self.dataset.samples if s.split == "train"]
        half = pick_sample(replace(self.dataset, samples=tuple(train)), len(train) // 2)
        samples = (*(train[i] for i in half), *(s for s in self.dataset.samples if s.split == "val"))
        fewer = replace(self.dataset, samples=samples)
        epochs, copies = scratch_epochs(len(half)), pairs[0][1].augmentation
        config = arm_config("scratch", self.backbone, self.side, 0, epochs=epochs, augmentation=copies)
        arm = run_arm(fewer, config, self.data_dir, self._watch(), "From nothing with half of the photos")
        if arm.cut:
            return None
        best, twin = (float(np.mean([pair[i].right.mean() for pair in pairs])) for i in (0, 1))
        return photos_needed((len(half), len(train)), (float(arm.right.mean()), twin), best)

    def _watch(self, seed: int = 1) -> Watch:
        ends = self.until if seed else self.until + (FIRST_PAIR - 1) * self.seconds
        return Watch(self.watch.report, _Until(ends, self.watch))


@dataclass(frozen=True)
class _Until:
    """Stops when asked, or when the time is over."""

    ends: float
    watch: Watch

    def __call__(self) -> bool:
        return time.monotonic() > self.ends or self.watch.should_stop()
