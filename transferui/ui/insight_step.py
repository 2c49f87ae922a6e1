"""Step 6: what transfer learning did, and why; measured on a person's own photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from transferui.insight.parts import ALWAYS
from transferui.runs.store import ACTIVE_STATES, Run
from transferui.ui import insight_view, saving
from transferui.ui.desk import Desk
from transferui.ui.html import clickable, section, show, title

# How often the page looks at a measurement that is going on.
POLL_S = 1.0


@dataclass(frozen=True)
class Advice:
    """Step 2's part: what can be asked before any training."""

    go: gr.Button
    halt: gr.Button
    status: gr.HTML
    answers: gr.HTML

    @property
    def out(self) -> list[Any]:
        """What changes with a measurement."""
        return [self.go, self.halt, self.status, self.answers]


@dataclass(frozen=True)
class InsightStep:
    """The components that others refer to."""

    message: gr.HTML
    go: gr.Button
    halt: gr.Button
    status: gr.HTML
    answers: gr.HTML
    lesson: saving.Keep
    with_photos: gr.Checkbox
    timer: gr.Timer
    back: gr.Button

    @property
    def out(self) -> list[Any]:
        """What changes with a measurement."""
        return [self.go, self.halt, self.status, self.answers, self.timer]


def layout(timer: gr.Timer) -> InsightStep:
    """Draw the step.

    Args:
        timer: ticks while something is measured; it stands outside of the steps, because one that is not open has no clock.
    """
    show(title("What did transfer learning do?", "Seven questions, answered by measuring your own photos, not by a textbook."))
    message = show("", elem_id="insight-message")
    with gr.Row(elem_classes="tu-go"):
        go = gr.Button("Measure everything", variant="primary", size="lg", elem_id="measure-button", interactive=False)
        halt = gr.Button("Stop", variant="stop", size="lg", elem_id="measure-stop", interactive=False)
        status = show("", elem_id="measure-status")
    answers = clickable("", "insight")
    with gr.Column(elem_classes="tu-card tu-dlcard", elem_id="lesson"):
        show(section("Take the lesson home", "All of this as one page for the class: opens in any browser, prints on A4."))
        with_photos = gr.Checkbox(
            label="With photos",
            info="Small copies of some of your photos go into the file.",
            elem_id="lesson-photos",
            interactive=True,
        )
        lesson = saving.lesson("lesson-save")
    with gr.Row(elem_classes="tu-nav"):
        back = gr.Button("Back", elem_classes="tu-back", elem_id="back-5")
    return InsightStep(message, go, halt, status, answers, lesson, with_photos, timer, back)


def advice_layout() -> Advice:
    """Draw step 2's part."""
    with gr.Accordion("Not sure? Ask the networks about your photos", open=False, elem_classes="tu-acc", elem_id="advice"):
        with gr.Row(elem_classes="tu-go"):
            go = gr.Button("Ask them", elem_id="advice-button", interactive=False)
            halt = gr.Button("Stop", variant="stop", elem_id="advice-stop", interactive=False)
            status = show("", elem_id="advice-status")
        answers = clickable("", "advice-answers")
    return Advice(go, halt, status, answers)


def view(desk: Desk, *, fresh: bool = True) -> list[Any]:
    """Updates for `InsightStep.out` and `Advice.out`.

    Args:
        fresh: also the answers, which are large.
    """
    run = desk.measurement
    state = desk.server.queue.status(run) if run else None
    live = bool(state and state["state"] in ACTIVE_STATES)
    ready, changed = desk.dataset is not None, bool(run and desk.dataset and run.dataset_id != desk.dataset.id)
    results = (run.results() or {}) if run else {}
    said = insight_view.status(state, len([name for name in ALWAYS if name in results]), changed=changed)
    go = gr.Button(interactive=ready and not live, variant="secondary" if set(ALWAYS) <= set(results) else "primary")
    halt = gr.Button(interactive=live)
    answers = insight_view.answers(desk, results, live=live) if fresh else gr.skip()
    advice = insight_view.advice(desk, results) if fresh else gr.skip()
    return [go, halt, said, answers, gr.Timer(POLL_S, active=live), gr.Button(interactive=ready and not live), halt, said, advice]


def is_live(desk: Desk) -> bool:
    """Whether a measurement is going on or waiting."""
    run = desk.measurement
    return bool(run and desk.server.queue.status(run)["state"] in ACTIVE_STATES)


def just_wrote(run: Run | None, within_s: float, now: float) -> bool:
    """Whether a measurement has a new answer."""
    file = run.folder / "results.json" if run else None
    return bool(file and file.exists() and now - file.stat().st_mtime < within_s)
