"""Step 6: what transfer learning did, and why; measured on a person's own photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from transferui.insight.parts import ALWAYS
from transferui.runs.store import ACTIVE_STATES
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
    reading: gr.HTML
    pulse: gr.Textbox
    lesson: saving.Keep
    figures: saving.Keep
    with_photos: gr.Checkbox
    timer: gr.Timer
    back: gr.Button

    @property
    def out(self) -> list[Any]:
        """What changes with a measurement."""
        return [self.go, self.halt, self.status, self.answers, self.reading, self.timer]


def layout(timer: gr.Timer, pulse: gr.Textbox) -> InsightStep:
    """Draw the step.

    Args:
        timer, pulse: the first ticks while something is measured, the other changes when there is a new answer; both stand outside
            of the steps, because one that is not open has no clock.
    """
    show(title("What did transfer learning do?", "Seven questions, answered by measuring your own photos, not by a textbook."))
    message = show("", elem_id="insight-message")
    with gr.Row(elem_classes="tu-go"):
        go = gr.Button("Measure everything", variant="primary", size="lg", elem_id="measure-button", interactive=False)
        halt = gr.Button("Stop", variant="stop", size="lg", elem_id="measure-stop", interactive=False)
        status = show("", elem_id="measure-status")
    answers = clickable("", "insight")
    with gr.Accordion("Read it as a lesson", open=False, elem_classes="tu-acc", elem_id="read-lesson"):
        reading = show("", elem_id="lesson-body")
    with gr.Column(elem_classes="tu-card tu-dlcard", elem_id="lesson"):
        show(section("Take the lesson home", "All of this as one page for the class: opens in any browser, prints on A4."))
        with_photos = gr.Checkbox(
            label="With photos",
            info="Small copies of some of your photos go into the file.",
            elem_id="lesson-photos",
            interactive=True,
        )
        lesson = saving.lesson("lesson-save")
        figures = saving.figures("lesson-figures", "Every picture above but the photos, for slides and papers.")
    with gr.Row(elem_classes="tu-nav"):
        back = gr.Button("Back", elem_classes="tu-back", elem_id="back-5")
    return InsightStep(message, go, halt, status, answers, reading, pulse, lesson, figures, with_photos, timer, back)


def advice_layout() -> Advice:
    """Draw step 2's part."""
    with gr.Accordion("Not sure? Ask the networks about your photos", open=False, elem_classes="tu-acc", elem_id="advice"):
        with gr.Row(elem_classes="tu-go"):
            go = gr.Button("Ask them", elem_id="advice-button", interactive=False)
            halt = gr.Button("Stop", variant="stop", elem_id="advice-stop", interactive=False)
            status = show("", elem_id="advice-status")
        answers = clickable("", "advice-answers")
    return Advice(go, halt, status, answers)


def view(desk: Desk) -> list[Any]:
    """Updates for `InsightStep.out` and `Advice.out`."""
    run = desk.measurement
    state = desk.server.queue.status(run) if run else None
    live = bool(state and state["state"] in ACTIVE_STATES)
    ready, results = desk.dataset is not None, (run.results() or {}) if run else {}
    said = status_of(desk)
    go = gr.Button(interactive=ready and not live, variant="secondary" if set(ALWAYS) <= set(results) else "primary")
    halt = gr.Button(interactive=live)
    answers, reading = insight_view.answers(desk, results, live=live), insight_view.lesson(desk, results)
    ask = gr.Button(interactive=ready and not live)
    return [go, halt, said, answers, reading, gr.Timer(POLL_S, active=live), ask, halt, said, insight_view.advice(desk, results)]


def status_of(desk: Desk) -> str:
    """What the measurement is doing."""
    run = desk.measurement
    state = desk.server.queue.status(run) if run else None
    results = (run.results() or {}) if run else {}
    changed = bool(run and desk.dataset and run.dataset_id != desk.dataset.id)
    return insight_view.status(state, len([name for name in ALWAYS if name in results]), changed=changed)


def pulse_of(desk: Desk) -> str:
    """A text that changes when there is a new answer, or when the measurement begins or ends."""
    run = desk.measurement
    if run is None:
        return ""
    file = run.folder / "results.json"
    return f"{run.id} {desk.server.queue.status(run)['state']} {file.stat().st_mtime_ns if file.exists() else 0}"
