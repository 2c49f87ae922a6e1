"""Would more photos help? The learning curve with its band, and how it goes on, dashed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from transferui.evaluation.shown import share
from transferui.insight.lesson.marks import Found, Tick, band, finite, height, path, plot, share_axis, shell

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
    forecast = forecast_of(found, places)
    axis, upright = axis_of(places, forecast)
    ticks = ticks_of(places, forecast, axis)
    shapes, over = _measured(places, axis), _values(places, axis)
    if forecast:
        shapes, over = shapes + _dashed(found, places, forecast, axis), over + _then(forecast, axis)
    picture = plot(curve_words(places, forecast), shapes, (upright, ticks), over, "photos per class")
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


class Axis:
    """From photos per class and accuracy to places from 0 to 1."""

    def __init__(self, first: float, last: float, floor: float) -> None:
        self.first, self.last, self.floor = first, last, floor

    def x(self, per_class: float) -> float:
        """Logarithmic, with some room at both ends."""
        return 0.06 + 0.86 * math.log(max(per_class, 1e-9) / self.first) / math.log(self.last / self.first)

    def at(self, per_class: float, accuracy: float) -> tuple[float, float]:
        """Both."""
        return self.x(per_class), height(accuracy, self.floor)


def axis_of(places: Sequence[Found], forecast: dict[str, float] | None) -> tuple[Axis, list[Tick]]:
    """The axes that hold the curve and its forecast, and the ticks of the upright one."""
    lowest = min([finite(point["low"]) for point in places] + ([forecast["low"]] if forecast else []))
    floor, upright = share_axis(lowest)
    first = max(finite(places[0]["per_class"]), 0.5)
    last = forecast["x"] if forecast else finite(places[-1]["per_class"])
    return Axis(first, max(last, first * 1.01), floor), upright


def forecast_of(found: Found, places: Sequence[Found]) -> dict[str, float] | None:
    """Where the curve is said to go, in photos per class; None without a forecast."""
    more, n = int(finite(found.get("more_per_class"))), finite(places[-1]["n"])
    if not more or not n:
        return None
    classes = n / max(finite(places[-1]["per_class"]), 1e-9)
    now = finite(found.get("n_images")) / classes
    values = {key: finite(found.get(f"then_{key}")) for key in ("low", "high")}
    return {**values, "x": now + more, "now": now, "more": more, "then": finite(found.get("then")), "classes": classes}


def ticks_of(places: Sequence[Found], forecast: dict[str, float] | None, axis: Axis) -> list[tuple[float, str]]:
    """Numbers below the axis, without those that would run into their neighbor."""
    wanted = [finite(point["per_class"]) for point in places] + ([forecast["x"]] if forecast else [])
    ticks: list[tuple[float, str]] = []
    for value in reversed(wanted):
        at = axis.x(value)
        if not ticks or ticks[-1][0] - at > 0.08:
            ticks.append((at, f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"))
    return ticks[::-1]


def _measured(places: Sequence[Found], axis: Axis) -> str:
    ends = [[axis.at(finite(p["per_class"]), finite(p[key])) for p in places] for key in ("low", "high", "accuracy")]
    return band(ends[0], ends[1], "band") + path(ends[2], "line")


def _values(places: Sequence[Found], axis: Axis) -> str:
    """Each point with its number."""
    return "".join(_mark(*axis.at(finite(p["per_class"]), finite(p["accuracy"])), finite(p["accuracy"])) for p in places)


def _mark(x: float, y: float, accuracy: float, css: str = "", about: str = "") -> str:
    text = f"{about}{100 * accuracy:.0f}<small>\u00a0%</small>"
    return f'<span class="pt {css}" style="left:{100 * x:.2f}%;bottom:{100 * y:.1f}%"><b>{text}</b></span>'


def _dashed(found: Found, places: Sequence[Found], forecast: dict[str, Any], axis: Axis) -> str:
    """The way to the forecast, and its interval as a whisker."""
    low, high = (axis.at(forecast["x"], forecast[key]) for key in ("low", "high"))
    return path([axis.at(*place) for place in way_on(found, places, forecast)], "dash") + path([low, high], "interval")


def way_on(found: Found, places: Sequence[Found], forecast: dict[str, Any]) -> list[tuple[float, float]]:
    """The fitted curve from the last point to the forecast: photos per class and accuracy; straight where there is no fit."""
    last, end = finite(places[-1]["per_class"]), forecast["x"]
    walk = [last * (end / last) ** (n / STEPS) for n in range(STEPS + 1)]
    accuracies = [_fitted(found, per_class * forecast["classes"]) for per_class in walk]
    line = [(x, y) for x, y in zip(walk, accuracies, strict=True) if y is not None]
    return line or [(last, finite(places[-1]["accuracy"])), (end, forecast["then"])]


def _fitted(found: Found, n: float) -> float | None:
    """Accuracy with n photos by the fit error = floor + factor * n ** -exponent."""
    fit = found.get("fit")
    if not fit or n <= 0:
        return None
    return min(1.0, max(0.0, 1.0 - (finite(fit[0]) + finite(fit[1]) * math.pow(n, -finite(fit[2])))))


def _then(forecast: dict[str, float], axis: Axis) -> str:
    x, y = axis.at(forecast["x"], forecast["then"])
    return _mark(x, y, forecast["then"], "then", "≈\u00a0")


def curve_words(places: Sequence[Found], forecast: dict[str, float] | None) -> str:
    """The curve and its forecast in numbers."""
    words = ", ".join(f"{share(finite(p['accuracy']))} with {finite(p['per_class']):.0f}" for p in places)
    end = ""
    if forecast:
        span = f"{share(forecast['low'])} to {share(forecast['high'])}"
        end = f"; probably {share(forecast['then'])} ({span}) with {forecast['x']:.0f}"
    return f"Accuracy by photos per class: {words}{end}"
