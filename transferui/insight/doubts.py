"""What doubted labels are told as: which stand out, and that a network doubts right labels of hard photos too. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transferui.evaluation.shown import share

# A doubted photo as the measurement keeps it.
Doubted = Mapping[str, Any]


def stands_out(one: Doubted) -> bool:
    """Whether it looks as much like the other class as that class's own photos do; runs of earlier versions do not know."""
    return bool(one.get("strong"))


def doubts_in_words(suspects: Sequence[Doubted], n: int, right: int, of: int) -> str:
    """How many labels are doubted, how many of them stand out, and why the others may well be right.

    Args:
        suspects: those that are listed, most suspicious first.
        n: how many are doubted, at least 1; more than are listed where there are very many.
        right, of: with how many labels a network agreed that had learned from the other photos, and of how many; 0 of 0 where
            that is not known.
    """
    strong = [one for one in suspects if stands_out(one)]
    look = "One photo looks" if n == 1 else f"{n:,} photos look"
    told = f"{look} more like another class than like {'its' if n == 1 else 'their'} label"
    told += f". {_outstanding(strong, n)}" if strong else ", but none stands out."
    if not of:
        return told
    labels = f"{right:,} of {of:,} labels ({share(right / of)})"
    agreed = f"asked about photos that it had not learned from, the network agreed with {labels}"
    rest = n - len(strong)
    if not rest:
        return f"{told} {agreed[:1].upper()}{agreed[1:]}."
    # Of photos with wrong labels about a third do not stand out either, so these are not called right.
    others = "This" if n == 1 else "These" if not strong else "The other one" if rest == 1 else f"The other {rest:,}"
    return f"{told} {others} may be merely hard: {agreed}, and it doubts all the rest, also where the label is right."


def _outstanding(strong: Sequence[Doubted], n: int) -> str:
    """Where to begin."""
    first = f"begin with {strong[0]['name']}, {strong[0]['given']} or rather {strong[0]['rather']}?"
    if n == 1:
        return f"It stands out: {first}"
    return f"{len(strong):,} of them stand{'s' if len(strong) == 1 else ''} out: {first}"
