"""Pieces that all pictures of measurements are made of: words, bars with whiskers, axes. Plain text in, HTML out, no torch.

Colors come from the page's tokens (``--tu-*``), so light and dark follow by themselves; lesson.css has the rest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from transferui.evaluation.shown import points, share

Found = Mapping[str, Any]
# A mark on an axis: where it stands, from 0 to 1, and what is written there.
Tick = tuple[float, str]


def spaced(text: Any) -> str:
    """A measurement's sentence with the space before % that the rest of the page has."""
    return re.sub(r"(\d)%", "\\1\u00a0%", str(text))


def said(text: Any) -> str:
    """The same as HTML."""
    return escape(spaced(text))


def stage_name(stage: str) -> str:
    """A block's name below it: in full where there is room, ``s3`` for ``stage3`` on a phone."""
    return f'<b class="long">{escape(stage)}</b><b class="short">{escape(re.sub("^stage", "s", stage))}</b>'


def finite(value: Any, default: float = 0.0) -> float:
    """A number that can be drawn; `default` for none, infinity and what is no number."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else default


def duration(value: float) -> str:
    """Seconds in words: 0.8 s, 12 s, 2 min 5 s."""
    if value < 10:
        return f"{max(0.0, value):.1f}\u00a0s"
    whole = round(value)
    return f"{whole}\u00a0s" if whole < 90 else f"{whole // 60}\u00a0min {whole % 60}\u00a0s"


def reach(accuracy: Found) -> str:
    """An accuracy and its interval: '94 % (91 to 96)'."""
    low, high = (f"{100 * finite(accuracy.get(end)):.0f}" for end in ("low", "high"))
    return f"{share(finite(accuracy.get('value')))} <em>({low} to {high})</em>"


def shell(kind: str, found: Found, picture: str, *, lead: bool = True) -> str:
    """A measurement's card: its sentence, its picture, and what makes its numbers uncertain.

    Args:
        lead: put the sentence first; without it somebody else has said it.
    """
    return f'<div class="ls ls-{kind}">{sentence(found) if lead else ""}{picture}{notes(found)}</div>'


def sentence(found: Found) -> str:
    """What a measurement says, as a paragraph."""
    return f'<p class="ls-lead">{said(found["sentence"])}</p>' if found.get("sentence") else ""


def note_lines(found: Found) -> list[str]:
    """Every note of a measurement, and that it was stopped."""
    lines = [str(note) for note in found.get("notes") or ()]
    if found.get("stopped") and not any(line.startswith("Stopped") for line in [*lines, str(found.get("sentence", ""))]):
        lines.append("Stopped: what was finished is shown.")
    return lines


def notes(found: Found) -> str:
    """The same as a list; nothing when there is nothing to say."""
    items = "".join(f"<li>{said(line)}</li>" for line in note_lines(found))
    return f'<ul class="ls-notes" aria-label="Good to know">{items}</ul>' if items else ""


def bar(accuracy: Found) -> str:
    """A bar from 0 to 100 % with its interval as whisker; the number stands beside it, so readers need no more."""
    value, low, high = (100 * finite(accuracy.get(end)) for end in ("value", "low", "high"))
    return (
        f'<span class="ls-bar" aria-hidden="true"><i class="fill" style="width:{value:.1f}%"></i>'
        f'<i class="whisker" style="left:{low:.1f}%;width:{max(0.0, high - low):.1f}%"></i></span>'
    )


def gap_row(title: str, gap: Sequence[float], reach_to: float) -> str:
    """A difference of two accuracies with its interval on a line around zero.

    Args:
        title: HTML.
        gap: the difference and both ends of its interval.
        reach_to: the difference at the ends of the line.
    """
    at, left, right = (50 + 50 * max(-1.0, min(1.0, value / reach_to)) for value in gap)
    value, low, high = gap
    clear = "plus" if low > 0 else "minus" if high < 0 else ""
    span = f"{points(low)} to {points(high)}"
    label = f"{points(value)} points, 95\u00a0% interval {span}"
    return (
        f'<div class="ls-gap {clear}"><span>{title}</span><span class="ls-gapline" role="img" aria-label="{label}"><i class="zero"></i>'
        f'<i class="span" style="left:{left:.1f}%;width:{right - left:.1f}%"></i><i class="at" style="left:{at:.1f}%"></i></span>'
        f'<span class="ls-num"><b>{points(value)} points</b> <em>({span})</em></span></div>'
    )


def gap_axis(left: str, right: str) -> str:
    """The words below a gap's line."""
    return f'<p class="ls-gapaxis" aria-hidden="true"><span>← {escape(left)}</span><span>{escape(right)} →</span></p>'


def plot(label: str, shapes: str, ticks: tuple[Sequence[Tick], Sequence[Tick]], over: str = "", unit: str = "") -> str:
    """A picture with axes: shapes in a square of 100 by 100 that is stretched, text laid over it unstretched.

    Args:
        label: what is to be seen, in words with numbers.
        shapes: SVG.
        ticks: of the upright axis and of the one below.
        over: HTML laid over the picture, placed in percent.
        unit: what the axis below counts.
    """
    upright = "".join(f'<span class="y" style="bottom:{100 * at:.1f}%"><small>{text}</small></span>' for at, text in ticks[0])
    below = "".join(f'<span style="left:{100 * at:.1f}%">{text}</span>' for at, text in ticks[1])
    named = f'<span class="unit">{unit}</span>' if unit else ""
    return (
        f'<div class="ls-plot" role="img" aria-label="{escape(label)}"><div class="ls-area">{upright}'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{shapes}</svg>{over}</div>'
        f'<div class="x">{below}{named}</div></div>'
    )


def path(places: Sequence[tuple[float, float]], css: str) -> str:
    """A line through places (x and y from 0 to 1, y upward)."""
    drawn = " L".join(f"{100 * x:.2f} {100 - 100 * y:.2f}" for x, y in places)
    return f'<path class="{css}" d="M{drawn}"/>' if drawn else ""


def band(lower: Sequence[tuple[float, float]], upper: Sequence[tuple[float, float]], css: str) -> str:
    """The area between two lines."""
    drawn = " L".join(f"{100 * x:.2f} {100 - 100 * y:.2f}" for x, y in [*lower, *reversed(upper)])
    return f'<path class="{css}" d="M{drawn}Z"/>' if drawn else ""


def share_axis(lowest: float) -> tuple[float, list[Tick]]:
    """Lower end of an axis for accuracies, and its ticks: from a quarter below all values to 100 %."""
    low = next((at for at in (0.75, 0.5, 0.25) if lowest > at), 0.0)
    steps = 5 if low >= 0.5 else 4 if low == 0.0 else 3
    return low, [(n / steps, share(low + (1 - low) * n / steps)) for n in range(steps + 1)]


def height(value: float, low: float) -> float:
    """Where an accuracy stands on an axis from `low` to 1: from 0 to 1."""
    return min(max((value - low) / (1 - low), 0.0), 1.0)


def round_step(top: float) -> float:
    """1, 2 or 5 times a power of ten, of which at most five reach `top`."""
    power = 10 ** math.floor(math.log10(max(top, 1e-9) / 5))
    return float(next(m * power for m in (1, 2, 5, 10, 20) if top / (m * power) <= 5))
