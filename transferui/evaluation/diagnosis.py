"""What the curves of a run say, in words, and what to try next. Plain data in and out; nothing here loads torch.

Accuracy over a few photos moves in steps of many points by chance alone, so no rule looks at its wiggles: changes of the
validation loss are taken photo by photo and must be larger than chance.

Source: the rules are this project's own; the two-epoch rule is in the spirit of L. Prechelt, 1998, Early
stopping - but when?
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from transferui.evaluation.advice import Advice, Facts, Row, calmer, for_class, ladder, longer, smaller_steps, stronger
from transferui.evaluation.headline import EVERY_CLASS, class_by_class, headline
from transferui.evaluation.metrics import accuracy_interval
from transferui.evaluation.shown import share

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
# An interval that reaches so far above guessing, or is so wide, leaves nearly everything open.
WIDE = 0.25
# So many photos of a class must be checked before it is called missed, and so much of it must be found at best.
CHECKED, HARDLY = 5, 0.5
# Right in at least this share of new photos is called good; below it, holding for new photos is not enough.
HIGH = 0.8
# What ended a phase that diverged.
TROUBLES = {
    "nan": "the loss stopped being a number",
    "runaway": "the loss ran far above where it began",
    "collapse": "every photo got the same answer",
}


def diagnose(rows: Sequence[Row], results: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's curves say.

    Args:
        rows: of metrics.jsonl.
        results: of results.json, with its headline.
        settings: the run's settings by name.

    Returns:
        ``kind`` (``not_learning``, ``too_few``, ``underfitting``, ``overfitting``, ``class_missed``, ``weak`` or ``good``),
        ``words``, ``evidence`` (with numbers), ``try`` (settings to change, or None) and ``try_words`` (what they do; advice
        where there is nothing to set).
    """
    facts = Facts(headline(results), results, rows, settings)
    broken = next((verdict for rule in (_ran_away, _one_class, _guessing, _too_few) if (verdict := rule(facts))), None)
    if broken:
        return broken
    curves, missed = _overfitting(facts) or _underfitting(facts), _class_missed(facts)
    if curves and missed:
        return {**curves, "evidence": f"{curves['evidence']} {missed['words']}"}
    return curves or missed or _good(facts)


def _verdict(kind: str, words: str, evidence: str, change: Advice = "") -> dict[str, Any]:
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
    change = smaller_steps(facts, phase["name"], 0.1 * slower)
    if not facts.results["guessing"]:
        frozen = phase["name"] == "finetune" and facts.results["kept_phase"] == "head"
        who, kept = ("The head on frozen blocks", "Fine-tuning ran away, so the model with frozen blocks") if frozen else (
            "It", "Learning ran away at last, so what it was before")  # fmt: skip
        evidence += f" {who} gets {share(facts.me.accuracy)} of {facts.me.n} photos right."
        return _verdict("good" if facts.me.accuracy >= HIGH else "weak", f"{kept} was kept.", evidence, change)
    return _verdict("not_learning", "The steps were so large that learning went wrong.", evidence, change)


def _one_class(facts: Facts) -> dict[str, Any] | None:
    """Photos to check with of a single class, as an own val folder may have them, tell no classes apart."""
    sizes = [row["n"] for row in class_by_class(facts.results).get("per_class") or []]
    if sum(n > 0 for n in sizes) != 1:
        return None
    name = facts.results["classes"][max(range(len(sizes)), key=sizes.__getitem__)]
    evidence = f"All {facts.me.n} photos to check with are “{name}”; {share(facts.me.accuracy)} of them are right."
    return _verdict("too_few", "Nobody can tell from these photos whether it tells the classes apart.", evidence, EVERY_CLASS)


def _guessing(facts: Facts) -> dict[str, Any] | None:
    """Nothing that holds for new photos."""
    base = facts.me.base
    if not facts.results["guessing"] or facts.me.accuracy - base > FAR or facts.me.high - base > WIDE:
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
    return _verdict("not_learning", "It has not learned to tell the classes apart.", evidence, stronger(facts))


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
    return _verdict("overfitting", words, " ".join(parts), calmer(facts, rise))


def _underfitting(facts: Facts) -> dict[str, Any] | None:
    """More could be learned from these photos."""
    phase, loss = facts.last_phase, facts.results.get("train_loss")
    falling = _falls(phase, facts)
    if falling:
        fell = f"{falling[0]:.3f} (± {2 * falling[1]:.3f})"
        evidence = f"In the last epochs the validation loss of the same photos still fell by {fell} an epoch."
        words = "It was still getting better when it ended."
        return _verdict("underfitting", words, evidence, longer(facts, phase[-1]["phase"] == "finetune"))
    limit = 0.5 * math.log(max(2, len(facts.results["classes"])))
    if loss is None or loss <= limit:
        return None
    evidence = (
        f"Of its training photos it gets {share(facts.train or 0)} right, with a loss of {loss:.2f}, "
        f"above {limit:.2f} (half of what pure guessing has)."
    )
    return _verdict("underfitting", "It cannot even tell its training photos apart well.", evidence, stronger(facts))


