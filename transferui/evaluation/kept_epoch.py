"""Which epoch's state was kept, or is the best so far: a place on the validation curve, and words for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transferui.evaluation.shown import curve_number

# Rows are rounded to six digits, results are not.
ROUNDED = 1e-5
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Mark:
    """What is to be marked in a run's curves.

    Attributes:
        what: ``kept: epoch 3``, for instance.
        accuracy: share of validation photos that the state answers right, 0 to 1.
        row: of the epoch whose state it is; None when no epoch's is, and then no place on a curve is right.
    """

    what: str
    accuracy: float
    row: Row | None = None

    def words(self, kind: str) -> str:
        """With its number, where one of this kind (``accuracy`` or ``loss``) is known."""
        if kind == "accuracy":
            return f"{self.what} · {curve_number(self.accuracy, kind)}"
        return self.what if self.row is None else f"{self.what} · {curve_number(self.row['val_loss'], kind)}"


def best_row(rows: Sequence[Row]) -> Row | None:
    """The epoch that is the best so far by validation loss, as training itself judges (`training.loop`).

    None when no epoch has beaten what was there before the first.
    """
    for phase in dict.fromkeys(row["phase"] for row in reversed(rows)):
        mine = [row for row in rows if row["phase"] == phase]
        best = mine[-1].get("best_epoch", 0)
        if best:  # else fine-tuning has not beaten the head yet, which it began with
            return next((row for row in mine if row["epoch"] == best), None)
    return None


def mark_best(rows: Sequence[Row]) -> Mark | None:
    """For a run that still goes on; None when there is nothing to mark."""
    row = best_row(rows)
    return None if row is None else Mark(f"best so far: epoch {row['epoch_total']}", row["val_accuracy"], row)


def mark_kept(rows: Sequence[Row], results: Mapping[str, Any] | None) -> Mark | None:
    """For a run that is over; None when there is nothing to mark, or when it is not known for sure.

    Args:
        rows: of metrics.jsonl.
        results: of results.json.
    """
    if not rows or not results or "best_epoch" not in results:
        return None
    phase, best, accuracy = results["kept_phase"], results["best_epoch"], results["val_accuracy"]
    if best == 0:
        return Mark("kept: the state before epoch 1", accuracy)
    row = next((row for row in rows if row["phase"] == phase and row["epoch"] == best), None)
    if row is None:
        return None
    if results.get("kept_share", 1.0) < 1:
        return Mark(f"kept: a mix of the head and epoch {row['epoch_total']}", accuracy)
    # Runs of earlier versions do not tell that they are a mix.
    return Mark(f"kept: epoch {row['epoch_total']}", accuracy, row) if abs(row["val_accuracy"] - accuracy) < ROUNDED else None
