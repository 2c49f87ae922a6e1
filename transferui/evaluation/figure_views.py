"""What is in each figure: every function draws into matplotlib's axes and returns what is to be seen, in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any
from unicodedata import east_asian_width

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from transferui.evaluation.answers import MATRIX_CLASSES, NUMBERED, answers_of
from transferui.evaluation.headline import calibration_words, headline
from transferui.evaluation.kept_epoch import Mark
from transferui.evaluation.metrics import accuracy_interval, worth
from transferui.evaluation.shown import BINS, curve_number, share

# The page's own colors (assets/style/base.css); the report puts its light and dark tokens in their place.
INK, INK_2, INK_3, LINE, LINE_2 = "#17211d", "#525d58", "#6b7771", "#e1e6e3", "#cbd3cf"
ACCENT, BAD, SUNK = "#0f7a5e", "#b3261e", "#f1f4f2"
# A longer class name is cut, because the matrix would be all margin; less is cut, up to the last, where names become the same.
LENGTHS = (24, 32, 40, 48)
# Of a class name in the matrix, in points: with and without numbers in the cells. A letter is this share of it wide.
NAME_SIZES, LETTER = (10.5, 7.0), 0.62
# From label to label beside the ends of lines, in shares of the axes' height.
GAP = 0.075
Row = Mapping[str, Any]
Results = Mapping[str, Any]


def shortened(names: Sequence[str]) -> list[str]:
    """Names on one line, the long ones cut in the middle so that they are still told from each other, and numbered if need be."""
    texts = [" ".join(name.split()) for name in names]
    shown = [_cut(text, LENGTHS[0]) for text in texts]
    for length in LENGTHS[1:]:
        times = Counter(shown)
        shown = [_cut(text, length) if times[short] > 1 else short for text, short in zip(texts, shown, strict=True)]
    times, taken = Counter(shown), set(shown)
    for at, text in enumerate(texts):
        if times[shown[at]] > 1:  # more of them has not helped, so the short one will do
            numbered = (f"{_cut(text, LENGTHS[0])} ({n})" for n in count(1))
            shown[at] = next(one for one in numbered if one not in taken)
            taken.add(shown[at])
    return shown


def _cut(text: str, length: int) -> str:
    """Names of one kind often begin alike and often end alike, so both ends stay."""
    behind = (length - 1) // 2
    return text if len(text) <= length else f"{text[: length - 1 - behind]}…{text[-behind:]}"


def curve_axes(axes: Axes, kind: str, rows: Sequence[Row]) -> None:
    """Axes over epochs for a kind of value, ``accuracy`` or ``loss``, of these rows."""
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if kind == "accuracy":
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(lambda value, _: share(value))
        return
    values = sorted(v for row in rows for v in (row["train_loss"], row["val_loss"]) if v is not None and math.isfinite(v))
    # A few wild first values must not press the rest to the ground.
    axes.set_ylim(0, max(values[int(0.98 * (len(values) - 1))] * 1.12, 1e-3) if values else 1.0)


def curve_values(rows: Sequence[Row], key: str) -> tuple[list[int], list[float]]:
    """Epochs and values; what is no number is a gap."""
    values = [row[key] if row[key] is not None and math.isfinite(row[key]) else math.nan for row in rows]
    return [row["epoch_total"] for row in rows], values


def end_label(axes: Axes, at: tuple[float, float], text: str, color: str) -> None:
    """A label in the right margin at the height of a line's end; heights in shares of the axes."""
    axes.annotate(text, (1, at[1]), xytext=(8, 0), xycoords="axes fraction", textcoords="offset points", va="center", color=color,
                  annotation_clip=False, fontsize=10)  # fmt: skip


def label_heights(axes: Axes, values: Sequence[float]) -> list[float]:
    """Heights of labels in shares of the axes, near their lines and apart from each other."""
    low, high = axes.get_ylim()
    wanted = [min(1.0, max(0.0, (v - low) / (high - low))) if math.isfinite(v) else 1.0 for v in values]
    placed = list(wanted)
    floor = 0.0
    for i in sorted(range(len(wanted)), key=lambda i: wanted[i]):
        placed[i] = floor = max(wanted[i], floor)
        floor += GAP
    over = max(0.0, max(placed, default=0.0) - 1.0)
    return [max(0.0, at - over) for at in placed]


def dot(axes: Axes, mark: Mark, kind: str, color: str) -> None:
    """The kept epoch on its validation curve, where there is one."""
    if mark.row is not None:
        x, y = curve_values([mark.row], f"val_{kind}")
        axes.plot(x, y, "o", color=color, markersize=9, clip_on=False, zorder=5)


