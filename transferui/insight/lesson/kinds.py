"""The four kinds of transfer, each in a sentence, with which of them this run was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transferui.evaluation.shown import name
from transferui.insight.lesson.facts import PRESS, Lesson
from transferui.insight.lesson.gain_view import VERDICTS

KINDS = {
    "positive": ("Positive transfer", "What was learned before helps with the new task: riding a bicycle helps with a scooter."),
    "negative": ("Negative transfer", "What was learned before is in the way: who is used to one keyboard mistypes on another."),
    "lateral": (
        "Lateral transfer",
        "From one task to another of the same kind: from telling ants and bees apart to telling beetles apart.",
    ),
    "vertical": (
        "Vertical transfer",
        "From an easier task to a larger or harder one that builds on it: from ten flowers to a hundred.",
    ),
}


def kinds(lesson: Lesson) -> str:
    """All four as a list."""
    gain = lesson.found("gain", "seeds")
    verdict = str(gain.get("verdict")) if gain else ""
    rows = ""
    for key, (title, text) in KINDS.items():
        here, why = _effect(key, verdict) if key in ("positive", "negative") else _direction(key, lesson)
        tag = ' <span class="ls-tag">this is yours</span>' if here else ""
        rows += f'<li class="{"here" if here else ""}"><h3>{title}{tag}</h3><p>{text}</p><p class="why">{why}</p></li>'
    return f'<ul class="ls-kinds">{rows}</ul>'


def _effect(key: str, verdict: str) -> tuple[bool, str]:
    """Whether it helped or hurt, as far as that was measured."""
    if not verdict:
        return False, f"Not measured yet: press Measure at <b>{PRESS['gain']}</b>."
    if verdict == key:
        return True, "Measured on your photos, against the same network from nothing."
    return False, f"Measured on your photos: {VERDICTS.get(verdict, ('not known', ''))[0].lower()}."


def _direction(key: str, lesson: Lesson) -> tuple[bool, str]:
    """Where the run came from."""
    if not lesson.relation:
        began = "nothing" if lesson.blank else "ImageNet"
        return False, f"Only a run that starts from one of your own models is called so here; this one started from {began}."
    if lesson.relation != key:
        return False, f"This run was {lesson.relation} transfer."
    parent = (
        f"This run started from your model {name(lesson.parent)}."
        if lesson.parent
        else "This run started from one of your own models."
    )
    return True, f"{parent} {_chain(lesson.results)}"


def _chain(results: Mapping[str, Any]) -> str:
    """What starting from one's own model was worth against ImageNet."""
    chain = results.get("chain") or {}
    verdict = str(chain.get("verdict", ""))
    if not chain.get("seeds") or verdict not in VERDICTS:
        return "Whether that is better than starting from ImageNet has not been measured."
    words = {"positive": "helped", "negative": "hurt", "no_clear_difference": "made no clear difference"}
    return f"Against starting from ImageNet, that {words[verdict]}."
