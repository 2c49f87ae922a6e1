"""Did transfer learning help? The same network from ImageNet's weights and from nothing, compared photo by photo."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from transferui.backbones.catalogue import Backbone, get_backbone
from transferui.data.dataset import Dataset
from transferui.errors import UserError
from transferui.evaluation.shown import share
from transferui.insight.arms import Arm, CurvePoint
from transferui.insight.features import Watch, go_on, opened, tell_nobody, warnings
from transferui.insight.measurement import Measurement
from transferui.insight.race import Race, split_photos
from transferui.training.features import Report, ShouldStop, StoppedError
from transferui.training.machine import pick_device

# Photos and picture size on a processor: small enough that a network can learn from nothing while one waits.
PHOTOS, SIDE, SEEDS = 480, 96, 3
RESAMPLES = 4000
# Chance results rarer than this count as a difference, when the interval says so too.
ALPHA = 0.05


@dataclass(frozen=True)
class Seed:
    """Both arms from one random start: accuracies 0 to 1, seconds of computing, curves over epochs.

    `pretrained` is the arm that starts from `Gain.start`, `scratch` the one that starts from `Gain.against`.
    """

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
    """What one start was worth against another: pretrained weights against nothing, or an own model against pretrained weights.

    Attributes:
        start, against: what the two arms start from: ``imagenet`` and ``nothing``, or ``own_model`` and ``imagenet``.
        own_model: what the own model was trained on, by name; empty when there is none.
        relation: of these photos to the own model's: ``lateral``, ``vertical``, ``continued`` or empty.
        gap: accuracy of the first arm minus that of the second, both at their best; 95 % interval.
        same_time_gap: the same when the second had no more computing time; the same as `gap` for two arms of equal passes.
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
    start: str = "imagenet"
    against: str = "nothing"
    own_model: str = ""
    relation: str = ""


@dataclass(frozen=True)
class Effort:
    """How much is spent on the comparison.

    Attributes:
        minutes: time for everything; runs that are not over then keep their best state, and it is said. The first pair may
            take four times as long.
        seeds: random starts of each arm.
        image_size: side of the pictures; 0 takes 96 on a processor and the network's own elsewhere.
        photos: at most so many.
    """

    minutes: float = 20.0
    seeds: int = SEEDS
    image_size: int = 0
    photos: int = PHOTOS

    def side(self, backbone: Backbone) -> int:
        """Side of the pictures here."""
        return self.image_size or (SIDE if pick_device("auto").type == "cpu" else backbone.image_size)


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
    begun, effort = time.monotonic(), checked(effort or Effort())
    facts = get_backbone(backbone)
    found, home = opened(dataset, data_dir)
    small = split_photos(found, effort.photos)
    watch, seconds = Watch(report, should_stop), 60 * effort.minutes
    race = Race(small, facts.name, effort.side(facts), home, watch, begun + seconds, seconds)
    gain = measure(race, effort)
    return concluded(gain, race, effort, found, f"what {facts.title} had learned before")


def measure(race: Race, effort: Effort) -> Gain:
    """Run a race from every random start, as far as time and the person let it go."""
    pairs: list[tuple[Arm, Arm]] = []
    try:
        for seed in range(effort.seeds):
            pairs.append(race.run(seed, effort.seeds - seed))
        needed = race.needed(pairs)
    except StoppedError:
        needed = None
    n_train = sum(sample.split == "train" for sample in race.dataset.samples)
    gain = compare_arms(pairs, n_train, race.backbone, race.side, same_budget=bool(race.own))
    return replace(gain, photos_needed=needed, stopped=race.watch.should_stop())


def concluded(gain: Gain, race: Race, effort: Effort, dataset: Dataset, cause: str) -> Gain:
    """The measurement in words.

    Args:
        cause: what helped or hurt, as the subject of a sentence.
    """
    labels = np.array([sample.label for sample in race.dataset.samples])
    notes = [*_notes(gain, len(dataset.samples), effort, race.over()), *warnings(labels, dataset.class_names)]
    took = round(time.monotonic() - race.until + race.seconds, 1)
    return replace(gain, notes=tuple(notes), sentence=_sentence(gain, cause), seconds=took)