def curve(axes: Axes, rows: Sequence[Row], kind: str, mark: Mark | None) -> str:
    """Validation and training curve of one run, and which epoch was kept."""
    curve_axes(axes, kind, rows)
    for series, color, width, dashes in (("train", INK_3, 1.6, (0, (1, 2.2))), ("val", ACCENT, 2.6, "-")):
        x, y = curve_values(rows, f"{series}_{kind}")
        axes.plot(x, y, color=color, linewidth=width, linestyle=dashes, marker="o" if len(rows) == 1 else "")
    first = next((row["epoch_total"] for row in rows if row["phase"] == "finetune"), 0)
    if first > 1:
        axes.axvline(first - 0.5, color="#f0a066", linewidth=1.2, linestyle=(0, (4, 3)))
        where: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "xytext": (4, 0), "textcoords": "offset points"}
        axes.annotate("blocks learn too", (first - 0.5, 0.04), color="#9a3f08", fontsize=9, **where)
    last = [rows[-1][f"{series}_{kind}"] for series in ("train", "val")]
    ends = [math.nan if value is None else value for value in last]
    for at, text, value, color in zip(label_heights(axes, ends), ("train", "validation"), last, (INK_2, ACCENT), strict=True):
        end_label(axes, (1, at), f"{text} {curve_number(value, kind)}", color)
    train, validation = (curve_number(value, kind) for value in last)
    words = f"After epoch {rows[-1]['epoch_total']}: train {train}, validation {validation}."
    if mark is None:
        return words
    dot(axes, mark, kind, ACCENT)
    said = mark.words(kind)
    axes.set_xlabel(f"epoch\n{'● ' if mark.row is not None else ''}{said}")
    return f"{words} {said[:1].upper()}{said[1:]}."


def scale(axes: Axes, results: Results) -> str:
    """Accuracy, its interval and always guessing the largest class, on one scale."""
    me = headline(results)
    base = me.base
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.95, 0.8)
    axes.barh(0, 1, height=0.16, color=SUNK)
    axes.barh(0, me.high - me.low, left=me.low, height=0.34, color=ACCENT, alpha=0.35)
    axes.plot([me.accuracy], [0], "o", color=ACCENT, markersize=10, clip_on=False)
    axes.plot([base, base], [-0.28, 0.28], color=INK_3, linewidth=2.5)
    _aside(axes, me.accuracy, 0.5, f"{share(me.accuracy)} ({share(me.low)} to {share(me.high)})", ACCENT)
    _aside(axes, base, -0.72, f"always guessing the largest class: {share(base)}", INK_2)
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda value, _: share(value))
    return f"{share(me.accuracy)} {me.where}, 95 % interval {share(me.low)} to {share(me.high)}; largest class {share(base)}."


def _aside(axes: Axes, x: float, y: float, text: str, color: str) -> None:
    side = "left" if x < 0.3 else "right" if x > 0.7 else "center"
    axes.text(x, y, text, ha=side, color=color, fontweight="bold" if color == ACCENT else "normal")


def _room(classes: Sequence[str]) -> tuple[float, float, bool]:
    """Inches from cell to cell of the matrix, inches of the longest class name, and whether names below it have to be tilted."""
    n = len(classes)
    if n > MATRIX_CLASSES:
        return min(11.5, 5.5 + 0.08 * n) / n, 0.0, False
    letters = max(sum(2 if east_asian_width(sign) in "FW" else 1 for sign in name) for name in shortened(classes))
    cell = max(0.42, min(1.2, 2.8 / n)) if n <= NUMBERED else (5.5 + 0.08 * n) / n
    name = letters * LETTER * NAME_SIZES[n > NUMBERED] / 72
    return cell, name, name > 0.9 * cell


def matrix_size(classes: Sequence[str]) -> tuple[float, float]:
    """Inches that the matrix needs with the names at two of its sides: few cells are large, and very many fit on a page."""
    cell, name, tilts = _room(classes)
    cells = len(classes) * cell
    return cells + name + 0.9, cells + (0.71 * name if tilts else 0.0) + 1.5


