"""Step 2, the recipes: cards with what each does, what it trains and how long that takes; one is proposed, with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from transferui.backbones.catalogue import Backbone, resolve_trainable, stages_with_weights
from transferui.config import SETTINGS, make_config
from transferui.data.similar import scenes_of
from transferui.errors import UserError
from transferui.presets import PRESETS, Proposal, propose, recipe
from transferui.ui.desk import Desk
from transferui.ui.expected import expected, remembered, time_of
from transferui.ui.html import photos, radio_card, radio_group, seconds

FREEZE = [
    ("Head only", "none"),
    ("Last stage", "last"),
    ("Late stages", "late"),
    ("Last half", "half"),
    ("Everything", "all"),
    ("My own choice", "own"),
]
OWN = "own"
# Title, the field's word, and one sentence.
CARDS = {
    "quick": ("Quick look", "linear probe", "Uses what the network knows as it is. The fastest honest answer."),
    "balanced": (
        "Balanced",
        "fine-tuning",
        "Lets a little of the network adapt to your photos, and keeps that only if it helps.",
    ),
    "best": ("Best", "deep fine-tuning", "Lets much of the network adapt. Takes the longest, and wants many photos."),
    OWN: ("Custom", "your mix", "Choose the blocks, the copies and every number yourself, below."),
}
# What it is shown, by augmentation.
SEES = {
    "none": "your photos as they are",
    "flip": "your photos, also mirrored",
    "crops": "your photos, also mirrored and cut",
    "crops_no_flip": "your photos, also cut",
}


# Settings that say what a run starts from; recipes leave an own model alone.
START_SETTINGS = ("weights", "start_from")


def recipe_for(desk: Desk, name: str) -> dict[str, Any]:
    """A recipe's settings for the photos on the desk."""
    dataset = desk.dataset
    return recipe(name, dataset.class_names, dataset.name) if dataset else recipe(name)


def recipe_of(desk: Desk) -> str:
    """Which recipe the desk's choice is; ``own`` when it is none, or when the person wants to mix it."""
    if desk.values.get("custom"):
        return OWN
    for name in PRESETS:
        values = recipe_for(desk, name)
        same = list(resolve_trainable(desk.backbone, values["trainable"])) == desk.trainable
        mixed = {k: v for k, v in desk.settings.items() if k != "start_from"}
        if same and mixed == {k: v for k, v in values.items() if k != "trainable" and v != SETTINGS[k].default}:
            return name
    return OWN


def preset_of(backbone: Backbone, trainable: list[str]) -> str:
    """Which freezing preset these stages are."""
    return next((name for _, name in FREEZE if name != OWN and list(resolve_trainable(backbone, name)) == trainable), OWN)


def recipes(desk: Desk) -> str:
    """The cards, and why one of them is proposed."""
    dataset = desk.dataset
    proposal = propose(dataset.counts, scenes_of(dataset)) if dataset and dataset.samples else None
    chosen, known = recipe_of(desk), remembered(desk)
    cards = []
    for name in CARDS:
        values = _own_values(desk) if name == OWN else recipe_for(desk, name)
        # A mix that is none yet would only repeat what another card says.
        facts = _facts(desk, values, _seconds(desk, values, known)) if name != OWN or chosen == OWN else ""
        proposed = proposal is not None and proposal.preset == name
        cards.append(radio_card(name, name == chosen, _card(name, facts, proposed)))
    return radio_group(cards, "Recipe", "recipes") + _why(proposal, chosen)


def _own_values(desk: Desk) -> dict[str, Any]:
    return {**desk.settings, "trainable": ",".join(desk.trainable) or "none"}


def _seconds(desk: Desk, values: Mapping[str, Any], known: Any) -> float | None:
    try:
        return time_of(desk, make_config({**values, "backbone": desk.backbone.name}), known)
    except UserError:  # the field that is wrong has said so itself
        return None


def _card(name: str, facts: str, proposed: bool) -> str:
    title, term, sentence = CARDS[name]
    tag = '<span class="tag ok">proposed for your photos</span>' if proposed else ""
    return f'<span class="top"><b>{title}</b> <em>{term}</em></span>{tag}<small class="say">{sentence}</small>{facts}'


def _facts(desk: Desk, values: Mapping[str, Any], took: float | None) -> str:
    choice = str(values.get("augmentation", SETTINGS["augmentation"].default))
    time = f'<span class="took">about <strong>{_roughly(took)}</strong></span>' if took is not None else ""
    return (
        f'<small class="does"><i class="key warm"></i>learns: {escape(learns(desk.backbone, values))}</small>'
        f'<small class="does"><i class="key plain"></i>sees: {escape(SEES.get(choice, choice))}</small>{time}'
    )


def _roughly(took: float) -> str:
    """A duration as far as an estimate can be trusted: 8 s, 12 min, 1.5 h."""
    if took < 90:
        return seconds(took)
    return f"{round(took / 60)}\u00a0min" if took < 5400 else f"{took / 3600:.1f}\u00a0h"


def learns(backbone: Backbone, values: Mapping[str, Any]) -> str:
    """What trains, in words: 'the new head', 'head + the last 4 of 9 blocks'."""
    names = stages_with_weights(backbone)
    trainable = resolve_trainable(backbone, str(values.get("trainable", "none")))
    n, total = len(trainable), len(names)
    if not n:
        return "the new head"
    if n == total:
        return "head + every block"
    if trainable != names[-n:]:
        return f"head + {n} of {total} blocks"
    return "head + the last block" if n == 1 else f"head + the last {n} of {total} blocks"


def _why(proposal: Proposal | None, chosen: str) -> str:
    if proposal is None:
        return ""
    title = CARDS[proposal.preset][0]
    tail = (
        ""
        if chosen in (proposal.preset, OWN) or chosen != "quick"
        else " A quick look first costs little: you can do both and compare."
    )
    return f'<p class="tu-why"><b>Why {title}?</b> {escape(proposal.why)}{tail}</p>'


def words(desk: Desk) -> str:
    """What will be computed once and remembered, for these photos."""
    names, dataset = list(stages_with_weights(desk.backbone)), desk.dataset
    n = len(dataset.samples) if dataset else 0
    first = names.index(desk.trainable[0]) if desk.trainable else len(names)
    if desk.settings.get("weights") == "random" and first:
        blind = "Frozen blocks stay as they are, and random ones see nothing. Choose “Everything” above, or start from ImageNet."
        return f'<p class="tu-est warn"><span><b>From random weights:</b> {blind}</span></p>'
    how = f"{photos(n)} go through the frozen part once." if n and first else "" if n else "Choose photos in step 1 first."
    time = f"<span><b>Training:</b> {expected(desk)}</span>" if n else ""
    return f'<p class="tu-est"><span><b>Remembered:</b> {_kept(desk, names, first)}.</span><span>{how}</span>{time}</p>'


def _kept(desk: Desk, names: Sequence[str], first: int) -> str:
    if not first:
        return "nothing: every block learns from the start"
    if first == len(names):
        return f"the {desk.backbone.feature_width:,} features of every photo"
    return f"the output of {names[first - 1]} for every photo"
