"""A run as figures and reports show it: plain data from its folder, whoever reads that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# What a browser may do with a saved file: show it. Even a mistake in our escaping could load or run nothing.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


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


def share(value: float, digits: int = 0) -> str:
    """0.945 -> '94 %' with a space that does not break."""
    return f"{100 * value:.{digits}f}\u00a0%"


def calibration_words(results: Mapping[str, Any]) -> str:
    """The calibration error, and how large chance alone would make it."""
    error, chance = share(results["calibration_error"], 1), results.get("calibration_error_by_chance")
    return error if chance is None else f"{error}; up to {share(chance, 1)} is chance with so few photos"
