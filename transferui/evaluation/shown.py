"""A run as figures and reports show it: plain data from its folder, whoever reads that; and how numbers and names are written."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any
from unicodedata import category

# What a browser may do with a saved file: show it. Even a mistake in our escaping could load or run nothing.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
# Training photos beside an answer: enough to see whether they agree, few enough to look at.
NEIGHBORS = 3
# Equal groups of confidence, for the expected calibration error and the reliability diagram.
BINS = 10
# A value this near to 0 or 1 is that, and the rest is arithmetic: an axis may have a tick at 1 - 1e-16.
NEAR = 1e-9
# Words for how probable an answer is that the model stands by.
SURE = ((0.8, "quite sure"), (0.5, "rather sure"), (0.0, "its best guess"))


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
        learned: content of the photos that it and the models before it have learned from.
    """

    name: str
    results: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    created: float = 0.0
    dataset_name: str = ""
    learned: frozenset[str] = frozenset()


def share(value: float, digits: int = 0) -> str:
    """0.945 -> '94 %' with a space that does not break.

    Only all are 100 % and only none are 0 %. What would be rounded to either gets a digit more (0.9975 -> '99.8 %'), and where
    that is not enough the last figure before it: '99.9 %' and '0.1 %'. So it stays short and errs towards doubt.
    """
    if not NEAR < value < 1 - NEAR or f"{100 * value:.{digits}f}" not in (f"{0:.{digits}f}", f"{100:.{digits}f}"):
        return f"{100 * value:.{digits}f}\u00a0%"
    digits = max(1, digits)
    least = 10.0**-digits
    return f"{min(100 - least, max(least, 100 * value)):.{digits}f}\u00a0%"


def curve_number(value: float | None, kind: str) -> str:
    """A value of a curve in signs.

    Args:
        kind: ``accuracy`` or ``loss``.
    """
    if value is None or not math.isfinite(value):
        return "no number"
    return share(value) if kind == "accuracy" else f"{value:.2f}"


def points(value: float) -> str:
    """0.039 -> '+3.9', with a real minus sign and none before a zero."""
    rounded = round(100 * value, 1)
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"


def short(n: int) -> str:
    """A number in few signs: 928, 14 k, 1.7 M."""
    return f"{n / 1e6:.1f} M" if n >= 1e6 else f"{n / 1e3:.0f} k" if n >= 1e4 else f"{n:,}"


def how_sure(verdict: str, probability: float) -> str:
    """A verdict in words, the same for one photo and for many: ``quite sure``, for instance.

    Args:
        probability: of the answer.
    """
    if verdict == "sure":
        return next(words for least, words in SURE if probability >= least)
    return {"not_sure": "not sure", "unknown": "like nothing it was shown"}[verdict]


def termed(text: str) -> str:
    """Our own words as HTML, with a term in brackets set back."""
    return re.sub(r"\([a-z][a-z -]*\)", r"<em>\g<0></em>", escape(text))


def name(text: Any) -> str:
    """A name that people gave, as HTML: escaped, and its direction of writing kept to itself."""
    return f"<bdi>{escape(str(text))}</bdi>"


def one_line(text: str) -> str:
    """A file's real name for a table or a program: nothing but signs that would break a line or the encoding are replaced."""
    return "".join("\ufffd" if category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)


def html_file(title: str, style: str, body: str) -> str:
    """A page that needs nothing else: no script, no request to anywhere.

    Args:
        style, body: markup that is put in as it is.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>{body}</main></body></html>\n"
    )
