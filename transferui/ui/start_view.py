"""Step 2, what a run starts from: ImageNet's weights, one of one's own models, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from transferui.backbones.catalogue import CATALOGUE, get_backbone
from transferui.errors import UserError
from transferui.runs.store import Run
from transferui.training.lineage import learned_stages
from transferui.ui.desk import Desk
from transferui.ui.html import notice, percent, radio_card, radio_group
from transferui.ui.runs_view import numbers

IMAGENET, NOTHING, OWN = "imagenet", "random", "run:"
# Own models beside the other cards; the older ones are a click away.
FIRST = 3


@dataclass(frozen=True)
class OwnModel:
    """A run whose blocks have learned something.

    Attributes:
        accuracy: of its validation photos, 0 to 1.
    """

    run: Run
    number: str
    dataset_name: str
    backbone: str
    accuracy: float
    trainable: tuple[str, ...]


def own_models(desk: Desk) -> tuple[list[OwnModel], int]:
    """Runs of this person to start from, newest first, and how many are left out because their blocks are as they began."""
    mine = desk.server.store.list_runs(desk.owner)
    names, found, same = numbers(mine), list[OwnModel](), 0
    for run in mine:
        results = run.results()
        if not results or not results.get("final") or results.get("backbone") not in CATALOGUE:
            continue
        learned, name = learned_stages(results), str(run.facts.get("dataset_name", ""))
        if not learned:
            same += 1
            continue
        found.append(OwnModel(run, names[run.id], name, results["backbone"], float(results["val_accuracy"]), learned))
    return found, same


def find_own_model(desk: Desk, run_id: str) -> OwnModel:
    """An own model by the id of its run.

    Raises:
        UserError: ``NOT_FOUND``, the same whether it never existed, has only taught its head or belongs to somebody else.
    """
    found = next((one for one in own_models(desk)[0] if one.run.id == run_id), None)
    if found is None:
        raise UserError("NOT_FOUND", "This model does not exist (any more).", "Choose one from the list.")
    return found


def starts(desk: Desk) -> str:
    """The cards, what is left out, and a word when the chosen model is gone."""
    own, same = own_models(desk)
    chosen = chosen_start(desk)
    shown = [one for n, one in enumerate(own) if n < FIRST or _key(one) == chosen]
    more = [one for one in own if one not in shown]
    cards = [
        radio_card(IMAGENET, chosen == IMAGENET, _card("ImageNet", "what it learned from 1.3&nbsp;million photos")),
        *(_own_card(one, chosen) for one in shown),
        radio_card(NOTHING, chosen == NOTHING, _card("Nothing", "random weights: it cannot see yet")),
    ]
    lost = (
        notice("The model that you had chosen was deleted, so it starts from ImageNet again.", "warn") if desk.lost_start else ""
    )
    return (
        lost + radio_group(cards, "It starts from", "starts", by_arrow=False) + _older(more, chosen) + _left_out(len(own), same)
    )


def chosen_start(desk: Desk) -> str:
    """The key of the chosen card."""
    if run_id := desk.settings.get("start_from"):
        return f"{OWN}{run_id}"
    return NOTHING if desk.settings.get("weights") == "random" else IMAGENET


def _key(one: OwnModel) -> str:
    return f"{OWN}{one.run.id}"


def _card(name: str, say: str) -> str:
    return f"<b>{name}</b><small>{say}</small>"


def _own_card(one: OwnModel, chosen: str) -> str:
    learned = "1 block" if len(one.trainable) == 1 else f"{len(one.trainable)} blocks"
    facts = f"{escape(get_backbone(one.backbone).title)}, {learned} learned"
    name = f"<bdi>{escape(one.dataset_name)}</bdi>"
    return radio_card(
        _key(one), _key(one) == chosen, _card(name, f"<em>your {escape(one.number)}</em> · {percent(one.accuracy)}<br>{facts}")
    )


def _older(more: Sequence[OwnModel], chosen: str) -> str:
    if not more:
        return ""
    group = radio_group([_own_card(one, chosen) for one in more], "Your older models", "starts", by_arrow=False)
    return f'<details class="tu-older" data-keep="older"><summary>{len(more)} older {"model" if len(more) == 1 else "models"} of yours</summary>{group}</details>'


def _left_out(n_own: int, same: int) -> str:
    """Why some runs are not in the list, or why the list is short."""
    if same:
        runs = "One of your runs" if same == 1 else f"{same} of your runs"
        why = "only the last part <em>(the head)</em> learned there; the blocks are as they were."
        return f'<p class="tu-starthint">{runs} cannot be a start: {why}</p>'
    if not n_own:
        return (
            '<p class="tu-starthint">A model of yours can be the start of the next one, once some of its blocks have learned.</p>'
        )
    return ""
