"""Did transfer learning help? The same network from ImageNet's weights and from nothing, compared photo by photo."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from transferui.backbones.catalogue import get_backbone
from transferui.data.dataset import Dataset
from transferui.data.splits import split_dataset
from transferui.errors import UserError
from transferui.insight.arms import Arm, CurvePoint, arm_config, run_arm, scratch_epochs
from transferui.insight.catching_up import photos_needed
from transferui.insight.features import Watch, go_on, opened, pick_sample, tell_nobody, warnings
from transferui.insight.measurement import Measurement
from transferui.training.features import Report, ShouldStop, StoppedError
from transferui.training.machine import pick_device

# Photos and picture size on a processor: small enough that a network can learn from nothing while one waits.
PHOTOS, SIDE, SEEDS, HELD_BACK = 480, 96, 3, 0.3
RESAMPLES = 4000
# Share of its time that the twin's passes are planned to fill.
HEADROOM = 0.7


@dataclass(frozen=True)
class Seed:
    """Both arms from one random start: accuracies 0 to 1, seconds of computing, curves over epochs."""

    seed: int
    pretrained: float
    scratch: float
    scratch_same_time: float
    pretrained_s: float
    scratch_s: float
    scratch_cut: bool
    pretrained_curve: tuple[CurvePoint, ...]
    scratch_curve: tuple[CurvePoint, ...]


@dataclass(frozen=True)
class Gain(Measurement):
    """What starting from pretrained weights was worth.

    Attributes:
        gap: accuracy of the pretrained arm minus that of the twin from nothing, both at their best; 95 % interval.
        same_time_gap: the same when the twin had no more computing time.
        verdict: ``positive``, ``negative``, ``no_clear_difference``, or ``unknown`` when nothing was finished.
        photos_needed: photos with which the twin would catch up; None when that cannot be read off.
    """

    verdict: str
    sentence: str
    backbone: str
    image_size: int
    n_train: int = 0
    n_val: int = 0
    gap: float = 0.0
    gap_low: float = 0.0
    gap_high: float = 0.0
    same_time_gap: float = 0.0
    same_time_low: float = 0.0
    same_time_high: float = 0.0
    photos_needed: int | None = None
    seeds: tuple[Seed, ...] = ()


@dataclass(frozen=True)
class Effort:
    """How much is spent on the comparison.

    Attributes:
        minutes: time for everything; runs that are not over then keep their best state, and it is said.
        seeds: random starts of each arm.
        image_size: side of the pictures; 0 takes 96 on a processor and the network's own elsewhere.
        photos: at most so many.
    """

    minutes: float = 20.0
    seeds: int = SEEDS
    image_size: int = 0
    photos: int = PHOTOS


def transfer_gain(
    dataset: Dataset | Path | str,
    backbone: str = "efficientnet_lite0",
    *,
    effort: Effort | None = None,
    data_dir: Path | None = None,
    report: Report = tell_nobody,
    should_stop: ShouldStop = go_on,
) -> Gain:
    """Train a network from pretrained weights and its twin from random ones, and compare them on the same photos.

    Raises:
        UserError: for every cause that a person can mend.
    """
    begun, effort = time.monotonic(), _checked(effort or Effort())
    facts = get_backbone(backbone)
    found, home = opened(dataset, data_dir)
    side = effort.image_size or (SIDE if pick_device("auto").type == "cpu" else facts.image_size)
    small = _split(found, effort.photos)
    pairs: list[tuple[Arm, Arm]] = []
    race = _Race(small, facts.name, side, home, Watch(report, should_stop), begun + 60 * effort.minutes)
    try:
        for seed in range(effort.seeds):
            pairs.append(race.run(seed, effort.seeds - seed))
        needed = race.needed(pairs)
    except StoppedError:
        needed = None
    n_train = sum(sample.split == "train" for sample in small.samples)
    gain = replace(compare_arms(pairs, n_train, facts.name, side), photos_needed=needed, stopped=should_stop())
    notes = _notes(gain, len(found.samples), effort, race.over())
    labels = np.array([sample.label for sample in small.samples])
    notes += warnings(labels, found.class_names)
    sentence = _sentence(gain, facts.title)
    return replace(gain, notes=tuple(notes), sentence=sentence, seconds=round(time.monotonic() - begun, 1))


def _checked(effort: Effort) -> Effort:
    if not 0 < effort.minutes <= 24 * 60 or not 1 <= effort.seeds <= 20 or effort.photos < 4:
        raise UserError(
            "BAD_SETTING", "The comparison needs 1 to 20 seeds, at least 4 photos, and from 0 to 1440 minutes.",
            "Choose values in these ranges.",
        )  # fmt: skip
    return effort


def _split(dataset: Dataset, most: int) -> Dataset:
    """At most `most` photos, each with the part it belongs to in every run."""
    split = split_dataset(dataset, HELD_BACK, 0)
    parts = {**dict.fromkeys(split.train, "train"), **dict.fromkeys(split.val, "val")}
    named = replace(dataset, samples=tuple(replace(s, split=parts.get(i, "test")) for i, s in enumerate(dataset.samples)))  # type: ignore[arg-type]
    few = []
    for part, share in (("train", 1 - HELD_BACK), ("val", HELD_BACK)):
        only = replace(named, samples=tuple(s for s in named.samples if s.split == part))
        few += [only.samples[i] for i in pick_sample(only, max(2 * len(dataset.class_names), round(share * most)))]
    return replace(named, samples=tuple(few))


@dataclass(frozen=True)
class _Race:
    """Runs the arms, each within its share of the time that is left."""

    dataset: Dataset
    backbone: str
    side: int
    data_dir: Path
    watch: Watch
    until: float

    def over(self) -> bool:
        """The time is over."""
        return time.monotonic() > self.until

    def run(self, seed: int, seeds_left: int) -> tuple[Arm, Arm]:
        """Both arms from one seed; the twin may take its share of the time that is left."""
        config = arm_config("pretrained", self.backbone, self.side, seed)
        watch = self._watch(self.until)
        first = run_arm(self.dataset, config, self.data_dir, watch, f"Seed {seed + 1}: from pretrained weights")
        if first.answers is None or first.cut:
            raise StoppedError
        wanted = scratch_epochs(first.n_train)
        # Its schedule must end within its share of the time, of which the next seeds' pretrained runs take a part.
        share = (self.until - time.monotonic()) / seeds_left * HEADROOM
        epochs = max(1, min(wanted, int(share / max(first.epoch_s, 1e-6))))
        config = arm_config("scratch", self.backbone, self.side, seed, epochs)
        second = run_arm(self.dataset, config, self.data_dir, watch, f"Seed {seed + 1}: from nothing")
        if not second.curve:
            raise StoppedError
        second.cut = second.cut or epochs < wanted
        return first, second

    def needed(self, pairs: Sequence[tuple[Arm, Arm]]) -> int | None:
        """Photos with which the twin would catch up, from one more run of it with half of them."""
        if self.over() or any(second.cut for _, second in pairs):
            return None
        train = [s for s in self.dataset.samples if s.split == "train"]
        half = pick_sample(replace(self.dataset, samples=tuple(train)), len(train) // 2)
        samples = (*(train[i] for i in half), *(s for s in self.dataset.samples if s.split == "val"))
        fewer = replace(self.dataset, samples=samples)
        config = arm_config("scratch", self.backbone, self.side, 0, scratch_epochs(len(half)))
        arm = run_arm(fewer, config, self.data_dir, self._watch(self.until), "From nothing with half of the photos")
        if arm.cut:
            return None
        best, twin = (float(np.mean([pair[i].right.mean() for pair in pairs])) for i in (0, 1))
        return photos_needed((len(half), len(train)), (float(arm.right.mean()), twin), best)

    def _watch(self, ends: float) -> Watch:
        return Watch(self.watch.report, _Until(ends, self.watch))


@dataclass(frozen=True)
class _Until:
    """Stops when asked, or when the time is over."""

    ends: float
    watch: Watch

    def __call__(self) -> bool:
        return time.monotonic() > self.ends or self.watch.should_stop()


def compare_arms(pairs: Sequence[tuple[Arm, Arm]], n_train: int, backbone: str, side: int) -> Gain:
    """Gaps with intervals over photos and seeds, and the verdict."""
    if not pairs:
        return Gain("unknown", "", backbone, side, n_train)
    final = np.array([a.right.astype(float) - b.right for a, b in pairs])
    same = np.array([a.right.astype(float) - b.right_after(a.seconds) for a, b in pairs])
    low, high = gap_interval(final)
    same_low, same_high = gap_interval(same)
    verdict = "positive" if low > 0 else "negative" if high < 0 else "no_clear_difference"
    seeds = tuple(
        Seed(n, float(a.right.mean()), float(b.right.mean()), float(b.right_after(a.seconds).mean()), round(a.seconds, 2),
             round(b.seconds, 2), b.cut, tuple(a.curve), tuple(b.curve))
        for n, (a, b) in enumerate(pairs)
    )  # fmt: skip
    return Gain(
        verdict, "", backbone, side, n_train, final.shape[1], float(final.mean()), low, high, float(same.mean()), same_low,
        same_high, seeds=seeds,
    )  # fmt: skip


def gap_interval(gains: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    """95 % interval of the mean of (seeds, photos), by drawing both anew: other photos and other random starts."""
    rng = np.random.default_rng(0)
    seeds, photos = gains.shape
    means = [gains[rng.integers(0, seeds, seeds)].mean(axis=0)[rng.integers(0, photos, photos)].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _notes(gain: Gain, n_images: int, effort: Effort, over: bool) -> list[str]:
    said = [f"Both looked at pictures of {gain.image_size} pixels, so that learning from nothing ends while one waits."]
    used = gain.n_train + gain.n_val
    if gain.n_val and used < n_images:
        said.append(f"Measured with {used} of the {n_images} photos.")
    if len(gain.seeds) < effort.seeds:
        why = "The time was over" if over and not gain.stopped else "Stopped"
        said.append(f"{why} after {len(gain.seeds)} of {effort.seeds} random starts.")
    if any(seed.scratch_cut for seed in gain.seeds):
        said.append("The network from nothing had too little time to learn all it could: with more minutes it may do better.")
    return said


def _sentence(gain: Gain, title: str) -> str:
    """The verdict in words."""
    if not gain.seeds:
        return "Nothing was finished, so nothing can be said."
    with_it, without = (float(np.mean([getattr(seed, arm) for seed in gain.seeds])) for arm in ("pretrained", "scratch"))
    span = f"{100 * gain.gap_low:+.0f} to {100 * gain.gap_high:+.0f} points"
    figures = f"{with_it:.0%} with pretrained weights, {without:.0%} from nothing (a gap of {100 * gain.gap:+.0f}, {span})"
    if gain.verdict == "positive":
        more = f" It would take about {gain.photos_needed} photos to catch up from nothing." if gain.photos_needed else ""
        return f"Positive transfer: what {title} had learned before helped: {figures}.{more}"
    if gain.verdict == "negative":
        return f"Negative transfer: what {title} had learned before hurt: {figures}."
    return f"No clear difference: {figures}. These photos can be learned as well from nothing."
