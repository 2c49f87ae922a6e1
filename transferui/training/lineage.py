"""Where a model comes from: the models before it, and how each task is related to the one before. Nothing here loads torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Relation = Literal["", "lateral", "vertical", "continued"]
# A chain longer than this is a loop of a script, and its facts would outgrow a model.json.
MOST_ANCESTORS = 500
# From so many times the photos on a task with the same or fewer classes counts as a larger one.
LARGER = 2
# What the relations are called on screen and in model cards; each is a sentence about the later model.
RELATION_WORDS: Mapping[str, str] = {
    "lateral": "lateral transfer: another task of the same kind",
    "vertical": "vertical transfer: a harder or larger task",
    "continued": "continued: the same task, gone on with",
}

# Why a model has no fine-tuned blocks although some were to learn, by what became of fine-tuning (`fine_tuning`).
NOT_FINE_TUNED: Mapping[str, str] = {
    "taken back": "fine-tuning was tried and did not help enough, so the frozen blocks were kept",
    "cut": "it was stopped before fine-tuning had brought anything better",
}
# Said of a model whose run did not come to its end.
EARLY = "before its end; this is the best that it had by then"


class Ancestor(BaseModel):
    """One model that a later one came from.

    Attributes:
        name: id of its run; the name of its file where that is all that is known.
        relation: to the model before it; empty for one that started from ImageNet or from nothing.
        start: what the first of a chain started from; empty for the others.
        trainable: names of the stages that learned.
        val_accuracy: 0 to 1, or None when it was not said.
        weights_fingerprint: SHA-256 of all weights of its stages, without the head.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(max_length=200)
    dataset_name: str = Field(default="", max_length=500)
    class_names: tuple[str, ...] = Field(default=(), max_length=2000)
    n_photos: int = Field(default=0, ge=0)
    backbone: str = Field(default="", max_length=100)
    trainable: tuple[str, ...] = Field(default=(), max_length=200)
    val_accuracy: float | None = Field(default=None, ge=0, le=1)
    weights_fingerprint: str = Field(default="", max_length=64)
    dataset_fingerprint: str = Field(default="", max_length=64)
    relation: Relation = ""
    start: Literal["", "imagenet", "random"] = ""


def relation(before: Collection[str], n_before: int, classes: Collection[str], n_photos: int) -> Relation:
    """How a task is related to the one that the model before it was trained for.

    ``vertical`` is a harder or larger task: more classes (the old ones and further ones, or simply more of others), or at least
    twice the photos. ``continued`` is the same classes again. ``lateral`` is all else: other classes, no more of them.

    The number of classes stands for how hard a task is, because chance gets 1 in K right and every class has to be told from
    K - 1 others; the number of photos for how large it is. Doubling is asked for, since a few photos more change no task.

    Source: the words are the textbooks'; where they begin and end is our own rule.

    Args:
        before: class names of the model before.
        n_before: photos it was trained and checked with.
        classes: class names now.
        n_photos: photos now.
    """
    if len(classes) > len(before) or n_photos >= LARGER * max(1, n_before):
        return "vertical"
    return "continued" if set(classes) == set(before) else "lateral"


def fine_tuning(results: Mapping[str, Any]) -> Literal["", "kept", "taken back", "cut"]:
    """What became of a run's fine-tuning: nothing was to be fine-tuned, it was kept, it did not help, or it was ended before.

    Args:
        results: its results.json.
    """
    if not results.get("trainable"):
        return ""
    if results.get("kept_phase") != "head":
        return "kept"
    return "cut" if ended_early(results) else "taken back"


def ended_early(results: Mapping[str, Any]) -> bool:
    """Whether results.json is of a run that was stopped, or that goes on or broke off after it was written."""
    return results.get("final") is False or bool(results.get("stopped"))


def learned_stages(results: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the stages that the kept model of a run has changed; none when fine-tuning was not tried, or was taken back.

    Args:
        results: its results.json.
    """
    return () if results.get("kept_phase") == "head" else tuple(results.get("trainable") or ())


def as_ancestor(name: str, facts: Mapping[str, Any], *, trainable: Sequence[str], fingerprint: str) -> Ancestor:
    """A model as one of a later one's ancestors.

    Args:
        name: id of its run, or of its file.
        facts: its results.json, or model.json with its metrics.
        trainable: names of the stages that learned.
        fingerprint: of its weights.
    """
    known = facts.get("dataset", {})
    accuracy = facts.get("val_accuracy")
    lineage = facts.get("lineage") or []
    start: Literal["imagenet", "random"] = "random" if facts.get("weights") == "random" else "imagenet"
    return Ancestor(
        name=name[:200],
        dataset_name=str(facts.get("dataset_name") or known.get("name") or "")[:500],
        class_names=tuple(facts.get("class_names") or facts.get("classes") or ()),
        n_photos=sum(int(facts.get(part) or 0) for part in ("n_train", "n_val", "n_test")),
        backbone=str(facts.get("backbone", "")),
        trainable=tuple(trainable),
        val_accuracy=float(accuracy) if isinstance(accuracy, (int, float)) and 0 <= accuracy <= 1 else None,
        weights_fingerprint=fingerprint,
        dataset_fingerprint=str(facts.get("dataset_fingerprint") or known.get("fingerprint") or "")[:64],
        relation=facts.get("relation") or "" if facts.get("relation") in RELATION_WORDS else "",
        start="" if lineage else start,
    )


def family_words(lineage: Sequence[Ancestor | Mapping[str, Any]], own: str) -> list[str]:
    """The steps from the first model to the last as sentences, for a model card; names are as people gave them.

    Args:
        lineage: the models before, oldest first.
        own: the last model's relation to the one before.
    """
    ancestors = [one if isinstance(one, Ancestor) else Ancestor.model_validate(one) for one in lineage]
    relations = [*(one.relation for one in ancestors[1:]), own]
    said = []
    for one, then in zip(ancestors, relations, strict=True):
        origin = {"imagenet": " It started from ImageNet.", "random": " It started from nothing."}.get(one.start, "")
        reached = "" if one.val_accuracy is None else f", {one.val_accuracy:.1%} right in validation"
        learned = ", ".join([*one.trainable, "head"])
        shown = f"{', '.join(one.class_names[:12])}; {one.n_photos:,} photos{reached}; learned: {learned}."
        said.append(f"{one.dataset_name or one.name}: {shown}{origin} Next: {RELATION_WORDS.get(then, 'another model')}.")
    return said
