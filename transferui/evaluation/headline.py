"""Which accuracy stands for a run. The page, the diagnosis, the report and the command line all ask here; nothing loads torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Headline:
    """The accuracy that stands for a run and what it was measured on, in words.

    Attributes:
        accuracy, low, high: fractions from 0 to 1.
        base: what always naming the largest class gets on the same photos.
    """

    accuracy: float
    low: float
    high: float
    n: int
    base: float
    where: str
    cross_validated: bool


def headline(results: Mapping[str, Any]) -> Headline:
    """The cross-validated accuracy where the run chose it as the more trustworthy one, else that of the validation photos."""
    cv = results.get("cv")
    if results.get("headline") == "cv" and cv:
        times = f", repeated {cv['repeats']} times" if cv["repeats"] > 1 else ""
        how = f"({cv['folds']}-fold cross-validation{times})"
        where = f"of {cv['n']} photos answered right by networks that had not learned from them {how}"
        return _from(cv, ("accuracy", "low", "high", "n"), where, cross_validated=True)
    where = f"of {results['n_val']} validation photos answered right"
    keys = ("val_accuracy", "val_accuracy_low", "val_accuracy_high", "n_val")
    return _from(results, keys, where, cross_validated=False)


def _from(values: Mapping[str, Any], keys: tuple[str, str, str, str], where: str, *, cross_validated: bool) -> Headline:
    accuracy, low, high, n = (values[key] for key in keys)
    return Headline(accuracy, low, high, n, values["majority_accuracy"], where, cross_validated)
