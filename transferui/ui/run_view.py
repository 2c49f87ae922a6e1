"""A run as HTML: its status in words, its result, and the list of runs with their comparison."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from transferui.backbones.catalogue import CATALOGUE, get_backbone
from transferui.config import SETTINGS, TrainConfig
from transferui.errors import UserError
from transferui.evaluation.compare import compare_runs
from transferui.runs.store import ACTIVE_STATES, Run
from transferui.ui.html import percent, seconds, table

# A training process writes its status at least this often; older than that it is said not to answer.
SILENT_S = 15.0
Status = Mapping[str, Any]


def total_epochs(config: TrainConfig) -> int:
    """Epochs of all phases together."""
    head = config.epochs if config.head_start == "trained" or config.trainable == "none" else 0
    return head + (config.finetune_epochs if config.trainable != "none" else 0)


def status(
    state: Status | None,
    results: Mapping[str, Any] | None = None,
    rows: Sequence[Mapping[str, Any]] = (),
    config: TrainConfig | None = None,
    hint: str = "",
) -> str:
    """One line: what it is doing, how far, how long."""
    if state is None:
        return _line(
            "idle", "Not started", f"{hint} Press the button. You can stop at any time and keep what was learned.".strip()
        )
    kind = str(state["state"])
    if kind == "queued":
        return _line(
            "queued",
            f"Waiting: number {state['place']} of {state['length']} in line",
            "It starts by itself. You may close this page.",
        )
    if kind in ACTIVE_STATES:
        return _active(_completed(state, rows, config) if config else state, rows)
    if kind == "finished":
        return _line("done", "Finished", _finished(results or {}), 1.0)
    hint = f"{state.get('message', '')} {state.get('hint', '')}".strip()
    name = {"stopped": "Stopped", "failed": "This did not work", "interrupted": "Interrupted"}[kind]
    return _line(kind, name, hint)


def _completed(state: Status, rows: Sequence[Mapping[str, Any]], config: TrainConfig) -> Status:
    """A status with the epochs to come and the time left; epochs that are over in a blink are reported without."""
    if not state.get("epoch") or state.get("epochs"):
        return state
    epochs = config.epochs if state.get("phase") == "head" else config.finetune_epochs
    mine = [row["elapsed_s"] for row in rows if row["phase"] == state.get("phase")]
    each = (mine[-1] - mine[0]) / (len(mine) - 1) if len(mine) > 1 else 0.0
    left = max(0, epochs - int(state["epoch"]))
    return {**state, "epochs": epochs, "done": state["epoch"], "total": epochs, "eta_s": round(each * left, 1)}


def _active(state: Status, rows: Sequence[Mapping[str, Any]]) -> str:
    done, total = float(state.get("done", 0)), float(state.get("total", 0))
    learning = state["state"] == "running"
    main = str(state.get("what", "Getting ready"))
    if learning and state.get("epoch"):
        phase = "the head" if state.get("phase") == "head" else "blocks and head"
        main = f"Learning ({phase}), epoch {state['epoch']}" + (f" of {state['epochs']}" if state.get("epochs") else "")
    more = [_count(state, done, total)] if total else []
    if state.get("images_per_s"):
        more.append(f"{state['images_per_s']:,.0f} photos/s")
    if state.get("cached"):
        more.append(f"{state['cached']:,} remembered from before")
    if state.get("eta_s"):
        more.append(f"{seconds(state['eta_s'])} left")
    if rows:
        more.append(f"best so far {percent(max(row['val_accuracy'] for row in rows))}")
    silent = time.time() - float(state.get("updated", time.time()))
    if silent > SILENT_S:
        more.append(f"no sign of life for {seconds(silent)}")
    return _line("learn" if learning else "look", main, " · ".join(more) or "One moment", done / total if total else 0.0)


def _count(state: Status, done: float, total: float) -> str:
    if state.get("unit") == "bytes":
        return f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
    return f"{done:,.0f} of {total:,.0f}" if state["state"] == "preparing" else percent(done / total)


def _finished(results: Mapping[str, Any]) -> str:
    words = [f"{sum(int(p['epochs']) for p in results.get('phases', []))} epochs"]
    if "seconds" in results:
        words.append(f"{results['seconds']['total']:.1f}\u00a0s")
    cached = results.get("cached_images", 0)
    computed = results.get("prefix_images", 0)
    if cached or computed:
        words.append(f"{computed:,} photos through the frozen part, {cached:,} remembered from before")
    if results.get("frozen_unchanged"):
        words.append("every frozen weight is unchanged, checked")
    return " · ".join(words)


def _line(css: str, main: str, more: str, share: float | None = None) -> str:
    bar = "" if share is None else (
        f'<div class="prog" role="progressbar" aria-label="Training" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{100 * share:.0f}"><i style="width:{100 * share:.1f}%"></i></div>'
    )  # fmt: skip
    return f'<div class="tu-status {css}" role="status"><b>{escape(main)}</b><span>{escape(more)}</span>{bar}</div>'


def result(values: Mapping[str, Any] | None) -> str:
    """The honest result: accuracy, interval, number of photos, the simple baselines, on one scale from 0 to 100 %."""
    if not values:
        return ""
    me, low, high = values["val_accuracy"], values["val_accuracy_low"], values["val_accuracy_high"]
    base = values["majority_accuracy"]
    ticks = "".join(f'<span style="left:{x}%">{percent(x / 100)}</span>' for x in (0, 25, 50, 75, 100))
    test = ""
    if values.get("n_test"):
        test = (
            f"<br>On {values['n_test']} photos set aside for the end <em>(test)</em>: <b>{percent(values['test_accuracy'])}</b>."
        )
    head = values.get("head_val_accuracy")
    probe = ""
    if head is not None and values["trainable"]:
        probe = f"<br>Frozen blocks and a new head alone <em>(linear probe)</em>: <b>{percent(head)}</b>."
    notes = "".join(f"<p>{escape(note)}</p>" for note in [*values["notes"], *_never_better(values)])
    return (
        f'<section class="tu-card tu-result"><div><h2>Result</h2><p class="tu-huge">{percent(me)}</p><p>of {values["n_val"]} validation '
        f"photos answered right.<br>On new photos of the same kind, expect <b>{percent(low)} to {percent(high)}</b> "
        f"<em>(95\u00a0% interval)</em>.{probe}{test}</p>{notes}</div>"
        f'<div class="scale" role="img" aria-label="{percent(me)}, interval {percent(low)} to {percent(high)}; largest class {percent(base)}">'
        f'<div class="line"><i class="range" style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></i>'
        f'<i class="pt" style="left:{100 * me:.1f}%"></i><i class="base" style="left:{100 * base:.1f}%"></i>'
        f'<u class="guess" style="left:{100 * base:.1f}%;--at:{100 * base:.0f}">always guessing the<br>largest class: {percent(base)}</u>'
        f'<u class="me" style="left:{100 * me:.1f}%;--at:{100 * me:.0f}">your network: {percent(me)}</u></div><div class="ticks">{ticks}</div></div></section>'
    )


def remembered(size: int) -> str:
    """What is kept so that no photo has to be looked at twice."""
    kept = f"{size / 1e6:,.0f} MB" if size >= 1e6 else "less than 1 MB" if size else "nothing yet"
    return f'<p class="tu-p"><b>Remembered features</b> <em>(cache)</em>: {kept}. With them the next run on the same photos starts at once.</p>'


def _never_better(values: Mapping[str, Any]) -> list[str]:
    """A sentence for a run that kept what it had before its first epoch."""
    if values.get("kept_phase") != "head" or values.get("best_epoch") != 0:
        return []
    return [
        "No epoch had a lower validation loss than the untrained head, so that one was kept. Often the step size is too large: "
        "try a smaller one in Advanced settings."
    ]


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
