"""Step 2, what happens: a network, a recipe, blocks, copies and single settings are chosen."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from transferui.backbones.catalogue import get_backbone, resolve_trainable
from transferui.config import SETTINGS, make_config
from transferui.errors import UserError
from transferui.presets import PRESETS
from transferui.runs.copies import kept_copies
from transferui.ui import data_view
from transferui.ui.copies_view import copies
from transferui.ui.data_step import MAX_CARDS
from transferui.ui.desk import LONG, Desk, Server, changed_settings, desk_of, skips, update
from transferui.ui.html import notice, picked
from transferui.ui.model_step import ModelStep, view
from transferui.ui.rate_view import rates
from transferui.ui.recipe_view import OWN, recipe_for, recipe_of, recipes, words
from transferui.ui.turns import CHOICE, in_turn

# Settings that decide which photos are kept for checking.
SPLITTING = ("val_fraction", "seed")


class ModelEvents:
    """What happens in step 2; every handler's first argument is the owner's token."""

    def __init__(self, server: Server, step: ModelStep) -> None:
        self.server, self.step = server, step
        self.n_out = len(step.out)

    def wire(self, owner: gr.BrowserState, split: gr.HTML) -> None:
        """Connect the components; `.input` fires on a person's actions only, so nothing loops.

        Args:
            split: step 1's summary, which tells how the photos are split; two of the settings decide that.
        """
        step, out = self.step, [self.step.message, *self.step.out]
        for cards in (step.networks, step.more):
            self.then_copies(cards.pick(self.choose_network, owner, out, **CHOICE), owner)
        # The drawing and the list must not be redrawn under the pointer, so those that changed are left alone.
        step.net.input(self.choose_stages, [owner, step.net], out, preprocess=False, **CHOICE)
        step.stages.input(self.choose_stages, [owner, step.stages], out, preprocess=False, **CHOICE)
        # What was chosen is not sent back: a newer choice may have been made meanwhile.
        others = [component for component in out if component is not step.preset]
        step.preset.input(self.choose_preset, [owner, step.preset], others, preprocess=False, **CHOICE)
        step.recipe.pick(self.choose_recipe, owner, [step.advanced, split, *out], **CHOICE)
        step.copies.pick(self.choose_copies, owner, out, **CHOICE)
        for name, widget in step.settings.items():
            event = widget.blur if isinstance(widget, gr.Number) else widget.input
            changed = [step.message, step.recipe, step.words, step.finder.found, *[split] * (name in SPLITTING)]
            event(partial(self.set_value, name=name), [owner, widget], changed, preprocess=False, **CHOICE)

    def then_copies(self, event: Any, owner: gr.BrowserState) -> Any:
        """After an event that may change the network or the photos, make the examples that are missing.

        What comes meanwhile is not dropped: once the examples of one network are made, those of the newest are looked for.
        """
        return event.then(self.show_copies, owner, self.step.copies, trigger_mode="always_last", **LONG)

    @in_turn
    def choose_network(self, owner: str, event: gr.EventData) -> list[Any]:
        """A network's card was chosen; the recipe stays, and own blocks start again with the head only."""
        try:
            backbone, desk = get_backbone(picked(event)), desk_of(self.server, owner)
            name = recipe_of(desk)
            wanted = str(recipe_for(desk, name)["trainable"]) if name in PRESETS else "none"
            trainable = list(resolve_trainable(backbone, wanted))
            settings = {k: v for k, v in desk.settings.items() if k != "start_from" or backbone.name == desk.backbone.name}
            return self._all(update(self.server, owner, backbone=backbone.name, trainable=trainable, settings=settings))
        except UserError as error:
            return self._refused(owner, error)

    @in_turn
    def choose_stages(self, owner: str, names: Any) -> list[Any]:
        """Blocks were clicked or ticked."""
        try:
            backbone = desk_of(self.server, owner).backbone
            wanted = ",".join(str(name) for name in names) if isinstance(names, list) else str(names)
            return self._all(update(self.server, owner, trainable=list(resolve_trainable(backbone, wanted or "none"))))
        except UserError as error:
            return self._refused(owner, error)

    @in_turn
    def choose_preset(self, owner: str, name: Any) -> list[Any]:
        """A freezing preset was chosen; "my own choice" only says that the blocks are to be clicked."""
        try:
            values = self._all(desk_of(self.server, owner)) if name == OWN else self.choose_stages(owner, [name])
        except UserError as error:
            values = self._refused(owner, error)
        echo = next(n for n, component in enumerate(self.step.out, start=1) if component is self.step.preset)
        return values[:echo] + values[echo + 1 :]

    @in_turn
    def choose_recipe(self, owner: str, event: gr.EventData) -> list[Any]:
        """A recipe was chosen; Custom keeps everything as it is and opens the advanced settings."""
        name = picked(event)
        try:
            desk = desk_of(self.server, owner)
            if name not in PRESETS:
                desk = update(self.server, owner, custom=True)
                return [gr.Accordion(open=True), summary(desk), *self._all(desk)]
            values = recipe_for(desk, name)
            trainable = list(resolve_trainable(desk.backbone, str(values.pop("trainable"))))
            start = {name: value for name, value in desk.settings.items() if name == "start_from"}
            desk = update(self.server, owner, trainable=trainable, settings=changed_settings(values) | start, custom=False)
            return [gr.skip(), summary(desk), *self._all(desk)]
        except UserError as error:
            return [gr.skip(), gr.skip(), *self._refused(owner, error)]

    @in_turn
    def choose_copies(self, owner: str, event: gr.EventData) -> list[Any]:
        """Changed copies were chosen."""
        try:
            return self._all(self._changed(owner, "augmentation", picked(event)))
        except UserError as error:
            return self._refused(owner, error)

    def show_copies(self, owner: str) -> str:
        """The examples of changed copies, made now if nobody has."""
        try:
            desk = desk_of(self.server, owner)
            dataset, backbone = desk.dataset, desk.backbone
            if dataset and dataset.samples and not kept_copies(dataset, backbone):
                self.server.engine.ask("copies", owner=owner, dataset_id=dataset.id, backbone=backbone.name)
            return copies(desk_of(self.server, owner))
        except UserError as error:
            return notice(error)

    @in_turn
    def set_value(self, owner: str, value: Any, *, name: str) -> list[Any]:
        """One advanced setting was changed: kept when it is right, explained when it is not."""
        try:
            return [notice(), *self._after(self._changed(owner, name, value), name)]
        except UserError as error:
            return self._unchanged(owner, name, error)

    def _after(self, desk: Desk, name: str) -> list[Any]:
        """What one setting changes elsewhere: its own widget is left alone, because more may have been typed meanwhile."""
        return [recipes(desk), words(desk), rates(desk), *([summary(desk)] if name in SPLITTING else [])]

    def _changed(self, owner: str, name: str, value: Any) -> Desk:
        """The desk with one setting changed.

        Raises:
            UserError: ``BAD_SETTING``.
        """
        settings = {k: v for k, v in desk_of(self.server, owner).settings.items() if k != name}
        settings |= changed_settings({name: value})
        make_config(settings)
        return update(self.server, owner, settings=settings)

    def _unchanged(self, owner: str, name: str, problem: UserError) -> list[Any]:
        """The reason why a setting was not taken."""
        try:
            return [notice(problem), *self._after(desk_of(self.server, owner), name)]
        except UserError as unknown:
            return [notice(unknown), *skips(4 if name in SPLITTING else 3)]

    def _refused(self, owner: str, problem: UserError) -> list[Any]:
        """The reason why not, and everything as it is: a skipped output would wipe what a closed accordion has to show."""
        try:
            desk = desk_of(self.server, owner)
        except UserError as unknown:
            return [notice(unknown), *skips(self.n_out)]
        return [notice(problem), *view(desk)]

    def _all(self, desk: Desk) -> list[Any]:
        return [notice(), *view(desk)]


def summary(desk: Desk) -> str:
    """Step 1's summary, for the settings of step 2."""
    settings, ignored = desk.settings, [str(one) for one in desk.values.get("ignored", [])]
    share, seed = settings.get("val_fraction", SETTINGS["val_fraction"].default), settings.get("seed", SETTINGS["seed"].default)
    return data_view.summary(desk.dataset, share, seed, MAX_CARDS, ignored)
