"""A run's results as lines of plain text, for the command line. Plain data in and out; nothing here loads torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transferui.evaluation.headline import headline


def summary(values: Mapping[str, Any]) -> str:
    """What a person at a terminal needs of results.json: accuracy with interval, what guessing gets, the diagnosis, the cost."""
    crossed, diagnosis = values.get("cv"), values.get("diagnosis")
    lines = [_accuracy(values), *([_crossed(crossed)] if crossed else [])]
    lines.append(f"Always guessing the largest class: {headline(values).base:.1%}")
    if values.get("guessing"):
        lines.append(f"No better than guessing, as far as {headline(values).n} photos can tell.")
    if diagnosis:
        lines.append(f"Diagnosis: {diagnosis['words']} {diagnosis['evidence']}")
    if diagnosis and diagnosis["try_words"]:
        lines.append(f"To try next: {diagnosis['try_words']}")
    lines.append(
        f"Learned: {values['trainable_parameters']:,} of {values['total_parameters']:,} weights on {values['n_train']} photos "
        f"in {values['seconds']['total']:.1f} s"
    )
    return "\n".join([*lines, f"Run folder: {values['run_dir']}", *values["notes"]])


def _accuracy(values: Mapping[str, Any]) -> str:
    low, high = values["val_accuracy_low"], values["val_accuracy_high"]
    return f"Validation accuracy {values['val_accuracy']:.1%} of {values['n_val']} photos (95 % interval {low:.1%} to {high:.1%})"


def _crossed(cv: Mapping[str, Any]) -> str:
    rounds = "1 round" if cv["repeats"] == 1 else f"{cv['repeats']} rounds"
    return (
        f"Cross-validated accuracy of the head on frozen features {cv['accuracy']:.1%} of all {cv['n']} photos "
        f"(95 % interval {cv['low']:.1%} to {cv['high']:.1%}; {cv['folds']} folds, {rounds})"
    )
