"""The answers for many photos as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from transferui.config import IMBALANCE
from transferui.data.layout import shown
from transferui.evaluation.folders import elsewhere, familiar_words
from transferui.evaluation.shown import how_sure
from transferui.ui.html import percent, photos, table
from transferui.ui.result_view import each_class
from transferui.ui.test_view import share

# Rows on the page; the CSV has all of them.
ROWS = 100
# Signs of a photo's name in the narrow first column.
NARROW = 28


def answers(found: Mapping[str, Any]) -> str:
    """What was found, in numbers and row by row; photos that could not be read come last, with the reason."""
    rows = [row for row in found["rows"] if "error" not in row]
    broken = [row for row in found["rows"] if "error" in row]
    more = (
        f'<p class="tu-hint-line">The table shows {ROWS} of {photos(len(rows))}; the CSV file has all.</p>'
        if len(rows) > ROWS
        else ""
    )
    head = ["Photo", "Answer", "Probability", "How sure"]
    judged = "accuracy" in found
    return (
        f'<section class="tu-card tu-batch" aria-live="polite"><h2>{photos(len(rows))} tested</h2>{_numbers(found)}'
        f"{table([*head, 'By its folder'] if judged else head, [_row(row, judged) for row in rows[:ROWS]])}{more}{_broken(broken)}</section>"
    )


def _numbers(found: Mapping[str, Any]) -> str:
    """The accuracy, if there is one, what it takes to judge it, and how many answers are to be doubted."""
    doubts = f"{found['n_not_sure']} not sure, {found['n_unknown']} like nothing it was shown."
    lost = elsewhere(found, lambda folder: f"<bdi>{escape(shown(folder, NARROW))}</bdi>")
    lost = f'<p class="tu-p">{lost}</p>' if lost else ""
    if "accuracy" not in found:
        return f'<p class="tu-p">{doubts}</p>{lost}'
    low, high = percent(found["accuracy_low"]), percent(found["accuracy_high"])
    return (
        f'<p class="tu-p"><b>{percent(found["accuracy"])} right</b> of {photos(found["n_judged"])} in class folders '
        f"<em>(95\u00a0% interval {low} to {high})</em>. {_guessing(found)}{doubts}</p>{_familiar(found)}{lost}{_classes(found)}"
    )


def _familiar(found: Mapping[str, Any]) -> str:
    """That some photos are no news to it."""
    n = found.get("n_familiar", 0)
    return f'<p class="tu-p"><b>{familiar_words(n)}</b></p>' if n else ""


def _guessing(found: Mapping[str, Any]) -> str:
    """What one answer for all would get; with photos of one class only there is nothing to guess."""
    there = [row["class_name"] for row in found.get("per_class", ()) if row["n"]]
    if len(there) == 1:
        return f"All are <bdi>{escape(there[0])}</bdi>, so this does not say how often it takes others for that. "
    return f"Always naming the largest class: {percent(found['majority_accuracy'])}. " if there else ""


def _classes(found: Mapping[str, Any]) -> str:
    """With uneven folders: balanced accuracy, and how many photos of each class are found."""
    if found.get("imbalance", 1.0) <= IMBALANCE:
        return ""
    sizes = f"the largest class has {found['imbalance']:.1f} times the photos of the smallest"
    return f'<div class="tu-uneven"><p class="tu-p">These photos are uneven: {sizes}. {each_class(found)}</div>'


def _row(row: Mapping[str, Any], judged: bool) -> list[str]:
    best = row["answers"][0]
    cells = [
        f'<bdi class="cut" title="{escape(shown(row["image"]))}">{escape(shown(row["image"], NARROW))}</bdi>',
        f"<b><bdi>{escape(best['class_name'])}</bdi></b>",
        share(best["probability"]),
        f'<span class="{escape(row["verdict"])}">{how_sure(row["verdict"], best["probability"])}</span>',
    ]
    return [*cells, _judged(row.get("folder_says"), best["class_name"])] if judged else cells


def _judged(truth: str | None, answer: str) -> str:
    if truth is None:
        return "–"
    right = truth == answer
    return f'<span class="truth {"ok" if right else "wrong"}">{"✓ right" if right else f"✗ {escape(truth)}"}</span>'


def _broken(rows: list[Mapping[str, Any]]) -> str:
    """Files that could not be used, and why."""
    if not rows:
        return ""
    items = "".join(f"<li><bdi>{escape(shown(row['image']))}</bdi>: {escape(row['error'])}</li>" for row in rows[:ROWS])
    more = f"<li>and {len(rows) - ROWS} more</li>" if len(rows) > ROWS else ""
    return f'<h3>{len(rows)} {"file" if len(rows) == 1 else "files"} could not be used</h3><ul class="tu-bad-files">{items}{more}</ul>'
