"""Quick choices: none is dropped, and they are answered in the order they were made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from transferui.ui.desk import QUIET

# Gradio drops what comes while an event of the same kind is being answered: of two blocks clicked at once the second stayed as it was.
CHOICE: Mapping[str, Any] = {**QUIET, "trigger_mode": "multiple"}

P = ParamSpec("P")
R = TypeVar("R")
# Choices of one person wait for each other; people share a lock by chance only.
_TURNS = tuple(threading.RLock() for _ in range(64))


def in_turn(handler: Callable[P, R]) -> Callable[P, R]:
    """Let a choice wait until the person's earlier one is answered.

    Events past the queue run at the same time, so that of two quick choices the answer to the first could come last, and the
    page would show what is no longer chosen.

    Args:
        handler: a method whose first argument, by position, is the owner's token.
    """

    @wraps(handler)
    def waiting(*args: P.args, **more: P.kwargs) -> R:
        with _TURNS[hash(str(args[1])) % len(_TURNS)]:
            return handler(*args, **more)

    return waiting
