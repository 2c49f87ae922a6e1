"""Step 2: which network, which of its blocks learn, and every other setting."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from transferui.backbones.catalogue import CATALOGUE, Backbone, get_backbone, is_ready, resolve_trainable, stages_with_weights
from transferui.config import SETTINGS, Setting, make_config
from transferui.errors import UserError
from transferui.presets import PRESETS
from transferui.ui import network
from transferui.ui.desk import DEFAULT_BACKBONE, QUIET, Desk, Server, changed_settings, desk_of, skips, update
from transferui.ui.expected import expected
from transferui.ui.html import clickable, notice, photos, picked, radio_card, radio_group, section, show, title

FREEZE = [
    ("Head only", "none"),
    ("Last stage", "last"),
    ("Late stages", "late"),
    ("Last half", "half"),
    ("Everything", "all"),
    ("My own choice", "own"),
]
RECIPES = [("Quick look", "quick"), ("Balanced", "balanced"), ("Best", "best"), ("My own settings", "own")]
# The words for SETTINGS["weights"].
START = {"imagenet": "what it learned from ImageNet", "random": "random weights"}
# Cards shown before "More networks" is opened.
FIRST_NETWORKS = 4
# Set elsewhere on this step: the cards, the drawing.
_DRAWN = ("backbone", "trainable")
WIDGETS = tuple(name for name in SETTINGS if name not in _DRAWN)


@dataclass(frozen=True)
class ModelStep:
    """The components that others refer to."""

    message: gr.HTML
    networks: gr.HTML
    more: gr.HTML
    recipe: gr.Radio
    preset: gr.Radio
    net: gr.HTML
    words: gr.HTML
    stages: gr.CheckboxGroup
    settings: dict[str, Any]
    back: gr.Button
    next: gr.Button

    @property
    def out(self) -> list[Any]:
        """What changes with the network, the photos or the freezing."""
        return [self.networks, self.more, self.recipe, self.preset, self.net, self.words, self.stages, *self.settings.values()]


def layout(server: Server) -> ModelStep:
    """Draw the step."""
    first = CATALOGUE[DEFAULT_BACKBONE]
    show(
        title(
            "Choose what it already knows",
            "These networks have learned to see from 1.3 million photos <em>(ImageNet)</em>. Yours starts from there.",
        )
    )
    message = show("", elem_id="model-message")
    show(section("Network", "the <em>backbone</em>"))
    networks = clickable(network_cards(server, DEFAULT_BACKBONE, first_ones=True), "backbone")
    with gr.Accordion("More networks", open=False, elem_classes="tu-acc tu-more"):
        more = clickable(network_cards(server, DEFAULT_BACKBONE, first_ones=False), "more-backbones")
    with gr.Column(elem_classes="tu-card tu-netcard"):
        show(
            section(
                "What may it learn anew?",
                "Click a block to freeze it <i class='key ice'></i> or to let it learn <i class='key warm'></i> <em>(fine-tuning)</em>. Bigger blocks hold more weights.",
            )
        )
        preset = gr.Radio(FREEZE, value="none", label="Which blocks learn", show_label=False, container=False, elem_id="freeze-preset",
                          elem_classes="tu-seg", interactive=True)  # fmt: skip
        net = network.drawing(network.blocks(first, 2), [])
        words = show("", elem_id="estimate")
        start = _start_switch(SETTINGS["weights"])
    with gr.Accordion("Advanced settings", open=False, elem_classes="tu-acc", elem_id="advanced"):
        recipe = gr.Radio(RECIPES, value="quick", label="Recipe", info="Sets which blocks learn, the copies and the epochs.",
                          elem_id="recipe", interactive=True)  # fmt: skip
        stages = gr.CheckboxGroup(list(stages_with_weights(first)), value=[], label="Stages that learn, as a list", elem_id="trainable-stages",
                                  interactive=True)  # fmt: skip
        with gr.Row(elem_classes="tu-settings"):
            settings = {name: start if name == "weights" else _widget(SETTINGS[name]) for name in WIDGETS}
    with gr.Row(elem_classes="tu-nav"):
        back = gr.Button("Back", elem_classes="tu-back", elem_id="back-1")
        forward = gr.Button("Next: train", variant="primary", elem_id="next-3")
    return ModelStep(message, networks, more, recipe, preset, net, words, stages, settings, back, forward)


def _start_switch(setting: Setting) -> gr.Radio:
    """From what the network starts: on the page itself, because it is what transfer learning is about."""
    choices = [(START.get(choice, choice), choice) for choice in setting.choices]
    return gr.Radio(choices, value=setting.default, label="It starts from", info=setting.help, elem_id=f"set-{setting.name}",
                    elem_classes="tu-start", interactive=True)  # fmt: skip


def _widget(setting: Setting) -> Any:
    """A setting as a widget; it checks nothing, because `make_config` does."""
    common: dict[str, Any] = {"label": setting.label, "interactive": True, "elem_id": f"set-{setting.name}", "min_width": 260}
    if setting.kind == "choice":
        return gr.Dropdown(list(setting.choices), value=setting.default, info=setting.help, **common)
    return gr.Number(
        float(setting.default) if setting.kind == "float" else int(setting.default),
        info=f"{setting.help} ({setting.allowed})",
        **common,
    )


def network_cards(server: Server, chosen: str, *, first_ones: bool) -> str:
    """The networks as radio cards: ready ones first; the chosen one is always among the first."""
    rows = sorted(CATALOGUE.values(), key=lambda b: not is_ready(b, server.data_dir))
    first = rows[:FIRST_NETWORKS]
    if chosen not in {b.name for b in first}:
        first = [*first[: FIRST_NETWORKS - 1], get_backbone(chosen)]
    picks = first if first_ones else [b for b in rows if b not in first]
    cards = [radio_card(b.name, b.name == chosen, _card(b, is_ready(b, server.data_dir))) for b in picks]
    return radio_group(cards, "Network" if first_ones else "More networks", "nets", by_arrow=first_ones)


def _card(b: Backbone, ready: bool) -> str:
    size = f"{b.download_bytes / 1e6:.0f}&nbsp;MB"
    tag = (
        '<span class="tag ok"><i class="dot ok"></i>ready</span>'
        if ready
        else f'<span class="tag get">will download {size}</span>'
    )
    source = escape(f"{b.top1_source}. Weights: {b.license}. {b.paper}.")
    return (
        f'<b>{escape(b.title)}</b><small class="say">{escape(b.summary)}</small><span class="facts"><span title="{source}">'
        f"<strong>{b.top1:.1f}&nbsp;%</strong><small>ImageNet top-1</small></span><span><strong>{network.short(b.params)}</strong>"
        f'<small>weights</small></span></span><small class="meta">{b.year} · {size} · {b.image_size} px · {escape(b.license)}</small>{tag}'
    )


def view(desk: Desk) -> list[Any]:
    """Updates for `ModelStep.out`."""
    backbone, trainable, server = desk.backbone, desk.trainable, desk.server
    dataset = desk.dataset
    rows = network.blocks(backbone, len(dataset.class_names) if dataset and len(dataset.class_names) > 1 else 2)
    names = list(stages_with_weights(backbone))
    return [
        network_cards(server, backbone.name, first_ones=True),
        network_cards(server, backbone.name, first_ones=False),
        recipe_of(desk),
        preset_of(backbone, trainable),
        network.redrawn(rows, trainable),
        words(desk),
        gr.CheckboxGroup(choices=names, value=trainable),
        *(desk.settings.get(name, SETTINGS[name].default) for name in WIDGETS),
    ]


def preset_of(backbone: Backbone, trainable: list[str]) -> str:
    """Which freezing preset these stages are."""
    return next((name for _, name in FREEZE if name != "own" and list(resolve_trainable(backbone, name)) == trainable), "own")


def recipe_of(desk: Desk) -> str:
    """Which recipe the desk's choice is."""
    for name, values in PRESETS.items():
        same = list(resolve_trainable(desk.backbone, values["trainable"])) == desk.trainable
        if same and desk.settings == {k: v for k, v in values.items() if k != "trainable" and v != SETTINGS[k].default}:
            return name
    return "own"


