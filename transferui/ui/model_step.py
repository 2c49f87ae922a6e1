"""Step 2: which network, which of its blocks learn, and every other setting."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from transferui.backbones.catalogue import CATALOGUE, Backbone, get_backbone, is_ready, stages_with_weights
from transferui.config import SETTINGS
from transferui.evaluation.shown import short
from transferui.ui import network, rate_view
from transferui.ui.copies_view import copies
from transferui.ui.desk import DEFAULT_BACKBONE, Desk, Server
from transferui.ui.html import clickable, radio_card, radio_group, section, show, title
from transferui.ui.insight_step import Advice, advice_layout
from transferui.ui.rate_view import RateFinder
from transferui.ui.recipe_view import FREEZE, preset_of, recipes, words
from transferui.ui.settings_view import WIDGETS, widget
from transferui.ui.start_view import starts

# Cards shown before "More networks" is opened.
FIRST_NETWORKS = 4


@dataclass(frozen=True)
class ModelStep:
    """The components that others refer to."""

    message: gr.HTML
    networks: gr.HTML
    more: gr.HTML
    start: gr.HTML
    advice: Advice
    recipe: gr.HTML
    preset: gr.Radio
    net: gr.HTML
    words: gr.HTML
    copies: gr.HTML
    advanced: gr.Accordion
    stages: gr.CheckboxGroup
    finder: RateFinder
    settings: dict[str, Any]
    back: gr.Button
    next: gr.Button

    @property
    def out(self) -> list[Any]:
        """What changes with the network, the photos or the freezing."""
        cards, blocks = [self.networks, self.more, self.start, self.recipe], [self.preset, self.net, self.words]
        return [*cards, *blocks, self.copies, self.stages, self.finder.found, *self.settings.values()]


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
    show(section("It starts from", "what its blocks know before they see your photos: their <em>weights</em>"))
    start = clickable("", "start")
    advice = advice_layout()
    show(section("How should it learn?", "Pick a <em>recipe</em>: it sets all that follows, so you can go straight on."))
    recipe = clickable("", "recipe")
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
        estimate = show("", elem_id="estimate")
    show(section("Show it changed copies, too?", "<em>augmentation</em>: more to learn from without taking more photos"))
    changed = clickable("", "augmentation")
    with gr.Accordion("Advanced settings", open=False, elem_classes="tu-acc", elem_id="advanced") as advanced:
        stages = gr.CheckboxGroup(list(stages_with_weights(first)), value=[], label="Stages that learn, as a list", elem_id="trainable-stages",
                                  interactive=True)  # fmt: skip
        with gr.Row(elem_classes="tu-settings"):
            settings = {name: widget(SETTINGS[name]) for name in WIDGETS}
        finder = rate_view.layout()
    with gr.Row(elem_classes="tu-nav"):
        back = gr.Button("Back", elem_classes="tu-back", elem_id="back-1")
        forward = gr.Button("Next: train", variant="primary", elem_id="next-3")
    return ModelStep(
        message,
        networks,
        more,
        start,
        advice,
        recipe,
        preset,
        net,
        estimate,
        changed,
        advanced,
        stages,
        finder,
        settings,
        back,
        forward,
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
        f"<strong>{b.top1:.1f}&nbsp;%</strong><small>right on ImageNet photos <em>(top-1)</em></small></span><span><strong>{short(b.params)}</strong>"
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
        starts(desk),
        recipes(desk),
        preset_of(backbone, trainable),
        network.redrawn(rows, trainable),
        words(desk),
        copies(desk),
        gr.CheckboxGroup(choices=names, value=trainable),
        rate_view.rates(desk),
        *(desk.settings.get(name, SETTINGS[name].default) for name in WIDGETS),
    ]
