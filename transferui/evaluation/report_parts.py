"""The sections of a report. Every word that comes from people or files is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

import transferui
from transferui.backbones.catalogue import CATALOGUE
from transferui.config import SETTINGS
from transferui.data.dataset import Dataset, thumbnail_path
from transferui.evaluation.answers import MISTAKES, PAIRS, answers_of
from transferui.evaluation.headline import calibration_words, class_by_class, headline, learned_weights, weighting
from transferui.evaluation.reproduce import overrides, python_code, shell_code
from transferui.evaluation.shown import ShownRun, share, short, termed
from transferui.evaluation.shown import name as _name
from transferui.files import data_uri
from transferui.presets import capital
from transferui.training.lineage import EARLY, NOT_FINE_TUNED, RELATION_WORDS, ended_early, fine_tuning, learned_stages

# Small pictures of each class, and classes that get some: more would not fit on the page.
PICTURES, PICTURED_CLASSES = 4, 24
# Rows of the table beside the network; the one below has every class.
COUNTED = 12


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of HTML cells; all columns but the first hold numbers."""
    columns = "".join(f'<th scope="col"{" class=num" if n else ""}>{cell}</th>' for n, cell in enumerate(head))
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f'<td class="num">{cell}</td>' for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>'


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows) + "</dl>"


def diagnosis(run: ShownRun) -> str:
    """What the curves say in words, and every note of the run."""
    found: Mapping[str, Any] = run.results.get("diagnosis") or {}
    said = ""
    if found.get("words"):
        evidence = f"<p>{escape(str(found['evidence']))}</p>" if found.get("evidence") else ""
        advice = escape(str(found.get("try_words") or ""))
        tip = f"<p><b>To try next:</b> {advice}</p>" if advice and found.get("try") else f"<p>{advice}</p>" if advice else ""
        said = f'<div class="diagnosis"><p><b>{escape(str(found["words"]))}</b></p>{evidence}{tip}</div>'
    notes = "".join(f"<li>{escape(str(note))}</li>" for note in run.results.get("notes", []))
    return said + (f"<h3>Good to know</h3><ul>{notes}</ul>" if notes else "")


def classes(run: ShownRun, dataset: Dataset | None, photos: Dataset | None) -> str:
    """How many photos of each class there were; with `photos`, some of them.

    Args:
        dataset: None when the photos were deleted; without a folder when they lie outside the app's.
    """
    results = run.results
    checked = {row["class_name"]: row["n"] for row in results["per_class"]}
    head = f"<h2>The photos</h2><p>It learned from {results['n_train']:,} and was checked with {results['n_val']:,}.</p>"
    if dataset is None or dataset.folder is None:
        gone = "are not here any more" if dataset is None else "lie outside the app’s folder, so this report cannot show them"
        counts, note = _learned_counts(results, checked)
        return f'<section class="card long">{head}{counts}<p class="sub">The photos {gone}.{note}</p></section>'
    rows = [[_name(name), f"{count:,}", f"{checked.get(name, 0):,}"] for name, count in dataset.counts.items()][:COUNTED]
    counts = _table(["Class", "Photos", "To check"], rows) + _more(len(dataset.class_names))
    return f'<section class="card long">{head}{counts}{_pictures(photos)}</section>'


def _learned_counts(results: Mapping[str, Any], checked: Mapping[str, int]) -> tuple[str, str]:
    """The table of classes as the results tell, and what they do not: those of earlier versions have no `train_counts`."""
    names, learned = results["classes"], results.get("train_counts")
    if not learned:
        rows = [[_name(name), f"{checked.get(name, 0):,}"] for name in names[:COUNTED]]
        note = " How many each class had to learn from is not known."
        return _table(["Class", "To check"], rows) + _more(len(names)), note
    rows = [
        [_name(name), f"{n:,}", f"{checked.get(name, 0):,}"] for name, n in zip(names[:COUNTED], learned[:COUNTED], strict=True)
    ]
    return _table(["Class", "To learn from", "To check"], rows) + _more(len(names)), ""


def _more(n: int) -> str:
    return f'<p class="sub">and {n - COUNTED} more classes, all in the table below</p>' if n > COUNTED else ""


