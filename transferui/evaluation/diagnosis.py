"""What the curves of a run say, in words, and what to try next. Plain data in and out; nothing here loads torch.

Accuracy over a few photos moves in steps of many points by chance alone, so no rule looks at its wiggles: changes of the
validation loss are taken photo by photo and must be larger than chance.

Source: the rules are this project's own; the two-epoch rule is in the spirit of L. Prechelt, 1998, Early
stopping - but when?
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from transferui.backbones.catalogue import get_backbone, resolve_trainable
from transferui.errors import UserError
from transferui.evaluation.headline import Headline, headline
from transferui.evaluation.shown import share
from transferui.presets import mirror_warning

# One-sided 5 % of the normal distribution.
SURE = 1.645
# A rise of the validation loss below this (in nats per photo) may be real but harms nobody.
MATERIAL = 0.05
# Share of training photos answered right from which they are known by heart, and what new photos must reach all the same.
BY_HEART, NEW_ONES = 0.995, 0.90
# Training photos answered this much better than even the upper end of what new ones are.
GAP = 0.10
# Accuracy this far above guessing with an interval that still reaches down to it: too few photos, not too little learned.
FAR = 0.15
# What ended a phase that diverged.
TROUBLES = {
    "nan": "the loss stopped being a number",
    "runaway": "the loss ran far above where it began",
    "collapse": "every photo got the same answer",
}
# A loss that rises from so early an epoch on was overshot.
SOON = 2
# From so many photos in its smallest class on, a last stage that learns may gain something (as in presets.propose).
ENOUGH_TO_TUNE = 20
# The presets of freezing from the most to the fewest frozen blocks.
LADDER = ("none", "last", "half", "all")
LADDER_WORDS = {
    "none": "freeze every block",
    "last": "train the last stage too",
    "half": "train the last half",
    "all": "train every block",
}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """What the rules look at.

    Attributes:
        me: the accuracy that stands for the run.
        rows: one per epoch, of all phases.
        settings: the run's settings.
    """

    me: Headline
    results: Mapping[str, Any]
    rows: Sequence[Row]
    settings: Mapping[str, Any]

    @property
    def train(self) -> float | None:
        """Share of training photos that the kept state answers right, without changed copies."""
        return self.results.get("train_accuracy")

    @property
    def last_phase(self) -> list[Row]:
        """Rows of the phase that ended the run."""
        name = self.rows[-1]["phase"] if self.rows else ""
        return [row for row in self.rows if row["phase"] == name]

    @property
    def tuned(self) -> bool:
        """Whether blocks of the network learned too."""
        return bool(self.results["trainable"])


def diagnose(rows: Sequence[Row], results: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's curves say.

    Args:
        rows: of metrics.jsonl.
        results: of results.json, with its headline.
        settings: the run's settings by name.

    Returns:
        ``kind`` (``not_learning``, ``too_few``, ``underfitting``, ``overfitting`` or ``good``), ``words``, ``evidence`` (with
        numbers), ``try`` (settings to change, or None) and ``try_words`` (what they do; advice where there is nothing to set).
    """
    facts = Facts(headline(results), results, rows, settings)
    found = (rule(facts) for rule in (_ran_away, _guessing, _too_few, _overfitting, _underfitting))
    return next((verdict for verdict in found if verdict), None) or _good(facts)


def _verdict(kind: str, words: str, evidence: str, change: tuple[str, Mapping[str, Any]] | str = "") -> dict[str, Any]:
    """A verdict; `change` is what to try: words and settings, or words alone."""
    words_to_try, settings = (change, None) if isinstance(change, str) else (change[0], dict(change[1]))
    return {"kind": kind, "words": words, "evidence": evidence, "try": settings, "try_words": words_to_try}


def _ran_away(facts: Facts) -> dict[str, Any] | None:
    """A phase went wrong also with ever smaller steps."""
    phase = next((p for p in facts.results["phases"] if p["ended"] == "diverged"), None)
    if phase is None:
        return None
    slower = float(phase.get("slower", 1.0))
    what = TROUBLES.get(phase.get("trouble", ""), TROUBLES["nan"])
    evidence = f"In the phase {phase['name']}, after epoch {phase['epochs']}, {what}"
    evidence += f", also with {slower:g} of the step size." if slower < 1 else "."
    calmer = _smaller_steps(facts, phase["name"], 0.1 * slower)
    if phase["name"] == "finetune" and facts.results["kept_phase"] == "head" and not facts.results["guessing"]:
        evidence += f" The head on frozen blocks gets {share(facts.me.accuracy)} of {facts.me.n} photos right."
        return _verdict("good", "Fine-tuning ran away, so the model with frozen blocks was kept.", evidence, calmer)
    return _verdict("not_learning", "The steps were so large that learning went wrong.", evidence, calmer)


