"""Step 4: show it a photo, and see where it errs."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from transferui.errors import UserError
from transferui.evaluation.answers import answers_of
from transferui.runs.store import hash_owner
from transferui.ui import batch_view, confusion_view, runs_view, test_live, test_view
from transferui.ui.desk import LONG, QUIET, Desk, Server, ask, desk_of, skips, uploaded
from transferui.ui.html import clickable, notice, picked, section, sent, show, title, working
from transferui.ui.newest import NEWEST, Newest
from transferui.ui.other_photos import other_photos, run_dataset
from transferui.ui.turns import CHOICE, in_turn

TO_ANSWER = "() => document.getElementById('test-result').scrollIntoView({block: 'nearest', behavior: 'smooth'})"
PHOTOS = ["image", ".zip", ".jfif", ".avif"]


@dataclass(frozen=True)
class TestStep:
    """The components that others refer to."""

    source: gr.HTML
    message: gr.HTML
    image: gr.Image
    live: gr.HTML
    tries: gr.HTML
    answer: gr.HTML
    confusion: gr.HTML
    mistakes: gr.HTML
    per_class: gr.HTML
    many: gr.File
    refused: gr.HTML
    table: gr.HTML
    csv: gr.DownloadButton
    back: gr.Button
    next: gr.Button

    @property
    def out(self) -> list[Any]:
        """What changes with the model."""
        return [self.source, self.tries, self.answer, self.confusion, self.mistakes, self.per_class, self.table, self.csv]


def layout() -> TestStep:
    """Draw the step."""
    show(title("Try it out", "Show it a photo it has never seen. Then look at what it gets wrong."))
    source = show("", elem_id="test-source")
    message = show("", elem_id="test-message")
    with gr.Row(elem_classes="tu-testrow"):
        with gr.Column(scale=4, min_width=300, elem_classes="tu-try"):
            image = gr.Image(
                sources=["upload", "webcam", "clipboard"], type="filepath", image_mode=None, label="Photo to test", elem_id="test-image",
                height=260, buttons=[], webcam_options=gr.WebcamOptions(mirror=False), interactive=True,
            )  # fmt: skip
            gr.Checkbox(True, label="Show where it looked (heat map)", elem_id="heat-map", container=False, interactive=True)
            live = test_live.camera()
            tries = clickable("", "test-tries")
        with gr.Column(scale=7, min_width=320):
            answer = show(test_view.empty(False), elem_id="test-result")
    confusion = clickable("", "confusion-matrix")
    mistakes = clickable("", "worst-mistakes")
    per_class = show("", elem_id="per-class")
    show(section("Test many photos at once <em>(batch test)</em>", "Folders named like the classes in a ZIP give an accuracy."))
    many = gr.File(
        label="Photos, or a ZIP of photos", show_label=False, file_count="multiple", file_types=PHOTOS, elem_id="test-many", height=140,
        interactive=True,
    )  # fmt: skip
    refused = show("", elem_id="batch-message")
    table = show("", elem_id="batch-result")
    csv = gr.DownloadButton("Download the table (CSV)", visible=False, elem_id="batch-csv", elem_classes="tu-csv")
    with gr.Row(elem_classes="tu-nav"):
        back = gr.Button("Back", elem_classes="tu-back", elem_id="back-3")
        forward = gr.Button("Next: take it home", variant="primary", elem_id="next-5")
    return TestStep(
        source, message, image, live, tries, answer, confusion, mistakes, per_class, many, refused, table, csv, back, forward
    )  # fmt: skip


def view(desk: Desk) -> list[Any]:
    """Updates for `TestStep.out`."""
    opened = desk.values.get("model")
    results = None if opened else (desk.run.results() if desk.run else None)
    dataset = run_dataset(desk)
    items = results["val_items"] if results else []
    return [
        source(desk),
        test_view.tries(dataset, items, "", own_start=_own_start(results)),
        test_view.empty(desk.model_path is not None),
        confusion_view.confusion(results, dataset, None),
        confusion_view.mistakes(results, dataset),
        confusion_view.per_class(results),
        "",
        gr.DownloadButton(value=None, visible=False),
    ]


def source(desk: Desk) -> str:
    """Which model is tested; of a run's also when it is of other photos than those in step 1 now."""
    opened, run = desk.values.get("model"), desk.run
    if opened:
        return notice(f"Testing the opened model {opened['name']}: {', '.join(opened['class_names'][:8])}.", "ok")
    if run is None or not run.results():
        return ""
    other = other_photos(desk)
    more = f". It learned from {other}; step 1 is different now." if other else ""
    return f'<p class="tu-or">Testing: {escape(runs_view.what(run) + more)}</p>'


