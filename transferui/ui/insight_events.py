"""Step 6 and the advice of step 2, what happens: questions are measured, stopped, and what follows from them is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import gradio as gr

from transferui.backbones.catalogue import get_backbone, resolve_trainable
from transferui.config import make_config
from transferui.errors import UserError
from transferui.insight.lesson.labels_view import suspect_key
from transferui.insight.parts import ALWAYS, BEFORE_TRAINING, check_parts
from transferui.ui import saving
from transferui.ui.changes import Change, make, same_photos
from transferui.ui.data_events import DataEvents
from transferui.ui.desk import QUIET, Desk, Server, desk_of, skips, update
from transferui.ui.html import notice, picked
from transferui.ui.insight_step import Advice, InsightStep, pulse_of, status_of, view
from transferui.ui.insight_view import suspects_now
from transferui.ui.recipe_view import START_SETTINGS
from transferui.ui.start_view import find_own_model
from transferui.ui.turns import CHANGE, turn

# Minutes of a comparison that trains networks from different starts: while a class waits, and for those who want to know.
SHORT_MINUTES, LONG_MINUTES = 1.5, 10.0
# Labels that a person has called right; those of long gone photos fall out.
RIGHT = 500


class InsightEvents:
    """What happens in step 6; every handler's first argument is the owner's token."""

    def __init__(self, server: Server, step: InsightStep, advice: Advice, data: DataEvents) -> None:
        self.server, self.step, self.advice, self.data = server, step, advice, data
        self.out = [*step.out, *advice.out]

    def wire(self, owner: gr.BrowserState, message: gr.HTML, after: list[Any], refresh: Callable[[Desk], list[Any]]) -> None:
        """Connect the components.

        Args:
            message: step 2's place for messages.
            after: components of steps 1 and 2, which change with what is chosen here; `refresh` gives their updates.
        """
        step, advice = self.step, self.advice
        self.after, self.refresh = after, refresh
        here, there = [step.message, *self.out], [message, *self.out]
        step.go.click(self.measure_everything, owner, here, **QUIET)
        advice.go.click(self.ask_networks, owner, there, **QUIET)
        step.halt.click(self.stop_measuring, owner, here, **QUIET)
        advice.halt.click(self.stop_measuring, owner, there, **QUIET)
        step.timer.tick(self.look_at_measurement, owner, [step.status, advice.status, step.pulse], **QUIET)
        step.pulse.change(self.refreshed, owner, here, **QUIET)
        step.answers.pick(self.choose_answer, owner, [*here, *after], **CHANGE)
        advice.answers.pick(self.choose_answer, owner, [*there, *after], **CHANGE)
        keeping = saving.Saving(self.server)
        keeping.wire_lesson(step.lesson, owner, step.with_photos)
        keeping.wire_answer_figures(step.figures, owner)

    def measure_everything(self, owner: str) -> list[Any]:
        """Step 6's button: every question that can always be asked."""
        return self._measure(owner, ALWAYS, SHORT_MINUTES)

    def ask_networks(self, owner: str) -> list[Any]:
        """Step 2's button: what the choice of a network and its frozen blocks rests on."""
        return self._measure(owner, BEFORE_TRAINING, SHORT_MINUTES)

    def _measure(self, owner: str, parts: Sequence[str], minutes: float) -> list[Any]:
        """Answers are wanted; a second press finds the measurement of the first."""
        try:
            desk = desk_of(self.server, owner)
            if desk.dataset is None:
                raise UserError("EMPTY_DATASET", "There are no photos yet.", "Go back to step 1 and add some.")
            run = desk.run if desk.run and desk.run.dataset_id == desk.dataset.id and desk.run.results() else None
            name = run.config.backbone if run else desk.backbone.name
            wanted = {"parts": list(check_parts(parts)), "minutes": minutes, "run": run.id if run else ""}
            self.server.queue.submit_measurement(owner, desk.dataset.id, make_config({"backbone": name}), wanted)
            return [notice(), *view(desk)]
        except UserError as error:
            return self._refused(owner, error)

    def stop_measuring(self, owner: str) -> list[Any]:
        """Stop was pressed; what was finished is kept."""
        try:
            desk = desk_of(self.server, owner)
            if desk.measurement:
                self.server.queue.stop(owner, desk.measurement.id)
            return [notice(), *view(desk)]
        except UserError as error:
            return self._refused(owner, error)

    def look_at_measurement(self, owner: str) -> list[Any]:
        """The timer ticked: tell the status, in both places."""
        try:
            desk = desk_of(self.server, owner)
            said = status_of(desk)
            return [said, said, pulse_of(desk)]
        except UserError:
            return skips(3)

    def refreshed(self, owner: str) -> list[Any]:
        """There is a new answer, or the measurement is over."""
        try:
            return [gr.skip(), *view(desk_of(self.server, owner))]
        except UserError as error:
            return self._refused(owner, error)

    def choose_answer(self, owner: str, event: gr.EventData) -> Iterator[list[Any]]:
        """A button in an answer was pressed."""
        what, _, rest = picked(event).partition(":")
        try:
            if what in ("measure", "longer"):
                minutes = LONG_MINUTES if what == "longer" else SHORT_MINUTES
                yield [*self._measure(owner, [rest], minutes), *self.refresh(desk_of(self.server, owner))]
            elif what == "label":
                yield from self._label(owner, rest)
            else:
                with turn(owner):
                    taken = self._take(owner, what, rest)
                yield self._all(taken)
        except UserError as error:
            yield [*self._refused(owner, error), *self._as_it_is(owner)]

    def _take(self, owner: str, what: str, rest: str) -> tuple[Desk, str]:
        """Step 2 gets what an answer proposes; what comes from the browser only chooses among what was found."""
        desk = desk_of(self.server, owner)
        results = (desk.measurement.results() if desk.measurement else None) or {}
        if what == "use" and rest in {row["name"] for row in results.get("rank", {}).get("rows", ())}:
            backbone = get_backbone(rest)
            trainable = list(resolve_trainable(backbone, "none"))
            said = f"{backbone.title} is chosen in step 2, with all its blocks frozen."
            settings = {k: v for k, v in desk.settings.items() if k not in START_SETTINGS}
            return update(self.server, owner, backbone=backbone.name, trainable=trainable, settings=settings), said
        if what == "start" and rest in {row.get("start_from") for row in results.get("rank", {}).get("rows", ())}:
            model = find_own_model(desk, rest)
            settings = {**{k: v for k, v in desk.settings.items() if k != "weights"}, "start_from": model.run.id}
            said = f"Your {model.number} is chosen as the start in step 2, with all its blocks frozen."
            return update(self.server, owner, backbone=model.backbone, trainable=[], settings=settings), said
        if what == "freeze" and "probe" in results:
            backbone = get_backbone(results["probe"]["backbone"])
            trainable = list(resolve_trainable(backbone, results["probe"]["trainable"]))
            said = f"Frozen up to {results['probe']['freeze_to']}: see step 2."
            return update(self.server, owner, backbone=backbone.name, trainable=trainable), said
        raise UserError("NOT_FOUND", "This answer is not the newest any more.", "Measure again.")

    def _label(self, owner: str, rest: str) -> Iterator[list[Any]]:
        """A suspicious label is right, is to be changed, or its photo is to be left out."""
        action, _, key = rest.partition(":")
        desk = desk_of(self.server, owner)
        found = next((one for one in suspects_now(desk) if suspect_key(one) == key), None)
        if found is None or desk.dataset is None:
            raise UserError("NOT_FOUND", "This photo is not among the doubted ones (any more).", "Look at them as they are now.")
        if action == "keep":
            yield self._all((self._keep_label(owner, found["sha256"]), ""))
            return
        if action not in ("move", "drop") or found["rather"] not in desk.dataset.class_names:
            raise UserError("NOT_FOUND", "This cannot be done (any more).", "Measure again.")
        question, to, done = ("move_samples", found["rather"], f"It is {found['rather']} now.")
        if action == "drop":
            question, to, done = "drop_samples", None, "The photo was left out."
        arguments = partial(same_photos, [(found["sha256"], found["given"])], to)
        html: Any = gr.skip()  # a double click: the first one tells what comes of it
        for html in make(self.server, owner, Change(question, arguments, partial(self.data.take, None), once=key)):
            if html is not None and 'role="alert"' not in html:
                yield [html, *skips(len(self.out) + len(self.after))]
        said = notice(f"{done} “Undo the last change” in step 1 takes it back.", "ok") if html is None else html
        yield [said, *self._all((desk_of(self.server, owner), ""))[1:]]

    def _keep_label(self, owner: str, sha256: str) -> Desk:
        with turn(owner):
            right = desk_of(self.server, owner).values.get("labels_right", [])
            return update(self.server, owner, labels_right=[*right, sha256][-RIGHT:])

    def _all(self, chosen: tuple[Desk, str]) -> list[Any]:
        desk, said = chosen
        return [notice(said, "ok"), *view(desk), *self.refresh(desk)]

    def _refused(self, owner: str, problem: UserError) -> list[Any]:
        """The reason why not, and everything as it is."""
        try:
            return [notice(problem), *view(desk_of(self.server, owner))]
        except UserError as unknown:
            return [notice(unknown), *skips(len(self.out))]

    def _as_it_is(self, owner: str) -> list[Any]:
        """Steps 1 and 2 unchanged: a skipped output would wipe what a step that is not open yet has to show."""
        try:
            return self.refresh(desk_of(self.server, owner))
        except UserError:
            return skips(len(self.after))
