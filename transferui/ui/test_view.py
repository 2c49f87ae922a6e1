"""Step 4 as HTML: the answer for one photo, the confusion matrix, the per-class table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from transferui.data.dataset import Dataset, thumbnail_path
from transferui.ui.html import data_uri, img, percent, radio_card, radio_group, table

# Ranked classes that get a bar; the rest is counted.
RANKED = 8
# Pictures of a matrix cell that are shown at once.
IN_CELL = 12
# A matrix with more classes than this has no room for its numbers.
MATRIX_CLASSES = 25
# Validation photos offered for a try.
TRIES = 10
# Above this the answer is called quite sure, below the other not sure; calibration comes with a later step.
SURE, UNSURE = 0.8, 0.5


def prediction(answer: Mapping[str, Any], truth: str | None = None) -> str:
    """The answer for one photo: the picture, the class, ranked bars."""
    ranked: Sequence[Mapping[str, Any]] = answer["ranked"]
    best = ranked[0]
    rows = "".join(
        f'<div class="row {"top" if n == 0 else ""}"><span class="cut" title="{escape(r["class_name"])}"><bdi>{escape(r["class_name"])}</bdi>'
        f'</span><span class="bar" style="--w:{r["probability"]:.3f}"><i></i></span><span class="num">{_share(r["probability"])}</span></div>'
        for n, r in enumerate(ranked[:RANKED])
    )
    caption = "Your photo" if truth is None else "A validation photo"
    more = f'<p class="tu-hint-line">and {len(ranked) - RANKED} more classes</p>' if len(ranked) > RANKED else ""
    return (
        f'<section class="tu-card tu-pred"><figure><div class="shot">{img(answer["thumbnail"], "the tested photo")}</div>'
        f"<figcaption>{caption}</figcaption></figure><div>{_verdict(best, truth)}"
        f'<div class="tu-bars rank">{rows}</div>{more}</div></section>'
    )


def _verdict(best: Mapping[str, Any], truth: str | None) -> str:
    name, share = f"<bdi>{escape(best['class_name'])}</bdi>", best["probability"]
    if share < UNSURE:
        line = f'<p class="verdict unsure"><b>Not sure.</b> Perhaps {name}. A photo from closer up may help.</p>'
    else:
        line = f'<p class="verdict"><b>{name}</b> <span>{"quite sure" if share >= SURE else "rather sure"}</span></p>'
    if truth is None:
        return line
    right = truth == best["class_name"]
    return line + f'<p class="truth {"ok" if right else "wrong"}">{"✓ right" if right else f"✗ really: {escape(truth)}"}</p>'


def _share(probability: float) -> str:
    return "under 1\u00a0%" if probability < 0.01 else percent(probability)


def empty(has_model: bool) -> str:
    """Before the first photo."""
    text = (
        "Choose a photo, or try one that it has not learned from."
        if has_model
        else "There is no trained model yet. Train one in step 3, or open one in step 5."
    )
    return f'<section class="tu-card tu-pred none-yet"><p class="tu-none">{text}</p></section>'


def tries(dataset: Dataset | None, items: Sequence[Mapping[str, Any]], chosen: str) -> str:
    """Some validation photos, mistakes among them, as radio cards."""
    if dataset is None or not items:
        return ""
    wrong = [item for item in items if item["true"] != item["predicted"]][: TRIES // 2]
    right = [item for item in items if item["true"] == item["predicted"]]
    step = max(1, len(right) // max(1, TRIES - len(wrong)))
    cards = []
    for item in sorted([*wrong, *right[::step][: TRIES - len(wrong)]], key=lambda item: int(item["sample"])):
        key = str(item["sample"])
        cards.append(radio_card(key, key == chosen, _thumb(dataset, int(item["sample"]), "validation photo")))
    return '<p class="tu-or">Or try a validation photo, one it has not learned from:</p>' + radio_group(
        cards, "Validation photo", "tries"
    )


def _thumb(dataset: Dataset, index: int, alt: str) -> str:
    if not 0 <= index < len(dataset.samples):
        return ""
    path = thumbnail_path(dataset, dataset.samples[index])
    return img(data_uri(path) if path else "", alt)


def confusion(results: Mapping[str, Any] | None, dataset: Dataset | None, cell: tuple[int, int] | None) -> str:
    """The confusion matrix as a real table; every cell is a button that shows its photos."""
    if not results:
        return ""
    matrix, names = results["confusion"], results["classes"]
    head = '<section class="tu-card"><h2>Who is taken for whom? <em>(confusion matrix)</em></h2>'
    if len(names) > MATRIX_CLASSES:
        return f'{head}<p class="tu-none">With {len(names)} classes a matrix has no room; the table below has the numbers.</p></section>'
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
        f"{_cell_photos(results, dataset, cell)}</div></section>"
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
        f"<figure>{_thumb(dataset, int(item['sample']), names[i])}<figcaption>{percent(item['probability'])} sure</figcaption></figure>"
        for item in items[:IN_CELL]
    ) if dataset else "<p>The photos of this run were deleted.</p>"  # fmt: skip
    more = f"<p>and {len(items) - IN_CELL} more</p>" if len(items) > IN_CELL else ""
    count = f"{len(items)} {'photo' if len(items) == 1 else 'photos'}"
    none = "<p>No photo here.</p>" if not items else ""
    return f'<aside aria-live="polite"><h3>{count}: <bdi>{escape(what)}</bdi></h3><div class="tu-grid">{pictures}{more}{none}</div></aside>'


def per_class(results: Mapping[str, Any] | None) -> str:
    """How well each class is found, in words and numbers."""
    if not results:
        return ""
    rows = [
        [
            f"<bdi>{escape(row['class_name'])}</bdi>", f"{row['n']}",
            f'<span class="bar" style="--w:{row["recall"]:.3f}"><i></i></span><b>{percent(row["recall"])}</b>',
            percent(row["precision"]) if row["precision"] or row["recall"] else "–",
        ]
        for row in results["per_class"]
    ]  # fmt: skip
    head = ["Class", "Photos", "Found of them <em>(recall)</em>", "Right when named <em>(precision)</em>"]
    return (
        f'<section class="tu-card tu-perclass"><h2>Class by class</h2><p>{percent(results["val_accuracy"])} of {results["n_val"]} validation '
        f"photos answered right; 95\u00a0% interval {percent(results['val_accuracy_low'])} to {percent(results['val_accuracy_high'])}.</p>"
        f"{table(head, rows)}</section>"
    )
