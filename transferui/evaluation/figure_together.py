"""What is in the figures of several runs together: their curves, their results, and how far each is from the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes

from transferui.evaluation.compare import Ranking
from transferui.evaluation.compare_words import in_words, p_value
from transferui.evaluation.figure_views import (
    LINE,
    LINE_2,
    curve_axes,
    curve_values,
    dot,
    end_label,
    label_heights,
)
from transferui.evaluation.headline import headline
from transferui.evaluation.kept_epoch import mark_kept
from transferui.evaluation.shown import ShownRun, curve_number, points, share

# Runs by color and dashes, as in runs.css.
RUNS = ("#0f7a5e", "#1d5fb4", "#ad4f08", "#7b3fa3", "#b02746", "#4d5a54")
DASHES: Sequence[Any] = ("-", (0, (4, 2)), (0, (1, 1.6)), (0, (5, 2, 1, 2)), (0, (7, 2.5)), (0, (2, 2)))
# Letters in a line below an axis.
LINE_LETTERS = 64


def comparison_curves(axes: Axes, runs: Sequence[ShownRun], kind: str) -> str:
    """Curves of several runs: validation strong, train thin, each run with its own color and dashes."""
    drawn = [(n % len(RUNS), run) for n, run in enumerate(runs) if run.rows]
    curve_axes(axes, kind, [row for _, run in drawn for row in run.rows])
    for style, run in drawn:
        axes.plot(*curve_values(run.rows, f"train_{kind}"), color=RUNS[style], linewidth=0.9, alpha=0.5)
        axes.plot(*curve_values(run.rows, f"val_{kind}"), color=RUNS[style], linewidth=2.6, linestyle=DASHES[style])
    if kind == "accuracy":
        values = [row[f"{s}_accuracy"] for _, run in drawn for row in run.rows for s in ("train", "val")]
        lowest = min((v for v in values if v is not None and math.isfinite(v)), default=0.0)
        axes.set_ylim(next((at for at in (0.75, 0.5, 0.25) if lowest > at), 0.0), 1.0)
    last = [run.rows[-1][f"val_{kind}"] for _, run in drawn]
    places = label_heights(axes, [math.nan if value is None else value for value in last])
    words, marked = [], False
    for at, (style, run), value in zip(places, drawn, last, strict=True):
        end_label(axes, (1, at), f"{run.name}  {curve_number(value, kind)}", RUNS[style])
        words.append(f"{run.name} {curve_number(value, kind)}")
        if mark := mark_kept(run.rows, run.results):
            dot(axes, mark, kind, RUNS[style])
            words[-1] += f" ({mark.words(kind)})"
            marked |= mark.row is not None
    axes.set_xlabel(f"epoch (thick: validation, thin: train{', dot: the epoch that was kept' if marked else ''})")
    return f"At the end: {', '.join(words)}."


def results_together(axes: Axes, runs: Sequence[ShownRun], places: Sequence[int]) -> str:
    """Accuracy, of the same kind for all, of the runs at some places; a run's color is that of its place among all."""
    words = []
    done = [(RUNS[at % len(RUNS)], runs[at]) for at in places]
    crossed = all(headline(run.results).cross_validated for _, run in done)
    of = "photos, cross-validated" if crossed else "validation photos"
    for y, (color, run) in enumerate(done):
        me = headline(run.results if crossed else {**run.results, "headline": "val"})
        axes.plot([me.low, me.high], [y, y], color=color, alpha=0.35, linewidth=9, solid_capstyle="round")
        axes.plot([me.accuracy], [y], "o", color=color, markersize=10, clip_on=False)
        said = f"{share(me.accuracy, 1)} ({share(me.low)}–{share(me.high)})\nof {me.n} {of}"
        where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "xytext": (10, 0), "textcoords": "offset points"}
        axes.annotate(said, (1, y), va="center", annotation_clip=False, **where)
        words.append(f"{run.name} {share(me.accuracy, 1)} of {me.n} {of}")
    out = [run.name.replace(" ", "\u00a0") for at, run in enumerate(runs) if run.results and at not in places]
    left_out = f"Left out, because checked with other photos or classes: {', '.join(out)}." if out else ""
    axes.set_yticks(range(len(done)), [run.name for _, run in done])
    axes.set_ylim(len(done) - 0.4, -0.6)
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    axes.set_xlabel("\n".join(["accuracy with its 95 % interval", *wrap(left_out, LINE_LETTERS)]))
    axes.xaxis.set_major_formatter(lambda value, _: share(value))
    return f"Accuracy: {'; '.join(words)}. {left_out}".strip()


def gaps(axes: Axes, ranking: Ranking, runs: Sequence[ShownRun], places: Sequence[int]) -> str:
    """How much better the best run is than each other one, photo by photo, with 95 % intervals; hollow where it may be chance.

    Args:
        places: of the ranked runs among all, in the ranking's order; a run's color is that of its place.
    """
    names = [runs[at].name for at in places]
    axes.axvline(0, color=LINE_2, linewidth=1.5)
    best, words = names[ranking.best], []
    for y, (other, found) in enumerate(ranking.against):
        color = RUNS[places[other] % len(RUNS)]
        inside = color if found.verdict == "b_better" else "white"
        axes.plot([found.low, found.high], [y, y], color=color, alpha=0.35, linewidth=9, solid_capstyle="round")
        axes.plot([found.difference], [y], "o", color=color, markerfacecolor=inside, markersize=10, clip_on=False)
        gap = f"{points(found.difference)} points ({points(found.low)} to {points(found.high)})"
        test = f"{found.better} against {found.worse} photos, p {p_value(found.p_value)}"
        where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "xytext": (10, 0), "textcoords": "offset points"}
        axes.annotate(f"{gap}\n{test}", (1, y), va="center", annotation_clip=False, **where)
        words.append(f"{best} against {names[other]}: {gap}, {test}")
    reach = max(0.1, *(abs(end) for _, found in ranking.against for end in (found.low, found.high))) * 1.05
    axes.set_xlim(-reach, reach)
    axes.xaxis.set_major_formatter(lambda value, _: points(value))
    axes.set_yticks(range(len(ranking.against)), [f"against {names[other]}" for other, _ in ranking.against])
    axes.set_ylim(len(ranking.against) - 0.4, -0.6)
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    main, more = in_words(ranking, names)
    axes.set_xlabel("\n".join([f"points of accuracy that {best} is better", *wrap(f"{main}. {more}", LINE_LETTERS)]))
    return f"{main}. {more} {'; '.join(words)}."
