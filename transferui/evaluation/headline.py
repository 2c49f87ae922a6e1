"""Which accuracy stands for a run, and what stands beside it: for page, report, card and command line. Nothing loads torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transferui.config import IMBALANCE
from transferui.evaluation.shown import share

# What is said where all photos to check with are of one class.
EVERY_CLASS = "Put photos of every class into val, or bring no val folder: then some are set aside."
# Photos that are worth less than this share of as many single ones come in series, and that is said.
MANY_ALIKE = 0.8
# Validation photos that are worth fewer single ones than this say too little about how sure the model should be.
ENOUGH = 50


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


@dataclass(frozen=True)
class Measured:
    """An accuracy with what it takes to judge it.

    Attributes:
        name, term: what it is in plain words, and the field's term for that.
        accuracy, low, high: fractions from 0 to 1; no interval in some results of earlier versions.
        base: what always naming the largest class gets on the same photos; None where that is not known or already said.
    """

    name: str
    term: str
    accuracy: float
    low: float | None
    high: float | None
    n: int
    base: float | None

    def words(self, digits: int = 0) -> str:
        """All of it but the name, in one line."""
        text = f"{share(self.accuracy, digits)} of {self.n} {'photo' if self.n == 1 else 'photos'}"
        if self.low is not None and self.high is not None:
            text += f" (95\u00a0% interval {share(self.low, digits)} to {share(self.high, digits)})"
        return text + ("" if self.base is None else f"; always guessing the largest class gets {share(self.base, digits)}")


def measured(values: Mapping[str, Any], key: str, n: int, base: float | None, name: str = "", term: str = "") -> Measured:
    """The accuracy of `n` photos that stands in results under this key."""
    return Measured(name, term, values[key], values.get(f"{key}_low"), values.get(f"{key}_high"), n, base)


def beside(results: Mapping[str, Any]) -> list[Measured]:
    """The accuracies that the headline's is to be judged by; what guessing gets is told where the photos are others than its."""
    by_cv, cv, tuned = headline(results).cross_validated, results.get("cv"), bool(results.get("trainable"))
    n, base, rows = results["n_val"], results["majority_accuracy"], list[Measured]()
    if by_cv:
        rows.append(measured(results, "val_accuracy", n, base, "The photos set aside", "validation"))
    if tuned and results.get("head_val_accuracy") is not None:
        other = base if by_cv else None
        rows.append(measured(results, "head_val_accuracy", n, other, "Frozen blocks, new head", "linear probe"))
    if cv and not by_cv:
        name = "The linear probe on all photos" if tuned else "All photos, without the split"
        crossed = cv | {"accuracy_low": cv["low"], "accuracy_high": cv["high"]}
        rows.append(measured(crossed, "accuracy", cv["n"], cv["majority_accuracy"], name, "cross-validation"))
    if results.get("n_test"):
        guess = results.get("test_majority_accuracy")
        rows.append(measured(results, "test_accuracy", results["n_test"], guess, "Set aside for the end", "test"))
    return rows


def weighting(results: Mapping[str, Any]) -> str:
    """A sentence on whether uneven classes were weighted; nothing where they are about even."""
    ratio, counts = results.get("imbalance", 1.0), [n for n in results.get("train_counts", ()) if n]
    if ratio <= IMBALANCE:
        return ""
    sizes = f"the largest class has {ratio:.1f} times the photos of the smallest"
    sizes += f" ({max(counts):,} and {min(counts):,})" if counts else ""
    if results.get("class_weighted"):
        return f"Classes were weighted (class weights), because {sizes}."
    return f"Beware: {sizes}, and classes were not weighted."


def card_rows(results: Mapping[str, Any], digits: int = 0) -> list[tuple[str, str]]:
    """How good a run is, as a model card says it: title and plain words of every number, and of what it is to be judged by."""
    me, uneven, judged = headline(results), weighting(results), class_by_class(results)
    interval = f"95\u00a0% interval {share(me.low, digits)} to {share(me.high, digits)}"
    rows = [
        ("Accuracy", f"{share(me.accuracy, digits)} {me.where} ({interval})"),
        ("Guessing", f"always guessing the largest class gets {share(me.base, digits)}"),
        *((f"{row.term[:1].upper()}{row.term[1:]}", f"{row.name}: {row.words(digits)}") for row in beside(results)),
    ]
    if uneven and judged.get("balanced_accuracy") is not None:
        mean = f"{share(judged['balanced_accuracy'], digits)} of the same {me.n} photos, with every class counting the same"
        rows.append(("Balanced accuracy", mean))
    return [*rows, ("Uneven classes", uneven)] if uneven else rows


def calibration_words(results: Mapping[str, Any]) -> str:
    """The calibration error, and how large chance alone would make it."""
    error, chance, n = share(results["calibration_error"], 1), results.get("calibration_error_by_chance"), results["n_val"]
    single = results.get("val_worth", n)
    if single <= MANY_ALIKE * n and single < ENOUGH:  # also by whole groups, an error that was never seen looks impossible
        return f"{error}, which says little: the {n} photos come in series and count like about {max(1, round(single))}"
    return error if chance is None else f"{error}; up to {share(chance, 1)} is chance with so few photos"


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
        times = f", the middle one of {cv['repeats']} rounds" if cv["repeats"] > 1 else ""
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
