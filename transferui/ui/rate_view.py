"""The learning-rate finder on the page: its curves with the suggestion marked, and buttons that take it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from transferui.ui.desk import Desk
from transferui.ui.html import clickable, photos, seconds, section, show
from transferui.ui.saving import Keep, figures

# Ends of the axis, as powers of ten: what a trial goes through (training.lr_finder, which loads torch).
LEFT, RIGHT = -6, 1
TITLES = {"head_learning_rate": ("Head", "the new classifier"), "backbone_learning_rate": ("Blocks", "those that learn")}
# Settings that decide what a trial finds; with another value its result is old.
_DECIDING = ("backbone", "weights", "start_from", "trainable", "batch_size", "optimizer", "image_size", "head_start", "seed")


@dataclass(frozen=True)
class RateFinder:
    """Its components."""

    start: gr.Button
    stop: gr.Button
    found: gr.HTML
    figures: Keep


def layout() -> RateFinder:
    """Draw it, inside the advanced settings."""
    show(
        section(
            "How large a step?",
            "Tries ever larger steps on your photos until it stumbles, and suggests a good one <em>(learning-rate finder)</em>.",
        )
    )
    with gr.Row(elem_classes="tu-finder"):
        start = gr.Button("Try step sizes", size="sm", elem_id="find-rates", scale=0)
        stop = gr.Button("Stop", size="sm", elem_id="stop-rates", scale=0, interactive=False)
    found = clickable("", "rates")
    return RateFinder(start, stop, found, figures("rate-figures", "The curves that were found, as pictures."))


def trial_key(desk: Desk) -> list[Any]:
    """What a trial was made for."""
    config = desk.config
    return [desk.values.get("dataset"), *(getattr(config, name) for name in _DECIDING)]


def found_rates(desk: Desk) -> Mapping[str, Any] | None:
    """The trial for exactly these photos and settings, or None."""
    kept = desk.values.get("rates")
    return kept if isinstance(kept, dict) and kept.get("key") == trial_key(desk) else None


def rates(desk: Desk) -> str:
    """What the finder has found, or nothing."""
    found = found_rates(desk)
    if found is None:
        return ""
    charts = "".join(_chart(one, float(getattr(desk.config, one["setting"]))) for one in found["sweeps"])
    return (
        f'<div class="tu-rates">{charts}</div><p class="tu-why">Tried with {photos(int(found["photos"]))} in '
        f"{seconds(found['seconds'])}. The network is as it was: the trial leaves no trace.</p>"
    )


def _chart(one: Mapping[str, Any], now: float) -> str:
    name, what = TITLES[one["setting"]]
    rate, points = float(one["suggestion"]), list(zip(one["rates"], one["losses"], strict=True))
    # A loss that is next to nothing looks like nothing.
    top = max(0.2, *(1.08 * loss for _, loss in points)) if points else 1.0
    taken = math.isclose(rate, now, rel_tol=1e-6)
    button = (
        f'<span class="tag ok">in use: {rate:g}</span>'
        if taken
        else f'<button type="button" class="tu-use" data-pick="{one["setting"]}:{rate!r}">Use {rate:g}</button> <small>now {now:g}</small>'
    )
    advice = (
        "Nothing to gain here: the head has learned these photos already, and the error <em>(loss)</em> hardly falls. Keep small steps."
        if one["flat"]
        else "With this step size the error <em>(loss)</em> falls fast and stays under control."
    )
    return (
        f'<figure class="tu-chart tu-rate"><figcaption><b>{name}</b> '
        f'<small>{what}</small></figcaption><div class="plot" role="img" aria-label="{name}: loss by learning rate. Suggested: {rate:g}"><div class="area">{_grid(top)}{_line(points, rate, top)}</div></div>'
        f'<div class="x">{_powers()}<span class="unit">learning rate (tenfold from mark to mark)</span></div>'
        f'<p class="tu-why">{advice}</p><p class="use">{button}</p></figure>'
    )


def _at(rate: float) -> float:
    """Where a rate stands on the axis, in percent."""
    return 100 * min(1.0, max(0.0, (math.log10(max(rate, 1e-12)) - LEFT) / (RIGHT - LEFT)))


def _grid(top: float) -> str:
    return "".join(f'<span class="y" style="bottom:{25 * n}%"><small>{top * n / 4:.2g}</small></span>' for n in range(5))


def _line(points: Sequence[tuple[float, float]], rate: float, top: float) -> str:
    path = " L".join(f"{_at(r):.2f} {100 - 100 * max(0.0, loss) / top:.2f}" for r, loss in points)
    x = _at(rate)
    side = "left" if x > 60 else ""
    return (
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true"><path class="mark" d="M{x:.2f} 0 L{x:.2f} 100"/>'
        f'<path class="val" d="M{path}"/></svg><span class="mark {side}" style="left:{x:.1f}%"><span class="n">suggested</span> <b>{rate:g}</b></span>'
    )


def _powers() -> str:
    return "".join(f'<span style="left:{_at(10.0**n):.1f}%">10<sup>{n}</sup></span>' for n in range(LEFT, RIGHT + 1))
