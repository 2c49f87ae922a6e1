"""Report and figures to take away: a button that has them made by the engine, and the file when it is there."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from transferui.errors import UserError
from transferui.runs.lessons import NOTHING
from transferui.runs.store import Run
from transferui.ui.desk import LONG, Desk, Server, ask, desk_of
from transferui.ui.html import notice, show
from transferui.ui.runs_view import numbers

Rates = Callable[[Desk], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Keep:
    """A button, what it has to say, and the file that it made."""

    button: gr.Button
    message: gr.HTML
    file: gr.DownloadButton

    @property
    def out(self) -> list[Any]:
        """What changes when the button is pressed."""
        return [self.message, self.file]


def figures(elem_id: str, hint: str = "") -> Keep:
    """Draw a button for figures, with its hint beside it."""
    return _keep(elem_id, "Save figures (PNG, SVG)", hint)


def report(elem_id: str) -> Keep:
    """Draw a button for the report."""
    return _keep(elem_id, "Report (HTML)", "")


def lesson(elem_id: str) -> Keep:
    """Draw a button for the lesson."""
    return _keep(elem_id, "Save the lesson (HTML)", "")


def _keep(elem_id: str, label: str, hint: str) -> Keep:
    with gr.Row(elem_classes="tu-keep"):
        button = gr.Button(label, elem_id=elem_id, scale=0)
        file = gr.DownloadButton("Save again", elem_id=f"{elem_id}-file", visible=False, interactive=True, scale=0)
        if hint:
            show(f'<p class="tu-p">{hint}</p>')
    message = show("", elem_id=f"{elem_id}-message")
    return Keep(button, message, file)


class Saving:
    """What happens at a press; every handler's first argument is the owner's token."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def wire_figures(self, keep: Keep, owner: gr.BrowserState) -> None:
        """Connect a button for figures."""
        pressed = keep.button.click(self.make_figures, owner, keep.out, **LONG)
        pressed.then(None, None, None, js=_fetch(str(keep.file.elem_id)))

    def wire_report(self, keep: Keep, owner: gr.BrowserState, with_photos: gr.Checkbox) -> None:
        """Connect a button for the report."""
        pressed = keep.button.click(self.make_report, [owner, with_photos], keep.out, **LONG)
        pressed.then(None, None, None, js=_fetch(str(keep.file.elem_id)))

    def wire_lesson(self, keep: Keep, owner: gr.BrowserState, with_photos: gr.Checkbox) -> None:
        """Connect a button for the lesson."""
        pressed = keep.button.click(self.make_lesson, [owner, with_photos], keep.out, **LONG)
        pressed.then(None, None, None, js=_fetch(str(keep.file.elem_id)))

    def wire_answer_figures(self, keep: Keep, owner: gr.BrowserState) -> None:
        """Connect the button for figures of what was measured."""
        pressed = keep.button.click(self.make_answer_figures, owner, keep.out, **LONG)
        pressed.then(None, None, None, js=_fetch(str(keep.file.elem_id)))

    def wire_rate_figures(self, keep: Keep, owner: gr.BrowserState, found: Rates) -> None:
        """Connect the button for figures of the learning-rate finder.

        Args:
            found: gives what the finder has found for a desk, or None.
        """
        pressed = keep.button.click(partial(self.make_rate_figures, found), owner, keep.out, **LONG)
        pressed.then(None, None, None, js=_fetch(str(keep.file.elem_id)))

    def make_figures(self, owner: str) -> Iterator[list[Any]]:
        """Have the shown run drawn, and with it the marked ones together."""
        try:
            desk = desk_of(self.server, owner)
            run, names = _shown(desk)
        except UserError as error:
            yield [notice(error), gr.DownloadButton(visible=False)]
            return
        marked = desk.values.get("marked", [])
        # In the order of the page, so that every run has the same color in both.
        together = [(run_id, name) for run_id, name in reversed(names.items()) if run_id in marked]
        to = self._new_file("figures.zip")
        yield from self._make("save_figures", "Drawing", to, owner=owner, run=run, together=together if len(together) > 1 else [])

    def make_report(self, owner: str, with_photos: Any) -> Iterator[list[Any]]:
        """Have the report of the shown run written."""
        try:
            run, _ = _shown(desk_of(self.server, owner))
        except UserError as error:
            yield [notice(error), gr.DownloadButton(visible=False)]
            return
        to = self._new_file(f"{run[1].replace(' ', '-').lower()}-report.html")
        yield from self._make("save_report", "Writing the report", to, owner=owner, run=run, with_photos=with_photos is True)

    def make_lesson(self, owner: str, with_photos: Any) -> Iterator[list[Any]]:
        """Have what was measured written."""
        try:
            desk = desk_of(self.server, owner)
            found = _measured(desk)
        except UserError as error:
            yield [notice(error), gr.DownloadButton(visible=False)]
            return
        shown = desk.run.id if desk.run and desk.run.results() else ""
        to, with_them = self._new_file("transfer-learning-lesson.html"), with_photos is True
        yield from self._make(
            "save_lesson", "Writing the lesson", to, owner=owner, measurement=found.id, run=shown, with_photos=with_them
        )

    def make_answer_figures(self, owner: str) -> Iterator[list[Any]]:
        """Have what was measured drawn."""
        try:
            found = _measured(desk_of(self.server, owner))
        except UserError as error:
            yield [notice(error), gr.DownloadButton(visible=False)]
            return
        to = self._new_file("transfer-learning-figures.zip")
        yield from self._make("save_answer_figures", "Drawing", to, owner=owner, measurement=found.id)

    def make_rate_figures(self, found: Rates, owner: str) -> Iterator[list[Any]]:
        """Have the curves of the learning-rate finder drawn."""
        try:
            rates = found(desk_of(self.server, owner))
            if rates is None:
                raise UserError(
                    "NO_RESULTS", "No step sizes were tried with these photos and settings.", "Press “Try step sizes” first."
                )
        except UserError as error:
            yield [notice(error), gr.DownloadButton(visible=False)]
            return
        to = self._new_file("learning-rate-figures.zip")
        yield from self._make("save_rate_figures", "Drawing", to, sweeps=rates["sweeps"])

    def _new_file(self, name: str) -> Path:
        """A path in a folder that nobody can guess."""
        return self.server.uploads / secrets.token_hex(16) / name

    def _make(self, question: str, what: str, to: Path, **arguments: Any) -> Iterator[list[Any]]:
        yield [notice(what, "work"), gr.DownloadButton(visible=False)]
        for html in ask(self.server, question, partial(_done, to), to=str(to), **arguments):
            if html is not None:
                yield [html, gr.DownloadButton(visible=False)]
                continue
            yield [notice(), gr.DownloadButton(f"Save {to.name} again", value=str(to), visible=True)]


def _shown(desk: Desk) -> tuple[tuple[str, str], dict[str, str]]:
    """Id and name of the shown run, and the names of all runs by id, newest first.

    Raises:
        UserError: ``NO_RUN`` when none is shown.
    """
    names = numbers(desk.server.store.list_runs(desk.owner))
    if desk.run is None or desk.run.id not in names:
        raise UserError("NO_RUN", "There is no run yet.", "Train first, or open one from the list of your runs.")
    return (desk.run.id, names[desk.run.id]), names


def _measured(desk: Desk) -> Run:
    """The measurement of the photos on the desk.

    Raises:
        UserError: ``NO_RESULTS`` when it has no answer yet.
    """
    found = desk.measurement
    if found is None or not found.results():
        raise UserError(*NOTHING)
    return found


def _done(to: Path, _: Any) -> None:
    if not to.is_file():
        raise FileNotFoundError(to)


def _fetch(elem_id: str) -> str:
    """JavaScript that presses the download button for the person, once it is on the screen; it stays for another time."""
    return f"() => {{ setTimeout(() => document.querySelector('#{elem_id}')?.click(), 250); }}"
