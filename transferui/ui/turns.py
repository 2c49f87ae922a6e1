"""Quick choices and slow changes: none is dropped, and none writes over what another has made meanwhile."""

from __future__ import annotations

import inspect
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from transferui.errors import UserError
from transferui.ui.desk import LONG, QUIET

# Gradio drops what comes while an event of the same kind is being answered: of two blocks clicked at once the second stayed as it was.
CHOICE: Mapping[str, Any] = {**QUIET, "trigger_mode": "multiple"}
# The same for changes that may take long. Only for handlers that wait for each other in a `Line`: these all run at the same time.
CHANGE: Mapping[str, Any] = {**LONG, "trigger_mode": "multiple"}
# Who has waited this long is told what for; quicker answers leave the page quiet.
PATIENCE_S = 0.5

P = ParamSpec("P")
R = TypeVar("R")
# Choices of one person wait for each other; people share a lock by chance only.
_TURNS = tuple(threading.RLock() for _ in range(64))


@contextmanager
def turn(owner: str) -> Iterator[None]:
    """Read the desk and write it while no other quick choice of this person does; never for longer than that takes."""
    with _TURNS[hash(owner) % len(_TURNS)]:
        yield


def in_turn(handler: Callable[P, R]) -> Callable[P, R]:
    """Let a choice wait until the person's earlier one is answered.

    Events past the queue run at the same time, so that of two quick choices the answer to the first could come last, and the
    page would show what is no longer chosen. The lock keeps them apart, but it does not promise the order of those that wait.

    Args:
        handler: a method whose first argument, by position, is the owner's token. Not a generator: calling one only makes it,
            and it would run after the lock was given back. Inside one, use `turn` around what is quick, or a `Line`.
    """
    if inspect.isgeneratorfunction(handler):
        raise TypeError(f"{handler.__name__} is a generator: it would run outside its turn")

    @wraps(handler)
    def waiting(*args: P.args, **more: P.kwargs) -> R:
        with turn(str(args[1])):
            return handler(*args, **more)

    return waiting


class Line:
    """One person's slow changes: one at a time, in the order in which they have asked for their turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._wishes = 0
        self._begun: set[str] = set()

    def begin(self, what: str) -> bool:
        """Whether nothing by this name is on its way; then it is, until `end`."""
        with self._lock:
            new = what not in self._begun
            self._begun.add(what)
            return new

    def end(self, what: str) -> None:
        """What was begun is over."""
        with self._lock:
            self._begun.discard(what)

    def wish(self) -> int:
        """The number of a new wish that takes the place of the earlier ones of its kind."""
        with self._lock:
            self._wishes += 1
            return self._wishes

    def is_newest(self, wish: int) -> bool:
        """Whether no newer wish has come."""
        return wish == self._wishes

    @contextmanager
    def turn(self, told: Callable[[], object] | None = None, limit_s: float | None = None) -> Iterator[None]:
        """Wait for those who came before, then keep those who come later waiting.

        Args:
            told: called when the wait is long enough to speak of.
            limit_s: seconds after which to give up.

        Raises:
            UserError: ``BUSY`` after `limit_s`.
        """
        mine = threading.Event()
        with self._lock:
            self._waiting.append(mine)
            self._waiting[0].set()
        try:
            if not mine.wait(PATIENCE_S) and told:
                told()
            if not mine.wait(limit_s):
                raise UserError("BUSY", "Your photos are just being changed.", "Wait until that is done, then try again.")
            yield
        finally:
            with self._lock:
                self._waiting.remove(mine)
                if self._waiting:
                    self._waiting[0].set()


_LINES: WeakValueDictionary[str, Line] = WeakValueDictionary()
_MAKING = threading.Lock()


def line_of(owner: str) -> Line:
    """The line of a person's changes; it is there as long as somebody holds it."""
    with _MAKING:
        return _LINES.setdefault(owner, Line())
