"""Where to freeze? Accuracy over depth, drawn on the network: ice up to where freezing is advised, warm after it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from transferui.backbones.catalogue import CATALOGUE, Backbone
from transferui.evaluation.shown import share
from transferui.insight.lesson.marks import Found, band, finite, height, path, shell, stage_name

ICE = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 2v20M3.3 7l17.4 10M20.7 7 3.3 17M12 6 9.5 3.5M12 6l2.5-2.5M12 18l-2.5 '
    '2.5M12 18l2.5 2.5M6.8 9l-3.4.9M17.2 15l3.4-.9M17.2 9l3.4.9M6.8 15l-3.4-.9"/></svg>'
)
WARM = (
    '<svg class="f" viewBox="0 0 24 24" aria-hidden="true"><path d="M12.6 2c.5 3.6 5.9 6.3 5.9 12a6.5 6.5 0 0 1-13 0c0-2.7 1.4-4.5 '
    '3-5.8.1 1.7.8 2.7 1.8 3C10.1 7.9 10.7 4.3 12.6 2z"/></svg>'
)


def probe_card(found: Found, *, buttons: bool = False, lead: bool = True) -> str:
    """Probes of all stages over the drawn network, and the trials of training one stage.

    Args:
        found: `Probes` as dictionary.
        buttons: offer to freeze as advised (``data-pick="freeze"``).
        lead: put the sentence first.
    """
    stages = found.get("stages") or ()
    if not stages:
        return shell("probe", found, "", lead=lead)
    facts = CATALOGUE.get(str(found.get("backbone", "")))
    freeze, learn = advised(found)
    advice = f'<p class="ls-advice">Advice: <b>{escape(freeze)}</b>; {escape(learn)}.</p>'
    if buttons:
        advice = f'<div class="ls-act">{advice}<button type="button" class="ls-btn first" data-pick="freeze">Freeze like this</button></div>'
    return shell("probe", found, f"{_network(found, stages, facts)}{advice}{_trials(found)}", lead=lead)


def advised(found: Found) -> tuple[str, str]:
    """What to freeze, and what learns then."""
    after = [part for part in str(found.get("trainable", "")).split(",") if part and part != "none"]
    if not after:
        return "freeze every block", "only the new head learns"
    return f"freeze up to {found.get('freeze_to', '')}", f"{', '.join(after)} and the head may learn"


def frozen_blocks(found: Found) -> int:
    """How many blocks are to be frozen, from the input on."""
    names = [str(stage["name"]) for stage in found["stages"]]
    return names.index(found["freeze_to"]) + 1 if found.get("freeze_to") in names else 0


def _network(found: Found, stages: Sequence[Found], facts: Backbone | None) -> str:
    """The line of accuracy, and the blocks below it."""
    names = [str(stage["name"]) for stage in stages]
    frozen = frozen_blocks(found)
    columns = len(stages) + 1
    values = [finite(stage["ridge"].get("value")) for stage in stages]
    floor = depth_floor(stages)
    xs = [(n + 0.5) / columns for n in range(len(stages))]
    ends = [[(x, height(finite(s["ridge"].get(end)), floor)) for x, s in zip(xs, stages, strict=True)] for end in ("low", "high")]
    line = path([(x, height(value, floor)) for x, value in zip(xs, values, strict=True)], "line")
    over = "".join(
        f'<span class="pt{" best" if label == found.get("best") else ""}" style="left:{100 * x:.2f}%;bottom:{100 * height(value, floor):.1f}%">'
        f"<b>{100 * value:.0f}<small>\u00a0%</small></b>{'<u>best</u>' if label == found.get('best') else ''}</span>"
        for x, value, label in zip(xs, values, names, strict=True)
    )
    words = "; ".join(f"after {label} {share(value)}" for label, value in zip(names, values, strict=True))
    label = escape(
        f"Accuracy of a head after each block: {words}. Best after {found.get('best')}. {frozen} of {len(names)} blocks frozen."
    )
    blocks = "".join(_block(stage, n < frozen, facts) for n, stage in enumerate(names)) + _head()
    spans = f'<span class="ice" style="grid-column:span {frozen}">freeze</span>' if frozen else ""
    spans += f'<span class="warm" style="grid-column:span {columns - frozen}">{"may learn" if columns - frozen > 1 else "learns"}</span>'
    return (
        f'<div class="ls-net" role="img" aria-label="{label}" style="--n:{columns}"><div class="ls-area">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{band(ends[0], ends[1], "band")}{line}</svg>{over}</div>'
        f'<div class="ls-blocks">{blocks}</div><div class="spans">{spans}</div></div>'
        '<p class="ls-key"><em>The line: how many photos a head would get right if the network ended after this block '
        "(linear probe). Pale: 95\u00a0% interval.</em></p>"
    )


def depth_floor(stages: Sequence[Found]) -> float:
    """Lower end of the picture: a multiple of ten percent with some room below everything."""
    lowest = min(finite(stage["ridge"].get("low")) for stage in stages)
    return max(0.0, int(10 * lowest - 0.5) / 10)


def _block(stage: str, frozen: bool, facts: Backbone | None) -> str:
    params = {one.name: one.params for one in facts.stages} if facts else {}
    largest = max(params.values(), default=1) or 1
    # The exponent keeps 900 and 1.7 million weights both visible, as in the drawing of the step Model.
    size = min(1.0, (params.get(stage, largest) / largest) ** 0.3)
    state, mark = ("ice", ICE) if frozen else ("warm", WARM)
    return f'<span class="ls-block {state}"><i style="--size:{size:.3f}">{mark}</i>{stage_name(stage)}</span>'


def _head() -> str:
    return f'<span class="ls-block warm"><i style="--size:.2">{WARM}</i><b>head</b></span>'


def best_first(found: Found) -> list[Found]:
    """The trials of training one stage alone."""
    return sorted(found.get("trials") or (), key=lambda trial: -finite(trial.get("gain")))


def trial_word(trial: Found) -> str:
    """Whether training one stage alone did more than chance does."""
    return "more than chance" if trial.get("clear") else "within chance" if finite(trial.get("gain")) > 0 else "no help"


def _trials(found: Found) -> str:
    """What training one stage alone did, best first."""
    trials = best_first(found)
    if not trials:
        return ""
    most = max(0.01, *(finite(trial.get("gain")) + 2 * finite(trial.get("error")) for trial in trials))
    rows = "".join(_trial(trial, most, str(found.get("worth_training", ""))) for trial in trials)
    return (
        '<div class="ls-trials"><h4>Training one block alone <em>(tried for a few passes; how much lower the loss became)</em></h4>'
        f"<ul>{rows}</ul></div>"
    )


def _trial(trial: Found, most: float, worth: str) -> str:
    gain, error = finite(trial.get("gain")), 2 * finite(trial.get("error"))
    clear = bool(trial.get("clear"))
    tag = ' <span class="ls-tag">worth training</span>' if trial["stage"] == worth else ""
    drawn, amount = "", "not lower"
    if gain > 0:
        low, high = (100 * min(1.0, max(0.0, end) / most) for end in (gain - error, gain + error))
        drawn = f'<i class="fill" style="width:{100 * gain / most:.1f}%"></i><i class="whisker" style="left:{low:.1f}%;width:{high - low:.1f}%"></i>'
        amount = f"{gain:.3f} lower <em>(± {error:.3f})</em>"
    return (
        f'<li class="{"clear" if clear else ""}"><b>{escape(str(trial["stage"]))}</b><span class="ls-bar" aria-hidden="true">{drawn}</span>'
        f'<span class="ls-num">{amount} <em>on {int(trial["n_val"])} photos</em></span><span>{trial_word(trial)}{tag}</span></li>'
    )
