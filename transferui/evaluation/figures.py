"""Figures to keep: every view of a run drawn with matplotlib, as PNG and as SVG that needs nothing else.

Only matplotlib's objects are used, no pyplot: nothing is shared between two figures, and no window is ever opened. Text is
text: a `$` or `_` in a class name is drawn as it is. Slow to import (half a second), so only children of the server do.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferui.evaluation.compare import rank_runs, same_photos
from transferui.evaluation.figure_together import comparison_curves, gaps, results_together
from transferui.evaluation.figure_views import (
    INK,
    INK_2,
    LINE,
    class_recall,
    confusion,
    curve,
    matrix_size,
    reliability,
    scale,
)
from transferui.evaluation.kept_epoch import mark_kept
from transferui.evaluation.shown import ShownRun
from transferui.files import replacing

# Fewer answers than this, taken one by one, leave most bins of a reliability diagram to chance.
RELIABILITY_PHOTOS = 100
PNG_DPI = 200
# Inches: around everything, and of a letter of a title.
MARGIN, TITLE_LETTER = 0.12, 0.125
# Fonts of Linux, macOS and Windows for signs that DejaVu Sans lacks; only those that are installed are asked, in this order.
MORE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "PingFang SC", "Hiragino Sans",
    "Hiragino Sans GB", "Apple SD Gothic Neo", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Arial Unicode MS",
    "Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans Tamil", "Nirmala UI", "Leelawadee UI", "Segoe UI Symbol",
    "Noto Sans Symbols2", "Symbola", "Noto Emoji", "Segoe UI Emoji",
)  # fmt: skip
STYLE: dict[Any, Any] = {
    "font.size": 10.5, "text.color": INK, "text.parse_math": False, "axes.edgecolor": LINE,
    "axes.labelcolor": INK_2, "xtick.labelcolor": INK_2, "ytick.labelcolor": INK_2,
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
    "axes.axisbelow": True, "xtick.major.size": 0, "ytick.major.size": 0, "figure.titlesize": 13, "figure.titleweight": "bold",
    "axes.unicode_minus": True, "svg.fonttype": "none",
    "figure.facecolor": "white", "figure.constrained_layout.w_pad": MARGIN, "figure.constrained_layout.h_pad": MARGIN,
    "lines.solid_capstyle": "round", "lines.dash_capstyle": "butt",
}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """One figure.

    Attributes:
        name: of its files, without ending.
        title: one line that names it.
        words: what is to be seen, for those who do not see it.
    """

    name: str
    title: str
    words: str
    svg: str
    png: bytes


@dataclass(frozen=True)
class View:
    """How to draw one figure: size in inches, and a function that draws into axes and returns what is to be seen in words."""

    name: str
    title: str
    size: tuple[float, float]
    draw: Callable[[Axes], str]


def fonts() -> list[str]:
    """DejaVu Sans, which comes with matplotlib, and what is installed for other scripts."""
    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in MORE_FONTS if name in installed)]


def draw(view: View, *, titled: bool = True, as_png: bool = True) -> Drawn:
    """Draw one view as SVG, and as PNG if asked for.

    Args:
        titled: write the title above it; where it stands under a heading that would be twice.
    """
    with mpl.rc_context({**STYLE, "font.family": fonts(), "svg.hashsalt": view.name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a sign that no font here has: a box in PNG, right in SVG
        wide, tall = view.size
        if titled:
            wide = max(wide, 2 * MARGIN + TITLE_LETTER * len(view.title))
        figure = Figure(figsize=(wide, tall), layout="constrained")
        words = view.draw(figure.add_subplot())
        if titled:  # from the figure's edge on, because axes beside long names are too narrow for it
            figure.suptitle(view.title, x=MARGIN / wide, ha="left")
        svg, png = io.BytesIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        if as_png:
            figure.set_layout_engine("none")  # it is laid out already, and that is most of the work
            told = {"Title": view.title, "Description": words, "Software": None}
            figure.savefig(png, format="png", dpi=PNG_DPI, metadata=told)
    return Drawn(view.name, view.title, words, _accessible(svg.getvalue().decode(), view.title, words), png.getvalue())


def _accessible(svg: str, title: str, words: str) -> str:
    """The SVG without reference to anything outside, with a title and a description that screen readers find."""
    svg = re.sub(r"<!DOCTYPE.*?>\s*", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, count=1, flags=re.DOTALL)
    svg = svg.replace("'DejaVu Sans'", "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans'")
    told = f' role="img"><title>{escape(title)}</title><desc>{escape(words)}</desc>'
    return re.sub(r"(<svg\b[^>]*)>", lambda found: found[1] + told, svg, count=1)


def run_views(run: ShownRun) -> list[View]:
    """Every figure that there is to draw of one run."""
    views = []
    if run.rows:
        kept = mark_kept(run.rows, run.results)
        views += [
            View("accuracy-curve", f"{run.name}: accuracy", (7.4, 4.0), lambda axes: curve(axes, run.rows, "accuracy", kept)),
            View("loss-curve", f"{run.name}: loss", (7.4, 4.0), lambda axes: curve(axes, run.rows, "loss", kept)),
        ]
    results = run.results
    if not results:
        return views
    tall = min(30.0, 1.7 + 0.34 * len(results["classes"]))
    found = f"{run.name}: how many of each class are found"
    views += [
        View("result", f"{run.name}: result", (7.4, 2.6), lambda axes: scale(axes, results)),
        View(
            "confusion-matrix",
            f"{run.name}: who is taken for whom",
            matrix_size(results["classes"]),
            lambda axes: confusion(axes, results),
        ),
        View("class-recall", found, (7.4, tall), lambda axes: class_recall(axes, results)),
    ]
    if results.get("val_worth", results["n_val"]) >= RELIABILITY_PHOTOS:
        views.append(
            View("reliability", f"{run.name}: is it as sure as it is right?", (5.6, 5.0), lambda axes: reliability(axes, results))
        )
    return views


def comparison_views(runs: Sequence[ShownRun]) -> list[View]:
    """Figures of several runs together."""
    lines = [run for run in runs if run.rows]
    done = [at for at, run in enumerate(runs) if run.results]
    # The most that were checked with the same photos: no other accuracies may be held against each other.
    alike = next(iter(same_photos([runs[at].results for at in done], [runs[at].learned for at in done])), [])
    views = []
    if len(lines) > 1:
        for kind in ("accuracy", "loss"):
            views.append(View(f"compared-{kind}", f"Compared: {kind} of the validation photos", (8.2, 4.2), _Curves(runs, kind)))
    if len(alike) > 1:
        places = [done[i] for i in alike]
        size = (7.4, 2.2 + 0.5 * len(places))
        views.append(View("compared-results", "Compared: results", size, lambda axes: results_together(axes, runs, places)))
        shown = [runs[at] for at in places]
        if ranking := rank_runs([run.results for run in shown], [run.learned for run in shown]):
            size = (7.4, 2.4 + 0.5 * len(ranking.against))
            views.append(
                View("compared-differences", "Compared: which is better", size, lambda axes: gaps(axes, ranking, runs, places))
            )
    return views


@dataclass(frozen=True)
class _Curves:
    """Draws the curves of several runs; an object, because it is made in a loop."""

    runs: Sequence[ShownRun]
    kind: str

    def __call__(self, axes: Axes) -> str:
        return comparison_curves(axes, self.runs, self.kind)


def write_figures(views: Iterable[View], to: Path) -> list[str]:
    """Write every view as PNG and SVG into a folder, or into a ZIP when the path ends so, and return the file names."""
    drawn = [draw(view) for view in views]
    files = {f"{d.name}.svg": d.svg.encode() for d in drawn} | {f"{d.name}.png": d.png for d in drawn}
    if to.suffix.lower() == ".zip":
        with replacing(to) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    else:
        to.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            with replacing(to / name) as temporary:
                temporary.write_bytes(content)
    return sorted(files)
