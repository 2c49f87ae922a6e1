"""A run as figures and reports show it: plain data from its folder, whoever reads that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ShownRun:
    """What is known about one run.

    Attributes:
        name: what it is called, for instance ``Run 3``.
        results: all of results.json; empty before the run has any.
        rows: rows of metrics.jsonl.
        settings: all settings by name.
        created: when the run was made, in seconds since 1970.
        dataset_name: what the photos were called.
    """

    name: str
    results: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    created: float = 0.0
    dataset_name: str = ""


@dataclass(frozen=True)
class Headline:
    """The accuracy that stands for a run, fractions from 0 to 1, and what it was measured on, in words."""

    accuracy: float
    low: float
    high: float
    where: str
    cross_validated: bool


def headline(results: Mapping[str, Any]) -> Headline:
    """The cross-validated accuracy where the run chose it as the more trustworthy one, else that of the validation photos."""
    cv = results.get("cv") or {}
    if results.get("headline") == "cv" and cv:
        times = f", repeated {cv['repeats']} times" if cv.get("repeats", 1) > 1 else ""
        how = f"({cv['folds']}-fold cross-validation{times})"
        where = f"of {cv['n']} photos answered right by networks that had not learned from them {how}"
        return Headline(cv["accuracy"], cv["low"], cv["high"], where, cross_validated=True)
    where = f"of {results['n_val']} validation photos answered right"
    return Headline(
        results["val_accuracy"], results["val_accuracy_low"], results["val_accuracy_high"], where, cross_validated=False
    )


def share(value: float, digits: int = 0) -> str:
    """0.945 -> '94 %' with a space that does not break."""
    return f"{100 * value:.{digits}f}\u00a0%"
