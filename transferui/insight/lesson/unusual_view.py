"""How unusual are the photos for the network? A scale of three zones with a pointer, and what decides beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from transferui.evaluation.shown import share
from transferui.insight.lesson.marks import Found, finite, reach, shell, stage_name

WORDS = ("typical", "unusual", "very unusual")


def unusual_card(found: Found, *, lead: bool = True) -> str:
    """The scale, the layers' distances by stage, and the neighbors' accuracy; without references neither word nor scale.

    Args:
        found: `Unusual` as dictionary.
        lead: put the sentence first.
    """
    if not found.get("n_images"):
        return shell("unusual", found, "", lead=lead)
    left = f"{_scale(found) if is_known(found) else ''}{_strip(found)}"
    left = f"<div>{left}</div>" if left else ""
    beside = f'<div class="ls-beside">{_neighbors(found)}</div>' if found.get("knn") else ""
    alone = "" if left and beside else " alone"
    body = f'<div class="ls-unusualtop{alone}">{left}{beside}</div>'
    forecast = '<p class="ls-key"><em>How unusual photos are is a description, not a forecast: unusual photos can be learned well.</em></p>'
    return shell("unusual", found, body + forecast, lead=lead)


def is_known(found: Found) -> bool:
    """Whether there are references, and so a word and a scale."""
    return found.get("typical") is not None and found.get("far") is not None


def scale_places(found: Found) -> list[float]:
    """Where on the scale, from 0 to 1, are: the ends of typical and of unusual, the value, both ends of its interval.

    The scale is logarithmic where all values are above zero.
    """
    typical, far, value, low, high = numbers = [finite(found.get(key)) for key in ("typical", "far", "value", "low", "high")]
    step = far / typical if typical > 0 and far > typical else 1.0
    if min(value, low, typical) > 0 and step > 1.0:
        ends = (math.log(min(typical / step**2, low / 1.1)), math.log(max(far * step**2, high * 1.1)))
        numbers = [math.log(number) for number in numbers]
    else:
        room = max(abs(far - typical), 1e-6)
        ends = (min(typical - room, low), max(far + room, high))
    return [(number - ends[0]) / (ends[1] - ends[0]) for number in numbers]


def distance(found: Found) -> str:
    """The value and its interval."""
    return f"{finite(found.get('value')):.2f} ({finite(found.get('low')):.2f} to {finite(found.get('high')):.2f})"


def _scale(found: Found) -> str:
    """Three zones and a pointer."""
    at = [100 * place for place in scale_places(found)]
    word = str(found.get("word", ""))
    zones = "".join(
        f'<span class="z{n}{" on" if text == word else ""}" style="left:{left:.1f}%;width:{right - left:.1f}%"><b>{text}</b></span>'
        for n, (text, left, right) in enumerate(zip(WORDS, (0, at[0], at[1]), (at[0], at[1], 100), strict=True))
    )
    numbers = distance(found)
    label = escape(
        f"{word}: {numbers}; unusual begins at {finite(found['typical']):.2f}, very unusual at {finite(found['far']):.2f}"
    )
    return (
        f'<div class="ls-scale" role="img" aria-label="{label}"><i class="reach" style="left:{at[3]:.1f}%;width:{max(0.6, at[4] - at[3]):.1f}%"></i>'
        f'<i class="pointer" style="left:{at[2]:.1f}%"></i><div class="zones">{zones}</div>'
        f'<p aria-hidden="true"><span style="left:{at[0]:.1f}%">{finite(found["typical"]):.2f}</span>'
        f'<span style="left:{at[1]:.1f}%">{finite(found["far"]):.2f}</span></p></div>'
        f'<p class="ls-key">Distance of your photos: <b>{numbers}</b> <em>(0: as what it was trained on; 1: a whole spread away)</em></p>'
    )


def by_stage(layers: Sequence[Found]) -> list[tuple[str, float]]:
    """Each stage's distance: the mean of its layers on a logarithmic scale, as for the whole."""
    stages: dict[str, list[float]] = {}
    for layer in layers:
        stages.setdefault(str(layer["stage"]), []).append(math.log(max(finite(layer.get("distance")), 1e-6)))
    return [(stage, math.exp(sum(logs) / len(logs))) for stage, logs in stages.items()]


def _strip(found: Found) -> str:
    """The distance inside each stage, from the input to the end, as small bars."""
    rows = by_stage(found.get("layers") or ())
    if len(rows) < 2:
        return ""
    most = max(value for _, value in rows) or 1.0
    bars = "".join(
        f'<span><small>{value:.2f}</small><i style="height:{max(4.0, 44 * value / most):.0f}px"></i>{stage_name(stage)}</span>'
        for stage, value in rows
    )
    label = escape("Distance by block: " + ", ".join(f"{stage} {value:.2f}" for stage, value in rows))
    return f'<h4>Block by block</h4><div class="ls-strip" role="img" aria-label="{label}">{bars}</div>'


def _neighbors(found: Found) -> str:
    near = found.get("knn")
    if not near:
        return ""
    return (
        f'<p class="ls-huge">{share(finite(near.get("value")))}</p><p><b>of {int(near.get("n", 0))} photos right by their neighbors</b> '
        f"<em>(nearest neighbors)</em></p><p><em>{reach(near)}. This is the number that decides: it asks whether the network finds "
        "photos of one class alike, however strange they look to it.</em></p>"
    )
