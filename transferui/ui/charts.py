"""The two live charts, as SVG made on the server: no rebuilds, no script, the theme's own colors, text for screen readers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from transferui.ui.html import percent

# More points than this cannot be told apart on a screen and only cost time.
MAX_POINTS = 240
Row = Mapping[str, Any]


def chart(rows: Sequence[Row], kind: str, epochs: int) -> str:
    """One chart: validation solid and strong, train thin and dotted, their last values at the line ends.

    Args:
        rows: rows of metrics.jsonl.
        kind: ``loss`` or ``accuracy``.
        epochs: right end of the axis: epochs of all phases together.
    """
    is_share = kind == "accuracy"
    name, hint = ("Accuracy", "share of photos answered right") if is_share else ("Loss", "how wrong it is; lower is better")
    rows = _thin(rows)
    top = 1.0 if is_share else _nice_top(rows)
    last = max([epochs, *(row["epoch_total"] for row in rows)])
    area = _grid(top, is_share) + _lines(rows, kind, top, last) if rows else _grid(top, is_share) + _empty()
    return (
        f'<figure class="tu-card tu-chart" role="img" aria-label="{_words(rows, kind, name)}"><figcaption><b>{name}</b> '
        f'<small>{hint}</small><span class="leg" aria-hidden="true"><span>validation</span><span class="t">train</span></span>'
        f'</figcaption><div class="plot"><div class="area">{area}</div></div>'
        f'<div class="x"><span>0</span><span>epoch</span><span>{last}</span></div></figure>'
    )


def _thin(rows: Sequence[Row]) -> Sequence[Row]:
    """At most MAX_POINTS rows, the last one among them."""
    if len(rows) <= MAX_POINTS:
        return rows
    step = len(rows) / MAX_POINTS
    return [rows[i] for i in sorted({int(n * step) for n in range(MAX_POINTS)} | {len(rows) - 1})]


def _nice_top(rows: Sequence[Row]) -> float:
    """Upper end of the loss axis: 1, 2 or 5 times a power of ten above all values but a few wild first ones."""
    values = sorted(v for row in rows for v in (row["train_loss"], row["val_loss"]) if math.isfinite(v))
    high = max(values[int(0.98 * (len(values) - 1))] * 1.1, 1e-3) if values else 1.5
    power = 10 ** math.floor(math.log10(high))
    return float(next(m * power for m in (1, 1.5, 2, 3, 5, 10) if m * power >= high))


def _grid(top: float, is_share: bool) -> str:
    ticks = [(n / 4, percent(n / 4) if is_share else f"{top * n / 4:.3g}") for n in range(5)]
    return "".join(f'<span class="y" style="bottom:{100 * at:.1f}%"><small>{text}</small></span>' for at, text in ticks)


def _empty() -> str:
    return '<span class="none">The curve appears here</span>'


def _lines(rows: Sequence[Row], kind: str, top: float, last: int) -> str:
    """Paths, the border between the phases, and the labels at the line ends."""
    paths, ends = "", ""
    heights = {series: min(rows[-1][f"{series}_{kind}"] / top, 1.0) for series in ("train", "val")}
    close = abs(heights["train"] - heights["val"]) < 0.09
    for series, text in (("train", "train"), ("val", "validation")):
        points = [(100 * r["epoch_total"] / last, 100 - 100 * min(r[f"{series}_{kind}"] / top, 1.0)) for r in rows]
        # A single point would be invisible: draw it as a short stroke.
        points = points if len(points) > 1 else [points[0], (points[0][0] + 0.6, points[0][1])]
        paths += f'<path class="{series}" d="M{" L".join(f"{x:.2f} {y:.2f}" for x, y in points)}"/>'
        other = heights["val" if series == "train" else "train"]
        above = heights[series] > other or (heights[series] == other and series == "val")
        bottom = 100 * heights[series] + ((4.5 if above else -4.5) if close else 0)
        value = rows[-1][f"{series}_{kind}"]
        shown = percent(value) if kind == "accuracy" else f"{value:.2f}"
        ends += (
            f'<span class="end {series}" style="left:{100 * rows[-1]["epoch_total"] / last:.1f}%;bottom:{bottom:.1f}%">'
            f'<span class="n">{text}</span> <b>{shown}</b></span>'
        )
    return f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{_border(rows, last)}{paths}</svg>{_phase_label(rows, last)}{ends}'


def _first_finetune(rows: Sequence[Row]) -> Row | None:
    return next((row for row in rows if row["phase"] == "finetune"), None)


def _border(rows: Sequence[Row], last: int) -> str:
    """A line where the head's phase ends and fine-tuning begins."""
    row = _first_finetune(rows)
    if row is None or row["epoch_total"] <= 1:
        return ""
    x = 100 * (row["epoch_total"] - 1) / last
    return f'<path class="phase" d="M{x:.2f} 0 L{x:.2f} 100"/>'


def _phase_label(rows: Sequence[Row], last: int) -> str:
    row = _first_finetune(rows)
    if row is None or row["epoch_total"] <= 1:
        return ""
    at = 100 * (row["epoch_total"] - 1) / last
    side = "before" if at > 50 else "after"
    return f'<span class="phase {side}" style="left:{at:.1f}%">{"blocks learn too →" if side == "before" else "→ blocks learn too"}</span>'


def _words(rows: Sequence[Row], kind: str, name: str) -> str:
    if not rows:
        return f"{name}: no data yet"
    last = rows[-1]
    return f"{name} after epoch {last['epoch_total']}: train {last[f'train_{kind}']:.2f}, validation {last[f'val_{kind}']:.2f}"