def _pictures(photos: Dataset | None) -> str:
    if photos is None:
        return ""
    out = ""
    for label, name in enumerate(photos.class_names[:PICTURED_CLASSES]):
        mine = [sample for sample in photos.samples if sample.label == label]
        step = max(1, len(mine) // PICTURES)
        shown = "".join(_thumbnail(photos, photos.samples.index(sample), name) for sample in mine[::step][:PICTURES])
        out += f'<h3>{_name(name)}</h3><div class="pics">{shown}</div>' if shown else ""
    return out


def _thumbnail(photos: Dataset, index: int, alt: str) -> str:
    """The ready-made thumbnail of a stored photo; nothing for one that is gone or was never stored."""
    path = thumbnail_path(photos, photos.samples[index]) if 0 <= index < len(photos.samples) else None
    if path is None:
        return ""
    return f'<img src="{data_uri(path)}" alt="{escape(alt)}">'


def network(run: ShownRun) -> str:
    """The network as a row of blocks, frozen or trainable, and what that means in numbers."""
    results = run.results
    backbone = CATALOGUE.get(str(results["backbone"]))
    learned_ones = learned_stages(results)
    drawn = ""
    if backbone:
        stages = [(stage.name, stage.params) for stage in backbone.stages if stage.params]
        stages.append(("head", (backbone.feature_width + 1) * len(results["classes"])))
        largest = max(params for _, params in stages)
        warm = {*learned_ones, "head"}
        blocks = "".join(
            f'<span class="{"warm" if name in warm else "ice"}" style="height:{_block(params, largest)}%"></span>'
            for name, params in stages
        )
        names = "".join(f"<span>{escape(name)}<small>{short(params)}</small></span>" for name, params in stages)
        drawn = f'<div class="net" aria-hidden="true">{blocks}</div><div class="names">{names}</div>'
    learned, total = learned_weights(results), results["total_parameters"]
    start = "random weights" if run.settings.get("weights") == "random" else "what it had learned from ImageNet"
    if before := results.get("lineage"):
        start = f"an earlier model that had learned {_name(before[-1]['dataset_name'] or before[-1]['name'])}"
        start += f" ({escape(RELATION_WORDS.get(str(results.get('relation')), 'another model'))})"
    became = fine_tuning(results)
    kept = f"<p>{capital(NOT_FINE_TUNED[became])}.</p>" if became in NOT_FINE_TUNED else ""
    proof = "<p>Every frozen weight is unchanged, checked.</p>" if results.get("frozen_unchanged") else ""
    return (
        f'<section class="card"><h2>The network: {escape(backbone.title if backbone else str(results["backbone"]))}</h2>{drawn}'
        f'<p class="sub"><i class="key ice"></i>frozen <i class="key warm"></i>learned (weights of each block below it)</p>'
        f"<p>It started from {start}. {learned:,} of {total:,} weights learned: "
        f"{escape(', '.join([*learned_ones, 'head']))}.</p>{kept}{proof}</section>"
    )


def _block(params: int, largest: int) -> int:
    """Height of a block in percent; the exponent keeps 900 and 1.7 million weights both visible, as on the page."""
    return round(18 + 82 * min(1.0, float((params / largest) ** 0.3)))


def confused_pairs(run: ShownRun) -> str:
    """The pairs that are mixed up most, in words."""
    names, pairs = run.results["classes"], answers_of(run.results).pairs
    if not pairs:
        return "<p>None was answered wrong.</p>"
    lines = "".join(
        f"<li>{n} of {total} photos of {_name(names[i])} were answered {_name(names[j])}</li>" for n, total, i, j in pairs[:PAIRS]
    )
    return f"<h3>Most confused</h3><ul>{lines}</ul>"


def per_class(run: ShownRun) -> str:
    """Recall, precision and F1 of every class."""
    mine = answers_of(run.results)
    rows = [
        [
            _name(row["class_name"]),
            f"{row['n']}",
            _recall(row),
            precision,
            f"{row['f1']:.2f}" if row["n"] else "–",
        ]
        for row, precision in zip(mine.per_class, mine.precisions, strict=True)
    ]
    head = ["Class", "Checked", "Found of them <em>(recall)</em>", "Right when named <em>(precision)</em>", "<em>F1</em>"]
    what = f'<h2>Class by class</h2><p class="sub">{mine.heading}</p>'
    uneven = f'<p class="sub">{termed(weighting(run.results))}</p>' if weighting(run.results) else ""
    return f'<section class="card long">{what}{_table(head, rows)}{uneven}{_balanced(run.results)}</section>'


def _balanced(results: Mapping[str, Any]) -> str:
    """The mean recall of all classes; where the table cannot show the photos that it was found of, with that of each class."""
    judged, me = class_by_class(results), headline(results)
    if judged.get("balanced_accuracy") is None:  # a run of an earlier version
        return ""
    mean = f"Mean recall of all classes <em>(balanced accuracy)</em>: {share(judged['balanced_accuracy'], 1)}"
    if me.cross_validated == answers_of(results).cross_validated:
        return f'<p class="sub">{mean}</p>'
    found = ", ".join(f"{_name(row['class_name'])} {share(row['recall'])}" for row in judged["per_class"] if row["n"])
    return f'<p class="sub">Cross-validated, of all {me.n:,} photos: {found}. {mean}</p>'


def _recall(row: Mapping[str, Any]) -> str:
    if not row["n"]:
        return "–"
    return f'<span class="bar"><i style="width:{100 * row["recall"]:.0f}%"></i></span>{share(row["recall"])}'


def mistakes(run: ShownRun, photos: Dataset | None, *, asked: bool) -> str:
    """The wrong answers that it was surest of, as pictures; nothing without photos."""
    mine = answers_of(run.results)
    if not asked or not mine.wrong:
        return ""
    head = f"<h2>Worst mistakes <em>(most confident first)</em></h2><p>{mine.mistakes_words}</p>"
    if photos is None:
        return f'<section class="card">{head}<p>The photos of this run are not here any more.</p></section>'
    names, shown = run.results["classes"], ""
    for item in mine.wrong[:MISTAKES]:
        picture = _thumbnail(photos, int(item["sample"]), names[item["true"]])
        answer = f"{_name(names[item['predicted']])}, {share(item['probability'])} sure"
        said = f"{_name(names[item['true']])}<br><em>answered {answer}</em>"
        shown += f"<figure>{picture}<figcaption>{said}</figcaption></figure>"
    return f'<section class="card">{head}<div class="wrong">{shown}</div></section>'


def settings(run: ShownRun) -> str:
    """Settings that were changed; a setting that this version does not know stands by its name."""
    strange = {name: value for name, value in run.settings.items() if name not in SETTINGS}
    rows = [(escape(SETTINGS[name].label), escape(str(value))) for name, value in overrides(run.settings).items()]
    rows += [(escape(str(name)), escape(str(value))) for name, value in strange.items()]
    body = _facts(rows) if rows else "<p>None: this is the standard recipe.</p>"
    return f'<section class="card"><h2>Settings that differ from the standard</h2>{body}</section>'


def facts(run: ShownRun) -> str:
    """How the run went, and the versions here and now."""
    results = run.results
    epochs = ", ".join(f"{p['epochs']} ({escape(str(p['name']))})" for p in results.get("phases", []))
    rows = [("Epochs", epochs), ("Computed on", escape(f"{results.get('device', '')}, {results.get('precision', '')}"))]
    if ended_early(results):
        rows.append(("Ended", EARLY))
    if results.get("seconds"):
        rows.append(("Time", f"{results['seconds']['total']:.1f} s"))
    if results.get("calibration_error") is not None:
        rows.append(("Calibration error", calibration_words(results)))
    packages = ", ".join(f"{name} {_version(name)}" for name in ("torch", "torchvision"))
    rows += [
        ("Photos’ fingerprint", escape(str(results.get("dataset_fingerprint", ""))[:16])),
        ("Versions", f"TransferUI {escape(transferui.__version__)}, {packages}, Python {python_version()}"),
    ]
    return f'<section class="card"><h2>How it was made</h2>{_facts(rows)}</section>'


def _version(package: str) -> str:
    try:
        return escape(version(package))
    except PackageNotFoundError:
        return "not installed"


def code(run: ShownRun) -> str:
    """How to do the same again."""
    python, shell = escape(python_code(run.settings)), escape(shell_code(run.settings))
    body = f"<p>In Python:</p><pre>{python}</pre><p>In a terminal:</p><pre>{shell}</pre>"
    return f'<section class="card"><h2>Do it again</h2>{body}</section>'
