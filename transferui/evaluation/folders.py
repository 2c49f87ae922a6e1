"""Which class the folders around a photo say, and how those are told of that lie in none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from transferui.data.layout import clean_class_name
from transferui.errors import UserError

# Folders named in the sentence about those that are none of the classes.
MOST_NAMED = 3


class Folders:
    """The classes of a model, to be found by the names of folders."""

    def __init__(self, class_names: Sequence[str]) -> None:
        self.names, self.folded = frozenset(class_names), dict[str, list[str]]()
        for name in class_names:
            self.folded.setdefault(name.casefold(), []).append(name)

    def say(self, folders: Sequence[str]) -> str | None:
        """The class of a photo, or None.

        The innermost folder that names a class counts. In training it is the outermost one, whatever its name.

        Args:
            folders: names as they are, from the outermost to the one that the photo lies in.
        """
        return next((said for folder in reversed(folders) if (said := self._class_of(folder))), None)

    def _class_of(self, folder: str) -> str | None:
        """The class of this very name; else the only one that differs in nothing but capitals."""
        try:
            name = clean_class_name(folder)
        except UserError:
            return None
        alike = self.folded.get(name.casefold(), [])
        return name if name in self.names else alike[0] if len(alike) == 1 else None


def familiar_words(n: int) -> str:
    """What is said where `n` of the tested photos are, to the network's eyes, photos that it learned from."""
    these = "One of these photos looks" if n == 1 else f"{n:,} of these photos look"
    return f"{these} the same as photos it learned from: that says little about new ones."


def elsewhere(found: Mapping[str, Any], named: Callable[[str], str]) -> str:
    """A sentence about the photos whose folders are none of the classes; empty without any.

    Args:
        found: the numbers of a batch.
        named: makes a folder's name fit for where the sentence is shown.
    """
    n, folders = found.get("n_in_other_folders", 0), found.get("other_folders", ())
    if not n:
        return ""
    names = ("such as " if len(folders) == MOST_NAMED else "") + ", ".join(named(folder) for folder in folders)
    if "accuracy" not in found:
        return f"No folder is named like one of its classes ({names}), so there is no telling how many answers are right."
    if n == 1:
        return f"1 photo lies in a folder that is none of its classes ({names}) and does not count here."
    return f"{n:,} photos lie in folders that are none of its classes ({names}) and do not count here."