def confusion(axes: Axes, results: Results) -> str:
    """The confusion matrix, rows true; with many classes without numbers, with very many without names."""
    mine = answers_of(results)
    matrix = np.asarray(mine.confusion)
    n, names = len(matrix), shortened(results["classes"])
    strength = (matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))) ** 0.55
    numbered = n <= NUMBERED
    if not numbered:  # one sheet below all cells instead of thousands of empty ones
        axes.add_patch(Rectangle((-0.5, -0.5), n, n, color=SUNK, linewidth=0))
    for i, j in np.ndindex(n, n):
        if matrix[i, j] or numbered:
            hue, alpha = (ACCENT, 0.32 * strength[i, j]) if i == j else (BAD, 0.6 * strength[i, j])
            _square(axes, (j, i), (hue, alpha) if matrix[i, j] else (SUNK, 1.0), 0.06 if numbered else 0.0)
        if numbered:
            weight, color = "bold" if i == j else "normal", INK if matrix[i, j] else INK_3
            text = axes.text(j, i, str(matrix[i, j]), ha="center", va="center", fontweight=weight, color=color)
            text.set_in_layout(False)  # it lies inside; measuring hundreds of them takes seconds
    axes.set_xlim(-0.5, n - 0.5)
    axes.set_ylim(n - 0.5, -0.5)
    axes.set_aspect("equal")
    of = "photos, cross-validated" if mine.cross_validated else "validation photos"
    axes.set_xlabel(f"answered by the network\n({mine.n} {of})")
    axes.set_ylabel("true class")
    shown = names if n <= MATRIX_CLASSES else []
    size = NAME_SIZES[not numbered]
    tilts = _room(results["classes"])[2]
    tilted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if tilts else {}
    axes.set_xticks(range(len(shown)), shown, fontsize=size, **tilted)
    axes.set_yticks(range(len(shown)), shown, fontsize=size)
    axes.spines["bottom"].set_visible(False)
    return f"{int(np.trace(matrix))} {mine.of} are on the diagonal of {n} classes: answered right."


def _square(axes: Axes, at: tuple[int, int], fill: tuple[str, float], gap: float) -> None:
    """One cell of the matrix, column and row, with color and strength."""
    (x, y), (color, alpha), side = at, fill, 1 - 2 * gap
    axes.add_patch(Rectangle((x - side / 2, y - side / 2), side, side, color=color, alpha=alpha, linewidth=0, in_layout=False))


def class_recall(axes: Axes, results: Results) -> str:
    """Share of every class's photos that are found, the weakest at the top."""
    mine = answers_of(results)
    called = [row["class_name"] for row in mine.per_class]
    names = dict(zip(called, shortened(called), strict=True))
    rows = sorted(mine.per_class, key=lambda row: (row["n"] == 0, row["recall"]))
    at = range(len(rows))
    axes.barh(at, [1] * len(rows), height=0.56, color=SUNK)
    axes.barh(at, [row["recall"] for row in rows], height=0.56, color=ACCENT)
    for y, row in enumerate(rows):
        said = f"{share(row['recall'])} of {row['n']}" if row["n"] else "no photo here"
        axes.annotate(said, (1, y), xytext=(8, 0), textcoords="offset points", va="center", annotation_clip=False, color=INK_2)
    axes.set_yticks(at, [names[row["class_name"]] for row in rows])
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(f"found of each class (recall)\n{mine.of}")
    axes.xaxis.set_major_formatter(lambda value, _: share(value))
    axes.spines["bottom"].set_visible(False)
    weakest = rows[0]
    return f"From {share(weakest['recall'])} of {names[weakest['class_name']]} to {share(max(row['recall'] for row in rows))}."


def reliability(axes: Axes, results: Results) -> str:
    """How often it is right by how sure it says to be; on the diagonal both are the same.

    In the intervals, photos that belong together count as the few that they are worth.

    Source: Niculescu-Mizil and Caruana, 2005, Predicting good probabilities with supervised learning.
    """
    items = results["val_items"]
    axes.plot([0, 1], [0, 1], color=LINE_2, linewidth=1.5, linestyle=(0, (4, 3)))
    axes.text(
        0.06, 0.1, "as sure as right", color=INK_3, fontsize=9, rotation=45, rotation_mode="anchor", transform_rotates_text=True
    )
    groups: dict[int, list[Row]] = {}
    for item in items:
        groups.setdefault(min(BINS - 1, int(item["probability"] * BINS)), []).append(item)
    largest = max(len(group) for group in groups.values())
    for group in groups.values():
        sure = float(np.mean([item["probability"] for item in group]))
        single = worth([item.get("group", f"photo {n}") for n, item in enumerate(group)])
        right = accuracy_interval(sum(item["true"] == item["predicted"] for item in group), len(group), single)
        axes.plot([sure, sure], [right.low, right.high], color=ACCENT, alpha=0.35, linewidth=4)
        axes.plot([sure], [right.value], "o", color=ACCENT, markersize=5 + 8 * math.sqrt(len(group) / largest), clip_on=False)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.grid(color=LINE, linewidth=0.8)
    axes.set_xlabel("how sure it says to be (confidence)")
    axes.set_ylabel("how often it is right")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: share(value))
    told = f" Mean gap (expected calibration error): {calibration_words(results)}." if "calibration_error" in results else ""
    return f"{len(items)} validation photos in {len(groups)} groups by confidence; larger dots hold more photos.{told}"
