"""A run in one file: HTML that needs nothing else. No script, no request to anywhere, light and dark, A4 when printed."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from html import escape
from pathlib import Path

import transferui
from transferui.data.dataset import Dataset
from transferui.errors import UserError
from transferui.evaluation import figure_views as colors
from transferui.evaluation import report_parts as parts
from transferui.evaluation.answers import answers_of, no_matrix
from transferui.evaluation.figures import Drawn, draw, run_views
from transferui.evaluation.headline import beside, headline
from transferui.evaluation.shown import ShownRun, html_file, name, share

STYLE = Path(__file__).with_name("report.css")
# Colors that figures are drawn in, and the report's tokens for them, which change with light and dark.
TOKENS = {colors.INK: "ink", colors.INK_2: "ink-2", colors.INK_3: "ink-3", colors.LINE: "line",
          colors.LINE_2: "line-2", colors.ACCENT: "accent", colors.BAD: "bad",
          colors.SUNK: "sunk", "#f0a066": "warm-line", "#9a3f08": "warm-ink"}  # fmt: skip
# Inches: figures that stand beside something are drawn smaller, so that their text is not.
SIZES = {"accuracy-curve": (5.0, 3.0), "loss-curve": (5.0, 3.0), "result": (6.0, 1.9), "reliability": (4.8, 4.2)}


def report_html(run: ShownRun, dataset: Dataset | None = None, *, with_photos: bool = False) -> str:
    """The report of a run that has results.

    Args:
        dataset: the photos it learned from; None when they were deleted.
        with_photos: put small pictures of every class and of the worst mistakes into the file.

    Raises:
        UserError: ``NO_RESULTS`` when the run has none.
    """
    if not run.results:
        raise UserError("NO_RESULTS", "A report needs a run with results, and this one has none yet.", "Train first.")
    views = [replace(view, size=SIZES.get(view.name, view.size)) for view in run_views(run) if view.name != "class-recall"]
    figures = {view.name: draw(view, titled=False, as_png=False) for view in views}
    photos = dataset if with_photos else None
    title = f"{', '.join(run.results['classes'][:4])}{' …' if len(run.results['classes']) > 4 else ''}"
    body = "".join([
        _head(run, title),
        _hero(run, figures),
        f'<div class="two">{parts.classes(run, dataset, photos)}{parts.network(run)}</div>',
        _curves(figures),
        _who_for_whom(run, figures),
        parts.per_class(run),
        parts.mistakes(run, photos, asked=with_photos),
        _reliability(figures),
        f'<div class="two">{parts.settings(run)}{parts.facts(run)}</div>',
        parts.code(run),
        f"<footer>Written by TransferUI {escape(transferui.__version__)}. {_photos_note(photos, asked=with_photos)}</footer>",
    ])  # fmt: skip
    return html_file(f"{title}: report of a run", STYLE.read_text(encoding="utf-8"), body)


def themed(figure: Drawn) -> str:
    """A figure's SVG to stand in the page: its colors follow light and dark, its ids meet no other figure's."""
    svg = re.sub(r"<\?xml.*?\?>\s*", "", figure.svg)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r'(id="|href="#|url\(#)', lambda found: f"{found[1]}{figure.name}-", svg)
    svg = re.sub(r"(fill|stroke): (#[0-9a-f]{6})", _token, svg)
    return f'<figure class="fig">{_without_background(svg)}</figure>'


def _token(found: re.Match[str]) -> str:
    name = TOKENS.get(found[2])
    return f"{found[1]}: var(--{name})" if name else found[0]


def _without_background(svg: str) -> str:
    return svg.replace("fill: #ffffff", "fill: none")


def _head(run: ShownRun, title: str) -> str:
    when = f"{time.strftime('%d %B %Y, %H:%M', time.localtime(run.created))} · " if run.created else ""
    photos = f"photos: {name(run.dataset_name)} · " if run.dataset_name else ""
    sub = f"{when}{photos}{escape(run.name)}: report of a training run"
    return f'<header><h1>{name(title)}</h1><p class="sub">{sub}</p></header>'


def _hero(run: ShownRun, figures: dict[str, Drawn]) -> str:
    me = headline(run.results)
    lines = [
        f"{me.where}.",
        f"On new photos of the same kind, expect <b>{share(me.low)} to {share(me.high)}</b> <em>(95\u00a0% interval)</em>.",
        f"Always guessing the largest class: {share(me.base)}.",
        *(f"{row.name} <em>({row.term})</em>: {row.words()}." for row in beside(run.results)),
    ]
    told = "".join(f"<p>{line}</p>" for line in lines)
    return (
        f'<section class="card"><div class="hero"><div><h2>Result</h2><p class="huge">{share(me.accuracy)}</p>{told}</div>'
        f"{themed(figures['result'])}</div>{parts.diagnosis(run)}</section>"
    )


def _curves(figures: dict[str, Drawn]) -> str:
    heads = {"accuracy-curve": "Accuracy <em>higher is better</em>", "loss-curve": "Loss <em>lower is better</em>"}
    there = [(head, figures[name]) for name, head in heads.items() if name in figures]
    cards = "".join(f'<section class="card"><h2>{head}</h2>{themed(figure)}</section>' for head, figure in there)
    return f'<div class="two">{cards}</div>' if cards else ""


def _who_for_whom(run: ShownRun, figures: dict[str, Drawn]) -> str:
    n = len(run.results["classes"])
    matrix = f"<p>{no_matrix(n)}</p>" if no_matrix(n) else themed(figures["confusion-matrix"])
    pairs = parts.confused_pairs(run)
    body = f'<div class="{"wide" if n > 8 else "hero"}">{matrix}<div>{pairs}</div></div>'
    of = f'<p class="sub">{answers_of(run.results).heading}</p>'
    return f'<section class="card matrix"><h2>Who is taken for whom? <em>(confusion matrix)</em></h2>{of}{body}</section>'


def _reliability(figures: dict[str, Drawn]) -> str:
    if "reliability" not in figures:
        return ""
    figure = figures["reliability"]
    return (
        '<section class="card"><h2>Is it as sure as it is right? <em>(reliability diagram)</em></h2><div class="hero">'
        f"{themed(figure)}<p>{escape(figure.words)} On the dashed line, of the photos that it is 80\u00a0% sure about, "
        "80\u00a0% are right; below it, it is too sure.</p></div></section>"
    )


def _photos_note(photos: Dataset | None, *, asked: bool) -> str:
    if photos:
        return "It holds small copies of some photos: share it with care."
    return "The photos of this run are not here any more, so none are shown." if asked else "No photo is in this file."
