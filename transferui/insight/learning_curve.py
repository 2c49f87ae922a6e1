"""Would more photos help? Accuracy over growing shares of the photos, and how the curve goes on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transferui.data.dataset import Dataset
from transferui.evaluation.shown import share
from transferui.insight.features import (
    Features,
    Watch,
    go_on,
    learnable,
    load_network,
    opened,
    pick_sample,
    pooled_features,
    tell_nobody,
    warnings,
)
from transferui.insight.measurement import STOPPED, WORTH, Measurement
from transferui.insight.scores import Floats, Ints
from transferui.insight.subsets import Pool, held_out, share_of
from transferui.training.features import Report, ShouldStop, StoppedError

# Photos that are looked at; a curve of 2,000 says what a curve of more would.
MOST = 2000
# Shares of the photos learned from: even steps on the logarithmic axis on which such curves are nearly straight.
SHARES = (0.1, 0.16, 0.25, 0.4, 0.63, 1.0)
REPEATS, AT_LEAST, BUDGET_S = 20, 4, 2.0
RESAMPLES = 200
EXPONENTS = tuple(np.linspace(0.05, 1.0, 20))
# Numbers of further photos per class that a person would think of.
ROUND = (5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class Point:
    """Accuracy when learning from some of the photos.

    Attributes:
        n, per_class: photos learned from, in all and in the mean class.
        accuracy: mean over repeats, 0 to 1; eight of ten repeats lie from low to high.
    """

    n: int
    per_class: float
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve(Measurement):
    """A learning curve and its likely continuation.

    Attributes:
        more_per_class: further photos per class that the forecast is about.
        now, then: expected accuracy with all photos there are, and with those more; `then` with its 95 % interval.
        verdict: ``growing``, ``leveled_off``, ``unclear`` or ``too_few`` photos for a curve.
        fit: floor, factor and exponent of error = floor + factor * n ** -exponent.
    """

    points: tuple[Point, ...]
    verdict: str
    sentence: str
    n_images: int
    repeats: int = 0
    more_per_class: int = 0
    now: float = 0.0
    then: float = 0.0
    then_low: float = 0.0
    then_high: float = 0.0
    fit: tuple[float, float, float] | None = None
    prefix_images: int = 0


def learning_curve(
    dataset: Dataset | Path | str,
    backbone: str = "efficientnet_lite0",
    *,
    data_dir: Path | None = None,
    report: Report = tell_nobody,
    should_stop: ShouldStop = go_on,
) -> Curve:
    """Teach a linear probe with a tenth to all of the photos, again and again, and ask it about photos held back.

    Raises:
        UserError: for every cause that a person can mend.
    """
    begun, watch = time.perf_counter(), Watch(report, should_stop)
    found, home = opened(dataset, data_dir)
    try:
        network = load_network(backbone, home, watch)
        features = pooled_features(network, found, pick_sample(found, MOST), home, watch)
    except StoppedError:
        return Curve((), "unclear", STOPPED, 0, stopped=True)
    measured = curve_of(features, found.class_names, watch)
    seconds = round(time.perf_counter() - begun, 3)
    left = len(learnable(found)) - len(features.labels)
    part = (f"Measured with {len(features.labels):,} of the photos; {left:,} more are there already.",) if left > 0 else ()
    more = {"prefix_images": features.work.prefix_images, "seconds": seconds, "notes": (*measured.notes, *part)}
    return Curve(**{**measured.__dict__, **more})


def curve_of(features: Features, class_names: Sequence[str], watch: Watch) -> Curve:
    """The curve of features that are there."""
    labels, notes = features.labels, (*warnings(features.labels, class_names), *features.notes)
    present = np.unique(labels)
    if np.bincount(labels)[present].min() < 3:
        sentence = "A curve needs at least 3 photos of every class: 2 to learn from and 1 to check with."
        return Curve((), "too_few", sentence, len(labels), notes=notes)
    rows, sizes = _repeat(Pool(features.table, labels, features.groups), watch)
    stopped = watch.should_stop()
    if len(rows) < 2:
        return Curve((), "unclear", "Stopped before the curve was drawn.", len(labels), notes=notes, stopped=stopped)
    low, high = np.quantile(rows, [0.1, 0.9], axis=0)
    points = tuple(
        Point(int(n), round(float(n) / len(present), 1), float(mean), float(a), float(b))
        for n, mean, a, b in zip(sizes, rows.mean(axis=0), low, high, strict=True)
    )
    values: dict[str, Any] = {"points": points, "n_images": len(labels), "repeats": len(rows), "notes": notes, "stopped": stopped}
    return Curve(**values, **_forecast(rows, sizes, labels))


def _repeat(pool: Pool, watch: Watch) -> tuple[Floats, Ints]:
    """Accuracies (repeats, sizes) and the sizes, in photos."""
    begun, rows, sizes = time.perf_counter(), list[list[float]](), np.zeros(0, dtype=np.int64)
    for repeat in range(REPEATS):
        if watch.should_stop() or (repeat >= AT_LEAST and time.perf_counter() - begun > BUDGET_S):
            break
        rng = np.random.default_rng(repeat)
        train, test = held_out(pool.labels, pool.groups, rng)
        subsets = [share_of(pool.labels, train, share) for share in SHARES]
        # Shares of tiny classes can be the same photos: one point for each number.
        sizes, first = np.unique([len(one) for one in subsets], return_index=True)
        strength = pool.strength(train)
        rows.append([float((pool.answers(subsets[i], test, strength) == pool.labels[test]).mean()) for i in first])
        watch.report({"what": "Learning from growing shares of the photos", "done": repeat + 1, "total": REPEATS})
    return np.array(rows), sizes


def _forecast(rows: Floats, sizes: Ints, labels: Ints) -> dict[str, Any]:
    """How the curve goes on, and how sure that is."""
    classes = len(np.unique(labels))
    more = next((m for m in ROUND if m >= 0.5 * len(labels) / classes), ROUND[-1])
    if len(sizes) < 4:
        sentence = "There are too few photos for a curve with a direction. About 20 per class are a good start."
        return {"verdict": "too_few", "sentence": sentence}
    ask = np.array([len(labels), len(labels) + more * classes])
    fit = fit_power(sizes, 1 - rows.mean(axis=0))
    now, then = 1 - power(fit, ask)
    low, high, gain_low, gain_high = _interval(rows, sizes, ask)
    verdict = "unclear"
    if then - now < WORTH and gain_high < 3 * WORTH:
        verdict = "leveled_off"
    elif gain_low > 0 and then - now >= WORTH:
        verdict = "growing"
    sentence = _sentence(verdict, more, now, then, (low, high))
    return {
        "verdict": verdict, "sentence": sentence, "more_per_class": more, "now": float(now), "then": float(then),
        "then_low": low, "then_high": high, "fit": tuple(float(v) for v in fit),
    }  # fmt: skip


def _interval(rows: Floats, sizes: Ints, ask: Ints) -> tuple[float, float, float, float]:
    """95 % interval of the accuracy with more photos, and of the gain.

    Repeats share photos, so their mean is less certain than its spread suggests: as certain as about three of them.
    Source: Nadeau and Bengio, 2003, Inference for the generalization error (the variance of a mean over random splits).
    """
    rng, count = np.random.default_rng(0), len(rows)
    alone = max(2, round(1 / (1 / count + 0.25)))
    forecasts = []
    for _ in range(RESAMPLES):
        mean = rows[rng.integers(0, count, alone)].mean(axis=0)
        forecasts.append(1 - power(fit_power(sizes, 1 - mean), ask))
    table = np.array(forecasts)
    low, high = np.quantile(table[:, 1], [0.025, 0.975])
    gain_low, gain_high = np.quantile(table[:, 1] - table[:, 0], [0.025, 0.975])
    return float(low), float(high), float(gain_low), float(gain_high)


def fit_power(sizes: Ints, errors: Floats) -> Floats:
    """Floor, factor and exponent of error = floor + factor * n ** -exponent with the least squared difference, none negative.

    Given the exponent, the other two are linear, so a few exponents are tried.
    Source: Hestness et al., 2017, Deep learning scaling is predictable, empirically (inverse power laws); exponents of 0 to 1.
    """
    scale = float(sizes[-1])
    tried = []
    for exponent in EXPONENTS:
        wave = (sizes / scale) ** -exponent
        spread = wave - wave.mean()
        factor = max(0.0, float(spread @ errors) / float(spread @ spread))
        floor = float(errors.mean() - factor * wave.mean())
        if floor < 0:
            floor, factor = 0.0, float(wave @ errors) / float(wave @ wave)
        tried.append((float(((floor + factor * wave - errors) ** 2).sum()), floor, factor * scale**exponent, exponent))
    return np.array(min(tried)[1:])


def power(values: Floats, sizes: Floats | Ints) -> Floats:
    """The error at these numbers of photos."""
    floor, factor, exponent = values
    error: Floats = np.clip(floor + factor * np.asarray(sizes, dtype=np.float64) ** -exponent, 0.0, 1.0)
    return error


def _sentence(verdict: str, more: int, now: float, then: float, interval: tuple[float, float]) -> str:
    span = f"somewhere from {share(interval[0])} to {share(interval[1])}"
    if verdict == "growing":
        return f"About {more} more photos per class: {share(now)} → {share(then)} ({span})."
    if verdict == "leveled_off":
        return f"It has leveled off at about {share(now)}: {more} more photos per class would probably add less than a point."
    return f"The curve is too uneven to say: {more} more photos per class would lead {span}, against {share(now)} now."