def checked(effort: Effort) -> Effort:
    """The effort, if it is a possible one.

    Raises:
        UserError: ``BAD_SETTING``.
    """
    if not 0 < effort.minutes <= 24 * 60 or not 1 <= effort.seeds <= 20 or effort.photos < 4:
        raise UserError(
            "BAD_SETTING", "The comparison needs 1 to 20 seeds, at least 4 photos, and from 0 to 1440 minutes.",
            "Choose values in these ranges.",
        )  # fmt: skip
    return effort


def compare_arms(pairs: Sequence[tuple[Arm, Arm]], n_train: int, backbone: str, side: int, *, same_budget: bool = False) -> Gain:
    """Gaps with intervals over photos and seeds, and the verdict.

    Args:
        same_budget: both arms make the same passes, so that "with the same time" is the comparison itself.
    """
    if not pairs:
        return Gain("unknown", "", backbone, side, n_train)
    final = np.array([a.right.astype(float) - b.right for a, b in pairs])
    same = final if same_budget else np.array([a.right.astype(float) - b.right_after(a.seconds) for a, b in pairs])
    low, high = gap_interval(final)
    sure = sign_test(final) < ALPHA
    same_low, same_high = gap_interval(same)
    verdict = "positive" if low > 0 and sure else "negative" if high < 0 and sure else "no_clear_difference"
    seeds = tuple(
        Seed(n, float(a.right.mean()), float(b.right.mean()), float(b.right_after(a.seconds).mean()), round(a.seconds, 2),
             round(b.seconds, 2), b.cut, tuple(a.curve), tuple(b.curve))
        for n, (a, b) in enumerate(pairs)
    )  # fmt: skip
    return Gain(
        verdict, "", backbone, side, n_train, final.shape[1], float(final.mean()), low, high, float(same.mean()), same_low,
        same_high, seeds=seeds,
    )  # fmt: skip


def sign_test(gains: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Two-sided p-value of (seeds, photos): photos that the first arm answers better on the whole against those it answers worse.

    With one seed this is McNemar's exact test. A bootstrap of very few photos calls chance a difference; this does not.
    """
    from scipy.stats import binomtest  # noqa: PLC0415 - half a second that nobody waits for before the end

    whole = gains.mean(axis=0)
    better, worse = int((whole > 0).sum()), int((whole < 0).sum())
    return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0


def gap_interval(gains: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    """95 % interval of the mean of (seeds, photos), by drawing both anew: other photos and other random starts."""
    rng = np.random.default_rng(0)
    seeds, photos = gains.shape
    means = [gains[rng.integers(0, seeds, seeds)].mean(axis=0)[rng.integers(0, photos, photos)].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _notes(gain: Gain, n_images: int, effort: Effort, over: bool) -> list[str]:
    reason = "it takes less time" if gain.own_model else "learning from nothing ends while one waits"
    said = [f"Both looked at pictures of {gain.image_size} pixels, so that {reason}."]
    used = gain.n_train + gain.n_val
    if gain.n_val and used < n_images:
        said.append(f"Measured with {used} of the {n_images} photos.")
    if len(gain.seeds) < effort.seeds:
        why = "The time was over" if over and not gain.stopped else "Stopped"
        said.append(f"{why} after {len(gain.seeds)} of {effort.seeds} random starts.")
    if any(seed.scratch_cut for seed in gain.seeds):
        said.append("The network from nothing had too little time to learn all it could: with more minutes it may do better.")
    return said


def _sentence(gain: Gain, cause: str) -> str:
    """The verdict in words."""
    if not gain.seeds:
        return "Nothing was finished, so nothing can be said."
    first, second = (float(np.mean([getattr(seed, arm) for seed in gain.seeds])) for arm in ("pretrained", "scratch"))
    span = f"{100 * gain.gap_low:+.0f} to {100 * gain.gap_high:+.0f} points"
    starts = (
        (f"from your model of {gain.own_model}", "from ImageNet")
        if gain.own_model
        else ("with pretrained weights", "from nothing")
    )
    figures = f"{share(first)} {starts[0]}, {share(second)} {starts[1]} (a gap of {100 * gain.gap:+.0f}, {span})"
    if gain.verdict == "positive":
        more = f" It would take about {gain.photos_needed} photos to catch up from nothing." if gain.photos_needed else ""
        return f"Positive transfer: {cause} helped: {figures}.{more}"
    if gain.verdict == "negative":
        return f"Negative transfer: {cause} hurt: {figures}."
    if gain.own_model:
        return f"No clear difference: {figures}. ImageNet's weights are as good a start."
    return f"No clear difference: {figures}. These photos can be learned as well from nothing."
