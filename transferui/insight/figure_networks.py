"""What is in the figures of networks before they learn: their ranking, how unusual the photos are, what each block is worth.

Every function draws into matplotlib's axes and returns what is to be seen, in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from transferui.evaluation.figure_views import ACCENT, INK, INK_2, INK_3, LINE, LINE_2, SUNK, shortened
from transferui.evaluation.shown import share
from transferui.insight.lesson.marks import Found, finite
from transferui.insight.lesson.probe_view import advised, best_first, depth_floor, frozen_blocks, trial_word
from transferui.insight.lesson.rank_view import cost, standing
from transferui.insight.lesson.unusual_view import WORDS, by_stage, distance, scale_places

# The page's own colors (assets/style/base.css) of frozen and of learning blocks, and of the three zones of a scale.
ICE, ICE_INK, WARM, WARM_LINE, WARM_INK = "#e0f1fc", "#0b5480", "#ffe4cf", "#f0a066", "#9a3f08"
ZONES = ("#e9f6f0", "#fdf3dc", "#fdecea")
# Letters of all block names together that fit side by side below the widest figure.
SIDE_BY_SIDE = 80


def with_interval(accuracy: Found) -> str:
    """An accuracy and its interval: '94 % (91 to 96)'."""
    low, high = (f"{100 * finite(accuracy.get(end)):.0f}" for end in ("low", "high"))
    return f"{share(finite(accuracy.get('value')))} ({low} to {high})"


def beside(axes: Axes, y: float, text: str) -> None:
    """Words in the right margin at the height of a row."""
    where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "xytext": (10, 0), "textcoords": "offset points"}
    axes.annotate(text, (1, y), va="center", annotation_clip=False, color=INK_2, fontsize=9.5, linespacing=1.35, **where)


def rows_axes(axes: Axes, names: Sequence[str], about: str) -> None:
    """Axes of named rows, the first at the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel(about)
    axes.spines["bottom"].set_visible(False)


def _bar(axes: Axes, y: float, accuracy: Found) -> None:
    """A bar from 0 to 100 % with its interval as a line."""
    axes.barh(y, 1, height=0.42, color=SUNK)
    axes.barh(y, finite(accuracy.get("value")), height=0.42, color=ACCENT)
    axes.plot([finite(accuracy.get(end)) for end in ("low", "high")], [y, y], color=INK, linewidth=1.6, marker="|", markersize=7)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: share(value))


def ranked(axes: Axes, found: Found) -> str:
    """Every network a row: what a new head on it would get right, how it stands to the best, how quick and how large it is."""
    rows, words = found["rows"], []
    chosen = (found.get("recommended", ""), found.get("recommended_start") or "")
    names = shortened([str(row["title"]) for row in rows])
    for y, row in enumerate(rows):
        _bar(axes, y, row["ridge"])
        place = " ".join(filter(None, standing(row, rows)))
        facts = [f"neighbors {share(finite(row['knn'].get('value')))}", *(one for one in cost(row) if one)]
        beside(axes, y, f"{with_interval(row['ridge'])}, {place}\n{', '.join(facts)}")
        words.append(f"{names[y]} {with_interval(row['ridge'])}, {place}, {', '.join(facts)}")
    picked = [(row["name"], row.get("start_from") or "") == chosen for row in rows]
    told = [f"{name}\nrecommended" if here else name for name, here in zip(names, picked, strict=True)]
    asked = f"{found['n_images']} photos, each asked of a head that learned from the others"
    about = f"a new head would get right (linear probe), with its 95 % interval\n{asked}"
    rows_axes(axes, told, about)
    for label, here in zip(axes.get_yticklabels(), picked, strict=True):
        label.set_color(ACCENT if here else INK_2)
    return f"A new head would get right: {'; '.join(words)}."


def unusual_scale(axes: Axes, found: Found) -> str:
    """The distance of the photos from what the network was trained on, in three zones."""
    typical, far, value, low, high = scale_places(found)
    word, numbers = str(found.get("word", "")), distance(found)
    edges = (0.0, typical, far, 1.0)
    for text, left, right, color in zip(WORDS, edges[:-1], edges[1:], ZONES, strict=True):
        axes.axvspan(left, right, color=color, linewidth=0)
        weight = "bold" if text == word else "normal"
        axes.text((left + right) / 2, 0.12, text, ha="center", color=INK if text == word else INK_2, fontweight=weight)
    axes.plot([low, high], [0.6, 0.6], color=ACCENT, alpha=0.35, linewidth=9, solid_capstyle="round")
    axes.plot([value], [0.6], "o", color=ACCENT, markersize=10)
    side = "left" if value < 0.3 else "right" if value > 0.7 else "center"
    axes.text(value, 0.8, numbers, ha=side, color=ACCENT, fontweight="bold")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.05)
    axes.set_xticks([typical, far], [f"{finite(found['typical']):.2f}", f"{finite(found['far']):.2f}"])
    axes.set_yticks([])
    energy = found.get("measure") == "energy"
    what = "energy of its answers: higher is less usual" if energy else "0: as what it was trained on, 1: a whole spread away"
    axes.set_xlabel(f"distance of {found['n_images']} photos, with its 95 % interval\n({what})")
    axes.spines["bottom"].set_visible(False)
    begin, end = (f"{finite(found[key]):.2f}" for key in ("typical", "far"))
    return f"{word.capitalize() or 'Distance'}: {numbers}; unusual begins at {begin}, very unusual at {end}."


