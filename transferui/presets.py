"""Recipes: settings that go together, by name, and which one suits how many photos."""

from __future__ import annotations

import re
import types
import typing
from dataclasses import dataclass
from typing import Any

# Quick look trains the head only. Balanced goes on with the last stages, which hold half of the weights; Best with half of the
# stages, and for longer. Both look at mirrored and cut photos, unless mirrored ones are mistaken (training/mirror.py).
PRESETS: typing.Mapping[str, typing.Mapping[str, Any]] = types.MappingProxyType(
    {
        "quick": {"trainable": "none"},
        "balanced": {"trainable": "late", "augmentation": "crops", "finetune_steps": 300},
        "best": {"trainable": "half", "augmentation": "crops", "finetune_steps": 1500},
    }
)
# What the command line takes for "the one that is proposed for these photos".
AUTO = "auto"
# Photos in the smallest class from which on a recipe is proposed. With extremely few photos the head on frozen features is better
# than fine-tuning, with more it is the other way round (Kim et al., 2022); where the border lies is our own judgment: 20 a class
# and 100 in all, and from 200 a class on half of the network has enough to learn from.
DEMO, BALANCED_FROM, ENOUGH_IN_ALL, BEST_FROM = 2, 20, 100, 200

WHY_QUICK = f". With fewer than {BALANCED_FROM}, changing blocks hardly ever helps."

_DIGITS = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
# A word in a class's or set's name that says that the mirror image is another thing.
_SIDES = {"left", "right", "clockwise", "counterclockwise", "anticlockwise"}
_WRITTEN = {"digit", "digits", "mnist", "letter", "letters", "alphabet", "handwriting", "handwritten", "sign", "signs"}
# "No sign of rust", "signs of disease": nothing that anybody reads.
_OMEN = re.compile(r"\bsigns? of\b|\b(no|without) signs?\b")


@dataclass(frozen=True)
class Proposal:
    """The recipe for some photos.

    Attributes:
        preset: a name in `PRESETS`.
        why: one or two sentences for the person.
    """

    preset: str
    why: str


def propose(counts: typing.Mapping[str, int], scenes: typing.Mapping[str, int] | None = None) -> Proposal:
    """The recipe that suits these photos.

    Args:
        counts: photos by class name.
        scenes: the same, but a whole series of photos counts as one: it teaches hardly more. As `counts` when left out.

    Source: the rule is our own, made from comparisons of linear probing and fine-tuning: Kim et al., 2022, How to fine-tune
    models with few samples; Kumar et al., 2022, Fine-tuning can distort pretrained features and underperform out-of-distribution.
    """
    scenes = counts if scenes is None else scenes
    if not counts or not all(counts.values()):
        empty = next((f" of {name}" for name, n in counts.items() if not n), "") if any(counts.values()) else ""
        return Proposal("quick", f"There are no photos{empty} yet; a quick look is always a good start.")
    name, n = min(scenes.items(), key=lambda item: item[1])
    total = sum(scenes.values())
    smallest, why = f"your smallest class, {name}, has {n:,} {'photo' if n == 1 else 'photos'}", WHY_QUICK
    if n < counts[name]:
        smallest = f"your class {name} has {counts[name]:,} photos, but they come in series and count like {n:,}"
        why = ". Photos of other moments and places teach more than further frames."
    elif n <= DEMO:
        why = ": enough for a demo. With 20 or more per class it can really learn."
    if n < BALANCED_FROM:
        return Proposal("quick", capital(smallest) + why)
    if total < ENOUGH_IN_ALL:
        return Proposal("quick", _few_in_all(sum(counts.values()), total))
    if n < BEST_FROM:
        return Proposal(
            "balanced", f"{capital(smallest)}: enough for the last block to adapt. If that does not help, it is taken back."
        )
    return Proposal("best", f"{capital(smallest)}: enough for half of the network to adapt, if you have the time.")


def _few_in_all(photos: int, scenes: int) -> str:
    """Why so many photos, which count like so many that were taken one by one, are too few to change blocks."""
    few = f"below {ENOUGH_IN_ALL:,}, changing blocks mostly learns them by heart."
    if scenes == photos:
        return f"{photos:,} photos in all are few: {few}"
    return f"Some of your {photos:,} photos are series or copies; together they count like {scenes:,}, and that is few: {few}"


def capital(text: str) -> str:
    """As at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def mirror_warning(class_names: typing.Iterable[str], set_name: str = "") -> str:
    """Why these photos should not be shown mirrored, or nothing when nothing speaks against it.

    It goes by names only: digits, letters, left and right, and signs, digits or letters in the name of the set or of any class.
    One class is enough: a stop sign has no mirror image, whatever stands beside it.
    """
    spelled = [name.strip() for name in class_names]
    names = [name.lower() for name in spelled]
    if names and all(name.isdecimal() or name in _DIGITS for name in names):
        return "Your classes look like digits, and a mirrored 2 is no 2."
    if names and all(len(name) == 1 and name.isalpha() for name in names):
        return "Your classes look like letters, and a mirrored b is a d."
    if any(_SIDES.intersection(_words(name)) for name in spelled):
        return "Your classes tell left from right, and a mirror swaps them."
    if any(_WRITTEN.intersection(_OMEN.sub("", " ".join(_words(name))).split()) for name in (*spelled, set_name)):
        return "Signs, digits and letters cannot be read in a mirror."
    return ""


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]


def unmirrored(augmentation: str) -> str:
    """The same changed copies without mirrored ones."""
    return "crops_no_flip" if augmentation == "crops" else "none"


def recipe(name: str, class_names: typing.Iterable[str] = (), set_name: str = "") -> dict[str, Any]:
    """A recipe's settings for these photos: as in `PRESETS`, without mirrored copies where a mirror would lie.

    Raises:
        KeyError: when there is no recipe of that name.
    """
    values = dict(PRESETS[name])
    if "augmentation" in values and mirror_warning(class_names, set_name):
        values["augmentation"] = unmirrored(str(values["augmentation"]))
    return values
