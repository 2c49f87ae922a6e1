"""Step 6 as HTML: every question with its answer, or with what it takes to get one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from html import escape
from typing import Any

from transferui.backbones.catalogue import CATALOGUE, get_backbone
from transferui.errors import UserError
from transferui.insight.doubts import doubts_in_words
from transferui.insight.lesson.curve_view import curve_card
from transferui.insight.lesson.gain_view import OWN_MODEL, gain_card
from transferui.insight.lesson.labels_view import labels_card
from transferui.insight.lesson.map_view import map_card
from transferui.insight.lesson.page import lesson_body
from transferui.insight.lesson.probe_view import probe_card
from transferui.insight.lesson.rank_view import rank_card
from transferui.insight.lesson.unusual_view import unusual_card
from transferui.insight.parts import ALWAYS, BEFORE_TRAINING, PARTS, Part
from transferui.runs.lessons import lesson_of, picture_of
from transferui.runs.store import ACTIVE_STATES
from transferui.ui.desk import Desk
from transferui.ui.html import notice, working

Results = Mapping[str, Any]
# Suspicious labels on the page; each picture weighs 6 KB, and nobody looks through more at once.
SUSPECTS = 36
CHANGED = "You have changed the photos since this was measured. Measure again to be up to date."


def status(state: Mapping[str, Any] | None, done: int, *, changed: bool) -> str:
    """What the measurement is doing; it stands above the answers, and so does the warning that they are old."""
    name, old = (state["state"] if state else ""), notice(CHANGED, "warn") if changed else ""
    if state and name in ACTIVE_STATES:
        return _going_on(state) + old
    if state and name in ("failed", "interrupted"):
        return notice(UserError(name.upper(), str(state.get("message", "")), str(state.get("hint", "")))) + old
    if state is None:
        return '<p class="tu-p">About three minutes on a small computer. You can stop at any time; what is finished stays.</p>'
    return old or notice(f"{'Stopped. ' if name == 'stopped' else ''}{done} of {len(ALWAYS)} questions are answered.", "ok")


def _going_on(state: Mapping[str, Any]) -> str:
    if state["state"] == "queued":
        return working(f"Waiting: number {state.get('place', 1)} of {state.get('length', 1)} in line")
    part = PARTS.get(str(state.get("part")))
    if part is None:
        return working("Getting ready")
    what = f" ({state['what']})" if state.get("what") else ""
    head = f"{state.get('number', 1)} of {state.get('parts', 1)}: {part.doing}{what}"
    return working(head, int(state.get("done") or 0), int(state.get("total") or 0))


def answers(desk: Desk, results: Results, *, live: bool) -> str:
    """All questions with their answers."""
    shown = [part for part in PARTS.values() if part.name in ALWAYS or part.name in results or _has_parent(desk)]
    return f'<div class="tu-answers">{"".join(_section(desk, part, results.get(part.name), live=live) for part in shown)}</div>'


def advice(desk: Desk, results: Results) -> str:
    """The answers that step 2 shows."""
    there = [PARTS[name] for name in BEFORE_TRAINING if name in results]
    if not there:
        text = "They look at up to 400 of your photos and say which of them suits best, and which blocks to freeze. Nothing is trained."
        return f'<p class="tu-p">{text}</p>'
    return f'<div class="tu-answers">{"".join(_section(desk, part, results[part.name], live=False) for part in there)}</div>'


def suspects_now(desk: Desk) -> list[dict[str, Any]]:
    """Photos with a suspicious label as they are in the photos of step 1 now, without those that were called right."""
    run, dataset = desk.measurement, desk.dataset
    found = ((run.results() or {}).get("labels") if run else None) or {}
    if dataset is None:
        return []
    right = set(desk.values.get("labels_right", []))
    places = {(sample.sha256, dataset.class_names[sample.label]): i for i, sample in enumerate(dataset.samples)}
    mine = [one for one in found.get("suspects", ()) if one["sha256"] not in right]
    return [{**one, "sample": places[one["sha256"], one["given"]]} for one in mine if (one["sha256"], one["given"]) in places]


def _section(desk: Desk, part: Part, found: Mapping[str, Any] | None, *, live: bool) -> str:
    word = "Measure again" if found else "Measure"
    off = " disabled" if live or desk.dataset is None else ""
    button = f'<button type="button" class="tu-small" data-pick="measure:{part.name}"{off} aria-label="{word}: {escape(part.question)}">{word}</button>'
    body = _answer(desk, part, found) if found else f'<p class="tu-none">Not measured yet: takes {part.takes}.</p>'
    return f'<section class="tu-card tu-part" data-part="{part.name}"><header><h2>{part.question}</h2>{button}</header>{body}</section>'


def _answer(desk: Desk, part: Part, found: Mapping[str, Any]) -> str:
    backbone = str(found.get("backbone", ""))
    asked = (
        f'<p class="tu-asked">Asked: {escape(get_backbone(backbone).title)}</p>'
        if backbone in CATALOGUE and part.name != "rank"
        else ""
    )
    longer = f'<p class="acts"><button type="button" data-pick="longer:{part.name}">Measure for 10 minutes: a surer answer</button></p>'
    return _card(desk, part, found) + (longer if part.name in ("gain", "chain") else "") + asked


def _card(desk: Desk, part: Part, found: Mapping[str, Any]) -> str:
    if part.name == "labels":
        shown = suspects_now(desk)
        return labels_card({**found, "suspects": shown[:SUSPECTS], "sentence": _doubts(shown, found)}, _picture(desk))
    if part.name in ("rank", "probe"):
        return {"rank": rank_card, "probe": probe_card}[part.name](found, buttons=True)
    if part.name == "chain":
        return gain_card(found, OWN_MODEL)
    return {"unusual": unusual_card, "curve": curve_card, "map": map_card, "gain": gain_card}[part.name](found)


def _doubts(suspects: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> str:
    if not suspects:
        return "No label looks wrong (any more)."
    n, doubts = int(found.get("n_images") or 0), found.get("n_doubts")
    of = n if doubts is not None else 0  # measurements of earlier versions do not know how often it was right
    return doubts_in_words(suspects, len(suspects), n - int(doubts or 0), of)


def _picture(desk: Desk) -> Callable[[int], str]:
    dataset = desk.dataset
    return partial(picture_of, dataset) if dataset else str


def lesson(desk: Desk, results: Results) -> str:
    """The same as a lesson to read, about the photos as they were measured."""
    run, dataset, measured = desk.run, desk.dataset, desk.measurement
    if dataset is None or measured is None or not results:
        return '<p class="tu-none">It is written when something has been measured.</p>'
    old = notice(CHANGED, "warn") if measured.dataset_id != dataset.id else ""
    with suppress(UserError):
        dataset = desk.server.store.find_dataset(desk.owner, measured.dataset_id)
    same = run if run and run.dataset_id == dataset.id else None
    return old + lesson_body(lesson_of(dataset, results, measured.config.backbone, same), with_photos=False)


def _has_parent(desk: Desk) -> bool:
    """Whether the shown run of these photos started from an own model that is still there."""
    run, dataset = desk.run, desk.dataset
    if run is None or dataset is None or run.dataset_id != dataset.id or not run.results():
        return False
    try:
        return bool(run.config.start_from and desk.server.store.get_run(desk.owner, run.config.start_from))
    except UserError:
        return False
