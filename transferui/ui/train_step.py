"""Step 3: one button, live curves, an honest result, earlier runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from transferui.backbones.catalogue import get_backbone, resolve_trainable
from transferui.config import make_config
from transferui.errors import UserError
from transferui.evaluation.kept_epoch import mark_best, mark_kept
from transferui.runs.store import ACTIVE_STATES
from transferui.ui import result_view, run_view, runs_view, saving
from transferui.ui.charts import chart
from transferui.ui.desk import QUIET, Desk, Server, changed_settings, desk_of, forget_dataset, skips, update
from transferui.ui.expected import expected
from transferui.ui.family_view import family
from transferui.ui.html import clickable, notice, picked, show, title
from transferui.ui.other_photos import other_photos, require_shown, said_of_others
from transferui.ui.settings_view import WIDGETS
from transferui.ui.turns import CHOICE, in_turn

# While a run goes on the page looks at its folder this often; in the waiting line, where a class may stand, less often.
POLL_S, WAITING_POLL_S = 0.5, 2.0
GO, GO_AGAIN = "Start training", "Train again"


@dataclass(frozen=True)
class TrainStep:
    """The components that others refer to."""

    message: gr.HTML
    go: gr.Button
    halt: gr.Button
    status: gr.HTML
    other: gr.HTML
    result: gr.HTML
    loss: gr.HTML
    accuracy: gr.HTML
    runs: gr.HTML
    figures: saving.Keep
    remembered: gr.HTML
    forget: gr.Button
    timer: gr.Timer
    pulse: gr.Textbox
    back: gr.Button
    next: gr.Button

    @property
    def out(self) -> list[Any]:
        """What changes while a run goes on."""
        drawn = [self.loss, self.accuracy, self.result, self.runs, self.remembered]
        return [*self.of_photos, *drawn, self.timer, self.halt]

    @property
    def of_photos(self) -> list[Any]:
        """What of this changes with the photos in step 1, too."""
        return [self.status, self.other, self.go, self.next]


def layout() -> TrainStep:
    """Draw the step."""
    show(title("Let it learn", "First it looks at every photo once. Then only the warm blocks practice."))
    message = show("", elem_id="train-message")
    with gr.Row(elem_classes="tu-go"):
        # Not before the page has told who is there: a click would start a run that belongs to nobody.
        go = gr.Button(GO, variant="primary", size="lg", elem_id="train-button", interactive=False)
        halt = gr.Button(run_view.STOP, variant="stop", size="lg", elem_id="stop-button", interactive=False)
        status = show(run_view.status(None), elem_id="run-status")
    other = show("", elem_id="other-photos")
    result = clickable("", "run-result")
    with gr.Row(elem_classes="tu-even"):
        loss = show(chart([], "loss", 30), elem_id="loss-chart", min_width=320)
        accuracy = show(chart([], "accuracy", 30), elem_id="accuracy-chart", min_width=320)
    runs = clickable(runs_view.runs([], "", []), "runs-list")
    figures = saving.figures("train-figures", "The curves above as pictures, and those of the runs marked for comparison.")
    with gr.Row(elem_classes="tu-memory"):
        remembered = show("", elem_id="remembered")
        forget = gr.Button("Forget them all", size="sm", elem_id="forget-features", scale=0)
    with gr.Row(elem_classes="tu-nav"):
        back = gr.Button("Back", elem_classes="tu-back", elem_id="back-2")
        forward = gr.Button("Next: test it", elem_id="next-4", interactive=False)
    timer = gr.Timer(POLL_S, active=False)
    pulse = gr.Textbox(visible="hidden", elem_id="run-pulse", label="Run")
    return TrainStep(
        message, go, halt, status, other, result, loss, accuracy, runs, figures, remembered, forget, timer, pulse, back, forward
    )


def view(desk: Desk) -> list[Any]:
    """Updates for `TrainStep.out`."""
    run, server = desk.run, desk.server
    state = server.queue.status(run) if run else None
    rows, results = (run.metrics(), run.results()) if run else ([], None)
    live = bool(state and state["state"] in ACTIVE_STATES)
    over = bool(results) and not live
    mark = mark_best(rows) if live else mark_kept(rows, results)
    n_photos = len(desk.dataset.samples) if desk.dataset else 0
    # While it runs the axis shows what is to come; afterwards what there was.
    epochs = 1 if over and rows else run_view.total_epochs(run.config if run else desk.config, n_photos)
    return [
        *of_photos(desk),
        *(chart(rows, kind, epochs, mark) for kind in ("loss", "accuracy")),
        result_view.result(results) if over else "",
        run_list(desk),
        run_view.remembered(desk.server.store.features_bytes()),
        gr.Timer(WAITING_POLL_S if state and state["state"] == "queued" else POLL_S, active=live),
        run_view.stop_button(run, live=live),
    ]


def of_photos(desk: Desk) -> list[Any]:
    """Updates for `TrainStep.of_photos`."""
    run = desk.run
    live = bool(run and desk.server.queue.status(run)["state"] in ACTIVE_STATES)
    over = bool(run and run.results()) and not live
    again = over and not other_photos(desk)
    return [
        status_of(desk),
        said_of_others(desk, live=live),
        gr.Button(GO_AGAIN if again else GO, interactive=not live, variant="secondary" if again else "primary"),
        gr.Button(interactive=over, variant="primary" if again else "secondary"),
    ]


def status_of(desk: Desk) -> str:
    """The status line; before the first run of these photos it says how long that will take."""
    run = desk.run
    state = desk.server.queue.status(run) if run else None
    if run is None or state is None or (state["state"] not in ACTIVE_STATES and other_photos(desk)):
        return run_view.status(None, hint=expected(desk))
    return run_view.status(state, run.results(), run.metrics(), run.config)


def run_list(desk: Desk) -> str:
    """The runs of this person."""
    mine = [(run, desk.server.queue.status(run), run.results()) for run in desk.server.store.list_runs(desk.owner)]
    shown = str(desk.values.get("run", ""))
    return runs_view.runs(mine, shown, desk.values.get("marked", [])) + family(mine, shown)


def pulse_of(desk: Desk) -> str:
    """A text that changes when there is more to draw than another status."""
    run = desk.run
    if run is None:
        return ""
    state = desk.server.queue.status(run)
    rows = run.folder / "metrics.jsonl"
    return f"{run.id} {state['state']} {state.get('place', '')} {rows.stat().st_size if rows.exists() else 0}"


class TrainEvents:
    """What happens in step 3; every handler's first argument is the owner's token."""

    def __init__(self, server: Server, step: TrainStep) -> None:
        self.server, self.step = server, step
        self.n_out = len(step.out)

    def wire(self, owner: gr.BrowserState, photos: gr.Textbox, settings: dict[str, Any], after: list[Any], refresh: Any) -> None:
        """Connect the components.

        Args:
            photos: which photos step 1 shows.
            settings: the widgets of step 2, read once more at the press on Train.
            after: components of later steps that change with the shown run.
            refresh: function of the desk that gives their updates.
        """
        step, self.refresh, self.n_after = self.step, refresh, len(after)
        out = [step.message, *step.out, *after]
        step.go.click(self.start, [owner, photos, *settings.values()], out, preprocess=False, **QUIET)
        step.halt.click(None, None, step.halt, js=run_view.STOPPING_JS, api_visibility="private")
        step.halt.click(self.stop, owner, out, **QUIET)
        step.timer.tick(self.look_at_run, owner, [step.status, step.pulse], **QUIET)
        step.pulse.change(self.poll, owner, out, **QUIET)
        step.runs.pick(self.choose_run, owner, out, **CHOICE)
        saving.Saving(self.server).wire_figures(step.figures, owner)

    def wire_next_try(self, owner: gr.BrowserState, model_out: list[Any], model_view: Any) -> Any:
        """Connect the button of the result that sets what to try next in step 2; gives the event.

        Args:
            model_out: the components of step 2; `model_view` gives their updates for a desk.
        """
        self.model_view, self.n_model = model_view, len(model_out)
        return self.step.result.pick(self.try_next, owner, [self.step.message, self.step.status, *model_out], **QUIET)

    def try_next(self, owner: str, event: gr.EventData) -> list[Any]:
        """Set what the diagnosis of the shown run proposes: that run's settings with a change."""
        try:
            desk = desk_of(self.server, owner)
            found = ((desk.run.results() if desk.run else None) or {}).get("diagnosis") or {}
            if picked(event) != "try" or not desk.run or not found.get("try"):
                raise UserError("NOTHING_TO_SET", "There is nothing to set for this run.", "Choose settings in step 2.")
            config = make_config({**desk.run.config.model_dump(), **found["try"]})
            values = {name: value for name, value in config.model_dump().items() if name not in ("backbone", "trainable")}
            trainable = list(resolve_trainable(get_backbone(config.backbone), config.trainable))
            desk = update(self.server, owner, backbone=config.backbone, trainable=trainable, settings=changed_settings(values))
            words = f"Set: {found['try_words']}. Now press “{GO if other_photos(desk) else GO_AGAIN}”."
            return [notice(words, "ok"), run_view.status(None, hint=expected(desk)), *self.model_view(desk)]
        except UserError as error:
            return self._not_set(owner, error)

    def _not_set(self, owner: str, problem: UserError) -> list[Any]:
        """The reason why not, and step 2 as it is: a skipped output would wipe what a step that is not open yet has to show."""
        try:
            desk = desk_of(self.server, owner)
        except UserError as unknown:
            return [notice(unknown), *skips(1 + self.n_model)]
        return [notice(problem), status_of(desk), *self.model_view(desk)]

    def start(self, owner: str, photos: str, *values: Any) -> list[Any]:
        """Train was pressed; a second press finds the run of the first.

        Args:
            photos: id of those that the page shows: in another tab they may have been changed.
        """
        try:
            settings = changed_settings(dict(zip(WIDGETS, values, strict=True)))
            drawn = {k: v for k, v in desk_of(self.server, owner).settings.items() if k not in WIDGETS}
            make_config(settings | drawn)
            desk = update(self.server, owner, settings=settings | drawn)
            if desk.dataset is None:
                raise UserError("EMPTY_DATASET", "There are no photos yet.", "Go back to step 1 and add some.")
            require_shown(desk, photos)
            run = self.server.queue.submit(owner, desk.dataset.id, desk.config)
            return self._all(update(self.server, owner, run=run.id, model=None))
        except UserError as error:
            return self._refused(owner, error)

    def stop(self, owner: str) -> list[Any]:
        """Stop was pressed."""
        try:
            self.server.queue.stop(owner, str(desk_of(self.server, owner).values.get("run") or ""))
            return self._all(desk_of(self.server, owner))
        except UserError as error:
            return self._refused(owner, error)

    def look_at_run(self, owner: str) -> list[Any]:
        """The timer ticked: tell the status. An event with all outputs would cost the browser ten times as much (0.14 s)."""
        try:
            desk = desk_of(self.server, owner)
            return [status_of(desk), pulse_of(desk)]
        except UserError:
            return skips(2)

    def poll(self, owner: str) -> list[Any]:
        """There is more to draw; the later steps change only when the run is over."""
        try:
            desk = desk_of(self.server, owner)
            run = desk.run
            live = bool(run and self.server.queue.status(run)["state"] in ACTIVE_STATES)
            later = skips(self.n_after) if live else self.refresh(desk)
            return [gr.skip(), *view(desk), *later]
        except UserError as error:
            return self._refused(owner, error)

    @in_turn
    def choose_run(self, owner: str, event: gr.EventData) -> list[Any]:
        """A run was opened, marked for comparison or deleted."""
        action, _, run_id = picked(event).partition(":")
        try:
            self.server.store.get_run(owner, run_id)  # only one's own
            desk = desk_of(self.server, owner)
            if action == "open":
                desk = update(self.server, owner, run=run_id, model=None)
            elif action == "mark":
                marked = [m for m in desk.values.get("marked", []) if m != run_id]
                desk = update(
                    self.server, owner, marked=marked if len(marked) < len(desk.values.get("marked", [])) else [*marked, run_id]
                )
            elif action == "delete":
                run = self.server.store.get_run(owner, run_id)
                self.server.queue.status(run)  # one whose process is gone is not active any more
                photos = run.dataset_id
                self.server.store.delete_run(owner, run_id)
                desk = self._without(owner, desk, run_id)
                forget_dataset(desk, photos)
            return self._all(desk)
        except UserError as error:
            return self._refused(owner, error)

    def _without(self, owner: str, desk: Desk, run_id: str) -> Desk:
        """The desk after a run was deleted: the newest other one is shown."""
        others = self.server.store.list_runs(owner)
        shown = desk.values.get("run")
        shown = shown if shown != run_id else (others[0].id if others else None)
        return update(self.server, owner, run=shown, marked=[m for m in desk.values.get("marked", []) if m != run_id])

    def _refused(self, owner: str, problem: UserError) -> list[Any]:
        """The reason why not, and everything as it is: a skipped output would wipe what a step that is not open yet has to show."""
        try:
            desk = desk_of(self.server, owner)
        except UserError as unknown:
            return [notice(unknown), *skips(self.n_out + self.n_after)]
        return [notice(problem), *self._all(desk)[1:]]

    def _all(self, desk: Desk) -> list[Any]:
        return [notice(), *view(desk), *self.refresh(desk)]
