"""Figures of the learning-rate finder: the loss by step size, with the suggestion marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from transferui.evaluation.figure_views import ACCENT, LINE
from transferui.evaluation.figures import View

# What learns with the step size of a setting.
LEARNERS = {"head_learning_rate": "head", "backbone_learning_rate": "blocks"}


def rate_views(sweeps: Sequence[Mapping[str, Any]]) -> list[View]:
    """One figure for every setting that was tried.

    Args:
        sweeps: each with ``setting``, ``rates`` and ``losses`` of the same length, and the ``suggestion``.
    """
    names = [LEARNERS[one["setting"]] for one in sweeps]
    return [
        View(f"learning-rate-{name}", f"How large a step for the {name}?", (7.4, 4.0), partial(_loss_by_rate, one=one))
        for name, one in zip(names, sweeps, strict=True)
    ]


def _loss_by_rate(axes: Axes, one: Mapping[str, Any]) -> str:
    rates, losses, best = one["rates"], one["losses"], float(one["suggestion"])
    axes.plot(rates, losses, color=ACCENT, linewidth=2.6)
    axes.axvline(best, color="#f0a066", linewidth=1.2, linestyle=(0, (4, 3)))
    where: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "xytext": (4, 0), "textcoords": "offset points"}
    axes.annotate(f"suggested: {best:g}", (best, 0.94), color="#9a3f08", fontsize=9, **where)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(0, max(0.2, 1.08 * max(losses, default=0.0)))
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    if not rates:
        return f"Suggested: {best:g}."
    return f"{len(rates)} step sizes from {min(rates):.2g} to {max(rates):.2g} were tried. Suggested: {best:g}."
