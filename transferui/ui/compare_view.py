"""Two or more runs side by side: which is better and how sure that is, curves over each other, what was set otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from transferui.config import SETTINGS
from transferui.errors import UserError
from transferui.evaluation.compare import Comparison, rank_runs, same_classes, same_photos
from transferui.evaluation.compare_words import in_words, listed, p_value
from transferui.evaluation.headline import learned_weights
from transferui.evaluation.kept_epoch import mark_best, mark_kept
from transferui.evaluation.shown import points
from transferui.runs.saved import learned_from
from transferui.runs.store import ACTIVE_STATES, Run
from transferui.ui.charts import overlay, swatch
from transferui.ui.html import percent, seconds, table

# Said of runs that have some photos in common, or none.
FEW = "(too few are the same)"
# A run, its status and its results, if it has any yet.
Entry = tuple[Run, Mapping[str, Any], Mapping[str, Any] | None]


def comparison(entries: Sequence[Entry], names: Mapping[str, str]) -> str:
    """The card's lower half: what is known about the marked runs together.

    Args:
        entries: the marked runs, the oldest first.
        names: what every run is called, by id.
    """
    if len(entries) < 2:
        return '<p class="tu-hint-line">Mark two or more runs to compare them.</p>'
    charts = _curves(entries, names)
    group = _comparable(entries)
    return (
        f'<div class="tu-compared"><h3>Compared</h3>{_verdict(group, names)}{_left_out(entries, group, names)}{charts}'
        f"{_side_by_side(entries, names)}</div>"
    )


def _curves(entries: Sequence[Entry], names: Mapping[str, str]) -> str:
    """Their curves over each other, and what their lines and dots mean."""
    curves = [(names[run.id], run.metrics()) for run, _, _ in entries]
    if not any(rows for _, rows in curves):
        return ""
    marks = [
        mark_best(rows) if state["state"] in ACTIVE_STATES else mark_kept(rows, results)
        for (_, state, results), (_, rows) in zip(entries, curves, strict=True)
    ]
    dots = " Dots: the epoch that was kept." if any(mark and mark.row for mark in marks) else ""
    drawn = "".join(overlay(curves, kind, marks) for kind in ("accuracy", "loss"))
    key = f"Thick lines: validation photos. Thin lines of the same color: training photos.{dots}"
    return f'<div class="tu-overs">{drawn}</div><p class="tu-hint-line">{key}</p>'


def _verdict(group: Sequence[Entry], names: Mapping[str, str]) -> str:
    """Which of the runs that can be compared is best, asked photo by photo."""
    ranking = rank_runs([results for _, _, results in group if results], [learned_from(run) for run, _, _ in group])
    if ranking is None:
        return ""
    called = [names[run.id] for run, _, _ in group]
    main, more = in_words(ranking, called)
    rows = "".join(_gap_row(called[i], called[ranking.best], found) for i, found in ranking.against)
    axis = '<p class="gap-axis" aria-hidden="true"><span>worse</span><span>same</span><span>better</span></p>'
    return f'{_line(main, more)}{_renamed(group, called)}<div class="tu-gaps">{rows}{axis}</div>'


def _renamed(group: Sequence[Entry], called: Sequence[str]) -> str:
    """Says it of runs whose classes are those of the first one under other names."""
    first, *others = [results or {} for _, _, results in group]
    other = [name for name, results in zip(called[1:], others, strict=True) if _has_other_names(first, results)]
    if not other:
        return ""
    said = f"Some classes have other names in {called[0]} than in {listed(other)}; their photos show that they are the same."
    return f'<p class="tu-hint-line">{escape(said)}</p>'


def _has_other_names(first: Mapping[str, Any], results: Mapping[str, Any]) -> bool:
    same = same_classes(first, results) or {}
    return any(first["classes"][mine] != results["classes"][theirs] for theirs, mine in same.items())


def _comparable(entries: Sequence[Entry]) -> list[Entry]:
    """The runs of the largest group that can be compared."""
    done = [entry for entry in entries if entry[2]]
    groups = same_photos([results for _, _, results in done if results], [learned_from(run) for run, _, _ in done])
    return [done[i] for i in groups[0]] if groups else []


def _line(main: str, more: str) -> str:
    return f'<p class="tu-verdict" role="status"><b>{escape(main)}</b><span>{escape(more)}</span></p>'


def _gap_row(other: str, best: str, found: Comparison) -> str:
    """One difference with its interval on a line around zero; the axis goes as far as the interval, at least 10 points."""
    reach = max(0.1, abs(found.low), abs(found.high)) * 1.05
    left, right = (50 + 50 * value / reach for value in (found.low, found.high))
    at = 50 + 50 * found.difference / reach
    css = "clear" if found.verdict != "no_clear_difference" else ""
    gap, test = f"{points(found.difference)} points", "McNemar" if found.units == found.n else "sign flips of series,"
    span = f"{points(found.low)} to {points(found.high)}"
    return (
        f'<div class="gap {css}"><span class="who"><b>{escape(best)}</b> against {escape(other)}</span>'
        f'<span class="gap-line" role="img" aria-label="{gap}, 95\u00a0% interval {span}"><i class="zero"></i>'
        f'<i class="reach" style="left:{left:.1f}%;width:{right - left:.1f}%"></i><i class="at" style="left:{at:.1f}%"></i></span>'
        f'<span class="num"><b>{gap}</b> <em>({span})</em></span>'
        f'<span class="why">{escape(best)} alone right on {found.better}, {escape(other)} alone on {found.worse} '
        f"<em>({test} p\u00a0{escape(p_value(found.p_value))})</em></span></div>"
    )


def _left_out(entries: Sequence[Entry], group: Sequence[Entry], names: Mapping[str, str]) -> str:
    """Runs that the verdict does not speak of, each with the reason."""
    compared = {run.id for run, _, _ in group}
    lines = []
    for run, state, results in entries:
        if results and run.id not in compared:
            other = "tells other classes apart" if _has_other_classes(results, group) else f"was checked with other photos {FEW}"
            lines.append(f"{names[run.id]} {other}, so its accuracy cannot be held against the rest.")
        if not results:
            lines.append(f"{names[run.id]} {_why_not(state)}")
        elif state["state"] in ACTIVE_STATES:
            lines.append(f"{names[run.id]} is still going on: this is its best state so far.")
        elif state["state"] != "finished":
            lines.append(f"{names[run.id]} {_ended(state)} before its end: this is the best that it had by then.")
    apart = [results for run, _, results in entries if results and run.id not in compared]
    if len(group) == 1 and apart:
        differ = any(_has_other_classes(results, group) for results in apart)
        other = "tell different classes apart" if differ else f"were checked with different photos {FEW}"
        lines = [f"These runs {other}, so they cannot be compared photo by photo.",
                 *(line for line in lines if "cannot be held" not in line)]  # fmt: skip
    return "".join(f'<p class="tu-hint-line">{escape(line)}</p>' for line in lines)


def _has_other_classes(results: Mapping[str, Any], group: Sequence[Entry]) -> bool:
    return same_classes(group[0][2] or {}, results) is None


def _why_not(state: Mapping[str, Any]) -> str:
    if state["state"] in ACTIVE_STATES:
        return "is still going on and has no result yet; its curves are what there is so far."
    return f"{_ended(state)} and has no result."


def _ended(state: Mapping[str, Any]) -> str:
    return {"failed": "did not work", "interrupted": "was interrupted"}.get(str(state["state"]), "was stopped")


def _side_by_side(entries: Sequence[Entry], names: Mapping[str, str]) -> str:
    """Settings that differ and results, one column a run."""
    configs = [_settings(run) for run, _, _ in entries]
    rows = [[escape(SETTINGS[k].label), *(escape(c[k]) for c in configs)] for k in SETTINGS if len({c[k] for c in configs}) > 1]
    numbers = [results or {} for _, _, results in entries]
    rows.append(["Validation accuracy", *(_with_interval(r) for r in numbers)])
    if any(r.get("cv") for r in numbers):
        rows.append(["Cross-validated accuracy", *(_cross_validated(r.get("cv") or {}) for r in numbers)])
    if any(r.get("n_test") for r in numbers):
        rows.append(["Test accuracy", *(percent(r["test_accuracy"], 1) if r.get("n_test") else "–" for r in numbers)])
    rows.append(["Validation loss", *(f"{r['val_loss']:.3f}" if r else "–" for r in numbers)])
    rows.append(["Weights that learned", *(f"{learned_weights(r):,}" if r else "–" for r in numbers)])
    rows.append(["Time", *(seconds(r["seconds"]["total"]) if r.get("seconds") else "–" for r in numbers)])
    heads = [f"{swatch(n)}{escape(names[run.id])}" for n, (run, _, _) in enumerate(entries)]
    return table(["", *heads], rows, "tu-table tu-compare")


def _settings(run: Run) -> dict[str, str]:
    """The settings of a run as text; dashes for one that another version of the app made."""
    try:
        return {name: str(value) for name, value in run.config.model_dump().items()}
    except UserError:
        return dict.fromkeys(SETTINGS, "–")


def _with_interval(r: Mapping[str, Any]) -> str:
    if not r:
        return "–"
    return f"<b>{percent(r['val_accuracy'], 1)}</b> ({percent(r['val_accuracy_low'])}–{percent(r['val_accuracy_high'])}, {r['n_val']} photos)"


def _cross_validated(cv: Mapping[str, Any]) -> str:
    if not cv:
        return "–"
    return f"<b>{percent(cv['accuracy'], 1)}</b> ({percent(cv['low'])}–{percent(cv['high'])}, {cv['n']} photos)"
