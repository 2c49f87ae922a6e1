"""The answers for many photos as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from transferui.ui.html import percent, photos, table
from transferui.ui.test_view import share

# Rows on the page; the CSV has all of them.
ROWS = 100
WORDS = {"sure": "sure", "not_sure": "not sure", "unknown": "like nothing I was shown"}


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
    """The accuracy, if there is one, and how many answers are to be doubted."""
    doubts = f"{found['n_not_sure']} not sure, {found['n_unknown']} like nothing it was shown."
    if "accuracy" not in found:
        return f'<p class="tu-p">{doubts}</p>'
    low, high = percent(found["accuracy_low"]), percent(found["accuracy_high"])
    return (
        f'<p class="tu-p"><b>{percent(found["accuracy"])} right</b> of {photos(found["n_judged"])} in class folders '
        f"<em>(95\u00a0% interval {low} to {high})</em>. {doubts}</p>"
    )


def _row(row: Mapping[str, Any], judged: bool) -> list[str]:
    best = row["answers"][0]
    cells = [
        f'<bdi class="cut" title="{escape(row["image"])}">{escape(row["image"])}</bdi>',
        f"<b><bdi>{escape(best['class_name'])}</bdi></b>",
        share(best["probability"]),
        f'<span class="{escape(row["verdict"])}">{WORDS[row["verdict"]]}</span>',
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
    items = "".join(f"<li><bdi>{escape(row['image'])}</bdi>: {escape(row['error'])}</li>" for row in rows[:ROWS])
    more = f"<li>and {len(rows) - ROWS} more</li>" if len(rows) > ROWS else ""
    return f'<h3>{len(rows)} {"file" if len(rows) == 1 else "files"} could not be used</h3><ul class="tu-bad-files">{items}{more}</ul>'