def unusual_blocks(axes: Axes, found: Found) -> str:
    """The distance inside each block, from the input to the end."""
    rows = by_stage(found["layers"])
    axes.bar(range(len(rows)), [value for _, value in rows], width=0.62, color=ACCENT)
    for x, (_, value) in enumerate(rows):
        axes.annotate(f"{value:.2f}", (x, value), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=9.5)
    axes.set_ylim(0, 1.15 * max(value for _, value in rows) or 1.0)
    axes.set_yticks([])
    block_names(axes, [stage for stage, _ in rows])
    axes.set_xlabel("distance by block, from the input to the end\n(0: as what it was trained on, 1: a whole spread away)")
    return f"Distance by block: {', '.join(f'{stage} {value:.2f}' for stage, value in rows)}."


def neighbors(axes: Axes, found: Found) -> str:
    """How many photos are named rightly by those that the network finds most alike."""
    near = found["knn"]
    _bar(axes, 0, near)
    beside(axes, 0, with_interval(near))
    rows_axes(
        axes, [""], f"of {int(near.get('n', 0))} photos right by their neighbors (nearest neighbors), with the 95 % interval"
    )
    return f"{with_interval(near)} of {int(near.get('n', 0))} photos are right by their nearest neighbors."


def block_names(axes: Axes, names: Sequence[str]) -> None:
    """Blocks below the axes, tilted when there is too little room side by side."""
    tilted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    wide = len(names) * (max(map(len, names)) + 1) > SIDE_BY_SIDE
    axes.set_xticks(range(len(names)), names, **(tilted if wide else {}))


def depth(axes: Axes, found: Found) -> str:
    """Accuracy of a head after each block, over what is to be frozen (ice) and what may learn (warm)."""
    stages, frozen, floor = found["stages"], frozen_blocks(found), depth_floor(found["stages"])
    names, best, n = [str(stage["name"]) for stage in stages], str(found.get("best", "")), len(stages)
    values, lows, highs = ([finite(stage["ridge"].get(end)) for stage in stages] for end in ("value", "low", "high"))
    parts = [
        (-0.5, frozen - 0.5, ICE, ICE_INK, "freeze"),
        (frozen - 0.5, n + 0.5, WARM, WARM_INK, "may learn" if frozen < n else "learns"),
    ]
    for left, right, color, ink, text in parts[not frozen :]:
        axes.axvspan(left, right, color=color, alpha=0.6, linewidth=0)
        axes.text((left + right) / 2, 1.02, text, ha="center", color=ink, transform=axes.get_xaxis_transform())
    axes.fill_between(range(n), lows, highs, color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(range(n), values, color=ACCENT, linewidth=2.4, marker="o", markersize=6)
    for x, (name, value) in enumerate(zip(names, values, strict=True)):
        at: dict[str, Any] = {"xytext": (0, 8), "textcoords": "offset points", "ha": "center", "fontsize": 9.5}
        text, weight = (f"best\n{share(value)}", "bold") if name == best else (share(value), "normal")
        axes.annotate(text, (x, value), fontweight=weight, color=ACCENT if name == best else INK, **at)
    axes.set_xlim(-0.5, n + 0.5)
    axes.set_ylim(floor, 1 + 0.2 * (1 - floor))  # room for the numbers above the line
    step = 0.1 if floor >= 0.5 else 0.2
    axes.set_yticks([1 - k * step for k in range(int((1 - floor) / step + 1e-6) + 1)])
    axes.yaxis.set_major_formatter(lambda value, _: share(value))
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    block_names(axes, [*names, "head"])
    freeze, learn = advised(found)
    axes.set_xlabel(
        f"right if the network ended after this block (linear probe; pale: 95 % interval)\nAdvice: {freeze}; {learn}."
    )
    after = "; ".join(f"after {name} {share(value)}" for name, value in zip(names, values, strict=True))
    return f"Accuracy of a head after each block: {after}. Best after {best}. Advice: {freeze}; {learn}."


def one_block(axes: Axes, found: Found) -> str:
    """How much lower the loss became when one block alone learned with the head, with two standard errors; best first."""
    trials, words = best_first(found), []
    for y, trial in enumerate(trials):
        gain, error = finite(trial.get("gain")), 2 * finite(trial.get("error"))
        clear = bool(trial.get("clear"))
        amount = "not lower"
        if gain > 0:
            axes.barh(y, gain, height=0.42, color=ACCENT if clear else LINE_2)
            axes.plot([max(0.0, gain - error), gain + error], [y, y], color=INK, linewidth=1.6, marker="|", markersize=7)
            amount = f"{gain:.3f} lower (± {error:.3f})"
        told = f"{trial_word(trial)}{', worth training' if trial['stage'] == found.get('worth_training') else ''}"
        beside(axes, y, f"{amount}\n{told}")
        words.append(f"{trial['stage']} {amount}, {told}")
    axes.set_xlim(left=0)
    axes.axvline(0, color=INK_3, linewidth=1.2)
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    rows_axes(
        axes,
        [str(trial["stage"]) for trial in trials],
        f"how much lower the loss of {int(trials[0]['n_val'])} photos became (line: two standard errors)",
    )
    return f"Training one block alone: {'; '.join(words)}."
