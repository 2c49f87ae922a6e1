"""Live charts as SVG made on the server: no rebuilds, no script, the theme's own colors, text for screen readers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from transferui.evaluation.kept_epoch import Mark
from transferui.evaluation.shown import curve_number
from transferui.ui.html import percent

# More points than this cannot be told apart on a screen and only cost time.
MAX_POINTS = 240
# Ways to draw a line that can be told apart in black and white: color and dashes by runs.css. More runs than this begin anew.
STYLES = 6
NAMES = {"loss": ("Loss", "how wrong it is; lower is better"), "accuracy": ("Accuracy", "share of photos answered right")}
Row = Mapping[str, Any]


def chart(rows: Sequence[Row], kind: str, epochs: int, mark: Mark | None = None) -> str:
    """One chart: validation solid and strong, train thin and dotted, their last values at the line ends.

    Args:
        rows: rows of metrics.jsonl.
        kind: ``loss`` or ``accuracy``.
        epochs: right end of the axis: epochs of all phases together.
        mark: the epoch that was kept, or is the best so far.
    """
    is_share = kind == "accuracy"
    name, hint = NAMES[kind]
    rows = _thin(rows, mark)
    top = 1.0 if is_share else _nice_top(rows)
    last = max([epochs, *(row["epoch_total"] for row in rows)])
    area = _grid(top, is_share) + (_lines(rows, kind, top, last) + _dot(mark, kind, (0.0, top, last)) if rows else _empty())
    # Always there, so that nothing moves when its words come.
    key = f'<p class="mark" aria-hidden="true">{_key(mark, kind)}</p>'
    return (
        f'<figure class="tu-card tu-chart" role="img" aria-label="{_words(rows, kind, name, mark)}"><figcaption><b>{name}</b> '
        f'<small>{hint}</small><span class="leg" aria-hidden="true"><span>validation</span><span class="t">train</span></span>'
        f'{key}</figcaption><div class="plot"><div class="area">{area}</div></div>'
        f'<div class="x">{_epochs(last)}<span class="unit">epoch</span></div></figure>'
    )


def _epochs(last: int) -> str:
    """Numbers below the axis: 0, the last epoch, and round ones between."""
    step = next((s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500) if last / s <= 5), 1000)
    # One that is too near to the last would run into it.
    marks = [n for n in range(0, last, step) if last - n > 0.6 * step or n == 0] + [last]
    return "".join(f'<span style="left:{100 * n / last:.1f}%">{n}</span>' for n in marks)


def _dot(mark: Mark | None, kind: str, axes: tuple[float, float, int], style: str = "") -> str:
    """A dot on the validation line.

    Args:
        axes: lower and upper end of the values, last epoch.
    """
    if mark is None or mark.row is None:
        return ""
    low, top, last = axes
    height = 100 * _height(mark.row[f"val_{kind}"], top, low)
    return f'<i class="kept-dot {style}" style="left:{100 * mark.row["epoch_total"] / last:.1f}%;bottom:{height:.1f}%"></i>'


def _key(mark: Mark | None, kind: str) -> str:
    if mark is None:
        return ""
    return ('<i class="kept-dot"></i> ' if mark.row is not None else "") + mark.words(kind)


def _thin(rows: Sequence[Row], mark: Mark | None) -> Sequence[Row]:
    """About MAX_POINTS rows, the last one and the marked one among them."""
    if len(rows) <= MAX_POINTS:
        return rows
    step = len(rows) / MAX_POINTS
    shown = {int(n * step) for n in range(MAX_POINTS)} | {len(rows) - 1}
    if mark and mark.row is not None:
        shown.add(rows.index(mark.row))
    return [rows[i] for i in sorted(shown)]


def _nice_top(rows: Sequence[Row]) -> float:
    """Upper end of the loss axis: 1, 2 or 5 times a power of ten above all values but a few wild first ones."""
    values = sorted(v for row in rows for v in (row["train_loss"], row["val_loss"]) if v is not None and math.isfinite(v))
    high = max(values[int(0.98 * (len(values) - 1))] * 1.1, 1e-3) if values else 1.5
    power = 10 ** math.floor(math.log10(high))
    return float(next(m * power for m in (1, 1.5, 2, 3, 5, 10) if m * power >= high))


def _grid(top: float, is_share: bool, low: float = 0.0) -> str:
    steps = {0.75: 5, 0.5: 5, 0.25: 3}.get(low, 4)  # so that a share's ticks are round
    values = [(n / steps, low + (top - low) * n / steps) for n in range(steps + 1)]
    ticks = [(at, percent(value) if is_share else f"{value:.3g}") for at, value in values]
    return "".join(f'<span class="y" style="bottom:{100 * at:.1f}%"><small>{text}</small></span>' for at, text in ticks)


def _empty() -> str:
    return '<span class="none">The curve appears here</span>'


def _lines(rows: Sequence[Row], kind: str, top: float, last: int) -> str:
    """Paths, the border between the phases, and the labels at the line ends."""
    paths, ends = "", ""
    heights = {series: _height(rows[-1][f"{series}_{kind}"], top) for series in ("train", "val")}
    for series, text in (("train", "train"), ("val", "validation")):
        points = [(100 * r["epoch_total"] / last, 100 - 100 * _height(r[f"{series}_{kind}"], top)) for r in rows]
        # A single point would be invisible: draw it as a short stroke.
        points = points if len(points) > 1 else [points[0], (points[0][0] + 0.6, points[0][1])]
        paths += f'<path class="{series}" d="M{" L".join(f"{x:.2f} {y:.2f}" for x, y in points)}"/>'
        bottom = _label_at(heights, series)
        value = rows[-1][f"{series}_{kind}"]
        shown = curve_number(value, kind)
        ends += (
            f'<span class="end {series}" style="left:{100 * rows[-1]["epoch_total"] / last:.1f}%;bottom:{bottom:.1f}%">'
            f'<span class="n">{text}</span> <b>{shown}</b></span>'
        )
    return f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{_border(rows, last)}{paths}</svg>{_phase_label(rows, last, kind)}{ends}'


def _label_at(heights: Mapping[str, float], series: str) -> float:
    """Where a line's label stands, in percent of the height: apart from the other one, and above the axis."""
    gap = 0.09
    mine, other = heights[series], heights["train" if series == "val" else "val"]
    if abs(mine - other) >= gap:
        return 100 * mine
    lower = max(0.02, (mine + other) / 2 - gap / 2)
    above = mine > other or (mine == other and series == "val")
    return 100 * (lower + gap if above else lower)