def _guessing(facts: Facts) -> dict[str, Any] | None:
    """Nothing that holds for new photos."""
    base = facts.me.base
    if not facts.results["guessing"] or facts.me.accuracy - base > FAR:
        return None
    evidence = (
        f"{share(facts.me.accuracy)} of {facts.me.n} photos are right ({share(facts.me.low)} to {share(facts.me.high)}); "
        f"always naming the largest class gets {share(base)}."
    )
    if facts.settings.get("weights") == "random" and facts.results["frozen_prefix"]:
        blind = "Its frozen blocks never learned to see: they started from random weights."
        return _verdict("not_learning", blind, evidence, ("start from what the network knows", {"weights": "imagenet"}))
    known = max([facts.train or 0.0, *(float(row["train_accuracy"]) for row in facts.rows)])
    if known - base > FAR:
        words = "It can remember its training photos, but finds nothing that holds for new ones."
        evidence += f" Of its training photos it got up to {share(known)}."
        return _verdict("not_learning", words, evidence, "Are the labels right, and can the classes be told apart at all?")
    return _verdict("not_learning", "It has not learned to tell the classes apart.", evidence, _stronger(facts))


def _too_few(facts: Facts) -> dict[str, Any] | None:
    """Perhaps good, perhaps luck."""
    if not facts.results["guessing"]:
        return None
    evidence = (
        f"{share(facts.me.accuracy)} of only {facts.me.n} photos are right, which could be anything from "
        f"{share(facts.me.low)} to {share(facts.me.high)}; always naming the largest class gets {share(facts.me.base)}."
    )
    return _verdict("too_few", "Too few photos to tell whether it has learned anything.", evidence, "Add photos to every class.")


def _overfitting(facts: Facts) -> dict[str, Any] | None:
    """It learns the training photos themselves instead of what they have in common."""
    rise = _rise(facts.last_phase)
    known = facts.train or 0.0
    gap = known - facts.me.high > GAP or (known >= BY_HEART and facts.me.high < NEW_ONES)
    if rise is None and not gap:
        return None
    parts = [f"It gets {share(known)} of its training photos right, but {share(facts.me.accuracy)} of new ones."] if gap else []
    if rise:
        row, best = rise
        before = row["phase"] != facts.results["kept_phase"] or facts.results["best_epoch"] <= best
        parts.append(
            f"After epoch {int(row['epoch_total']) - int(row['epoch']) + best} the validation loss of the same photos rose by "
            f"{row['val_change']:.2f} (± {2 * row['val_change_error']:.2f}) while the training loss still fell"
            f"{'; the weights from before that were kept' if before else ''}."
        )
    by_heart = "has learned much of its training photos" if gap else "began to learn its training photos"
    words = f"It {by_heart} by heart."
    return _verdict("overfitting", words, " ".join(parts), _calmer(facts, rise))


def _underfitting(facts: Facts) -> dict[str, Any] | None:
    """More could be learned from these photos."""
    phase, loss = facts.last_phase, facts.results.get("train_loss")
    falling = _falls(phase, facts)
    if falling:
        fell = f"{falling[0]:.3f} (± {2 * falling[1]:.3f})"
        evidence = f"In the last epochs the validation loss of the same photos still fell by {fell} an epoch."
        words = "It was still getting better when it ended."
        return _verdict("underfitting", words, evidence, _longer(facts, phase[-1]["phase"] == "finetune"))
    limit = 0.5 * math.log(max(2, len(facts.results["classes"])))
    if loss is None or loss <= limit:
        return None
    evidence = (
        f"Of its training photos it gets {share(facts.train or 0)} right, with a loss of {loss:.2f}, "
        f"above {limit:.2f} (half of what pure guessing has)."
    )
    return _verdict("underfitting", "It cannot even tell its training photos apart well.", evidence, _stronger(facts))


def _good(facts: Facts) -> dict[str, Any]:
    """Nothing is wrong."""
    known = f"{share(facts.train)} of the training photos and " if facts.train is not None else ""
    losses = [float(row["val_loss"]) for row in facts.last_phase] or [0.0]
    rose = losses[-1] - min(losses) > MATERIAL
    curve = "rose later, perhaps by chance" if rose else "did not rise much while the training loss fell"
    evidence = f"It gets {known}{share(facts.me.accuracy)} of {facts.me.n} unseen photos right; its validation loss {curve}."
    more: tuple[str, Mapping[str, Any]] | str = "More photos of the classes that it mixes up would help most."
    if facts.me.accuracy == 1:
        more = "It mixes up none of these photos. Try it on photos from another day, place or camera."
    elif not facts.tuned and min(facts.results.get("train_counts") or [0]) >= ENOUGH_TO_TUNE:
        more = _ladder(facts, 1) or ""
    return _verdict("good", "Good: what it has learned holds for new photos.", evidence, more)


