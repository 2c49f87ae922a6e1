"""Step 2, what happens at the start: ImageNet, an own model or nothing is chosen, and an own model brings its network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from transferui.backbones.catalogue import get_backbone, resolve_trainable
from transferui.errors import UserError
from transferui.presets import PRESETS
from transferui.ui.desk import Desk, Server, desk_of, skips, update
from transferui.ui.html import notice, picked
from transferui.ui.model_step import ModelStep, view
from transferui.ui.recipe_view import START_SETTINGS, recipe_for, recipe_of
from transferui.ui.start_view import IMAGENET, NOTHING, OWN, find_own_model
from transferui.ui.turns import CHOICE, in_turn


class StartEvents:
    """What happens there; the handler's first argument is the owner's token."""

    def __init__(self, server: Server, step: ModelStep) -> None:
        self.server, self.step = server, step

    def wire(self, owner: gr.BrowserState, then_copies: Callable[[Any, gr.BrowserState], Any]) -> None:
        """Connect the components.

        Args:
            then_copies: has the examples made after an event; a model brings its network, which sees other pictures.
        """
        then_copies(self.step.start.pick(self.choose_start, owner, [self.step.message, *self.step.out], **CHOICE), owner)

    @in_turn
    def choose_start(self, owner: str, event: gr.EventData) -> list[Any]:
        """A card was chosen."""
        try:
            return [notice(), *view(self._choose(desk_of(self.server, owner), picked(event)))]
        except UserError as error:
            return self._refused(owner, error)

    def _choose(self, desk: Desk, key: str) -> Desk:
        """The desk with another start; what comes from the browser only chooses among one's own.

        Raises:
            UserError: ``NOT_FOUND``.
        """
        settings = {name: value for name, value in desk.settings.items() if name not in START_SETTINGS}
        if key in (IMAGENET, NOTHING):
            settings |= {"weights": NOTHING} if key == NOTHING else {}
            return update(self.server, desk.owner, settings=settings)
        if not key.startswith(OWN):
            raise UserError("NOT_FOUND", "There is no such start.", "Choose one of the cards.")
        model = find_own_model(desk, key.removeprefix(OWN))
        changes: dict[str, Any] = {"settings": {**settings, "start_from": model.run.id}}
        if model.backbone != desk.backbone.name:
            name = recipe_of(desk)
            wanted = str(recipe_for(desk, name)["trainable"]) if name in PRESETS else "none"
            changes |= {"backbone": model.backbone, "trainable": list(resolve_trainable(get_backbone(model.backbone), wanted))}
        return update(self.server, desk.owner, **changes)

    def _refused(self, owner: str, problem: UserError) -> list[Any]:
        try:
            return [notice(problem), *view(desk_of(self.server, owner))]
        except UserError as unknown:
            return [notice(unknown), *skips(len(self.step.out))]
