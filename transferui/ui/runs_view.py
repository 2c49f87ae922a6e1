"""Earlier runs as HTML: open, compare, delete; and two or more of them side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from transferui.backbones.catalogue import CATALOGUE, get_backbone
from transferui.config import SETTINGS
from transferui.errors import UserError
from transferui.evaluation.compare import compare_runs
from transferui.runs.store import ACTIVE_STATES, Run
from transferui.ui.html import percent, seconds, table

Status = Mapping[str, Any]


def runs(mine: Sequence[tuple[Run, Status, Mapping[str, Any] | None]], shown: str, marked: Sequence[str]) -> str:
    """Earlier runs, the newest first: open, compare, delete."""
    if not mine:
        return '<section class="tu-card"><h2>Your runs</h2><p class="tu-none">None yet. Every run stays here until you delete it.</p></section>'
    rows = "".join(_run_row(len(mine) - n, entry, shown, marked) for n, entry in enumerate(mine))
    head = "".join(
        f"<th>{text}</th>" for text in ("Run", "What was trained", "Validation accuracy", '<span class="sr">Actions</span>')
    )
    compared = [entry for entry in mine if entry[0].id in marked]
    names = {entry[0].id: f"Run {len(mine) - n}" for n, entry in enumerate(mine)}
    return (
        f'<section class="tu-card"><h2>Your runs</h2><div class="tu-scroll"><table class="tu-table tu-runs"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{_comparison(compared, names)}</section>"
    )


def _run_row(number: int, entry: tuple[Run, Status, Mapping[str, Any] | None], shown: str, marked: Sequence[str]) -> str:
    run, state, results = entry
    accuracy = results["val_accuracy"] if results else None
    cell = (
        f'<span class="bar" style="--w:{accuracy:.3f}"><i></i></span><b>{percent(accuracy, 1)}</b>'
        if accuracy is not None
        else escape(_state_word(state))
    )
    active = state["state"] in ACTIVE_STATES
    here = " <em>shown</em>" if run.id == shown else ""
    check = "true" if run.id in marked else "false"
    buttons = (
        f'<button type="button" data-pick="open:{run.id}" aria-label="Open run {number}">Open</button>'
        f'<button type="button" role="checkbox" aria-checked="{check}" data-pick="mark:{run.id}" aria-label="Compare run {number}">Compare</button>'
        f'<button type="button" data-pick="delete:{run.id}" aria-label="Delete run {number}" data-confirm="Delete run {number} and its model?" {"disabled" if active else ""}>Delete</button>'
    )
    css = "new" if run.id == shown else ""
    return (
        f'<tr class="{css}" data-run="{run.id}"><th scope="row">Run {number}{here}</th><td>{escape(what(run))}</td>'
        f'<td class="acc">{cell}</td><td class="tu-acts">{buttons}</td></tr>'
    )


def _state_word(state: Status) -> str:
    return {"queued": "waiting", "preparing": "going on", "running": "going on"}.get(str(state["state"]), str(state["state"]))


def what(run: Run) -> str:
    """A run in few words: network, what learned, photos."""
    try:
        facts, config = run.facts, run.config
    except UserError as error:
        return error.message
    title = get_backbone(config.backbone).title if config.backbone in CATALOGUE else config.backbone
    n = config.trainable.count(",") + 1
    learned = "head only" if config.trainable == "none" else f"{n} {'stage' if n == 1 else 'stages'} and head"
    start = ", from random weights" if config.weights == "random" else ""
    return f"{title}, {learned}{start} · {facts.get('dataset_name', '')}"


def _comparison(entries: Sequence[tuple[Run, Status, Mapping[str, Any] | None]], names: Mapping[str, str]) -> str:
    """Settings that differ and results, side by side."""
    if len(entries) < 2:
        return '<p class="tu-hint-line">Mark two or more runs to compare them.</p>' if entries else ""
    configs = [_settings(run) for run, _, _ in entries]
    rows = [[escape(SETTINGS[k].label), *(escape(c[k]) for c in configs)] for k in SETTINGS if len({c[k] for c in configs}) > 1]
    numbers = [results or {} for _, _, results in entries]
    rows.append(["Validation accuracy", *(_with_interval(r) for r in numbers)])
    rows.append(["Validation loss", *(f"{r['val_loss']:.3f}" if r else "–" for r in numbers)])
    rows.append(["Weights that learned", *(f"{r['trainable_parameters']:,}" if r else "–" for r in numbers)])
    rows.append(["Time", *(seconds(r["seconds"]["total"]) if r.get("seconds") else "–" for r in numbers)])
    verdict = _verdict(entries, names) if len(entries) == 2 else ""
    return "<h3>Compared</h3>" + verdict + table(["", *(names[run.id] for run, _, _ in entries)], rows, "tu-table tu-compare")


def _verdict(entries: Sequence[tuple[Run, Status, Mapping[str, Any] | None]], names: Mapping[str, str]) -> str:
    """Whether one of two runs is better, asked photo by photo; empty where one has no results yet."""
    (first, _, a), (second, _, b) = entries
    if not a or not b:
        return ""
    found = compare_runs(a, b)
    if found is None:
        return '<p class="tu-p">These runs were checked with different photos, so they cannot be compared photo by photo.</p>'
    better = {"a_better": first, "b_better": second}.get(found.verdict)
    main = f"{names[better.id]} is better" if better else "No clear difference"
    gap = f"{100 * found.difference:+.1f} points ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    more = f"from {names[first.id]} to {names[second.id]}: {gap}, on the same {found.n} validation photos <em>(McNemar p = {found.p_value:.2f})</em>."
    return f'<p class="tu-p tu-verdict"><b>{main}</b>: {more}</p>'


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
