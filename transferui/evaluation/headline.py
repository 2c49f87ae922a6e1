"""Which accuracy stands for a run. The page, the diagnosis, the report and the command line all ask here; nothing loads torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What is said where all photos to check with are of one class.
EVERY_CLASS = "Put photos of every class into val, or bring no val folder: then some are set aside."
# Photos that are worth less than this share of as many single ones come in series, and that is said.
MANY_ALIKE = 0.8


@dataclass(frozen=True)
class Headline:
    """The accuracy that stands for a run and what it was measured on, in words.

    Attributes:
        accuracy, low, high: fractions from 0 to 1.
        base: what always naming the largest class gets on the same photos.
        worth: how many photos that were taken one by one the `n` are worth.
    """

    accuracy: float
    low: float
    high: float
    n: int
    base: float
    where: str
    cross_validated: bool
    worth: float

    @property
    def in_series(self) -> bool:
        """Whether so many of the photos belong together that the interval is clearly wider for it."""
        return self.worth <= MANY_ALIKE * self.n


def class_by_class(results: Mapping[str, Any]) -> Mapping[str, Any]:
    """What holds ``per_class`` and ``balanced_accuracy`` of the photos that the headline speaks of."""
    judged: Mapping[str, Any] = results["cv"] if results.get("headline") == "cv" and results.get("cv") else results
    return judged


def learned_weights(results: Mapping[str, Any]) -> int:
    """How many weights of the kept model have learned: the head's alone where fine-tuning was taken back."""
    return int(results.get("learned_parameters", results["trainable_parameters"]))  # runs of earlier versions know only these


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
    single = values.get("worth" if cross_validated else "val_worth", n)  # runs of earlier versions do not know
    return Headline(accuracy, low, high, n, values["majority_accuracy"], where, cross_validated, single)