def _height(value: float | None, top: float, low: float = 0.0) -> float:
    """Where a value stands between 0 and 1; one that is no number any more is as bad as can be drawn."""
    return min(max((value - low) / (top - low), 0.0), 1.0) if value is not None and math.isfinite(value) else 1.0


def _first_finetune(rows: Sequence[Row]) -> Row | None:
    return next((row for row in rows if row["phase"] == "finetune"), None)


def _border(rows: Sequence[Row], last: int) -> str:
    """A line where the head's phase ends and fine-tuning begins."""
    row = _first_finetune(rows)
    if row is None or row["epoch_total"] <= 1:
        return ""
    x = 100 * (row["epoch_total"] - 1) / last
    return f'<path class="phase" d="M{x:.2f} 0 L{x:.2f} 100"/>'


def _phase_label(rows: Sequence[Row], last: int, kind: str) -> str:
    """What begins at the border, where the lines of this chart usually are not."""
    row = _first_finetune(rows)
    if row is None or row["epoch_total"] <= 1:
        return ""
    at = 100 * (row["epoch_total"] - 1) / last
    side = "before" if at > 50 else "after"
    return f'<span class="phase {side} {kind}" style="left:{at:.1f}%">{"blocks learn too →" if side == "before" else "→ blocks learn too"}</span>'


def _words(rows: Sequence[Row], kind: str, name: str, mark: Mark | None) -> str:
    if not rows:
        return f"{name}: no data yet"
    last = rows[-1]
    ends = f"train {curve_number(last[f'train_{kind}'], kind)}, validation {curve_number(last[f'val_{kind}'], kind)}"
    return f"{name} after epoch {last['epoch_total']}: {ends}{f'; {mark.words(kind)}' if mark else ''}"


