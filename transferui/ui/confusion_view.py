"""What a model gets wrong, as HTML: the confusion matrix, the most confused pairs, the worst mistakes, the per-class table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from transferui.data.dataset import Dataset
from transferui.evaluation.report_parts import precisions
from transferui.ui.html import percent, photos, table
from transferui.ui.test_view import thumb

# Pictures of a matrix cell that are shown at once.
IN_CELL = 12
# A matrix with more classes than this has no room for its numbers.
MATRIX_CLASSES = 25
# Pairs and mistakes that are listed; the rest is in the matrix.
PAIRS, MISTAKES = 5, 12


def confusion(results: Mapping[str, Any] | None, dataset: Dataset | None, cell: tuple[int, int] | None) -> str:
    """The confusion matrix as a real table; every cell is a button that shows its photos."""
    if not results:
        return ""
    matrix, names = results["confusion"], results["classes"]
    head = '<section class="tu-card"><h2>Who is taken for whom? <em>(confusion matrix)</em></h2>'
    if len(names) > MATRIX_CLASSES:
        none = f'<p class="tu-none">With {len(names)} classes a matrix has no room; the table below has the numbers.</p>'
        photos_of = f'<div class="tu-conf">{_cell_photos(results, dataset, cell)}</div>' if cell else ""
        return f"{head}{none}{_pairs(matrix, names)}{photos_of}</section>"
    cell = cell or _worst(matrix)
    columns = "".join(f'<th scope="col" title="{escape(n)}"><span><bdi>{escape(n)}</bdi></span></th>' for n in names)
    body = "".join(
        f'<tr><th scope="row" title="{escape(names[i])}"><span><bdi>{escape(names[i])}</bdi></span></th>'
        + "".join(_cell(row, i, j, names, cell) for j in range(len(names)))
        + "</tr>"
        for i, row in enumerate(matrix)
    )
    return (
        f'{head}<div class="tu-conf"><div class="tu-scroll"><table><caption>columns: what the network answered</caption><thead><tr>'
        f'<td class="corner">true class</td>{columns}</tr></thead><tbody>{body}</tbody></table></div>'
        f"{_cell_photos(results, dataset, cell)}</div>{_pairs(matrix, names)}</section>"
    )


def _cell(row: Sequence[int], i: int, j: int, names: Sequence[str], shown: tuple[int, int]) -> str:
    n = row[j]
    css = "hit" if i == j else "miss" if n else "zero"
    strength = min(1.0, (n / max(1, sum(row))) ** 0.55)
    label = f"{n} photos of {names[i]} answered {names[j]}"
    return (
        f'<td><button type="button" data-pick="{i},{j}" class="{css}" style="--a:{strength:.2f}" '
        f'aria-pressed="{str((i, j) == shown).lower()}" aria-label="{escape(label)}">{n}</button></td>'
    )


def _worst(matrix: Sequence[Sequence[int]]) -> tuple[int, int]:
    """The cell with most mistakes, or the first one when there is none."""
    cells = [(row[j], i, j) for i, row in enumerate(matrix) for j in range(len(row)) if i != j]
    n, i, j = max(cells, key=lambda c: c[0])
    return (i, j) if n else (0, 0)


def _cell_photos(results: Mapping[str, Any], dataset: Dataset | None, cell: tuple[int, int]) -> str:
    i, j = cell
    names = results["classes"]
    items = [item for item in results["val_items"] if (item["true"], item["predicted"]) == (i, j)]
    items.sort(key=lambda item: -item["probability"])
    what = f"{names[i]}, answered right" if i == j else f"{names[i]}, answered {names[j]}"
    pictures = "".join(
        f"<figure>{thumb(dataset, int(item['sample']), names[i])}<figcaption>{percent(item['probability'])} sure</figcaption></figure>"
        for item in items[:IN_CELL]
    ) if dataset else "<p>The photos of this run were deleted.</p>"  # fmt: skip
    more = f"<p>and {len(items) - IN_CELL} more</p>" if len(items) > IN_CELL else ""
    none = "<p>No photo here.</p>" if not items else ""
    return f'<aside aria-live="polite"><h3>{photos(len(items))}: <bdi>{escape(what)}</bdi></h3><div class="tu-grid">{pictures}{more}{none}</div></aside>'


def _pairs(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """The most frequent mistakes in words; each opens its photos."""
    cells = [(row[j], sum(row), i, j) for i, row in enumerate(matrix) for j in range(len(row)) if i != j and row[j]]
    items = "".join(
        f'<li><button type="button" data-pick="{i},{j}"><bdi>{escape(names[i])}</bdi> taken for <bdi>{escape(names[j])}</bdi></button>'
        f"<span>{n} of {total} {'photo' if total == 1 else 'photos'}, {percent(n / total)}</span></li>"
        for n, total, i, j in sorted(cells, key=lambda c: (-c[0], -c[0] / c[1]))[:PAIRS]
    )
    return f'<h3>Most often mixed up <em>(most confused pairs)</em></h3><ol class="tu-pairs">{items}</ol>' if items else ""


def mistakes(results: Mapping[str, Any] | None, dataset: Dataset | None) -> str:
    """The validation photos that the model was most surely wrong about; each can be tested above."""
    if not results or dataset is None:
        return ""
    wrong = sorted((item for item in results["val_items"] if item["true"] != item["predicted"]), key=_loss, reverse=True)
    if not wrong:
        return ""
    names = results["classes"]
    cards = "".join(
        f'<button type="button" data-pick="{int(item["sample"])}">{thumb(dataset, int(item["sample"]), names[item["true"]])}'
        f"<b>really <bdi>{escape(names[item['true']])}</bdi></b><span><bdi>{escape(names[item['predicted']])}</bdi>, "
        f"{percent(item['probability'])} sure</span></button>"
        for item in wrong[:MISTAKES]
    )
    return (
        '<section class="tu-card"><h2>Worst mistakes <em>(highest loss)</em></h2><p class="tu-p">Photos it was most surely wrong about. '
        f'Sometimes the label is what is wrong. Choose one to see where it looked.</p><div class="tu-wrong">{cards}</div></section>'
    )


def _loss(item: Mapping[str, Any]) -> float:
    """Cross-entropy of one answer; in results of earlier versions only how sure the wrong answer was is known."""
    if "true_probability" in item:
        return -math.log(max(float(item["true_probability"]), 1e-12))
    return float(item["probability"])


def per_class(results: Mapping[str, Any] | None) -> str:
    """How well each class is found, in words and numbers."""
    if not results:
        return ""
    rows = [
        [
            f"<bdi>{escape(row['class_name'])}</bdi>", f"{row['n']}",
            f'<span class="bar" style="--w:{row["recall"]:.3f}"><i></i></span><b>{percent(row["recall"]) if row["n"] else "–"}</b>',
            precision,
        ]
        for row, precision in zip(results["per_class"], precisions(results), strict=True)
    ]  # fmt: skip
    head = ["Class", "Photos", "Found of them <em>(recall)</em>", "Right when named <em>(precision)</em>"]
    return (
        f'<section class="tu-card tu-perclass"><h2>Class by class</h2><p>{percent(results["val_accuracy"])} of {results["n_val"]} validation '
        f"photos answered right; 95\u00a0% interval {percent(results['val_accuracy_low'])} to {percent(results['val_accuracy_high'])}.</p>"
        f"{table(head, rows)}</section>"
    )