def _rise(phase: Sequence[Row]) -> tuple[Row, int] | None:
    """The last row whose validation loss had risen beyond chance two epochs running while the training loss fell, and since when.

    Every row's change is against the best state so far, whose epoch (of the phase, 0 before the first) it names.
    """
    if not phase:
        return None
    lowest = int(min(phase, key=lambda row: float(row["val_loss"]))["epoch"])  # runs of earlier versions name none
    since = [int(row.get("val_change_since", lowest)) for row in phase]
    train = {int(row["epoch"]): float(row["train_loss"]) for row in phase}
    high = [
        row.get("val_change", 0.0) > max(MATERIAL, SURE * row.get("val_change_error", math.inf))
        and row["train_loss"] < train.get(best, float(phase[0]["train_loss"]))
        and int(row["epoch"]) > best
        for row, best in zip(phase, since, strict=True)
    ]
    if not any(a and b for a, b in pairwise(high)):
        return None
    last = max(n for n, is_high in enumerate(high) if is_high)
    return phase[last], since[last]


def _falls(phase: Sequence[Row], facts: Facts) -> tuple[float, float] | None:
    """Mean gain and error of an epoch, if each of the last two was the best so far by more than chance and by more than 1 %."""
    ended = facts.results["phases"][-1]["ended"] if facts.results["phases"] else ""
    last = phase[-2:]
    if ended != "done" or len(last) < 2:
        return None
    for row in last:
        gain, error = -row.get("val_change", 0.0), row.get("val_change_error", math.inf)
        if gain <= max(SURE * error, 0.01 * row["val_loss"]):
            return None
    return -float(last[-1]["val_change"]), float(last[-1]["val_change_error"])


def _calmer(facts: Facts, rise: tuple[Row, int] | None) -> tuple[str, Mapping[str, Any]] | str:
    """What makes learning by heart harder: smaller steps where it came at once, changed copies, fewer blocks that learn."""
    if rise and rise[1] <= SOON and len(facts.last_phase) > 4:
        return _smaller_steps(facts, str(facts.last_phase[-1]["phase"]))
    if facts.settings.get("augmentation") not in ("crops", "crops_no_flip"):
        return _copies(facts)
    return _ladder(facts, -1) or "More photos help most against that."


def _stronger(facts: Facts) -> tuple[str, Mapping[str, Any]] | str:
    """What lets it learn more: more blocks, or more epochs where all learn already."""
    return _ladder(facts, 1) or _longer(facts, facts.tuned)


def _longer(facts: Facts, fine: bool) -> tuple[str, Mapping[str, Any]]:
    """Twice the passes, or twice the steps where fine-tuning goes by these."""
    if fine and not facts.settings["finetune_epochs"]:
        steps = min(100_000, 2 * int(facts.settings["finetune_steps"]))
        return f"twice the steps: {steps:,}", {"finetune_steps": steps}
    name = "finetune_epochs" if fine else "epochs"
    epochs = min(1000, 2 * int(facts.settings[name]))
    return f"more epochs: {epochs}", {name: epochs}


def _copies(facts: Facts) -> tuple[str, Mapping[str, Any]]:
    """Changed copies; mirrored ones only where neither the names of the classes nor the run itself speak against a mirror."""
    mistaken = facts.settings.get("augmentation") == "flip" and facts.results.get("augmentation") == "none"
    if mistaken or mirror_warning(facts.results["classes"]):
        return "show cut copies too, none mirrored", {"augmentation": "crops_no_flip"}
    return "show mirrored and cut copies too (not for digits or signs)", {"augmentation": "crops"}


def _smaller_steps(facts: Facts, phase: str, part: float = 0.1) -> tuple[str, Mapping[str, Any]]:
    """A part of the learning rate of what ran away or overshot."""
    name = "backbone_learning_rate" if phase == "finetune" else "head_learning_rate"
    rate = max(1e-7, float(f"{float(facts.settings[name]) * part:.3g}"))
    words = "a tenth of the learning rate" if part > 0.05 else "a far smaller learning rate"
    return f"{words} ({rate:g})", {name: rate}


def _ladder(facts: Facts, step: int) -> tuple[str, Mapping[str, Any]] | None:
    """The next preset of freezing with more (1) or fewer (-1) blocks that learn, or None at the end."""
    try:
        backbone = get_backbone(str(facts.settings["backbone"]))
    except UserError:  # a network that another version of the app had
        return None
    now = len(facts.results["trainable"])
    sizes = [(name, len(resolve_trainable(backbone, name))) for name in LADDER]
    fitting = [name for name, size in sizes if size * step > now * step]
    if not fitting:
        return None
    name = fitting[0 if step > 0 else -1]
    words = LADDER_WORDS[name] if step > 0 else f"freeze more: {'all blocks' if name == 'none' else f'all but the {name}'}"
    return words, {"trainable": name}
