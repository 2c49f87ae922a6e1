"""Would more photos help? The learning curve with its band, and how it goes on, dashed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from transferui.evaluation.shown import share
from transferui.insight.lesson.marks import Found, band, finite, height, path, plot, share_axis, shell

# Places on the dashed line.
STEPS = 12


def curve_card(found: Found, *, lead: bool = True) -> str:
    """The curve over photos per class (logarithmic axis) and the forecast with its interval.

    Args:
        found: `Curve` as dictionary.
        lead: put the sentence first.
    """
    places = found.get("points") or ()
    if not places:
        return shell("curve", found, "", lead=lead)
    forecast = _forecast(found, places)
    lowest = min(finite(point["low"]) for point in places)
    lowest = min(lowest, forecast["low"]) if forecast else lowest
    floor, upright = share_axis(lowest)
    first = max(finite(places[0]["per_class"]), 0.5)
    last = forecast["x"] if forecast else finite(places[-1]["per_class"])
    axis = _Axis(first, max(last, first * 1.01), floor)
    ticks = _ticks(places, forecast, axis)
    shapes, over = _measured(places, axis), _values(places, axis)
    if forecast:
        shapes, over = shapes + _dashed(found, places, forecast, axis), over + _then(forecast, axis)
    picture = plot(_words(places, forecast), shapes, (upright, ticks), over, "photos per class")
    key = (
        '<p class="ls-key"><span><i class="line"></i> measured</span><span><i class="band"></i> eight of ten repeats</span>'
        + (
            '<span><i class="dash"></i> how it probably goes on <em>(extrapolation, 95\u00a0% interval)</em></span>'
            if forecast
            else ""
        )
        + "</p>"
    )
    return shell("curve", found, picture + key, lead=lead)


class _Axis:
    """From photos per class and accuracy to places from 0 to 1."""

    def __init__(self, first: float, last: float, floor: float) -> None:
        self.first, self.last, self.floor = first, last, floor

    def x(self, per_class: float) -> float:
        """Logarithmic, with some room at both ends."""
        return 0.06 + 0.86 * math.log(max(per_class, 1e-9) / self.first) / math.log(self.last / self.first)

    def at(self, per_class: float, accuracy: float) -> tuple[float, float]:
        """Both."""
        return self.x(per_class), height(accuracy, self.floor)


def _forecast(found: Found, places: Sequence[Found]) -> dict[str, float] | None:
    """Where the curve is said to go, in photos per class; None without a forecast."""
    more, n = int(finite(found.get("more_per_class"))), finite(places[-1]["n"])
    if not more or not n:
        return None
    classes = n / max(finite(places[-1]["per_class"]), 1e-9)
    now = finite(found.get("n_images")) / classes
    values = {key: finite(found.get(f"then_{key}")) for key in ("low", "high")}
    return {**values, "x": now + more, "now": now, "more": more, "then": finite(found.get("then")), "classes": classes}


def _ticks(places: Sequence[Found], forecast: dict[str, float] | None, axis: _Axis) -> list[tuple[float, str]]:
    """Numbers below the axis, without those that would run into their neighbor."""
    wanted = [finite(point["per_class"]) for point in places] + ([forecast["x"]] if forecast else [])
    ticks: list[tuple[float, str]] = []
    for value in reversed(wanted):
        at = axis.x(value)
        if not ticks or ticks[-1][0] - at > 0.08:
            ticks.append((at, f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"))
    return ticks[::-1]


def _measured(places: Sequence[Found], axis: _Axis) -> str:
    ends = [[axis.at(finite(p["per_class"]), finite(p[key])) for p in places] for key in ("low", "high", "accuracy")]
    return band(ends[0], ends[1], "band") + path(ends[2], "line")


def _values(places: Sequence[Found], axis: _Axis) -> str:
    """Each point with its number."""
    return "".join(_mark(*axis.at(finite(p["per_class"]), finite(p["accuracy"])), finite(p["accuracy"])) for p in places)


def _mark(x: float, y: float, accuracy: float, css: str = "", about: str = "") -> str:
    text = f"{about}{100 * accuracy:.0f}<small>\u00a0%</small>"
    return f'<span class="pt {css}" style="left:{100 * x:.2f}%;bottom:{100 * y:.1f}%"><b>{text}</b></span>'


def _dashed(found: Found, places: Sequence[Found], forecast: dict[str, Any], axis: _Axis) -> str:
    """The fitted curve from the last point to the forecast, and the interval as a whisker."""
    last, end = finite(places[-1]["per_class"]), forecast["x"]
    walk = [last * (end / last) ** (n / STEPS) for n in range(STEPS + 1)]
    accuracies = [_fitted(found, per_class * forecast["classes"]) for per_class in walk]
    line = [axis.at(x, y) for x, y in zip(walk, accuracies, strict=True) if y is not None]
    line = line or [axis.at(last, finite(places[-1]["accuracy"])), axis.at(end, forecast["then"])]
    low, high = (axis.at(end, forecast[key]) for key in ("low", "high"))
    return path(line, "dash") + path([low, high], "interval")


def _fitted(found: Found, n: float) -> float | None:
    """Accuracy with n photos by the fit error = floor + factor * n ** -exponent."""
    fit = found.get("fit")
    if not fit or n <= 0:
        return None
    return min(1.0, max(0.0, 1.0 - (finite(fit[0]) + finite(fit[1]) * math.pow(n, -finite(fit[2])))))


def _then(forecast: dict[str, float], axis: _Axis) -> str:
    x, y = axis.at(forecast["x"], forecast["then"])
    return _mark(x, y, forecast["then"], "then", "≈\u00a0")


def _words(places: Sequence[Found], forecast: dict[str, float] | None) -> str:
    words = ", ".join(f"{share(finite(p['accuracy']))} with {finite(p['per_class']):.0f}" for p in places)
    end = ""
    if forecast:
        span = f"{share(forecast['low'])} to {share(forecast['high'])}"
        end = f"; probably {share(forecast['then'])} ({span}) with {forecast['x']:.0f}"
    return f"Accuracy by photos per class: {words}{end}"
