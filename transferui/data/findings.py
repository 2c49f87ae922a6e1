"""What was found about a dataset's health: records that a child writes and the page reads. No picture is opened here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from transferui.data.dataset import Dataset
from transferui.errors import UserError
from transferui.files import read_json, write_json

HEALTH, VERSION = "health.json", 1
# Cases that are kept with a finding; the rest is counted. Who has settled these finds the next ones.
MAX_CASES = 24
# Pictures of a case that are shown.
SHOWN = 6
Severity = Literal["bad", "warn", "info"]
_RANK: dict[str, int] = {"bad": 0, "warn": 1, "info": 2}


@dataclass(frozen=True)
class Action:
    """What one click does.

    Attributes:
        do: ``drop`` the samples, or ``move`` them to the class `label`.
        samples: indices into ``dataset.samples``.
    """

    words: str
    do: Literal["drop", "move"]
    samples: tuple[int, ...]
    label: int | None = None


@dataclass(frozen=True)
class Case:
    """One instance of a finding: its pictures, side by side, and what can be done about it alone."""

    samples: tuple[int, ...]
    caption: str = ""
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True)
class Finding:
    """Something that a person should know about the photos.

    Attributes:
        severity: ``bad``: decide something; ``warn``: look at it; ``info``: good to know.
        term: how the field calls it.
        samples: all pictures that are concerned.
        about: what it is about when that is not pictures, such as class names.
        cases: at most `MAX_CASES`.
        n_cases: all there are.
    """

    kind: str
    severity: Severity
    title: str
    words: str
    term: str = ""
    samples: tuple[int, ...] = ()
    about: str = ""
    cases: tuple[Case, ...] = ()
    n_cases: int = 0
    actions: tuple[Action, ...] = ()
    id: str = field(default="", compare=False)


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """The most severe first; equals stay in the order in which they were looked for."""
    return sorted(findings, key=lambda f: _RANK[f.severity])


def signature(finding: Finding, dataset: Dataset) -> str:
    """A name that stays the same as long as the finding is about the same pictures, also in an edited dataset.

    What a person has chosen to ignore is remembered by it.
    """
    pictures = sorted(f"{dataset.samples[i].sha256}:{dataset.class_names[dataset.samples[i].label]}" for i in finding.samples)
    digest = hashlib.sha256("\n".join([finding.about, *pictures]).encode()).hexdigest()
    return f"{finding.kind}-{digest[:16]}"


def save_findings(folder: Path, findings: Sequence[Finding]) -> None:
    """Write health.json."""
    write_json(folder / HEALTH, {"version": VERSION, "findings": [asdict(f) for f in findings]})


def load_findings(dataset: Dataset) -> list[Finding] | None:
    """Findings of a stored dataset, or None when nobody has looked yet (it is of an earlier version, or a file is damaged)."""
    stored = read_json(dataset.folder / HEALTH) if dataset.folder else None
    if stored is None or stored.get("version") != VERSION:
        return None
    try:
        return [_finding(row, len(dataset.samples)) for row in stored["findings"]]
    except (KeyError, TypeError, ValueError):
        return None


def with_names(finding: Finding, dataset: Dataset) -> dict[str, Any]:
    """A finding as the command line tells it: files by name."""
    names = [sample.name for sample in dataset.samples]
    cases = [{"caption": case.caption, "files": [names[i] for i in case.samples]} for case in finding.cases]
    facts = {key: getattr(finding, key) for key in ("kind", "severity", "title", "words", "term")}
    return {**facts, "files": [names[i] for i in finding.samples], "n_cases": finding.n_cases, "cases": cases}


def find_action(dataset: Dataset, finding_id: str, case: int, action: int) -> Action:
    """What a click means: the action at a place of a finding (of one of its cases, or with -1 of all of it).

    Raises:
        UserError: ``NOT_FOUND`` for anything that is not there; the places come from a browser.
    """
    for finding in load_findings(dataset) or ():
        if finding.id == finding_id:
            cases = dict(enumerate(finding.cases))
            actions = finding.actions if case == -1 else cases[case].actions if case in cases else ()
            if 0 <= action < len(actions):
                return actions[action]
    raise UserError("NOT_FOUND", "This finding does not exist (any more).", "Reload the page.")


def _finding(row: dict[str, Any], n: int) -> Finding:
    cases = tuple(
        Case(_indices(case["samples"], n), case["caption"], tuple(_action(a, n) for a in case["actions"]))
        for case in row["cases"]
    )
    actions = tuple(_action(action, n) for action in row["actions"])
    return Finding(**{**row, "samples": _indices(row["samples"], n), "cases": cases, "actions": actions})


def _action(row: dict[str, Any], n: int) -> Action:
    return Action(**{**row, "samples": _indices(row["samples"], n)})


def _indices(values: Sequence[int], n: int) -> tuple[int, ...]:
    """Indices of pictures that are there; ValueError for any other."""
    if not all(isinstance(i, int) and 0 <= i < n for i in values):
        raise ValueError(values)
    return tuple(values)


def count(n: int, one: str, many: str = "") -> str:
    """'1 photo', '2,000 photos'."""
    return f"1 {one}" if n == 1 else f"{n:,} {many or one + 's'}"


def quoted(class_names: Iterable[str]) -> str:
    """‘a’, ‘b’ and ‘c’."""
    names = [f"‘{name}’" for name in class_names]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def some(indices: Sequence[int], n: int = SHOWN) -> list[int]:
    """At most `n` of them, evenly from the first to the last."""
    if len(indices) <= n:
        return list(indices)
    return [indices[round(k * (len(indices) - 1) / (n - 1))] for k in range(n)]
