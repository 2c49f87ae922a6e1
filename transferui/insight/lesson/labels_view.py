"""Which labels look wrong? The suspects as photos, each with what it is called and what it looks like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from transferui.evaluation.shown import name
from transferui.insight.doubts import stands_out
from transferui.insight.lesson.marks import Found, finite, shell

# A sample's index to the address of its picture; empty when there is none.
Picture = Callable[[int], str]
# Photos that stand out and are looked at first; the rest is one click away.
FIRST = 12


def suspect_key(one: Found) -> str:
    """What names a suspect wherever it is in the photos now: its content, its label, and what it looks like."""
    return f"{one['sha256']}:{one['given']}:{one['rather']}"


def labels_card(found: Found, picture: Picture, *, buttons: bool = True) -> str:
    """A grid of suspects that stand out, most suspicious first, and the others folded away: they are mostly hard photos.

    Args:
        found: `LabelCheck` as dictionary.
        picture: where a sample's picture is.
        buttons: offer what to do with each (``data-pick="label:move|drop|keep:KEY"``, see `suspect_key`); to change the label
            only where it stands out.
    """
    suspects = found.get("suspects") or ()
    if not suspects:
        return shell("labels", found, "")
    strong = [one for one in suspects if stands_out(one)]
    others = [*strong[FIRST:], *(one for one in suspects if not stands_out(one))]
    first, rest = (_grid(some, picture, buttons=buttons) for some in (strong[:FIRST], others))
    if rest:
        title = f"{len(others)}{' more' if first else ''}, {'less suspicious' if first else 'mostly just hard'}"
        rest = f'<details class="ls-more"><summary>{title}</summary>{rest}</details>'
    key = '<p class="ls-key"><em>A photo that is merely hard can look like another class, too: only you know what is on it.</em></p>'
    return shell("labels", found, f"{first}{rest}{key}")


def _grid(suspects: Sequence[Found], picture: Picture, *, buttons: bool) -> str:
    drawn = "".join(_suspect(one, picture, buttons=buttons) for one in suspects)
    return f'<ul class="ls-grid">{drawn}</ul>' if drawn else ""


def _suspect(one: Found, picture: Picture, *, buttons: bool) -> str:
    sample, doubt = int(one["sample"]), min(1.0, finite(one.get("doubt")))
    src = picture(sample)
    alt = escape(f"Photo {one.get('name', sample)}: labeled {one['given']}, looks like {one['rather']}")
    shown = (
        f'<img src="{escape(src)}" alt="{alt}" loading="lazy">'
        if src
        else f'<span class="gone" role="img" aria-label="{alt}"></span>'
    )
    acts = ""
    if buttons:
        key = escape(suspect_key(one))
        move = f'<button type="button" class="ls-btn yes" data-pick="label:move:{key}">It is {name(one["rather"])}</button>'
        acts = (
            f'<span class="acts">{move if stands_out(one) else ""}'
            f'<button type="button" class="ls-btn" data-pick="label:keep:{key}">The label is right</button>'
            f'<button type="button" class="ls-btn" data-pick="label:drop:{key}">Leave it out</button></span>'
        )
    return (
        f'<li>{shown}<p>labeled <b>{name(one["given"])}</b></p><p>looks like <b class="rather">{name(one["rather"])}</b></p>'
        f'<p class="doubt"><span>doubt</span><span class="ls-bar" role="img" aria-label="doubt {doubt:.2f} of 1"><i class="fill" '
        f'style="width:{100 * doubt:.0f}%"></i></span></p>{acts}</li>'
    )
