"""The answers behind a run's headline, to be looked at one by one: matrix, mistakes, class by class. Nothing here loads torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transferui.evaluation.headline import class_by_class
from transferui.evaluation.shown import share

# Cells of a matrix of more classes have no room for a number, and names of more classes no room beside each other.
NUMBERED, MATRIX_CLASSES = 25, 60
# Pairs and mistakes that are shown; the rest is in the matrix.
PAIRS, MISTAKES = 5, 12

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Answers:
    """One answer to each of some photos.

    Attributes:
        confusion: (K, K) counts, rows true, columns answered.
        per_class: recall, precision, F1 and number of photos of each class.
        items: the photos, as `results.describe` writes `val_items`.
        cross_validated: they are all photos, each answered by a head that had not seen it; else the validation photos.
    """

    confusion: Sequence[Sequence[int]]
    per_class: Sequence[Item]
    items: Sequence[Item]
    n: int
    cross_validated: bool

    @property
    def of(self) -> str:
        """Of how many photos, and who answered them, to stand behind a number of answers."""
        if self.cross_validated:
            return f"of all {self.n:,} photos (each answered by a head that had not seen it)"
        return f"of {self.n:,} validation {'photo' if self.n == 1 else 'photos'}"

    @property
    def heading(self) -> str:
        """The same as a line of its own below a heading."""
        if self.cross_validated:
            return f"All {self.n:,} photos, each answered by a head that had not seen it."
        return f"The {self.n:,} validation photos." if self.n != 1 else "One validation photo."

    @property
    def pairs(self) -> list[tuple[int, int, int, int]]:
        """Every mistake of the matrix, the most frequent first: how many, of how many photos, true class, answer."""
        cells = [(n, sum(row), i, j) for i, row in enumerate(self.confusion) for j, n in enumerate(row) if i != j and n]
        return sorted(cells, key=lambda cell: (-cell[0], -cell[0] / cell[1]))

    @property
    def wrong(self) -> list[Item]:
        """Photos that were answered wrong, those that it was surest about first."""
        return sorted((item for item in self.items if item["true"] != item["predicted"]), key=lambda item: -item["probability"])

    @property
    def mistakes_words(self) -> str:
        """How many of what are wrong, and which come first."""
        n = len(self.wrong)
        shown = "the surest first" if n <= MISTAKES else f"here the {MISTAKES} that it was surest about"
        return f"{n:,} wrong {'answer' if n == 1 else 'answers'} {self.of}{f', {shown}' if n > 1 else ''}."

    @property
    def precisions(self) -> list[str]:
        """Precision of every class in words; a dash only for one that was never named, since of none no share is right."""
        named = [sum(answered) for answered in zip(*self.confusion, strict=True)]
        return [share(row["precision"]) if n else "–" for row, n in zip(self.per_class, named, strict=True)]


def no_matrix(classes: int) -> str:
    """What is said in the place of a matrix that nobody could read; nothing where it can be drawn."""
    if classes <= MATRIX_CLASSES:
        return ""
    return (
        f"A matrix of {classes} classes would be too large to read. The pairs that are mixed up most stand here, and the numbers "
        "of every class in “Class by class”."
    )


def answers_of(results: Mapping[str, Any]) -> Answers:
    """The photos that the headline counts; in runs of earlier versions, which kept no others, always the validation photos."""
    judged = class_by_class(results)
    if "items" in judged:
        return Answers(judged["confusion"], judged["per_class"], judged["items"], judged["n"], cross_validated=True)
    return Answers(results["confusion"], results["per_class"], results["val_items"], results["n_val"], cross_validated=False)
