"""The honest result of a run as HTML: accuracy, interval, baselines, what the curves say and what to try next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from transferui.evaluation.headline import Headline, Measured, beside, class_by_class, headline, weighting
from transferui.evaluation.shown import termed
from transferui.ui.html import percent, photos

Values = Mapping[str, Any]
# More classes than this are shown by their worst ones; step 4 has the whole table.
MOST_CLASSES = 8
# What a diagnosis is called, the field's term, and how it looks.
KINDS = {
    "good": ("Learned well", "good fit", "ok"),
    "weak": ("Often wrong", "low accuracy", "warn"),
    "class_missed": ("Misses a class", "low recall", "warn"),
    "overfitting": ("Learned by heart", "overfitting", "warn"),
    "underfitting": ("Could learn more", "underfitting", "warn"),
    "not_learning": ("Not learning", "no signal", "bad"),
    "too_few": ("Too few photos", "not enough evidence", "warn"),
}


def result(values: Values | None) -> str:
    """The honest result: accuracy, interval, number of photos, the simple baselines, on one scale from 0 to 100 %."""
    if not values:
        return ""
    me, luck = headline(values), " luck" if values.get("guessing") else ""
    notes = "".join(f"<p>{escape(note)}</p>" for note in [*values["notes"], *_never_better(values)])
    notes = f'<div class="tu-wide tu-notes">{notes}</div>' if notes else ""
    return (
        f'<section class="tu-card tu-result"><div><h2>Result</h2><p class="tu-huge{luck}">{percent(me.accuracy)}</p>'
        f"<p>{_of_what(values, me)}<br>On new photos of the same kind, expect <b>{percent(me.low)} to {percent(me.high)}</b> "
        f"<em>(95\u00a0% interval)</em>{_why_wide(me)}.</p>{_guessing(values, me)}{_beside(values)}</div>"
        f"{_scale(me)}{_diagnosis(values.get('diagnosis'))}{_classes(values)}{notes}</section>"
    )


def _of_what(values: Values, me: Headline) -> str:
    if not me.cross_validated:
        return f"of {values['n_val']} validation photos answered right."
    crossed = values["cv"]
    rounds = (
        f"{crossed['folds']} parts"
        if crossed["repeats"] == 1
        else f"{crossed['folds']} parts, the middle of {crossed['repeats']} rounds"
    )
    return (
        f"of all {me.n} photos answered right, each by a head that had not seen it "
        f"<em>(cross-validation: {rounds})</em>. With so few photos that says more than the {values['n_val']} set aside alone."
    )


def _why_wide(me: Headline) -> str:
    """Why the interval is wide although there are many photos; the notes below say what to do about it."""
    if not me.in_series:
        return ""
    return (
        f": the photos come in series and count like about {max(1, round(me.worth))} single ones <em>(effective sample size)</em>"
    )


def _guessing(values: Values, me: Headline) -> str:
    """In plain words, when always naming the largest class explains the result as well."""
    if not values.get("guessing"):
        return (
            ""
            if me.low > me.base
            else (
                f"<p>Always naming the largest class gets {percent(me.base)}, but finds none of the others; this network tells the "
                "classes apart <em>(permutation test)</em>.</p>"
            )
        )
    return (
        f'<p class="tu-guessing" role="note"><b>No better than guessing</b>, as far as {photos(me.n)} can tell: '
        f"always naming the largest class gets {percent(me.base)}.</p>"
    )


def _beside(values: Values) -> str:
    """The numbers that the large one is to be judged by, each with its photos and its interval."""
    rows = "".join(f"<div><dt>{row.name} <em>({row.term})</em></dt><dd>{_number(row)}</dd></div>" for row in beside(values))
    return f'<dl class="tu-beside">{rows}</dl>' if rows else ""


def _number(row: Measured) -> str:
    """An accuracy with its interval and its photos, and what guessing gets of them, where that is another number."""
    text = f"<b>{percent(row.accuracy)}</b>"
    if row.low is not None and row.high is not None:
        text += f" ({percent(row.low)}–{percent(row.high)})"
    return f"{text} of {row.n}" + ("" if row.base is None else f"; guessing {percent(row.base)}")


def _scale(me: Headline) -> str:
    """Accuracy, interval and guessing on one line from 0 to 100 %."""
    share, low, high, base = me.accuracy, me.low, me.high, me.base
    ticks = "".join(f'<span style="left:{x}%">{percent(x / 100)}</span>' for x in (0, 25, 50, 75, 100))
    label = f"{percent(share)}, interval {percent(low)} to {percent(high)}; largest class {percent(base)}"
    return (
        f'<div class="scale" role="img" aria-label="{label}">'
        f'<div class="line"><i class="range" style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></i>'
        f'<i class="pt" style="left:{100 * share:.1f}%"></i><i class="base" style="left:{100 * base:.1f}%"></i>'
        f'<u class="guess" style="left:{100 * base:.1f}%;--at:{100 * base:.0f}">always guessing the<br>largest class: {percent(base)}</u>'
        f'<u class="me" style="left:{100 * share:.1f}%;--at:{100 * share:.0f}">your network: {percent(share)}</u></div>'
        f'<div class="ticks">{ticks}</div></div>'
    )


def _diagnosis(found: Values | None) -> str:
    """What the curves say, with the evidence, and a button that sets what to try next."""
    if not found:
        return ""
    name, term, css = KINDS.get(str(found["kind"]), ("", "", "warn"))
    advice = escape(str(found.get("try_words") or ""))
    if found.get("try"):
        advice = f'<span>To try next:</span> <button type="button" data-pick="try" class="tu-set">{advice[:1].upper()}{advice[1:]}</button>'
    advice = f'<p class="next">{advice}</p>' if advice else ""
    return (
        f'<div class="tu-wide tu-diagnosis {css}"><h3>What the curves say</h3><p><b class="kind">{name}</b> <em>({term})</em></p>'
        f"<p><b>{escape(str(found['words']))}</b> {escape(str(found['evidence']))}</p>{advice}</div>"
    )


def _classes(values: Values) -> str:
    """With uneven classes: balanced accuracy, how many photos of each class are found, and whether classes were weighted."""
    uneven = termed(weighting(values))
    if not uneven:
        return ""
    return f'<div class="tu-wide tu-uneven"><h3>Class by class</h3><p>{uneven} {each_class(class_by_class(values))}</div>'


def each_class(values: Values) -> str:
    """The rest of a paragraph, and bars: what it gets when every class counts the same, and how much of each is found.

    Args:
        values: ``balanced_accuracy`` and ``per_class``; of many classes the ones found least are shown.
    """
    rows: Sequence[Values] = [row for row in values["per_class"] if row["n"]]
    shown = "How many of each class are found"
    if len(rows) > MOST_CLASSES:
        rows = sorted(rows, key=lambda row: float(row["recall"]))[:MOST_CLASSES]
        shown = f"The {MOST_CLASSES} classes found least"
    bars = "".join(
        f'<div class="row"><span class="cut"><bdi>{escape(row["class_name"])}</bdi></span><span class="bar" style="--w:{row["recall"]:.3f}"><i></i></span>'
        f'<span class="num">{percent(row["recall"])} of {row["n"]}</span></div>'
        for row in rows
    )
    return (
        f"With every class counting the same <em>(balanced accuracy)</em> it gets <b>{percent(values['balanced_accuracy'])}</b>.</p>"
        f'<p class="tu-p">{shown} <em>(recall)</em>:</p><div class="tu-bars">{bars}</div>'
    )


def _never_better(values: Values) -> list[str]:
    """A sentence for a run that kept what it had before its first epoch."""
    if values.get("kept_phase") != "head" or values.get("best_epoch") != 0 or values.get("guessing"):
        return []
    return [
        "No epoch had a lower validation loss than the untrained head, so that one was kept. Often the step size is too large: "
        "try a smaller one in Advanced settings."
    ]
