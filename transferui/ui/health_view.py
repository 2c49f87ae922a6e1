"""Findings about the photos as HTML: what is wrong in plain words, the pictures, and one click to act."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

from transferui.data.dataset import Dataset, thumbnail_path
from transferui.data.findings import Action, Case, Finding, load_findings, some
from transferui.data.layout import Skipped
from transferui.data.storage import IN_TWO_CLASSES
from transferui.errors import UserError
from transferui.files import data_uri
from transferui.ui.html import img, photos

# Cases of a finding and pictures of a case on the page; each picture weighs 6 KB.
CASES, PICTURES = 4, 4
# Findings that are on the page at once.
FIRST = 3
# What needs a decision is open at once, as far as this many cases.
OPEN = 2
# Skipped files that are named; the rest is counted.
NAMED = 20
# What a click on a finding raises begins with one of these.
ACT, IGNORE, SHOW_AGAIN, RECHECK = "act", "ignore", "show-again", "recheck"


def health(dataset: Dataset, problem: UserError | None, ignored: Collection[str]) -> str:
    """What stands in the way, what was found, the most severe first, and what is fine."""
    found = load_findings(dataset)
    shown = [finding for finding in found or () if finding.id not in ignored]
    rows = [_row("bad", f"<span>{escape(problem.message)} {escape(problem.hint)}</span>")] if problem else []
    rows += [_unknown()] if found is None else [_finding(dataset, finding) for finding in shown[:FIRST]]
    rows += _later(dataset, shown[FIRST:])
    rows += [_row("ok", f"<span>{escape(note)}</span>") for note in dataset.notes if IN_TWO_CLASSES not in note]
    n = len(dataset.samples)
    if not dataset.skipped and n:
        rows.append(_row("ok", f"<span>{'The photo' if n == 1 else f'All {photos(n)}'} could be opened.</span>"))
    if found is not None and not any(finding.kind in ("conflict", "leak", "series", "copies") for finding in found) and n > 1:
        rows.append(_row("ok", "<span>No near-copies and no series were found. Cut or tilted copies are not recognized.</span>"))
    return f'<ul class="tu-health">{"".join(rows)}</ul>{_ignored(len(found or ()) - len(shown))}{_skipped(dataset.skipped)}'


def _row(kind: str, body: str) -> str:
    sign = {"ok": "✓", "info": "i"}.get(kind, "!")
    return f'<li class="{kind}"><i aria-hidden="true">{sign}</i>{body}</li>'


def _later(dataset: Dataset, findings: Sequence[Finding]) -> list[str]:
    """The less severe ones behind a click, so that a long list does not bury the page."""
    if not findings:
        return []
    rows = "".join(_finding(dataset, finding) for finding in findings)
    more = f"{len(findings):,} more {'finding' if len(findings) == 1 else 'findings'}"
    return [
        f'<li class="later"><details data-keep="later"><summary>{more}</summary><ul class="tu-health">{rows}</ul></details></li>'
    ]


def _unknown() -> str:
    text = "These photos come from an earlier version: nobody has looked for copies and series yet."
    return _row("warn", f'<div><p>{text}</p><p class="acts">{_button(RECHECK, "Look now")}</p></div>')


def _finding(dataset: Dataset, finding: Finding) -> str:
    term = f" <em>({escape(finding.term)})</em>" if finding.term else ""
    buttons = "".join(_act(finding, -1, n, action) for n, action in enumerate(finding.actions))
    buttons += _button(f"{IGNORE}|{finding.id}", "Ignore", "quiet", f"Ignore: {finding.title}")
    body = (
        f"<p><b>{escape(finding.title)}</b>{term}</p><p>{escape(finding.words)}</p>{_pictures(dataset, finding)}"
        f'<p class="acts">{buttons}</p>'
    )
    return _row(finding.severity, f'<div data-kind="{finding.kind}">{body}</div>')


def _pictures(dataset: Dataset, finding: Finding) -> str:
    """The first cases side by side when they need a decision; otherwise a strip, and the cases behind a click."""
    if not finding.cases:
        return ""
    cases = [_case(dataset, finding, n, case) for n, case in enumerate(finding.cases[:CASES])]
    more = f'<p class="tu-hint-line">and {finding.n_cases - CASES:,} more</p>' if finding.n_cases > CASES else ""
    unfold = f'<details data-keep="{escape(finding.id)}">'
    if finding.severity == "bad":
        rest = "".join(cases[OPEN:]) + more
        behind = f"{unfold}<summary>Show more</summary>{rest}</details>" if rest else ""
        return "".join(cases[:OPEN]) + behind
    strip = "".join(_photo(dataset, case.samples[0]) for case in finding.cases[: CASES + 1])
    if finding.n_cases == 1 and len(finding.cases[0].samples) == 1:
        return f'<div class="pair">{strip}</div>'
    return f'<div class="pair">{strip}</div>{unfold}<summary>Show them</summary>{"".join(cases)}{more}</details>'


def _case(dataset: Dataset, finding: Finding, place: int, case: Case) -> str:
    pictures = "".join(_photo(dataset, i) for i in some(case.samples, PICTURES))
    acts = "".join(_act(finding, place, n, action) for n, action in enumerate(case.actions))
    buttons = f'<p class="acts">{acts}</p>' if acts else ""
    return f'<figure class="case"><div class="pair">{pictures}</div><figcaption>{escape(case.caption)}</figcaption>{buttons}</figure>'


def _photo(dataset: Dataset, index: int) -> str:
    """A thumbnail with its class, so that pictures side by side can be told apart."""
    sample = dataset.samples[index]
    path, name = thumbnail_path(dataset, sample), dataset.class_names[sample.label]
    part = f", {sample.split}" if sample.split else ""
    return f'<span title="{escape(sample.name)}">{img(data_uri(path) if path else "", name + part)}</span>'


def _act(finding: Finding, place: int, n: int, action: Action) -> str:
    return _button(f"{ACT}|{finding.id}|{place}|{n}", action.words, "", f"{finding.title}: {action.words}")


def _button(pick: str, text: str, css: str = "", label: str = "") -> str:
    named = f' aria-label="{escape(label)}"' if label else ""
    return f'<button type="button" class="{css}" data-pick="{escape(pick)}"{named}>{escape(text)}</button>'


def _ignored(n: int) -> str:
    if not n:
        return ""
    said = f"{n:,} {'finding is' if n == 1 else 'findings are'} ignored."
    return f'<p class="tu-ignored">{said} {_button(SHOW_AGAIN, "Show again", "quiet")}</p>'


def _skipped(skipped: Sequence[Skipped]) -> str:
    if not skipped:
        return ""
    rows = "".join(f"<li><bdi>{escape(s.name)}</bdi>: {escape(s.reason)}</li>" for s in skipped[:NAMED])
    more = f"<li>and {len(skipped) - NAMED:,} more</li>" if len(skipped) > NAMED else ""
    count = f"{len(skipped):,} {'file was' if len(skipped) == 1 else 'files were'} skipped"
    return f'<details class="tu-skipped" data-keep="skipped"><summary>{count}</summary><ul>{rows}{more}</ul></details>'
