"""Changes to a person's photos: each is made to what the one before has left, and what nobody wants any more is not taken."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from transferui.data.dataset import Dataset
from transferui.errors import UserError
from transferui.runs.engine import Report
from transferui.ui.desk import Desk, Server, desk_of, follow, forget_dataset
from transferui.ui.turns import Line, line_of
from transferui.ui.typed import class_names


@dataclass(frozen=True)
class Change:
    """A wish to change the photos.

    Attributes:
        question: of the engine, which answers with a new dataset.
        arguments: works out what to ask from the desk as it is when the change has its turn; a UserError refuses.
        take: puts the answer on the desk; gets the desk as it was before, too.
        whole: whether it replaces all photos: of such wishes only the newest counts.
        once: a second wish with the same words, while this one is on its way, is a double click.
    """

    question: str
    arguments: Callable[[Desk], Mapping[str, Any]]
    take: Callable[[Desk, dict[str, Any]], object]
    whole: bool = False
    once: str = ""


def make(server: Server, owner: str, change: Change) -> Iterator[str | None]:
    """Make a change when the person's earlier ones are made; gives what `ask` gives, and nothing for a double click."""
    line = line_of(owner)
    if change.once and not line.begin(change.once):
        return
    yield from follow(partial(_make, server, owner, change, line, line.wish() if change.whole else 0))


def _make(server: Server, owner: str, change: Change, line: Line, wish: int, report: Report) -> None:
    try:
        with line.turn(partial(report, {"what": "Waiting for your change before this one"})):
            if not wish or line.is_newest(wish):
                desk = desk_of(server, owner)
                answer = server.engine.ask(change.question, report, owner=owner, **change.arguments(desk))
                _take(desk, change, answer, wanted=not wish or line.is_newest(wish))
    finally:
        line.end(change.once)


def _take(desk: Desk, change: Change, answer: dict[str, Any], *, wanted: bool) -> None:
    """Put the answer on the desk, or let no photos stay that nobody could reach."""
    taken = False
    try:
        if wanted:
            change.take(desk, answer)
            taken = True
    finally:
        if not taken:
            forget_dataset(desk_of(desk.server, desk.owner), answer["dataset_id"])


def key_of(dataset: Dataset, i: int) -> tuple[str, str]:
    """What a photo is known by in whatever becomes of the dataset: its content and its class."""
    sample = dataset.samples[i]
    return sample.sha256, dataset.class_names[sample.label]


def of_dataset(desk: Desk) -> dict[str, Any]:
    """A question about the photos on the desk.

    Raises:
        UserError: ``NOT_FOUND`` when there are none.
    """
    if desk.dataset is None:
        raise _changed()
    return {"dataset_id": desk.dataset.id}


def of_class(arguments: dict[str, Any], desk: Desk) -> dict[str, Any]:
    """A question about one of the classes on the desk."""
    return {**of_dataset(desk), **arguments}


def with_photos(name: str, class_name: str, files: list[str], desk: Desk) -> dict[str, Any]:
    """Photos for the class that is named as its card's box, else for the one that the card had when they came."""
    dataset = desk.dataset
    chosen = name if dataset and name in dataset.class_names else class_name
    return {"dataset_id": dataset.id if dataset else None, "class_name": chosen, "files": files}


def removed(i: int, name: str, before: str, desk: Desk) -> dict[str, Any]:
    """Without the class whose card was meant, wherever it is now.

    Args:
        name: what the card's box held; empty when that was no name.
        before: the class that the card had.
    """
    names = class_names(desk)
    same_place = i < len(names) and names[i] == name
    if not same_place and (name not in ("", before) or before not in names):
        raise _changed()
    return of_class({"class_name": name if same_place else before}, desk)


def same_photos(keys: Collection[tuple[str, str]], class_name: str | None, desk: Desk) -> dict[str, Any]:
    """The same photos among those on the desk now, and the class that they are to have.

    Raises:
        UserError: ``NOT_FOUND`` when one of them, or the class, is not there any more.
    """
    dataset = desk.dataset
    places = {key_of(dataset, i): i for i in range(len(dataset.samples))} if dataset else {}
    if dataset is None or not all(key in places for key in keys) or (class_name and class_name not in dataset.class_names):
        raise _changed()
    label = {"label": dataset.class_names.index(class_name)} if class_name else {}
    return {"dataset_id": dataset.id, "indices": [places[key] for key in keys], **label}


def free_name(names: Collection[str], i: int) -> str:
    """A name for a class that was given none, not one that is taken."""
    return next(name for name in (f"Class {n}" for n in range(i + 1, i + 3 + len(names))) if name not in names)


def _changed() -> UserError:
    return UserError("NOT_FOUND", "The photos or their classes have changed meanwhile.", "Look at them as they are now.")
