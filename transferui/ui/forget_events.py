"""Step 3, the remembered features: one button forgets those of everybody, after a question."""

from __future__ import annotations

from typing import Any

import gradio as gr

from transferui.errors import UserError
from transferui.ui import run_view
from transferui.ui.desk import QUIET, Server, desk_of, skips
from transferui.ui.html import notice
from transferui.ui.model_step import ModelStep
from transferui.ui.recipe_view import recipes, words
from transferui.ui.train_step import TrainStep, status_of

FORGET_JS = (
    "(...args) => { if (!confirm('Forget what is remembered of all photos, of everybody on this server? Nothing is lost but time: "
    "the next runs look at their photos once more.')) throw new Error('kept'); return args; }"
)


class ForgetEvents:
    """What happens there; the handler's first argument is the owner's token."""

    def __init__(self, server: Server, step: TrainStep, model: ModelStep) -> None:
        self.server, self.step = server, step
        # All that says how long a run takes.
        self.out = [step.message, step.status, step.remembered, model.recipe, model.words]

    def wire(self, owner: gr.BrowserState) -> None:
        """Connect the button."""
        self.step.forget.click(self.forget, owner, self.out, js=FORGET_JS, **QUIET)

    def forget(self, owner: str) -> list[Any]:
        """All remembered features are to be deleted: people share those of the photos that they share."""
        try:
            desk = desk_of(self.server, owner)
        except UserError as unknown:
            return [notice(unknown), *skips(len(self.out) - 1)]
        self.server.store.forget_features()
        kept = run_view.remembered(self.server.store.features_bytes())
        return [notice(), status_of(desk), kept, recipes(desk), words(desk)]
