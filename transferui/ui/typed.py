"""Names on the class cards while somebody types: kept at every letter, and not written over by an answer that comes meanwhile."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from transferui.data.layout import clean_class_name
from transferui.errors import UserError
from transferui.ui.desk import Desk, Server, desk_of, update
from transferui.ui.turns import turn

# What the name boxes of a tab hold, one per card from the first; None where that is not known.
Boxes = list[str] | None


def class_names(desk: Desk) -> tuple[str, ...]:
    """The classes of step 1, in the order of their cards."""
    return desk.dataset.class_names if desk.dataset else ()


def clean(name: Any) -> str:
    """What a box holds as a class's name; empty when it holds none."""
    with suppress(UserError):
        return clean_class_name(str(name or ""))
    return ""


def drafts(desk: Desk) -> list[str]:
    """Names that were typed on the empty cards, in their order."""
    return [str(name) for name in desk.values.get("drafts", [])]


def keep(server: Server, owner: str, i: int, name: Any, *, typing: bool) -> None:
    """Remember what card `i`'s box holds: on an empty card until photos come, so that neither a change nor a refresh wipes it.

    Args:
        typing: whether the person is still in the box.

    Raises:
        UserError: ``NO_OWNER``.
    """
    desk_of(server, owner)
    with turn(owner):
        desk = desk_of(server, owner)
        names, kept = class_names(desk), drafts(desk)
        place = i - len(names)
        if place >= 0:
            kept += [""] * (place + 1 - len(kept))
            kept[place] = "" if clean(name) in names else str(name or "")[:200]  # photos have come for it meanwhile
        now = desk.values.get("typing")
        if typing:
            now = [i, names[i] if place < 0 else ""]
        elif now and now[0] == i:
            now = None
        update(server, owner, drafts=kept, typing=now)


def drop_draft(desk: Desk, i: int, name: str) -> None:
    """Photos have made a class of the empty card `i`: its name is no draft any more, and the other empty cards move up.

    Args:
        desk: as it was before the photos came.
        name: what the card's box held.
    """
    with turn(desk.owner):
        kept = drafts(desk_of(desk.server, desk.owner))
        place = i - len(class_names(desk))
        same = [n for n, draft in enumerate(kept) if name and clean(draft) == name]
        gone = same[0] if same and place not in same else place
        kept = [draft for n, draft in enumerate(kept) if n != gone]
        update(desk.server, desk.owner, drafts=kept)


def boxes(desk: Desk, shown: str | None) -> Boxes:
    """What a tab's boxes hold as far as an answer has filled them.

    Args:
        shown: id of the dataset that the tab shows; empty for none, None when it has not said.
    """
    if shown is None:
        return None
    try:
        names = desk.server.store.find_dataset(desk.owner, shown).class_names if shown else ()
    except UserError:  # long gone
        return None
    return [*names, *drafts(desk)]


def kept(desk: Desk, before: Boxes, cards: int) -> set[int]:
    """Those of so many cards whose boxes an answer leaves alone.

    That is the card in which a person types, as long as it is still the same class's, and each one that is to hold what an
    answer has put there before: what has been typed there between a question and its answer, only the browser knows.
    """
    now = [*class_names(desk), *drafts(desk)]
    old, new = ((names + [""] * cards)[:cards] for names in (before or [], now))
    place, name = desk.values.get("typing") or (-1, "")
    names = class_names(desk)
    in_hand = place >= 0 and name == (names[place] if place < len(names) else "")
    return {i for i in range(cards) if (before is not None and old[i] == new[i]) or (in_hand and i == place)}
