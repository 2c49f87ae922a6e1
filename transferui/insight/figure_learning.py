"""What is in the figures of what learning brings: more photos, a start that has learned before, and a map of what is found alike.

Every function draws into matplotlib's axes and returns what is to be seen, in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from transferui.evaluation.answers import MATRIX_CLASSES
from transferui.evaluation.figure_views import ACCENT, INK, INK_3, LINE, LINE_2, end_label, label_heights, shortened
from transferui.evaluation.shown import points, share
from transferui.insight.figure_networks import WARM_INK, WARM_LINE, beside, rows_axes
from transferui.insight.lesson.curve_view import axis_of, curve_words, forecast_of, ticks_of, way_on
from transferui.insight.lesson.gain_view import curves_of, gap_reach, gap_rows, mean_curve, mean_of, race_words, starts_of
from transferui.insight.lesson.map_view import DENSE, look_of
from transferui.insight.lesson.marks import Found, finite

# Colors and shapes of classes on the map, in the order of lesson.css (.k0 to .k7 and .f0 to .f7, light).
COLORS = ("#04659a", "#c25803", "#02926a", "#a1518e", "#c98c02", "#3c95c9", "#605708", "#3e4442")
SHAPES = ("o", "^", "s", "D", "P", "v", "X", "*")
# Class names in one column of the map's legend.
COLUMN = 22


def learning_curve(axes: Axes, found: Found) -> str:
    """Accuracy over photos per class (logarithmic), and where it is said to go, dashed."""
    places, forecast = found["points"], forecast_of(found, found["points"])
    axis, _ = axis_of(places, forecast)
    xs = [axis.x(finite(place["per_class"])) for place in places]
    values, lows, highs = ([finite(place[key]) for place in places] for key in ("accuracy", "low", "high"))
    axes.fill_between(xs, lows, highs, color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(xs, values, color=ACCENT, linewidth=2.6, marker="o", markersize=6)
    above: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9.5}
    for x, value in zip(xs, values, strict=True):
        axes.annotate(share(value), (x, value), xytext=(0, 9), ha="center", **above)
    about = "pale: eight of ten repeats"
    if forecast:
        at, then = axis.x(forecast["x"]), forecast["then"]
        way = way_on(found, places, forecast)
        axes.plot([axis.x(x) for x, _ in way], [y for _, y in way], color=ACCENT, linewidth=1.8, linestyle=(0, (2, 2.4)))
        axes.plot([at, at], [forecast["low"], forecast["high"]], color=ACCENT, alpha=0.6, linewidth=2)
        axes.plot([at], [then], "o", color=ACCENT, markerfacecolor="white", markersize=9)
        axes.annotate(f"≈ {share(then)}", (at, then), xytext=(11, 0), va="center", color=ACCENT, annotation_clip=False, **above)
        about += "; dashed: how it probably goes on (extrapolation, 95 % interval)"
    ticks = ticks_of(places, forecast, axis)
    axes.set_xticks([place for place, _ in ticks], [text for _, text in ticks])
    axes.set_xlim(0, 1)
    accuracy_axis(axes, axis.floor)
    axes.set_xlabel(f"photos per class\n({about})")
    return f"{curve_words(places, forecast)}."


def accuracy_axis(axes: Axes, floor: float) -> None:
    """The upright axis for accuracies, from `floor` to 100 % and a little more for what is drawn there."""
    axes.set_ylim(floor, 1 + 0.04 * (1 - floor))
    axes.yaxis.set_major_formatter(lambda value, _: share(value))
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.tick_params(axis="x", pad=7)  # the lowest share and the first number below must not touch


def race(axes: Axes, found: Found, arms: tuple[str, str]) -> str:
    """Accuracy over seconds of computing, of both starts."""
    seeds = found["seeds"]
    both = [("pretrained", ACCENT, "-"), ("scratch", WARM_LINE, (0, (4, 2)))]
    kept = [mean_of(seeds, arm) for arm, _, _ in both]
    every = [place for arm, _, _ in both for curve in curves_of(seeds, arm) for place in curve]
    last = 1.02 * max((x for x, _ in every), default=1.0)
    for (arm, color, dashes), value in zip(both, kept, strict=True):
        curves = curves_of(seeds, arm)
        for curve in filter(None, curves if len(curves) > 1 else ()):
            axes.plot(*zip(*curve, strict=True), color=color, linewidth=0.9, alpha=0.5)
        mean = mean_curve(curves)
        if mean:
            x, y = zip(*mean, strict=True)
            axes.plot(x, y, color=color, linewidth=2.8, linestyle=dashes, marker="o" if len(mean) == 1 else "")
            axes.plot([x[-1], last], [y[-1], value], color=color, linewidth=1.2, linestyle=(0, (1, 3)))
    axes.set_xlim(0, last)
    accuracy_axis(axes, next((at for at in (0.75, 0.5, 0.25) if min((y for _, y in every), default=0.0) > at), 0.0))
    for at, text, value, color in zip(label_heights(axes, kept), arms, kept, (ACCENT, WARM_INK), strict=True):
        end_label(axes, (1, at), f"{text}  {share(value)}", color)
    checked = f"{int(finite(found.get('n_val')))} validation photos"
    axes.set_xlabel(f"seconds of computing\n({starts_of(seeds)}; at the right what each kept; {checked})")
    return f"Accuracy of the validation photos over computing time: {race_words(seeds, arms)}."


def gain_gaps(axes: Axes, found: Found) -> str:
    """How much better the first start is, with 95 % intervals: at the end and after the same time; hollow if it may be chance."""
    rows, words, reach = gap_rows(found), [], gap_reach(found)
    axes.axvline(0, color=LINE_2, linewidth=1.5)
    for y, (title, (gap, low, high)) in enumerate(rows):
        color = ACCENT if low > 0 else WARM_INK if high < 0 else INK_3
        axes.plot([low, high], [y, y], color=color, alpha=0.35, linewidth=9, solid_capstyle="round")
        axes.plot([gap], [y], "o", color=color, markerfacecolor="white" if low <= 0 <= high else color, markersize=10)
        told = f"{points(gap)} points ({points(low)} to {points(high)})"
        beside(axes, y, told)
        words.append(f"{title}: {told}")
    axes.set_xlim(-reach, reach)
    axes.xaxis.set_major_locator(MaxNLocator(5, symmetric=True))
    axes.xaxis.set_major_formatter(lambda value, _: points(value))
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    rows_axes(axes, [title for title, _ in rows], "←  hurts          points of accuracy          helps  →")
    return f"{'; '.join(words)}."


def photo_map(axes: Axes, found: Found, axis: str) -> str:
    """Every photo a point: color and shape by class, ringed where it lies among another class.

    Args:
        axis: before ``x`` and ``y`` in the names of the coordinates, ``pca_`` for the principal components.
    """
    places, names = found["places"], shortened([str(label) for label in found.get("class_names") or ()])
    there = sorted({int(place["label"]) for place in places})
    dots = []
    for label in there:
        mine = _spots([place for place in places if int(place["label"]) == label], axis)
        color, shape = look_of(label)
        dots.append(axes.scatter(*mine, s=34, color=COLORS[color], marker=SHAPES[shape], linewidth=0, alpha=0.9, clip_on=False))
    wrong = [place for place in places if place["label"] != place["answer"]]
    width = 0.8 if len(wrong) > DENSE else 1.3
    axes.scatter(*_spots(wrong, axis), s=95, facecolors="none", edgecolors=INK, linewidth=width, clip_on=False)
    if len(there) <= MATRIX_CLASSES:
        keys: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0), "frameon": False, "borderaxespad": 0.0}
        legend = axes.legend(
            dots, [str(n) for n in there], ncols=-(-len(there) // COLUMN), fontsize=9.5, handletextpad=0.3, **keys
        )
        for text, label in zip(legend.get_texts(), there, strict=True):
            text.set_text(names[label] if label < len(names) else "?")  # here, because a legend leaves out what begins with _
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[], yticks=[], aspect="equal", anchor="W")
    for side in axes.spines.values():
        side.set(visible=True, color=LINE)
    count = (
        f"{len(wrong)} of {len(places)} photos among another class (ringed)"
        if wrong
        else f"all {len(places)} photos with their class"
    )
    plain = found.get("method") != "tsne" or axis == "pca_"
    how = (
        f"PCA: shows {100 * finite(found.get('kept')):.0f} % of the differences"
        if plain
        else "t-SNE: who lies beside whom counts, not how far"
    )
    axes.set_xlabel(f"{count}\n({how})")
    return f"{count}; {len(there)} classes ({how})."


def _spots(places: Sequence[Found], axis: str) -> tuple[list[float], list[float]]:
    """Coordinates of photos on the map."""
    return [finite(place[f"{axis}x"], 0.5) for place in places], [finite(place[f"{axis}y"], 0.5) for place in places]


def map_size(found: Found) -> tuple[float, float]:
    """Inches of a map and its legend."""
    there = {int(place["label"]) for place in found["places"]}
    names = shortened([str(label) for label in found.get("class_names") or ()])
    letters = max((len(name) for name in names), default=0)
    columns = -(-len(there) // COLUMN) if len(there) <= MATRIX_CLASSES else 0
    return 5.6 + columns * (0.45 + 0.078 * letters), 6.0
