"""The questions that are answered about somebody's photos, in the order in which they are asked. Never loads torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from transferui.errors import UserError


@dataclass(frozen=True)
class Part:
    """One question.

    Attributes:
        name: key of its answer in a measurement's results.json.
        doing: what is going on while it is measured.
        takes: how long that takes on two cores, in words.
    """

    name: str
    question: str
    doing: str
    takes: str


PARTS = {
    part.name: part
    for part in (
        Part("rank", "Which network suits these photos?", "Comparing networks", "some seconds a network"),
        Part("unusual", "How unusual are these photos for the network?", "Looking at how unusual they are", "2 seconds"),
        Part("probe", "Where to freeze?", "Probing every stage", "about 30 seconds"),
        Part("curve", "Would more photos help?", "Learning from more and more photos", "5 seconds"),
        Part("labels", "Which labels may be wrong?", "Checking the labels", "2 seconds"),
        Part("map", "What does the network find alike?", "Drawing the map of the photos", "5 seconds"),
        Part("gain", "Did transfer help?", "Comparing with a network that starts from nothing", "about 2 minutes"),
        Part("chain", "Did your own earlier model help?", "Comparing with a start from ImageNet", "about 2 minutes"),
    )
}
# What the choice of a network and of its frozen blocks rests on.
BEFORE_TRAINING = ("rank", "unusual", "probe")
# A model of one's own to start from is not always there.
ALWAYS = tuple(name for name in PARTS if name != "chain")


def check_parts(names: Iterable[str]) -> tuple[str, ...]:
    """Known names in the order of the questions, each once.

    Raises:
        UserError: ``UNKNOWN_PART``.
    """
    wanted = set(names)
    unknown = sorted(str(name)[:40] for name in wanted - set(PARTS))
    if unknown or not wanted:
        raise UserError(
            "UNKNOWN_PART",
            f"There is no measurement named {', '.join(unknown) or 'nothing'!r}.",
            f"There are: {', '.join(PARTS)}.",
        )
    return tuple(name for name in PARTS if name in wanted)
