"""The learning-rate finder, what happens: a trial starts, is stopped, and what it suggests is taken."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from transferui.config import make_config
from transferui.errors import UserError
from transferui.runs.engine import RATE_STOP
from transferui.ui.desk import LONG, QUIET, Desk, Server, ask, changed_settings, desk_of, skips, update
from transferui.ui.html import notice, picked
from transferui.ui.model_step import ModelStep, view
from transferui.ui.rate_view import found_rates, rates, trial_key
from transferui.ui.saving import Saving
from transferui.ui.turns import CHOICE, in_turn


class RateEvents:
    """What happens at the finder; every handler's first argument is the owner's token."""

    def __init__(self, server: Server, step: ModelStep) -> None:
        self.server, self.step, self.finder = server, step, step.finder

    def wire(self, owner: gr.BrowserState) -> None:
        """Connect the components."""
        shown = [self.finder.start, self.finder.stop, self.finder.found]
        self.finder.start.click(self.find, owner, shown, **LONG)
        self.finder.stop.click(self.stop_trial, owner, self.finder.stop, **QUIET)
        Saving(self.server).wire_rate_figures(self.finder.figures, owner, found_rates)
        self.finder.found.pick(self.take, owner, [self.step.message, *self.step.out], **CHOICE)

    def find(self, owner: str) -> Iterator[list[Any]]:
        """Try learning rates for the photos and settings on the desk."""
        try:
            desk = desk_of(self.server, owner)
            if desk.dataset is None:
                raise UserError("EMPTY_DATASET", "There are no photos yet.", "Go back to step 1 and add some.")
            key, settings = trial_key(desk), desk.config.model_dump()
        except UserError as error:
            yield _idle(notice(error))
            return
        if desk.dataset.folder:
            (desk.dataset.folder / RATE_STOP).unlink(missing_ok=True)
        then = partial(self._keep, owner, key)
        for html in ask(self.server, "find_rates", then, owner=owner, dataset_id=desk.dataset.id, settings=settings):
            if html is None or 'role="alert"' in html:
                yield _idle(html or rates(desk_of(self.server, owner)))
            else:
                yield [gr.Button(interactive=False), gr.Button(interactive=True), html]

    def stop_trial(self, owner: str) -> gr.Button:
        """End the trial at its next step."""
        with contextlib.suppress(UserError):  # a page that has not told who it is has started nothing
            dataset = desk_of(self.server, owner).dataset
            if dataset and dataset.folder:
                (dataset.folder / RATE_STOP).touch()
        return gr.Button(interactive=False)

    @in_turn
    def take(self, owner: str, event: gr.EventData) -> list[Any]:
        """A suggestion was taken: it becomes the setting."""
        name, _, text = picked(event).partition(":")
        try:
            desk = desk_of(self.server, owner)
            sweeps = (found_rates(desk) or {}).get("sweeps", [])
            # What comes from the browser only chooses among what was found.
            rate = next((one["suggestion"] for one in sweeps if one["setting"] == name and repr(one["suggestion"]) == text), None)
            if rate is None:
                raise UserError("NOT_FOUND", "This suggestion is not the newest any more.", "Try step sizes again.")
            settings = {k: v for k, v in desk.settings.items() if k != name} | changed_settings({name: rate})
            make_config(settings)
            return [notice(), *view(update(self.server, owner, settings=settings))]
        except UserError as error:
            return [notice(error), *skips(len(self.step.out))]

    def _keep(self, owner: str, key: list[Any], answer: dict[str, Any]) -> Desk:
        return update(self.server, owner, rates={"key": key, **answer})


def _idle(html: str) -> list[Any]:
    return [gr.Button(interactive=True), gr.Button(interactive=False), html]
