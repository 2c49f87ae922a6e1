"""Earlier runs as HTML: open, compare, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from transferui.backbones.catalogue import CATALOGUE, get_backbone
from transferui.errors import UserError
from transferui.evaluation.headline import headline
from transferui.runs.store import ACTIVE_STATES, Run, number_runs
from transferui.ui.compare_view import Entry, comparison
from transferui.ui.html import percent

Status = Mapping[str, Any]
# Classes that are named where there is little room, and letters of each.
FEW, SHORT = 4, 24


def runs(mine: Sequence[Entry], shown: str, marked: Sequence[str]) -> str:
    """Earlier runs, the newest first: open, compare, delete."""
    if not mine:
        return '<section class="tu-card"><h2>Your runs</h2><p class="tu-none">None yet. Every run stays here until you delete it.</p></section>'
    names, told = numbers([entry[0] for entry in mine]), _told_apart(mine)
    rows = "".join(_run_row(names[entry[0].id], entry, told[entry[0].id], shown, marked) for entry in mine)
    head = "".join(f"<th>{text}</th>" for text in ("Run", "What was trained", "Accuracy", '<span class="sr">Actions</span>'))
    compared = [entry for entry in reversed(mine) if entry[0].id in marked]  # the oldest first, as their numbers go
    return (
        f'<section class="tu-card"><h2>Your runs</h2><div class="tu-scroll"><table class="tu-table tu-runs"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{comparison(compared, names)}</section>"
    )


def numbers(mine: Sequence[Run]) -> dict[str, str]:
    """What runs are called on the page, by id; they come newest first. A name stays when another run is deleted."""
    return {run_id: f"Run {number}" for run_id, number in number_runs(mine).items()}


def _told_apart(mine: Sequence[Entry]) -> dict[str, str]:
    """What was trained, run by run, as HTML; where the same words stand for other classes, with those that are not in all of them."""
    words = {run.id: what(run) for run, _, _ in mine}
    classes = {run.id: tuple((results or {}).get("classes", ())) for run, _, results in mine}
    told = {}
    for run_id, said in words.items():
        alike = {classes[other] for other in words if words[other] == said and classes[other]}
        own = [name for name in classes[run_id] if not all(name in names for names in alike)]
        more = f"with {few(own)}" if own else f"{len(classes[run_id])} classes"
        told[run_id] = escape(said) + (f'<div class="tu-or">{escape(more)}</div>' if len(alike) > 1 and classes[run_id] else "")
    return told


def few(names: Sequence[str]) -> str:
    """Some names of classes, each cut short, and how many more there are."""
    shown = names if len(names) <= FEW else names[: FEW - 1]
    cut = [name if len(name) <= SHORT else f"{name[: SHORT - 1]}…" for name in shown]
    return ", ".join(cut) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


def _run_row(name: str, entry: Entry, told: str, shown: str, marked: Sequence[str]) -> str:
    run, state, results = entry
    active = state["state"] in ACTIVE_STATES
    cell = (
        _accuracy(results, "" if state["state"] == "finished" else _state_word(state)) if results else escape(_state_word(state))
    )
    here = " <em>shown</em>" if run.id == shown else ""
    check = "true" if run.id in marked else "false"
    buttons = (
        f'<button type="button" data-pick="open:{run.id}" aria-label="Open {name}">Open</button>'
        f'<button type="button" role="checkbox" aria-checked="{check}" data-pick="mark:{run.id}" aria-label="Compare {name}">Compare</button>'
        f'<button type="button" data-pick="delete:{run.id}" aria-label="Delete {name}" data-confirm="Delete {name} and its model?" {"disabled" if active else ""}>Delete</button>'
    )
    css = "new" if run.id == shown else ""
    return (
        f'<tr class="{css}" data-run="{run.id}"><th scope="row">{name}{here}</th><td>{told}</td>'
        f'<td class="acc">{cell}</td><td class="tu-acts">{buttons}</td></tr>'
    )


def _accuracy(results: Mapping[str, Any], state: str) -> str:
    """The accuracy that stands for a run and, below it because a telephone is narrow, of how many photos it is.

    Args:
        state: in a word, when the run has not come to its end.
    """
    me = headline(results)
    how = f"of {me.n}, cross-validated" if me.cross_validated else f"of {me.n}"
    bar = f'<span class="bar" style="--w:{me.accuracy:.3f}"><i></i></span><b>{percent(me.accuracy, 1)}</b>'
    return f'{bar}<div class="tu-or">{how}{f", {escape(state)}" if state else ""}</div>'


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
    start = ", from random weights" if config.weights == "random" else ", from an own model" if config.start_from else ""
    return f"{title}, {learned}{start} · {facts.get('dataset_name', '')}"
