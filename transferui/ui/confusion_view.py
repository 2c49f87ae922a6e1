"""What a model gets wrong, as HTML: the confusion matrix, the most confused pairs, the worst mistakes, the per-class table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from transferui.data.dataset import Dataset
from transferui.evaluation.answers import MISTAKES, NUMBERED, PAIRS, Answers, answers_of, no_matrix
from transferui.evaluation.headline import headline
from transferui.ui.html import percent, photos, table
from transferui.ui.test_view import thumb

# Pictures of a matrix cell that are shown at once.
IN_CELL = 12


def confusion(results: Mapping[str, Any] | None, dataset: Dataset | None, cell: tuple[int, int] | None) -> str:
    """The confusion matrix as a real table, whose cells are buttons that show their photos; with very many classes only the pairs."""
    if not results:
        return ""
    mine, names = answers_of(results), results["classes"]
    none = no_matrix(len(names))
    cell = cell if cell or none else _worst(mine)
    matrix = f'<p class="tu-none">{none}</p>' if none else _matrix(mine, names, cell)
    shown = _cell_photos(mine, names, dataset, cell) if cell else ""
    wide = " wide" if len(names) > NUMBERED else ""
    parts = [_pairs(mine, names), f'<div class="tu-conf{wide}">{matrix}{shown}</div>']
    return (
        '<section class="tu-card"><h2>Who is taken for whom? <em>(confusion matrix)</em></h2>'
        f'<p class="tu-p">{mine.heading}</p>{"".join(parts if none else reversed(parts))}</section>'
    )


def _matrix(mine: Answers, names: Sequence[str], shown: tuple[int, int] | None) -> str:
    """Rows of true classes, columns of answers. With many classes colors stand for the numbers, and it scrolls within the page."""
    columns = "".join(f'<th scope="col" title="{escape(n)}"><span><bdi>{escape(n)}</bdi></span></th>' for n in names)
    body = "".join(
        f'<tr><th scope="row" title="{escape(names[i])}"><span><bdi>{escape(names[i])}</bdi></span></th>'
        + "".join(_cell(row, i, j, names, shown) for j in range(len(names)))
        + "</tr>"
        for i, row in enumerate(mine.confusion)
    )
    colors = "The stronger the color of a cell, the more photos of its row. Choose one to see them."
    hint = f'<p class="tu-p">{colors}</p>' if len(names) > NUMBERED else ""
    return (
        f'<div>{hint}<div class="tu-scroll"><table><caption>columns: what the network answered</caption><thead><tr>'
        f'<td class="corner">true class</td>{columns}</tr></thead><tbody>{body}</tbody></table></div></div>'
    )


def _cell(row: Sequence[int], i: int, j: int, names: Sequence[str], shown: tuple[int, int] | None) -> str:
    n, numbered = row[j], len(names) <= NUMBERED
    css = "hit" if i == j else "miss" if n else "zero"
    if not n and not numbered:  # thousands of buttons with nothing behind them would only be in the way
        return f'<td class="{css}"></td>'
    strength = min(1.0, (n / max(1, sum(row))) ** 0.55)
    label = escape(f"{photos(n)} of {names[i]} answered {names[j]}")
    told = f'aria-label="{label}"' + ("" if numbered else f' title="{label}"')
    return (
        f'<td><button type="button" data-pick="{i},{j}" class="{css}" style="--a:{strength:.2f}" '
        f'aria-pressed="{str((i, j) == shown).lower()}" {told}>{n if numbered else ""}</button></td>'
    )


def _worst(mine: Answers) -> tuple[int, int]:
    """The cell with most mistakes, or the first one when there is none."""
    return mine.pairs[0][2:] if mine.pairs else (0, 0)


def _cell_photos(mine: Answers, names: Sequence[str], dataset: Dataset | None, cell: tuple[int, int]) -> str:
    i, j = cell
    items = [item for item in mine.items if (item["true"], item["predicted"]) == (i, j)]
    items.sort(key=lambda item: -item["probability"])
    what = f"{names[i]}, answered right" if i == j else f"{names[i]}, answered {names[j]}"
    pictures = "".join(
        f"<figure>{thumb(dataset, int(item['sample']), names[i])}<figcaption>{percent(item['probability'])} sure</figcaption></figure>"
        for item in items[:IN_CELL]
    ) if dataset else "<p>The photos of this run were deleted.</p>"  # fmt: skip
    more = f"<p>and {len(items) - IN_CELL} more</p>" if len(items) > IN_CELL else ""
    none = "<p>No photo here.</p>" if not items else ""
    return f'<aside aria-live="polite"><h3>{photos(len(items))}: <bdi>{escape(what)}</bdi></h3><div class="tu-grid">{pictures}{more}{none}</div></aside>'


def _pairs(mine: Answers, names: Sequence[str]) -> str:
    """The most frequent mistakes in words; each opens its photos."""
    items = "".join(
        f'<li><button type="button" data-pick="{i},{j}"><bdi>{escape(names[i])}</bdi> taken for <bdi>{escape(names[j])}</bdi></button>'
        f"<span>{n} of {total} {'photo' if total == 1 else 'photos'}, {percent(n / total)}</span></li>"
        for n, total, i, j in mine.pairs[:PAIRS]
    )
    return f'<h3>Most often mixed up <em>(most confused pairs)</em></h3><ol class="tu-pairs">{items}</ol>' if items else ""


def mistakes(results: Mapping[str, Any] | None, dataset: Dataset | None) -> str:
    """The photos that were answered wrong, those first that it was surest about; each can be tested above."""
    if not results or dataset is None:
        return ""
    mine, names = answers_of(results), results["classes"]
    if not mine.wrong:
        return ""
    cards = "".join(
        f'<button type="button" data-pick="{int(item["sample"])}">{thumb(dataset, int(item["sample"]), names[item["true"]])}'
        f"<b>really <bdi>{escape(names[item['true']])}</bdi></b><span><bdi>{escape(names[item['predicted']])}</bdi>, "
        f"{percent(item['probability'])} sure</span></button>"
        for item in mine.wrong[:MISTAKES]
    )
    return (
        '<section class="tu-card"><h2>Worst mistakes <em>(most confident first)</em></h2>'
        f'<p class="tu-p">{mine.mistakes_words} Sometimes the label is what is wrong. Choose one to see where it looked.</p>'
        f'<div class="tu-wrong">{cards}</div></section>'
    )


def per_class(results: Mapping[str, Any] | None) -> str:
    """How well each class is found, in words and numbers."""
    if not results:
        return ""
    mine = answers_of(results)
    me = headline(results if mine.cross_validated else {**results, "headline": "val"})
    rows = [
        [
            f"<bdi>{escape(row['class_name'])}</bdi>", f"{row['n']}",
            f'<span class="bar" style="--w:{row["recall"]:.3f}"><i></i></span><b>{percent(row["recall"]) if row["n"] else "–"}</b>',
            precision,
        ]
        for row, precision in zip(mine.per_class, mine.precisions, strict=True)
    ]  # fmt: skip
    head = ["Class", "Photos", "Found of them <em>(recall)</em>", "Right when named <em>(precision)</em>"]
    return (
        f'<section class="tu-card tu-perclass"><h2>Class by class</h2><p>{percent(me.accuracy)} {mine.of} were answered right; '
        f"95\u00a0% interval {percent(me.low)} to {percent(me.high)}.</p>{table(head, rows)}</section>"
    )