class TestEvents:
    """What happens in step 4; every handler's first argument is the owner's token."""

    __test__ = False  # pytest: this is no test class

    def __init__(self, server: Server, step: TestStep) -> None:
        self.server, self.step = server, step
        self.asked, self.batches = Newest(), dict[str, object]()

    def wire(self, owner: gr.BrowserState) -> None:
        """Connect the components."""
        step = self.step
        said, stop = [step.message, step.answer], test_live.STOP_JS
        # The photo that is there when the answer before has come: it is read anew then.
        latest = {**LONG, "trigger_mode": "always_last"}
        step.image.input(self.try_upload, [owner, step.image], said, preprocess=False, js=stop, **latest)
        step.tries.pick(self.try_validation, owner, [*said, step.tries], js=stop, **NEWEST)
        step.mistakes.pick(self.try_validation, owner, [*said, step.tries], js=stop, **NEWEST).then(
            None, None, None, js=TO_ANSWER
        )
        step.confusion.pick(self.open_cell, owner, step.confusion, **CHOICE)
        step.live.frame(self.look, owner, said, **QUIET)
        batch = [step.many, step.refused, step.table, step.csv]
        step.many.upload(self.try_many, [owner, step.many], batch, preprocess=False, **NEWEST)

    def try_upload(self, owner: str, value: Any) -> Iterator[list[Any]]:
        """A photo was chosen, pasted or taken."""
        try:
            asked, desk = self.asked.begin(owner), desk_of(self.server, owner)
            if not value:
                yield [notice(), test_view.empty(desk.model_path is not None)]
                return
            path = uploaded(self.server, value)[0]
            yield from self.asked.only(owner, asked, self._classify(desk, str(path)))
        except UserError as error:
            yield [notice(error), gr.skip()]

    def try_validation(self, owner: str, event: gr.EventData) -> Iterator[list[Any]]:
        """A validation photo was chosen, or one of the mistakes."""
        try:
            asked, desk = self.asked.begin(owner), desk_of(self.server, owner)
            dataset, key = run_dataset(desk), picked(event)
            results = desk.run.results() if desk.run else None
            checked = {str(item["sample"]) for item in results["val_items"]} if results else set()
            known = checked | {str(item["sample"]) for item in answers_of(results).wrong} if results else checked
            if dataset is None or results is None or key not in known:
                raise UserError("NOT_FOUND", "This photo does not exist (any more).", "Choose another one.")
            sample = dataset.samples[int(key)]
            cards = test_view.tries(dataset, results["val_items"], key, own_start=_own_start(results))
            told = {"truth": dataset.class_names[sample.label], "learned": None if key in checked else int(key)}
            rows = self._classify(desk, str(sample.path), **told)
            yield from self.asked.only(owner, asked, ([*row, cards] for row in rows))
        except UserError as error:
            yield [notice(error), gr.skip(), gr.skip()]

    @in_turn
    def open_cell(self, owner: str, event: gr.EventData) -> Any:
        """A cell of the matrix was chosen: show its photos."""
        try:
            desk = desk_of(self.server, owner)
            results = desk.run.results() if desk.run else None
            i, j = (int(part) for part in picked(event).split(","))
            if results is None or not (0 <= i < len(results["classes"]) and 0 <= j < len(results["classes"])):
                return gr.skip()
            return confusion_view.confusion(results, run_dataset(desk), (i, j))
        except (UserError, ValueError):
            return gr.skip()

    def look(self, owner: str, event: gr.EventData) -> list[Any]:
        """The camera sent a frame. While others wait for the model it gets no answer, and tries again later."""
        try:
            frame, jpeg = test_live.frame_of(sent(event))
            asked, model = self.asked.last(owner), _model(desk_of(self.server, owner))
            if self.server.engine.busy():
                return skips(2)
            answer = self.server.engine.ask("look", folder=model, jpeg=jpeg)
            if self.asked.last(owner) != asked:  # a photo was chosen meanwhile
                return skips(2)
            return [notice(), test_view.live(answer, frame)]
        except UserError as error:
            return [notice(error), gr.skip()]

    def try_many(self, owner: str, value: Any) -> Iterator[list[Any]]:
        """Many photos were added: answer for each, with progress; while this goes on, more are refused."""
        try:
            key, mine = hash_owner(owner), object()
            if self.batches.setdefault(key, mine) is not mine:
                raise UserError(
                    "BUSY", "The photos before these are still being looked at.", "Add these again when they are done."
                )
        except UserError as error:
            yield [None, notice(error), *skips(2)]
            return
        try:
            yield from self._answer_many(owner, value)
        finally:
            self.batches.pop(key, None)

    def _answer_many(self, owner: str, value: Any) -> Iterator[list[Any]]:
        """A table to look at and one to take away."""
        none_yet = gr.DownloadButton(value=None, visible=False)
        try:
            files = [str(path) for path in uploaded(self.server, value)]
            model = _model(desk_of(self.server, owner))
            to = self.server.uploads / secrets.token_hex(16) / "answers.csv"
            answers: list[Any] = []
            yield [None, notice(), working("Getting ready to look at them", 0, len(files)), none_yet]
            for html in ask(self.server, "batch", answers.append, folder=model, files=files, to=str(to)):
                table = batch_view.answers(answers[0]) if html is None else html
                csv = gr.DownloadButton(value=str(to), visible=True) if html is None else none_yet
                yield [gr.skip(), gr.skip(), table, csv]
        except UserError as error:
            yield [None, notice(), notice(error), none_yet]

    def _classify(self, desk: Desk, picture: str, **told: Any) -> Iterator[list[Any]]:
        """Ask the engine about one picture; show progress, then the answer or the reason why there is none."""
        answers = list[Any]()
        dataset = None if desk.values.get("model") else run_dataset(desk)
        results = (desk.run.results() if desk.run and dataset else None) or {}
        told |= {"dataset": dataset, "n_train": int(results.get("n_train") or 0)}
        for html in ask(self.server, "predict", answers.append, folder=_model(desk), picture=picture):
            yield [notice(), test_view.prediction(answers[0], **told)] if html is None else [html, *skips(1)]


def _own_start(results: Mapping[str, Any] | None) -> bool:
    """Whether a run started from an own model."""
    return bool(results and results.get("lineage"))


def _model(desk: Desk) -> str:
    """The folder or file of the model to be tested.

    Raises:
        UserError: ``NO_MODEL``.
    """
    if desk.model_path is None:
        raise UserError("NO_MODEL", "There is no trained model yet.", "Train one in step 3, or open one in step 5.")
    return str(desk.model_path)
