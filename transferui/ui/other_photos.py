"""What the shown run learned from and how, where that is not what lies in step 1 and is set in step 2 now."""

from __future__ import annotations

from transferui.data.changed import mostly_same
from transferui.data.dataset import Dataset
from transferui.errors import UserError
from transferui.ui.desk import Desk
from transferui.ui.html import notice, photos
from transferui.ui.runs_view import FEW, few, numbers

# What to do where a run that goes on keeps others from starting.
WAITS = "You can train with the new {} when it is over. Or press “Stop”: the best it has learned by then is kept."


def run_dataset(desk: Desk) -> Dataset | None:
    """The photos that the shown run learned from."""
    try:
        return desk.server.store.find_dataset(desk.owner, desk.run.dataset_id) if desk.run else None
    except UserError:
        return None


def other_photos(desk: Desk) -> str:
    """A few words for what the shown run learned from; empty when that is what lies in step 1, or when one of both is missing."""
    run, now = desk.run, desk.dataset
    if run is None or now is None or run.dataset_id == now.id:
        return ""
    then = run_dataset(desk)
    if then is None:
        return f"other photos: {run.facts['dataset_name']}"
    if then.fingerprint == now.fingerprint:
        return ""
    if _classes(then) == _classes(now) and then.class_names != now.class_names:
        return f"your photos when the classes had other names ({few(then.class_names)})"
    if then.folder and now.folder and mostly_same(then.folder, now.folder):
        return f"your photos before you changed them ({_content(then)})"
    return f"other photos: {_named(then)}"


def require_shown(desk: Desk, shown: str) -> None:
    """Check that the page shows the photos that lie in step 1.

    Args:
        shown: id of the photos that the page shows.

    Raises:
        UserError: ``PHOTOS_CHANGED`` when another tab, or a change that is just over, has put others there.
    """
    now = desk.dataset
    if now is None or now.id == shown:
        return
    try:
        then = _named(desk.server.store.find_dataset(desk.owner, shown))
    except UserError:  # nobody has kept them
        then = "others"
    message = f"The photos were changed meanwhile, perhaps in another tab: this page shows {then}, now there are {_named(now)}."
    raise UserError("PHOTOS_CHANGED", message, "Reload the page to see them, then start training.")


def _named(dataset: Dataset) -> str:
    """Photos by their name, with how many they are and of what."""
    return f"{dataset.name} ({_content(dataset)})"


def _content(dataset: Dataset) -> str:
    names = dataset.class_names
    return f"{photos(len(dataset.samples))}; {few(names) if 0 < len(names) <= FEW else f'{len(names)} classes'}"


def _classes(dataset: Dataset) -> set[frozenset[str]]:
    """The photos of every class, by content."""
    sorted_out: list[set[str]] = [set() for _ in dataset.class_names]
    for sample in dataset.samples:
        sorted_out[sample.label].add(sample.sha256)
    return {frozenset(one) for one in sorted_out}


def said_of_others(desk: Desk, *, live: bool) -> str:
    """The notice in step 3 that what it shows is of other photos, or why what is set now has to wait; nothing when it is neither.

    Args:
        live: whether the run still goes on.
    """
    words, run, now = other_photos(desk), desk.run, desk.dataset
    if run is None or now is None or not words:
        return _waits(desk) if live else ""
    main = f"{'The run that goes on' if live else 'This result' if run.results() else 'This run'} is of {words}."
    hint = f"Press “Start training” to learn from {_named(now)}."
    try:
        now.require_trainable()
    except UserError as error:
        hint = f"{error.message} {error.hint}"
    return notice(UserError("OTHER_PHOTOS", main, WAITS.format("photos") if live else hint), "warn")


def _waits(desk: Desk) -> str:
    """Why nothing can be started while a run with other settings goes on; nothing when what is set now is what it learns with."""
    run = desk.run
    if run is None or run.config == desk.config:
        return ""
    name = numbers(desk.server.store.list_runs(desk.owner))[run.id]
    main = f"{name} still goes on, with other settings than those that are set now."
    return notice(UserError("OTHER_SETTINGS", main, WAITS.format("settings")), "warn")
