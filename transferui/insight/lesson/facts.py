"""What a lesson is about, and what one of its sections is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from transferui.insight.lesson.marks import Found
from transferui.insight.parts import PARTS

# The question whose button measures it, as the page asks it.
PRESS = {part.name: part.question for part in PARTS.values()}
NEVER = "not measured yet"


@dataclass(frozen=True)
class Lesson:
    """A run as the lesson tells of it.

    Attributes:
        title: what the photos are called.
        backbone: the network's title.
        trainable: blocks that learned besides the head.
        accuracy: the run's headline accuracy with ``value``, ``low``, ``high``, ``n``; None without a run.
        where: what that was measured on, in words.
        head_accuracy: of the head alone on frozen blocks, from 0 to 1.
        seconds: of the whole run.
        relation: ``lateral`` or ``vertical`` when it started from one of the person's own models.
        parent: what that model is called.
        blank: it started from random weights.
        date: when it was made, in words.
        results: measurements by name, as dictionaries.
    """

    title: str
    classes: tuple[str, ...]
    backbone: str
    n_photos: int
    trainable: tuple[str, ...] = ()
    accuracy: Found | None = None
    where: str = ""
    head_accuracy: float | None = None
    seconds: float | None = None
    relation: str = ""
    parent: str = ""
    blank: bool = False
    date: str = ""
    results: Mapping[str, Any] = field(default_factory=dict)

    def found(self, key: str, filled: str) -> Found | None:
        """A measurement, if the part of it that is needed was finished."""
        one = self.results.get(key)
        return one if one and one.get(filled) else None


@dataclass(frozen=True)
class Claim:
    """One section; all but `ask` is HTML.

    Attributes:
        question: what the section asks.
        big, small: the person's own number and what it is.
        words: what was found and why.
        ask: something to try.
        press: the question of the page that measures it; empty when it was.
    """

    question: str
    big: str
    small: str
    words: str
    ask: str
    picture: str = ""
    press: str = ""