def overlay(curves: Sequence[tuple[str, Sequence[Row]]], kind: str, marks: Sequence[Mark | None] = ()) -> str:
    """Curves of several runs over each other: validation strong, train thin, each run with a color and dashes of its own.

    Args:
        curves: name of a run and its rows of metrics.jsonl; runs without rows are named as such and have no line.
        kind: ``loss`` or ``accuracy``.
        marks: of every run, what was kept.
    """
    name, hint = NAMES[kind]
    marks = marks or [None] * len(curves)
    drawn = [(n, title, _thin(rows, marks[n])) for n, (title, rows) in enumerate(curves) if rows]
    every = [row for _, _, rows in drawn for row in rows]
    low, top = (_floor(every), 1.0) if kind == "accuracy" else (0.0, _nice_top(every))
    last = max([1, *(row["epoch_total"] for row in every)])
    paths = "".join(_curve(rows, kind, (low, top, last), n % STYLES) for n, _, rows in drawn)
    svg = f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{paths}</svg>' if drawn else _empty()
    dots = "".join(_dot(marks[n], kind, (low, top, last), f"c{n % STYLES}") for n, _, _ in drawn)
    words = "; ".join(_told(title, rows, kind, marks[n]) for n, title, rows in drawn) or "no data yet"
    return (
        f'<figure class="tu-chart tu-over" role="img" aria-label="{escape(f"{name} of the validation photos at the end: {words}")}">'
        f'<figcaption><b>{name}</b> <small>{hint}</small></figcaption><div class="plot"><div class="area">{_grid(top, kind == "accuracy", low)}'
        f'{svg}{dots}{_run_labels(drawn, kind, (low, top))}</div></div><div class="x">{_epochs(last)}<span class="unit">epoch</span></div></figure>'
    )


def _told(title: str, rows: Sequence[Row], kind: str, mark: Mark | None) -> str:
    return f"{title} {curve_number(rows[-1][f'val_{kind}'], kind)}{f' ({mark.words(kind)})' if mark else ''}"


def swatch(style: int) -> str:
    """A short piece of a run's line, beside its name."""
    return f'<svg class="swatch" viewBox="0 0 28 8" aria-hidden="true"><path class="val c{style % STYLES}" d="M1 4 L27 4"/></svg>'


def _floor(rows: Sequence[Row]) -> float:
    """Lower end of a share's axis, so that lines near the top can be told apart: a quarter below all values."""
    values = [v for row in rows for v in (row["train_accuracy"], row["val_accuracy"]) if v is not None and math.isfinite(v)]
    return next((at for at in (0.75, 0.5, 0.25) if values and min(values) > at), 0.0)


def _curve(rows: Sequence[Row], kind: str, axes: tuple[float, float, int], style: int) -> str:
    """Both lines of one run, and a stroke from where it ended to its label at the right.

    Args:
        axes: lower and upper end of the values, last epoch.
    """
    out, (low, top, last) = "", axes
    for series in ("train", "val"):
        points = [(100 * r["epoch_total"] / last, 100 - 100 * _height(r[f"{series}_{kind}"], top, low)) for r in rows]
        points = points if len(points) > 1 else [points[0], (points[0][0] + 0.6, points[0][1])]
        out += f'<path class="{series} c{style}" d="M{" L".join(f"{x:.2f} {y:.2f}" for x, y in points)}"/>'
    x, y = points[-1]
    return out + (f'<path class="lead" d="M{x:.2f} {y:.2f} L100 {y:.2f}"/>' if x < 99 else "")


def _run_labels(drawn: Sequence[tuple[int, str, Sequence[Row]]], kind: str, ends: tuple[float, float]) -> str:
    """Names and last values in the right margin, at the height of their lines as far as they do not cover each other."""
    values = [rows[-1][f"val_{kind}"] for _, _, rows in drawn]
    places = spread([_height(value, ends[1], ends[0]) for value in values], 0.1)
    return "".join(
        f'<span class="end run c{n % STYLES}" style="left:100%;bottom:{100 * at:.1f}%">{swatch(n)}<span class="n">{escape(title)}</span> '
        f"<b>{curve_number(value, kind)}</b></span>"
        for (n, title, _), value, at in zip(drawn, values, places, strict=True)
    )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Places between 0 and 1 in the order of these heights and near them, at least `gap` apart where there is room."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    gap = min(gap, 1.0 / max(1, len(heights) - 1))
    placed = [0.0] * len(heights)
    floor = 0.02
    for i in order:
        placed[i] = floor = max(heights[i], floor)
        floor += gap
    ceiling = 1.0
    for i in reversed(order):  # what was pushed over the top comes back down
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    return placed
