"""The page: six steps and what connects them."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from transferui.errors import UserError
from transferui.ui import (
    ahead,
    data_events,
    data_step,
    forget_events,
    home_step,
    insight_events,
    insight_step,
    model_events,
    model_step,
    rate_events,
    start_events,
    test_step,
    train_step,
)
from transferui.ui.desk import LONG, QUIET, Desk, Server, desk_of, installation_secret, new_owner, skips, update
from transferui.ui.html import OPENING, header, notice, sent, show
from transferui.ui.start_view import starts
from transferui.ui.turns import CHOICE, in_turn

BROKEN = UserError("BROKEN_STEP", "One of the steps could not be shown.", "The others work. The server’s log says what is wrong.")
# Ids of the steps in the page, in their order.
PANELS = ("step-data", "step-model", "step-train", "step-test", "step-home", "step-understand")
# A handler with inputs gets what its `js` returns, so both hand them on. The button that was pressed goes with its step, so the
# new step's heading gets the focus, if the step opens within five seconds.
TO_STEP = """(...args) => {
  window.scrollTo(0, 0);
  let left = 100;
  const timer = setInterval(() => {
    const head = document.querySelector('#PANEL .tu-title h1'), there = head && head.offsetParent;
    if (there) { head.tabIndex = -1; head.focus({preventScroll: true}); }
    if (there || !left--) clearInterval(timer);
  }, 50);
  return args;
}"""
ERASE_JS = "(...args) => { if (!confirm('Delete all your photos, runs and models from this server?')) throw new Error('kept'); return args; }"


def build(server: Server, where: str) -> gr.Blocks:
    """Put the six steps together.

    Args:
        where: who can see what is uploaded, in a few words, for the top line.
    """
    page: gr.Blocks
    with gr.Blocks(title="TransferUI", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        owner = gr.BrowserState("", storage_key="transferui-owner", secret=installation_secret(server.data_dir))
        show(header(where))
        opening = show(OPENING, elem_id="opening")
        # Hidden out here, because what is inside of a step is not on the page before the step is open.
        shown = gr.Textbox(visible="hidden", elem_id="shown-photos", label="Photos")
        clock, pulse = (
            gr.Timer(insight_step.POLL_S, active=False),
            gr.Textbox(visible="hidden", elem_id="measure-pulse", label="Measuring"),
        )
        with gr.Walkthrough(selected=1, elem_id="steps") as steps:
            with gr.Step("Data", id=1, elem_id=PANELS[0]):
                data = data_step.layout(shown)
            with gr.Step("Model", id=2, elem_id=PANELS[1]):
                model = model_step.layout(server)
            with gr.Step("Train", id=3, elem_id=PANELS[2]):
                train = train_step.layout()
            with gr.Step("Test", id=4, elem_id=PANELS[3]):
                test = test_step.layout()
            with gr.Step("Take home", id=5, elem_id=PANELS[4]):
                home = home_step.layout()
            with gr.Step("Understand", id=6, elem_id=PANELS[5]):
                insight = insight_step.layout(clock, pulse)
        Page(server, steps, ahead.layout(), data, model, train, test, home, insight).wire(page, owner, opening)
    return page


class Page:
    """What happens between the steps."""

    def __init__(  # noqa: PLR0913, PLR0917 - one argument a step
        self,
        server: Server,
        steps: gr.Walkthrough,
        way: gr.HTML,
        data: data_step.DataStep,
        model: model_step.ModelStep,
        train: train_step.TrainStep,
        test: test_step.TestStep,
        home: home_step.HomeStep,
        insight: insight_step.InsightStep,
    ) -> None:
        self.server, self.steps, self.way = server, steps, way
        self.data, self.model, self.train, self.test, self.home = data, model, train, test, home
        self.insight, self.tested = insight, [*test.out, way]
        self.homes = home_step.HomeEvents(server, home)
        self.datas = data_events.DataEvents(server, data)
        self.insights = insight_events.InsightEvents(server, insight, model.advice, self.datas)
        self.models = model_events.ModelEvents(server, model)

    def wire(self, page: gr.Blocks, owner: gr.BrowserState, opening: gr.HTML) -> None:
        """Connect everything."""
        after_data = [*self.model.out, *self.insights.out]
        self.datas.wire(owner, after_data, lambda desk: [*model_step.view(desk), *insight_step.view(desk)])
        self.insights.wire(
            owner,
            self.model.message,
            [*self.data.out, *self.model.out],
            lambda desk: [*data_step.view(desk), *model_step.view(desk)],
        )
        self.models.wire(owner, self.data.summary)
        start_events.StartEvents(self.server, self.model).wire(owner, self.models.then_copies)
        rate_events.RateEvents(self.server, self.model).wire(owner)
        later = [*self.tested, *self.home.out, self.model.start, *self.insights.out]
        training = train_step.TrainEvents(self.server, self.train)
        training.wire(owner, self.data.shown, self.model.settings, later, _after_a_run)
        others = [self.train.message, *self.train.of_photos, self.test.source, self.way]
        self.data.shown.change(self.other_photos, owner, others, **QUIET)
        forget_events.ForgetEvents(self.server, self.train, self.model).wire(owner)
        next_try = training.wire_next_try(
            owner, [*self.model.out, self.data.summary], lambda desk: [*model_step.view(desk), model_events.summary(desk)]
        )
        self.models.then_copies(next_try, owner)
        test_step.TestEvents(self.server, self.test).wire(owner)
        self.homes.wire(owner, self.tested, _tested)
        prepared = [self.home.message, *self.home.out]
        opened = page.load(self.open, owner, [owner, self.steps, *self.all_out, opening], **QUIET)
        self.models.then_copies(opened.then(self.homes.prepare_if_open, owner, prepared, **LONG), owner)
        self.data.open_model.upload(
            self.open_model_first, [owner, self.data.open_model], [self.steps, self.data.message, *self.tested], preprocess=False, **LONG
        )  # fmt: skip
        self._wire_navigation(owner, opening)

    @property
    def all_out(self) -> list[Any]:
        """Everything that the desk decides."""
        return [*self.data.out, *self.model.out, *self.train.out, *self.tested, *self.home.out, *self.insights.out]

    def _wire_navigation(self, owner: gr.BrowserState, opening: gr.HTML) -> None:
        steps = self.steps
        to_model = self.data.next.click(
            self.to_model, owner, [steps, self.data.message, *self.model.out], js=_to_step(2), **QUIET
        )
        self.models.then_copies(to_model, owner)
        self.model.next.click(self.to_train, owner, [steps, *self.train.of_photos], js=_to_step(3), **QUIET)
        self.train.next.click(partial(self.go, 4), owner, steps, js=_to_step(4), **QUIET)
        prepared = [self.home.message, *self.home.out]
        self.test.next.click(partial(self.go, 5), owner, steps, js=_to_step(5), **QUIET).then(
            self.homes.prepare, owner, prepared, **LONG
        )
        self.home.next.click(partial(self.go, 6), owner, steps, js=_to_step(6), **QUIET)
        backs = (self.model.back, self.train.back, self.test.back, self.home.back, self.insight.back)
        for n, button in enumerate(backs, start=1):
            button.click(partial(self.go, n), owner, steps, js=_to_step(n), **QUIET)
        steps.select(self.remember_step, owner, None, **CHOICE)
        there = self.way.open(self.go_ahead, owner, [steps, *self.train.of_photos, *self.model.out], **CHOICE)
        self.models.then_copies(there.then(self.homes.prepare_if_open, owner, prepared, **LONG), owner)
        self.home.erase.click(self.erase, owner, [owner, self.steps, *self.all_out, opening], js=ERASE_JS, **QUIET)

    def open(self, owner: str) -> list[Any]:
        """The page was loaded: a newcomer gets a token; everybody finds the desk as it was left."""
        try:
            desk = desk_of(self.server, owner)
        except UserError:
            desk = desk_of(self.server, new_owner())
        self.server.engine.warm_up()
        step = desk.values.get("step", 1)
        step = step if step in range(1, len(PANELS) + 1) else 1
        return [desk.owner, gr.Walkthrough(selected=step), *self._everything(desk)]

    def _everything(self, desk: Desk) -> list[Any]:
        """All that the desk decides, and what stands where the page was opening: nothing, or that a step could not be shown."""
        rows, words = list[Any](), ""
        parts = [
            (data_step.view, self.data.out),
            (model_step.view, self.model.out),
            (train_step.view, self.train.out),
            (_test_and_home, [*self.tested, *self.home.out]),
            (insight_step.view, self.insights.out),
        ]
        for view, out in parts:
            try:
                rows += view(desk)
            except Exception:  # noqa: BLE001 - logged; the other steps open, with the photos, the runs and Stop
                traceback.print_exc()
                rows, words = [*rows, *skips(len(out))], notice(BROKEN)
        return [*rows, words]

    def go(self, step: int, owner: str) -> gr.Walkthrough:
        """Open a step, and remember it for the next visit."""
        with contextlib.suppress(UserError):  # a page that has not told who it is may still look around
            update(self.server, owner, step=step)
        return gr.Walkthrough(selected=step)

    @in_turn
    def remember_step(self, owner: str, event: gr.EventData) -> None:
        """An earlier step was opened by a click at the top: remember it for the next visit."""
        step = sent(event).get("id")
        if isinstance(step, int) and step in range(1, len(PANELS) + 1):
            with contextlib.suppress(UserError):
                update(self.server, owner, step=step)

    def open_model_first(self, owner: str, value: Any) -> Iterator[list[Any]]:
        """Somebody comes with a model and no photos: from step 1 straight to step 4."""
        for message, *tests in self.homes.open_model(owner, value):
            opened = home_step.OPENED in message
            yield [self.go(4, owner) if opened else gr.skip(), notice() if opened else message, *tests]

    def to_model(self, owner: str) -> list[Any]:
        """Step 2 opens when there is something to learn from, with all it shows: skipped outputs of a change may have wiped it."""
        shown = skips(len(self.model.out))
        try:
            desk = desk_of(self.server, owner)
            shown = model_step.view(desk)
            if desk.dataset is None:
                raise UserError("EMPTY_DATASET", "There are no photos yet.", "Choose a sample set or add your own.")
            desk.dataset.require_trainable()
        except UserError as error:
            return [gr.skip(), notice(error), *shown]
        return [self.go(2, owner), notice(), *shown]

    def to_train(self, owner: str) -> list[Any]:
        """Step 3 opens and says how long it will take."""
        try:
            return [self.go(3, owner), *train_step.of_photos(desk_of(self.server, owner))]
        except UserError:
            return [self.go(3, owner), *skips(len(self.train.of_photos))]

    @in_turn
    def go_ahead(self, owner: str, event: gr.EventData) -> list[Any]:
        """A step ahead was opened by a click at the top: step 2 has all it shows, as in `to_model`, step 3 says how long it takes."""
        try:
            desk, step = desk_of(self.server, owner), sent(event).get("step", 0)
            ready = step in range(2, ahead.furthest(desk) + 1)
            opened = self.go(int(step), owner) if ready else gr.skip()
            return [opened, *train_step.of_photos(desk), *model_step.view(desk)]
        except UserError:
            return skips(1 + len(self.train.of_photos) + len(self.model.out))

    def other_photos(self, owner: str) -> list[Any]:
        """Step 1 shows other photos: the later steps say whether their run is of these, and how far one may go."""
        try:
            desk = desk_of(self.server, owner)
            return [notice(), *train_step.of_photos(desk), test_step.source(desk), ahead.view(desk)]
        except UserError:
            return skips(len(self.train.of_photos) + 3)

    def erase(self, owner: str) -> list[Any]:
        """Everything of this person was to be deleted: start anew as somebody else."""
        with contextlib.suppress(UserError):
            self.homes.erase(owner)
        return self.open("")


def _to_step(n: int) -> str:
    """What the browser does when a button opens step `n`."""
    return TO_STEP.replace("PANEL", PANELS[n - 1])


def _after_a_run(desk: Desk) -> list[Any]:
    """What changes with the runs that there are: also what the next one can start from, and what can be asked about them."""
    return [*_test_and_home(desk), starts(desk), *insight_step.view(desk)]


def _test_and_home(desk: Desk) -> list[Any]:
    return [*_tested(desk), *home_step.view(desk)]


def _tested(desk: Desk) -> list[Any]:
    """What changes with the model, and how far one may go with it."""
    return [*test_step.view(desk), ahead.view(desk)]