def words(desk: Desk) -> str:
    """What will be computed once and remembered, for these photos."""
    names, dataset = list(stages_with_weights(desk.backbone)), desk.dataset
    n = len(dataset.samples) if dataset else 0
    first = names.index(desk.trainable[0]) if desk.trainable else len(names)
    what = {
        0: "nothing: every block learns from the start",
        len(names): f"the {desk.backbone.feature_width:,} features of every photo",
    }.get(first, f"the output of {names[first - 1]} for every photo")
    if desk.settings.get("weights") == "random" and first:
        blind = "Frozen blocks with random weights never learn to see. Choose Everything, or start from ImageNet."
        return f'<p class="tu-est warn"><span><b>From random weights:</b> {blind}</span></p>'
    how = f"{photos(n)} go through the frozen part once." if n and first else "" if n else "Choose photos in step 1 first."
    time = f"<span><b>Training:</b> {expected(desk)}</span>" if n else ""
    return f'<p class="tu-est"><span><b>Remembered:</b> {what}.</span><span>{how}</span>{time}</p>'


class ModelEvents:
    """What happens in step 2; every handler's first argument is the owner's token."""

    def __init__(self, server: Server, step: ModelStep) -> None:
        self.server, self.step = server, step
        self.n_out = len(step.out)

    def wire(self, owner: gr.BrowserState) -> None:
        """Connect the components; `.input` fires on a person's actions only, so nothing loops."""
        step, out = self.step, [self.step.message, *self.step.out]
        for cards in (step.networks, step.more):
            cards.pick(self.choose_network, owner, out, **QUIET)
        # The drawing and the list must not be redrawn under the pointer, so those that changed are left alone.
        step.net.input(self.choose_stages, [owner, step.net], out, preprocess=False, **QUIET)
        step.stages.input(self.choose_stages, [owner, step.stages], out, preprocess=False, **QUIET)
        step.preset.input(self.choose_preset, [owner, step.preset], out, preprocess=False, **QUIET)
        step.recipe.input(self.choose_recipe, [owner, step.recipe], out, preprocess=False, **QUIET)
        for name, widget in step.settings.items():
            event = widget.blur if isinstance(widget, gr.Number) else widget.input
            changed = [step.message, step.recipe, step.words]
            event(partial(self.set_value, name), [owner, widget], changed, preprocess=False, **QUIET)

    def choose_network(self, owner: str, event: gr.EventData) -> list[Any]:
        """A network's card was chosen; freezing starts again with the head only."""
        try:
            backbone = get_backbone(picked(event))
            return self._all(update(self.server, owner, backbone=backbone.name, trainable=[]))
        except UserError as error:
            return self._refused(owner, error)

    def choose_stages(self, owner: str, names: Any) -> list[Any]:
        """Blocks were clicked or ticked."""
        try:
            backbone = desk_of(self.server, owner).backbone
            wanted = ",".join(str(name) for name in names) if isinstance(names, list) else str(names)
            return self._all(update(self.server, owner, trainable=list(resolve_trainable(backbone, wanted or "none"))))
        except UserError as error:
            return self._refused(owner, error)

    def choose_preset(self, owner: str, name: Any) -> list[Any]:
        """A freezing preset was chosen; "my own choice" only says that the blocks are to be clicked."""
        if name != "own":
            return self.choose_stages(owner, [name])
        try:
            return self._all(desk_of(self.server, owner))
        except UserError as error:
            return self._refused(owner, error)

    def choose_recipe(self, owner: str, name: Any) -> list[Any]:
        """A recipe was chosen."""
        try:
            desk = desk_of(self.server, owner)
            if not isinstance(name, str) or name not in PRESETS:
                return self._all(desk)
            values, backbone = dict(PRESETS[name]), desk.backbone
            trainable = list(resolve_trainable(backbone, str(values.pop("trainable"))))
            return self._all(update(self.server, owner, trainable=trainable, settings=changed_settings(values)))
        except UserError as error:
            return self._refused(owner, error)

    def set_value(self, name: str, owner: str, value: Any) -> list[Any]:
        """One advanced setting was changed: kept when it is right, explained when it is not."""
        try:
            settings = {k: v for k, v in desk_of(self.server, owner).settings.items() if k != name}
            settings |= changed_settings({name: value})
            make_config(settings)
            desk = update(self.server, owner, settings=settings)
            return [notice(), recipe_of(desk), words(desk)]
        except UserError as error:
            return self._unchanged(owner, error)

    def _unchanged(self, owner: str, problem: UserError) -> list[Any]:
        """The reason why a setting was not taken; the recipe is not skipped, because in a closed accordion it would be wiped."""
        try:
            desk = desk_of(self.server, owner)
        except UserError as unknown:
            return [notice(unknown), *skips(2)]
        return [notice(problem), recipe_of(desk), words(desk)]

    def _refused(self, owner: str, problem: UserError) -> list[Any]:
        """The reason why not, and everything as it is: a skipped output would wipe what a closed accordion has to show."""
        try:
            desk = desk_of(self.server, owner)
        except UserError as unknown:
            return [notice(unknown), *skips(self.n_out)]
        return [notice(problem), *view(desk)]

    def _all(self, desk: Desk) -> list[Any]:
        return [notice(), *view(desk)]
