"""Did transfer help? Both arms in one picture, the gap against zero, and the verdict in a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from transferui.evaluation.shown import share
from transferui.insight.lesson.marks import (
    Found,
    duration,
    finite,
    gap_axis,
    gap_row,
    height,
    path,
    plot,
    round_step,
    sentence,
    share_axis,
    shell,
)

VERDICTS = {
    "positive": ("Positive transfer", "good"),
    "negative": ("Negative transfer", "bad"),
    "no_clear_difference": ("No clear difference", "even"),
}
# The two lines: the network with knowledge, which is the keys' "pretrained", and the one it is compared with.
ARMS = ("from pretrained weights", "from nothing")
OWN_MODEL = ("from your own model", "from ImageNet")
Line = list[tuple[float, float]]


def gain_card(found: Found, arms: tuple[str, str] = ARMS, *, lead: bool = True) -> str:
    """The comparison of two starts.

    Args:
        found: `Gain` as dictionary, or one of the same form for a start from one's own model.
        arms: what the two lines are called; `OWN_MODEL` for the latter.
        lead: put the sentence first.
    """
    seeds = found.get("seeds") or ()
    if not seeds:
        return shell("gain", found, "", lead=lead)
    word, css = VERDICTS.get(str(found.get("verdict")), ("Not known", "even"))
    needed = found.get("photos_needed")
    need = (
        f'<p class="ls-need"><b>{int(needed):,} photos</b> <em>would be needed {escape(arms[1])} to catch up (estimated from one more run with '
        f"half of the {int(found.get('n_train', 0)):,} photos)</em></p>"
        if needed
        else ""
    )
    verdict = f'<p class="ls-verdict {css}"><b>{word}</b></p>{sentence(found) if lead else ""}'
    return shell("gain", found, f"{verdict}{_curves(seeds, arms)}{_gaps(found)}{need}", lead=False)


def mean_of(seeds: Sequence[Found], key: str) -> float:
    """Mean of one number over the random starts."""
    return sum(finite(seed.get(key)) for seed in seeds) / max(1, len(seeds))


def mean_curve(curves: Sequence[Line]) -> Line:
    """The mean of several curves, pass by pass, as far as all of them go."""
    out = []
    for step in zip(*(curve for curve in curves if curve), strict=False):
        out.append((sum(place[0] for place in step) / len(step), sum(place[1] for place in step) / len(step)))
    return out


def curves_of(seeds: Sequence[Found], arm: str) -> list[Line]:
    """Every start's curve: seconds of computing and accuracy."""
    return [[(finite(p["seconds"]), finite(p["accuracy"])) for p in seed.get(f"{arm}_curve") or ()] for seed in seeds]


def reached(seeds: Sequence[Found], arm: str = "pretrained") -> float | None:
    """Seconds after which an arm's mean curve is as good as the kept state of the twin; None when it never is."""
    target = mean_of(seeds, "scratch")
    return next((at for at, accuracy in mean_curve(curves_of(seeds, arm)) if accuracy >= target), None)


@dataclass(frozen=True)
class _Axes:
    """Seconds at the right end and accuracy at the lower one."""

    last: float
    floor: float

    def line(self, curve: Line) -> Line:
        """A curve's places from 0 to 1; a single pass becomes a short stroke."""
        placed = [(min(1.0, x / self.last), height(y, self.floor)) for x, y in curve]
        return [*placed, (placed[0][0] + 0.006, placed[0][1])] if len(placed) == 1 else placed


def _curves(seeds: Sequence[Found], arms: tuple[str, str]) -> str:
    both = [(css, curves_of(seeds, key), mean_of(seeds, key)) for css, key in (("pre", "pretrained"), ("none", "scratch"))]
    every = [place for _, curves, _ in both for curve in curves for place in curve]
    if not every:
        return ""
    floor, upright = share_axis(min(y for _, y in every))
    axes = _Axes(max(1e-6, *(x for x, _ in every)) * 1.02, floor)
    shapes = "".join(path(axes.line(curve), f"{css} thin") for css, curves, _ in both for curve in curves if len(curves) > 1)
    ends = dict(zip(("pre", "none"), _apart([height(value, floor) for _, _, value in both]), strict=True))
    over = ""
    for css, curves, value in both:
        mean = axes.line(mean_curve(curves))
        at = height(value, floor)
        shapes += path([mean[-1], (1.0, at)], f"{css} lead") + path(mean, f"{css} strong") if mean else ""
        over += f'<span class="ls-end {css}" style="bottom:{100 * ends[css]:.1f}%"><b>{share(value)}</b></span>'
    step = round_step(axes.last)
    ticks = [(n * step / axes.last, f"{n * step:g}") for n in range(int(axes.last / step) + 1)]
    starts = starts_of(seeds)
    label = f"Accuracy of the validation photos over computing time: {race_words(seeds, arms)}"
    key = (
        f'<p class="ls-key arms"><span><i class="pre"></i> {escape(arms[0])}</span><span><i class="none"></i> {escape(arms[1])}</span>'
        f"<em>({starts}; at the right what each kept)</em></p>"
    )
    return key + plot(label, shapes, (upright, ticks), over, "seconds of computing")


def _apart(heights: list[float]) -> list[float]:
    """The two labels at the line ends, at least so far apart that both can be read."""
    upper, lower = max(heights), min(heights)
    if upper - lower >= 0.1:
        return heights
    lower = max(0.02, (upper + lower) / 2 - 0.05)
    return [lower + 0.1, lower] if heights[0] >= heights[1] else [lower, lower + 0.1]


def starts_of(seeds: Sequence[Found]) -> str:
    """What the lines are means of."""
    return f"mean of {len(seeds)} random starts, each thin" if len(seeds) > 1 else "one random start"


def race_words(seeds: Sequence[Found], arms: tuple[str, str]) -> str:
    """What each arm reached, and after how long."""
    pairs = zip(arms, ("pretrained", "scratch"), strict=True)
    return "; ".join(f"{title} {share(mean_of(seeds, arm))} after {duration(mean_of(seeds, f'{arm}_s'))}" for title, arm in pairs)


def gap_rows(found: Found) -> list[tuple[str, list[float]]]:
    """Both gaps with their intervals, each under its title: at the end, and after the same time."""
    keys = (("gap", "gap_low", "gap_high"), ("same_time_gap", "same_time_low", "same_time_high"))
    values = [[finite(found.get(key)) for key in row] for row in keys]
    cut = any(seed.get("scratch_cut") for seed in found.get("seeds", ()))
    titles = ("As far as it came in its time" if cut else "Until it stops improving", "In the same time")
    return list(zip(titles, values, strict=True))


def gap_reach(found: Found) -> float:
    """The difference at the ends of the axis."""
    return 1.1 * max(0.1, *(abs(number) for _, row in gap_rows(found) for number in row))


def _gaps(found: Found) -> str:
    rows = "".join(gap_row(f"<b>{title}</b>", row, gap_reach(found)) for title, row in gap_rows(found))
    return f'<div class="ls-gaps">{rows}{gap_axis("hurts", "helps")}</div>'
