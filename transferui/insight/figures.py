"""Figures of a measurement to keep: every answer that can be drawn, in the form of a run's figures.

Doubted labels have none: they are photos. Slow to import, as `evaluation.figures`, and without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.axes import Axes

from transferui.backbones.catalogue import CATALOGUE
from transferui.evaluation.figures import View
from transferui.insight.figure_learning import gain_gaps, learning_curve, map_size, photo_map, race
from transferui.insight.figure_networks import depth, neighbors, one_block, ranked, unusual_blocks, unusual_scale
from transferui.insight.lesson.gain_view import ARMS, OWN_MODEL, VERDICTS
from transferui.insight.lesson.map_view import has_both, titled_maps
from transferui.insight.lesson.marks import Found, note_lines, spaced
from transferui.insight.lesson.unusual_view import by_stage, is_known
from transferui.insight.parts import PARTS


@dataclass(frozen=True)
class _Told:
    """Draws, and tells what is to be seen together with what the measurement says of itself."""

    found: Found
    drawn: Callable[[Axes, Found], str]

    def __call__(self, axes: Axes) -> str:
        lines = [self.found.get("sentence", ""), self.drawn(axes, self.found), *note_lines(self.found)]
        return " ".join(spaced(line) for line in lines if line)


def insight_views(answers: Mapping[str, Any]) -> list[View]:
    """Every figure that there is to draw of the answers of a measurement, in the order of the questions.

    Args:
        answers: of a measurement, by name, as in its results.json.
    """
    return [view for name in PARTS if name in _VIEWS and answers.get(name) for view in _VIEWS[name](answers[name])]


def _network(found: Found) -> str:
    """The network that was asked, as it is called on the page."""
    name = str(found.get("backbone", ""))
    return CATALOGUE[name].title if name in CATALOGUE else "the network"


def _rank(found: Found) -> list[View]:
    rows = found.get("rows") or ()
    size = (10.4, 1.7 + 0.62 * len(rows))
    return [View("networks-ranked", PARTS["rank"].question, size, _Told(found, ranked))] if rows else []


def _unusual(found: Found) -> list[View]:
    if not found.get("n_images"):
        return []
    views, network = [], _network(found)
    if is_known(found):
        title = f"How unusual are these photos for {network}?"
        views.append(View("how-unusual", title, (7.4, 2.7), _Told(found, unusual_scale)))
    if len(by_stage(found.get("layers") or ())) > 1:
        title = f"How unusual are they for the blocks of {network}?"
        views.append(View("how-unusual-by-block", title, (8.2, 3.6), _Told(found, unusual_blocks)))
    if found.get("knn"):
        title = f"Does {network} find photos of one class alike?"
        views.append(View("right-by-neighbors", title, (7.4, 1.7), _Told(found, neighbors)))
    return views


def _probe(found: Found) -> list[View]:
    views, trials = [], found.get("trials") or ()
    if found.get("stages"):
        views.append(View("where-to-freeze", f"Where to freeze {_network(found)}?", (8.6, 4.6), _Told(found, depth)))
    if found.get("stages") and trials:
        size = (8.2, 1.5 + 0.52 * len(trials))
        views.append(View("one-block-trained", "What does it bring to train one block?", size, _Told(found, one_block)))
    return views


def _curve(found: Found) -> list[View]:
    if not found.get("points"):
        return []
    return [View("learning-curve", PARTS["curve"].question, (8.2, 4.4), _Told(found, learning_curve))]


def _map(found: Found) -> list[View]:
    views = []
    for title, one in titled_maps(found):
        if not one.get("places"):
            continue
        name, told = (
            f"photo-map-{'after' if one is found.get('after') else 'before'}",
            {**one, "sentence": found.get("sentence") or one.get("sentence")},
        )
        views.append(View(name, f"What lies together? {title}", map_size(one), _Told(told, partial(photo_map, axis=""))))
        if has_both(one):
            pca = _Told(told, partial(photo_map, axis="pca_"))
            views.append(View(f"{name}-main-directions", f"Two main directions. {title}", map_size(one), pca))
    return views


def _gain(found: Found, part: str = "gain", arms: tuple[str, str] = ARMS) -> list[View]:
    if not found.get("seeds"):
        return []
    question, name = PARTS[part].question, {"gain": "transfer-gain", "chain": "own-model-gain"}[part]
    word = VERDICTS.get(str(found.get("verdict")), ("Not known", ""))[0]
    drawn = partial(race, arms=arms)
    views = [View(name, f"{question} {word}", (8.6, 4.4), _Told(found, drawn))]
    return [*views, View(f"{name}-in-points", f"{question} {word}", (8.2, 2.7), _Told(found, gain_gaps))]


_VIEWS: Mapping[str, Callable[[Found], list[View]]] = {
    "rank": _rank, "unusual": _unusual, "probe": _probe, "curve": _curve, "map": _map, "gain": _gain,
    "chain": partial(_gain, part="chain", arms=OWN_MODEL),
}  # fmt: skip
