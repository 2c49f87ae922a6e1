"""A person's runs as a family tree: which model came from which, how good each is, and how their tasks are related."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from transferui.errors import UserError
from transferui.training.lineage import RELATION_WORDS
from transferui.ui.compare_view import Entry
from transferui.ui.html import percent
from transferui.ui.runs_view import numbers


@dataclass(frozen=True)
class Member:
    """One model.

    Attributes:
        id: of its run.
        name: ``Run 3``; empty for one whose run is not there (any more).
        parent: id of the model that it started from; empty for one that started from ImageNet or from nothing.
        root: ``imagenet`` or ``random`` for one without a parent.
        accuracy: of its validation photos from 0 to 1; None when it has none (yet).
        relation: to its parent; empty when it is not known (yet).
    """

    id: str
    name: str
    dataset_name: str
    parent: str = ""
    root: str = "imagenet"
    accuracy: float | None = None
    relation: str = ""


def family(mine: Sequence[Entry], shown: str) -> str:
    """The tree of those runs that started from an own model and of those that they came from; nothing when there are none.

    Args:
        mine: runs as the list has them, newest first.
        shown: id of the run that is shown.
    """
    members = members_of(mine)
    related = {m.id for m in members.values() if m.parent} | {m.parent for m in members.values() if m.parent}
    if not related:
        return ""
    kin = {key: one for key, one in members.items() if key in related}
    apart = sum(1 for one in members.values() if one.id not in related and one.name)
    roots = [(root, [m for m in kin.values() if not m.parent and m.root == root]) for root in ("imagenet", "random")]
    body = "".join(_root(root, first, kin, shown) for root, first in roots if first)
    runs = "One more run has" if apart == 1 else f"{apart} more runs have"
    rest = f'<p class="tu-famrest">{runs} no relatives.</p>' if apart else ""
    return (
        '<section class="tu-card tu-family"><h2>Family tree</h2><p>Which model started from which. '
        "<em>Lateral</em> goes to another task of the same kind, <em>vertical</em> to a harder or larger one.</p>"
        f'<div class="tu-scroll" tabindex="0" role="region" aria-label="Family tree">{body}</div>{rest}</section>'
    )


def members_of(mine: Sequence[Entry]) -> dict[str, Member]:
    """All runs by id, oldest first, and models before them whose runs are gone, as far as the runs remember them."""
    names, found = numbers([run for run, _, _ in mine]), dict[str, Member]()
    for run, _, results in reversed(mine):
        try:
            facts, config = run.facts, run.config
        except UserError:  # a run of another version of the app; the list says so
            continue
        lineage = [one for one in facts.get("lineage") or (results or {}).get("lineage") or () if isinstance(one, dict)]
        _remember(found, lineage)
        parent = str(lineage[-1]["name"]) if lineage else config.start_from
        relation = str(facts.get("relation") or (results or {}).get("relation") or "")
        accuracy = float(results["val_accuracy"]) if results else None
        name = str(facts.get("dataset_name", ""))
        found[run.id] = Member(run.id, names[run.id], name, _id(parent), config.weights, accuracy, relation)
    return {key: one if one.parent in found else _orphan(one) for key, one in found.items()}


def _id(parent: str) -> str:
    """The id of a run that may be named by its folder."""
    return parent.rstrip("/").rpartition("/")[2]


def _orphan(one: Member) -> Member:
    return Member(one.id, one.name, one.dataset_name, "", one.root, one.accuracy)


def _remember(found: dict[str, Member], lineage: Iterable[Mapping[str, Any]]) -> None:
    """Add models that are known from a later one's lineage only; a run that is there tells of itself."""
    before = ""
    for one in lineage:
        key = str(one.get("name", ""))
        if key not in found:
            root, accuracy = str(one.get("start") or "imagenet"), one.get("val_accuracy")
            found[key] = Member(key, "", str(one.get("dataset_name", "")), before, root, accuracy, str(one.get("relation", "")))
        before = key


def _root(root: str, first: Sequence[Member], kin: Mapping[str, Member], shown: str) -> str:
    """The tree below ImageNet or nothing; without recursion, because a chain may be as long as somebody likes."""
    title, say = ("ImageNet", "1.3&nbsp;million photos") if root == "imagenet" else ("Nothing", "random weights")
    children: dict[str, list[Member]] = {}
    for member in kin.values():
        children.setdefault(member.parent, []).append(member)
    parts = [f'<div class="tu-fam"><div class="fam-root"><b>{title}</b><small>{say}</small></div><ul>']
    todo: list[Member | str] = [*reversed(first)]
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            parts.append(one)
            continue
        parts.append(f"<li>{_member(one, shown)}")
        below = children.get(one.id, [])
        todo.append("</ul></li>" if below else "</li>")
        if below:
            parts.append("<ul>")
            todo.extend(reversed(below))
    return "".join([*parts, "</ul></div>"])


def _member(one: Member, shown: str) -> str:
    meaning = RELATION_WORDS.get(one.relation, "")
    word = one.relation if meaning else ""
    edge = f'<span class="fam-edge" title="{meaning}">{word}</span>' if word else ""
    accuracy = f"<strong>{percent(one.accuracy)}</strong>" if one.accuracy is not None else "<strong>–</strong>"
    inner = f"{accuracy}<span><b><bdi>{escape(one.dataset_name or one.id)}</bdi></b><small>{escape(one.name or 'not here (any more)')}</small></span>"
    if not one.name:
        return f'{edge}<span class="fam-node gone">{inner}</span>'
    here = ' aria-current="true"' if one.id == shown else ""
    label = escape(f"Open {one.name}: {one.dataset_name}{f', {word} transfer' if word else ''}")
    return f'{edge}<button type="button" class="fam-node" data-pick="open:{escape(one.id)}" aria-label="{label}"{here}>{inner}</button>'
