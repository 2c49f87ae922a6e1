"""How good a model is as lines of plain text, for the command line. Plain data in and out; nothing here loads torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transferui.config import IMBALANCE
from transferui.evaluation.headline import MANY_ALIKE, class_by_class, headline, learned_weights, measured, weighting
from transferui.evaluation.shown import share

Values = Mapping[str, Any]
# So many classes fit below each other; of more only those that are found least are listed.
MOST_CLASSES = 12


def summary(values: Values) -> str:
    """What a person at a terminal needs of results.json: every accuracy with its interval and what guessing gets, the cost."""
    crossed, diagnosis, me = values.get("cv"), values.get("diagnosis"), headline(values)
    lines = [_accuracy(values, "val_accuracy", values["n_val"], "Validation accuracy", values["majority_accuracy"])]
    lines += [_crossed(crossed)] if crossed else []
    if values.get("head_val_accuracy") is not None and values["trainable"]:
        name = "Linear probe (frozen blocks, new head)"
        lines.append(_accuracy(values, "head_val_accuracy", values["n_val"], name, values["majority_accuracy"]))
    if values.get("n_test"):
        name = "Test accuracy (photos set aside for the end)"
        lines.append(_accuracy(values, "test_accuracy", values["n_test"], name, values.get("test_majority_accuracy")))
    if uneven := weighting(values):
        lines += [uneven, *_class_by_class(class_by_class(values))]
    if values.get("guessing"):
        lines.append(f"No better than guessing, as far as {me.n} photos can tell.")
    if diagnosis:
        lines.append(f"Diagnosis: {diagnosis['words']} {diagnosis['evidence']}")
    if diagnosis and diagnosis["try_words"]:
        lines.append(f"To try next: {diagnosis['try_words']}")
    lines.append(
        f"Learned: {learned_weights(values):,} of {values['total_parameters']:,} weights on {values['n_train']} photos "
        f"in {values['seconds']['total']:.1f} s"
    )
    return "\n".join([*lines, f"Run folder: {values['run_dir']}", *values["notes"]])


def evaluation_text(values: Values) -> str:
    """The same for photos that a model was asked about afterwards; where all are of one class, there is nothing to guess.

    Args:
        values: as `metrics.how_good` gives them.
    """
    several = sum(row["n"] > 0 for row in values["per_class"]) > 1
    lines = [_accuracy(values, "accuracy", values["n"], "Accuracy", values["majority_accuracy"] if several else None)]
    lines += [_learned_from(values)] if values.get("n_learned", 0) != 0 else []
    if values.get("worth", values["n"]) <= MANY_ALIKE * values["n"]:
        lines.append(
            f"Photos in series stand or fall together: these say as much as about {max(1, round(values['worth']))} single ones."
        )
    return "\n".join(lines + (_class_by_class(values) if values["imbalance"] > IMBALANCE else []))


def _learned_from(values: Values) -> str:
    """That a model knows some of the photos, or that nobody knows, and how good it is at the others."""
    if values["n_learned"] is None:
        return "It does not tell which photos it has learned from. If these are among them, expect less on new ones."
    known, others = f"It has learned from {values['n_learned']} of these photos, so that says little.", values["unseen"]
    return f"{known} {_accuracy(others, 'accuracy', others['n'], 'Of the others', None)}" if others else known


def _accuracy(values: Values, key: str, n: int, name: str, base: float | None) -> str:
    """An accuracy with its photos and its interval, and what guessing gets of the same photos, where that is known."""
    return f"{name}: {measured(values, key, n, base).words(1)}".replace("\u00a0", " ")


def _crossed(cv: Values) -> str:
    rounds = "1 round" if cv["repeats"] == 1 else f"the middle one of {cv['repeats']} rounds"
    return (
        f"Cross-validated accuracy of the head on frozen features: {_percent(cv['accuracy'])} of all {cv['n']} photos "
        f"(95 % interval {_percent(cv['low'])} to {_percent(cv['high'])}; {cv['folds']} folds, {rounds}); "
        f"always guessing the largest class gets {_percent(cv['majority_accuracy'])}"
    )


def _class_by_class(values: Values) -> list[str]:
    """Where classes are of uneven size: what it gets when each counts the same, and how much of each is found."""
    rows: Sequence[Values] = [row for row in values["per_class"] if row["n"]]
    lines = [f"With every class counting the same (balanced accuracy): {_percent(values['balanced_accuracy'])}"]
    if len(rows) > MOST_CLASSES:
        rows = sorted(rows, key=lambda row: float(row["recall"]))[:MOST_CLASSES]
        lines.append(f"Found of the {MOST_CLASSES} classes that are found least (recall):")
    else:
        lines.append("Found of each class (recall):")
    return lines + [f"  {row['class_name']}: {_percent(row['recall'])} of {row['n']}" for row in rows]


def _percent(value: float) -> str:
    """With a plain space: a terminal need not know others."""
    return share(value, 1).replace("\u00a0", " ")
