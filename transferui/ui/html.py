"""Pieces of HTML that more than one step uses. Pure functions from data to text; every text is escaped here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import gradio as gr

from transferui.errors import UserError
from transferui.evaluation.shown import share

# The page's word for it.
percent = share

LOGO = (
    '<svg viewBox="0 0 40 28" aria-hidden="true"><rect x="1" y="8" width="8" height="12" rx="2.5" class="l-ice"/><rect x="11.5" '
    'y="4" width="8" height="20" rx="2.5" class="l-ice"/><rect x="22" y="1" width="8" height="26" rx="2.5" class="l-ice"/>'
    '<rect x="32" y="9" width="7" height="10" rx="2.5" class="l-warm"/></svg>'
)
# Buttons with data-pick raise the event `pick`, those with data-confirm after a question; arrow keys move within a radio group
# and choose, except where choosing is a lot of work: there Space or Enter does. What was unfolded stays so when it is drawn again,
# where <details> have a name in data-keep.
PICK_JS = """
const pick = (b) => { if (!b.dataset.confirm || confirm(b.dataset.confirm)) trigger('pick', {pick: b.dataset.pick}); };
element.addEventListener('click', (e) => { const b = e.target.closest('[data-pick]'); if (b && !b.disabled) pick(b); });
element.addEventListener('keydown', (e) => {
  const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[e.key], b = e.target.closest('[role=radio]');
  if (!b || !step) return;
  e.preventDefault();
  const all = [...element.querySelectorAll('[role=radio]')], to = all[(all.indexOf(b) + step + all.length) % all.length];
  to.focus(); if (!to.closest('[data-by-enter]')) pick(to);
});
const open = new Set();
element.addEventListener('toggle', (e) => {
  const name = e.target.dataset.keep;
  if (name) open[e.target.open ? 'add' : 'delete'](name);
}, true);
new MutationObserver(() => {
  for (const one of element.querySelectorAll('details[data-keep]')) if (open.has(one.dataset.keep)) one.open = true;
}).observe(element, {childList: true, subtree: true});"""


def show(html: str = "", **more: Any) -> gr.HTML:
    """HTML in our own style: without Gradio's prose rules, which would win over ours."""
    return gr.HTML(html, apply_default_css=False, padding=False, **more)


def clickable(html: str, elem_id: str, **more: Any) -> gr.HTML:
    """HTML whose [data-pick] buttons raise the event `pick`."""
    return show(html, js_on_load=PICK_JS, elem_id=elem_id, **more)


def picked(event: gr.EventData) -> str:
    """What a `pick` event names; it comes from the browser, so it is only ever looked up."""
    value = sent(event).get("pick", "")
    return value if isinstance(value, str) else ""


def sent(event: gr.EventData) -> dict[str, Any]:
    """What came with an event; nothing when it is not what our scripts send."""
    return event._data if isinstance(event._data, dict) else {}


def seconds(value: float) -> str:
    """A duration in words: 8 s, 2 min 5 s."""
    whole = max(0, round(value))
    return f"{whole}\u00a0s" if whole < 90 else f"{whole // 60}\u00a0min {whole % 60}\u00a0s"


def photos(n: int) -> str:
    """'1 photo', '2 photos'."""
    return f"{n:,} photo" if n == 1 else f"{n:,} photos"


def header(where: str) -> str:
    """The top line; `where` says who can see what is uploaded."""
    return (
        f'<header class="tu-head"><span class="tu-logo">{LOGO}TransferUI</span>'
        '<span class="tu-tag">Teach a network your own photos</span>'
        f'<span class="tu-chip"><i class="dot ok"></i>{escape(where)}</span></header>'
    )


# Until the page knows whose desk it shows, a click or a dropped file would be lost: nothing takes any.
OPENING = '<p class="tu-opening" role="status">Opening your desk …</p>'


def title(head: str, hint: str) -> str:
    """A step's title; both are ours and may hold markup."""
    return f'<div class="tu-title"><h1>{head}</h1><p>{hint}</p></div>'


def section(head: str, hint: str = "") -> str:
    """A heading inside a step; both are ours and may hold markup."""
    return f'<div class="tu-sec"><h2>{head}</h2>{f"<p>{hint}</p>" if hint else ""}</div>'


def notice(problem: UserError | str | None = None, kind: str = "bad") -> str:
    """A message beside the control: what was expected, what was found, what to do; or nothing."""
    if problem is None or problem == "":
        return ""
    message, hint = (problem.message, problem.hint) if isinstance(problem, UserError) else (problem, "")
    role = "alert" if kind == "bad" else "status"
    icon = {"bad": "!", "warn": "!", "work": "…"}.get(kind, "✓")
    tail = f"<span>{escape(hint)}</span>" if hint else ""
    return f'<div class="tu-notice {kind}" role="{role}"><i aria-hidden="true">{icon}</i><p><b>{escape(message)}</b> {tail}</p></div>'


def working(text: str, done: int = 0, total: int = 0) -> str:
    """Progress in words and, where it is known, as a bar."""
    share = f'<div class="prog" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="{total}" aria-valuenow="{done}"><i style="width:{100 * done / total:.0f}%"></i></div>' if total else ""  # fmt: skip
    count = f" <span>{done:,} of {total:,}</span>" if total else ""
    return (
        f'<div class="tu-notice work" role="status"><i aria-hidden="true">…</i><p><b>{escape(text)}</b>{count}</p>{share}</div>'
    )


def img(src: str, alt: str) -> str:
    """An inline picture."""
    return f'<img src="{escape(src)}" alt="{escape(alt)}" loading="lazy">'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], css: str = "tu-table") -> str:
    """A plain table; cells are HTML, so the caller escapes. Heads are ours."""
    columns = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    # On a phone the head is not shown and every cell carries its column's name instead.
    names = [re.sub(r"<.*?>", "", cell) for cell in head]
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f'<td data-name="{name}">{cell}</td>' for name, cell in zip(names[1:], row[1:], strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<div class="tu-scroll"><table class="{css}"><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>'


def radio_card(key: str, chosen: bool, body: str) -> str:
    """One card of a radio group."""
    return (
        f'<button type="button" role="radio" data-pick="{escape(key)}" aria-checked="{str(chosen).lower()}" '
        f'tabindex="{0 if chosen else -1}">{body}</button>'
    )


def radio_group(cards: Sequence[str], label: str, css: str, *, by_arrow: bool = True) -> str:
    """Cards of which one is chosen; when none is yet, Tab reaches the first.

    Args:
        by_arrow: arrow keys choose; otherwise they only move, and Space or Enter chooses.
    """
    joined = "".join(cards)
    if 'tabindex="0"' not in joined:
        joined = joined.replace('tabindex="-1"', 'tabindex="0"', 1)
    enter = "" if by_arrow else " data-by-enter"
    return f'<div class="tu-pick {css}" role="radiogroup" aria-label="{escape(label)}"{enter}>{joined}</div>'