def _class_missed(facts: Facts) -> dict[str, Any] | None:
    """A class is hardly ever found, although the others are."""
    rows = class_by_class(facts.results).get("per_class") or []
    missed = [label for label, row in enumerate(rows) if _is_missed(facts, row, len(rows))]
    if not missed:
        return None
    label = min(missed, key=lambda one: (rows[one]["recall"], -rows[one]["n"]))
    name, n = rows[label]["class_name"], rows[label]["n"]
    right = accuracy_interval(rows[label]["recall"] * n, n, n * facts.me.worth / facts.me.n)
    evidence = (
        f"It gets {share(facts.me.accuracy)} of all {facts.me.n} unseen photos right, but of the {n} photos of “{name}” only "
        f"{share(right.value)} ({share(right.low)} to {share(right.high)}){_taken_for(facts, label)}."
    )
    others = f" The same goes for {len(missed) - 1} more." if len(missed) > 1 else ""
    return _verdict("class_missed", f"It hardly ever finds the class “{name}”.{others}", evidence, for_class(facts, label))


def _is_missed(facts: Facts, row: Mapping[str, Any], classes: int) -> bool:
    """Whether even the upper end of what is found of a class is low, and lower than in the rest by more than chance.

    Among many classes of a network that is often wrong some have bad luck; the exact binomial test (one-sided, 5 % for all
    classes together, Bonferroni) leaves them out.
    """
    from scipy.stats import binomtest  # noqa: PLC0415 - half a second that a page does not need

    worth = row["n"] * facts.me.worth / facts.me.n if facts.me.n else 0.0
    found = accuracy_interval(row["recall"] * row["n"], row["n"], worth)
    if row["n"] < CHECKED or found.high >= HARDLY:
        return False
    n = max(1, round(worth))
    p_value = binomtest(round(found.value * n), n, facts.me.accuracy, alternative="less").pvalue
    return bool(p_value * classes < 0.05)


def _taken_for(facts: Facts, label: int) -> str:
    """What is answered most often for the photos of a class that is not found."""
    counts = (class_by_class(facts.results).get("confusion") or {label: []})[label]
    wrong = {other: n for other, n in enumerate(counts) if other != label and n}
    if not wrong:
        return ""
    most = max(wrong, key=lambda other: wrong[other])
    return f"; it took {wrong[most]} for “{facts.results['classes'][most]}”"


def _good(facts: Facts) -> dict[str, Any]:
    """What holds for new photos; called good where it is right in most of them, and these are enough to tell."""
    known = f"{share(facts.train)} of the training photos and " if facts.train is not None else ""
    evidence = f"It gets {known}{share(facts.me.accuracy)} of {facts.me.n} unseen photos right{_losses(facts.last_phase)}."
    enough = facts.enough_to_tune
    few = facts.me.high - facts.me.low > WIDE
    evidence += f" {_open(facts)}" if few else ""
    more: Advice = "More photos of the classes that it mixes up would help most."
    if facts.me.accuracy < HIGH:
        words = f"What it has learned holds for new photos, but it is right in only {share(facts.me.accuracy)} of them."
        return _verdict("weak", words, evidence, (ladder(facts, 1) if enough else None) or more)
    if facts.me.accuracy == 1:
        more = "It mixes up none of these photos. Try it on photos from another day, place or camera."
    elif few:
        more = "Add photos of every class, from other days and places."
    elif not facts.tuned and enough:
        more = ladder(facts, 1) or ""
    words = "Good, as far as so few photos can tell" if few else "Good"
    kind = "too_few" if few else "good"
    return _verdict(kind, f"{words}: what it has learned holds for new photos.", evidence, more)


def _open(facts: Facts) -> str:
    """What the accuracy of so few photos, or of photos of so few scenes, leaves open."""
    few = f"The photos come in series and count like about {max(1, round(facts.me.worth))}. " if facts.me.in_series else ""
    return f"{few}That could be anything from {share(facts.me.low)} to {share(facts.me.high)}."


def _losses(phase: Sequence[Row]) -> str:
    """What the losses of the last phase did, as the end of a sentence; nothing where there is no phase."""
    if not phase:
        return ""
    val, train = ([float(row[f"{part}_loss"]) for row in phase] for part in ("val", "train"))
    if val[-1] - min(val) > MATERIAL:
        return "; its validation loss rose later, perhaps by chance"
    if max(val[-1], train[-1]) < MATERIAL:
        small = f"(training {train[-1]:.3f}, validation {val[-1]:.3f})"
        return f"; both losses ended close to zero {small}, where ups and downs mean little"
    fell = " while the training loss fell" if train[-1] < train[0] else ""
    return f"; its validation loss did not rise much{fell}"


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
