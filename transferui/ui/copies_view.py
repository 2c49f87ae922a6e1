"""Step 2, changed copies: every choice of augmentation with what it makes of the person's own photos."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from transferui.config import SETTINGS
from transferui.presets import mirror_warning, unmirrored
from transferui.runs.copies import kept_copies
from transferui.ui.desk import Desk
from transferui.ui.html import radio_card, radio_group

NAMES = {"none": "Your photos as they are", "flip": "Mirrored too", "crops": "Mirrored and cut too", "crops_no_flip": "Cut too"}
WORDS = {
    "none": "Nothing is changed. Always right.",
    "flip": "Every photo also as in a mirror. Good for animals, plants and things.",
    "crops": "Also cut closer, in another place each time: size and place stop to matter.",
    "crops_no_flip": "Cut closer, in another place each time, and never mirrored: for signs, digits and letters.",
}
# What a choice shows that a mirror makes.
_MIRRORS = ("flip", "crops")


def copies(desk: Desk) -> str:
    """The choices as radio cards, with pictures once the engine has made them."""
    dataset, chosen = desk.dataset, str(desk.settings.get("augmentation", SETTINGS["augmentation"].default))
    warning = mirror_warning(dataset.class_names, dataset.name) if dataset else ""
    found = (kept_copies(dataset, desk.backbone) if dataset else None) or {"choices": {}, "photos": []}
    suggested = unmirrored("crops") if warning else ""
    cards = [radio_card(choice, choice == chosen, _card(choice, found, suggested)) for choice in SETTINGS["augmentation"].choices]
    return (
        f'<div class="tu-copies"{_sheet(found)}>{radio_group(cards, "Changed copies", "copies")}{_advice(warning, chosen)}</div>'
    )


def _sheet(found: Mapping[str, Any]) -> str:
    """Every picture once, as a variable of the style: the same one stands on several cards."""
    uris = "".join(
        f"--v{n}-{view}:url({uri});" for n, photo in enumerate(found["photos"]) for view, uri in photo["views"].items()
    )
    return f' style="{escape(uris)}"' if uris else ""


def _card(choice: str, found: Mapping[str, Any], suggested: str) -> str:
    rows = "".join(_row(n, photo["class"], found["choices"].get(choice, [])) for n, photo in enumerate(found["photos"]))
    tag = '<span class="tag ok">suggested: no mirror</span>' if choice == suggested else ""
    name, words = NAMES.get(choice, choice), WORDS.get(choice, SETTINGS["augmentation"].help)
    return f'<b>{escape(name)}</b>{tag}<span class="strips">{rows}</span><small class="say">{escape(words)}</small>'


def _row(n: int, class_name: str, views: list[str]) -> str:
    cells = "".join(f'<i style="background-image:var(--v{n}-{escape(view)})"></i>' for view in views)
    return f'<span class="strip" role="img" aria-label="{escape(class_name)}: {len(views)} of the pictures it would see">{cells}</span>'


def _advice(warning: str, chosen: str) -> str:
    if not warning:
        return '<p class="tu-why">No mirror where left and right matter: digits, letters, signs.</p>'
    now = " <b>You have chosen mirrored copies all the same.</b>" if chosen in _MIRRORS else ""
    return f'<p class="tu-why{" warn" if now else ""}"><b>Better without a mirror.</b> {escape(warning)}{now}</p>'
