"""Of several questions that one person asks about the same place on the page, only the newest is answered there."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from transferui.runs.store import hash_owner
from transferui.ui.desk import LONG, skips

# Events whose older answers are dropped: none is kept waiting for the one before.
NEWEST: Mapping[str, Any] = {**LONG, "trigger_mode": "multiple"}
# People whose last question is remembered; more than are ever at work at once.
PEOPLE = 10_000


class Newest:
    """Counts the questions, person by person."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()
        self._lock, self._numbers = threading.Lock(), itertools.count(1)

    def begin(self, owner: str) -> int:
        """A new question: answers to older ones come too late from now on.

        Raises:
            UserError: ``NO_OWNER``.
        """
        key = hash_owner(owner)
        with self._lock:
            self._last[key] = number = next(self._numbers)
            self._last.move_to_end(key)
            if len(self._last) > PEOPLE:
                self._last.popitem(last=False)
        return number

    def last(self, owner: str) -> int:
        """Number of this person's newest question; 0 when there was none.

        Raises:
            UserError: ``NO_OWNER``.
        """
        return self._last.get(hash_owner(owner), 0)

    def only(self, owner: str, number: int, rows: Iterable[list[Any]]) -> Iterator[list[Any]]:
        """The rows of an answer, as long as its question is the newest."""
        for row in rows:
            if self.last(owner) != number:
                # Gradio sends the last row again at the end, so that row must not be one that the newer answer has replaced.
                yield skips(len(row))
                return
            yield row
