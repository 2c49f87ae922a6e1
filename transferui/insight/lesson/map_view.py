"""A map of the photos: what the network finds alike lies together. Color and shape by class, mistakes ringed.

Pointing at a dot shows its photo, by style alone: all photos are in one picture, of which the dot shows a piece.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from transferui.evaluation.shown import name
from transferui.insight.lesson.marks import Found, finite, notes, sentence

# Colors and shapes; with more classes they begin anew, with another pairing of the two.
COLORS, SHAPES = 8, 8
# More rings than this hide the dots, so they are drawn thinner.
DENSE = 60
# A picture that stands in the file itself; nothing else gets into the style.
INLINE = re.compile(r"data:image/(jpeg|png);base64,[A-Za-z0-9+/=]+")
# Side of the shown piece on the screen.
SHOWN = 112


@dataclass(frozen=True)
class _Sheet:
    """Small photos in one picture.

    Attributes:
        places: position in the sheet of each sample that is in it.
    """

    uri: str
    columns: int
    rows: int
    places: Mapping[int, int]


def map_card(found: Found, *, lead: bool = True) -> str:
    """One map, or two side by side: as the network saw the photos before, and after it learned.

    Args:
        found: ``before`` and perhaps ``after`` (`PhotoMap` as dictionary), ``after_title``, and perhaps ``sprite``.
        lead: put the sentence first: its own, or that of the latest map.
    """
    maps = titled_maps(found)
    drawn = [(title, one) for title, one in maps if one.get("places")]
    told = found if found.get("sentence") else maps[-1][1] if maps else {}
    said_first = sentence(told) if lead else ""
    if not drawn:
        return f'<div class="ls ls-map">{said_first}{"".join(notes(one) for _, one in maps)}</div>'
    sheet = _sheet(found.get("sprite"))
    style = f' style="--sheet:url({sheet.uri})"' if sheet else ""
    names = [str(label) for label in drawn[-1][1].get("class_names") or ()]
    pictures = "".join(_map(title if len(drawn) > 1 else "", one, sheet) for title, one in drawn)
    return (
        f'<div class="ls ls-map"{style}>{said_first}{_legend(names, drawn)}{_axes(drawn)}<div class="maps n{len(drawn)}">{pictures}</div>'
        f"{_key(sheet is not None)}{''.join(notes(one) for _, one in drawn)}</div>"
    )


def has_both(found: Found) -> bool:
    """Whether there are principal axes beside the map's own."""
    return found.get("method") == "tsne" and all("pca_x" in place for place in found.get("places") or ())


def _axes(drawn: Sequence[tuple[str, Found]]) -> str:
    """What moves every dot to its place on the principal axes, by style alone."""
    if not all(has_both(one) for _, one in drawn):
        return ""
    said = (
        "The two directions in which the photos differ most. Photos that differ in another way can still lie side by side here."
    )
    return f'<details class="ls-axes"><summary>Look along the two main directions instead (PCA)</summary><p>{said}</p></details>'


def _away(x: float, y: float, left: str, up: str) -> str:
    """Classes of style that open a dot's photo towards the middle of the map."""
    return f"{f' {left}' if x > 0.5 else ''}{f' {up}' if y < 0.5 else ''}"


def _inside(share: float) -> str:
    """A place in the field with room for the dot at its edges."""
    return f"{4 + 92 * share:.1f}%"


def _after(found: Found) -> str:
    return f"After: {found['after_title']}" if found.get("after_title") else "After learning"


def titled_maps(found: Found) -> list[tuple[str, Found]]:
    """The maps that there are, each with its title."""
    both = (("Before: as it learned on ImageNet", found.get("before")), (_after(found), found.get("after")))
    return [(title, one) for title, one in both if one]


def _sheet(sprite: Mapping[str, Any] | None) -> _Sheet | None:
    """The sheet, if it is a picture that stands in the file itself."""
    if not sprite or not INLINE.fullmatch(str(sprite.get("uri", ""))):
        return None
    samples, columns = [int(sample) for sample in sprite.get("samples") or ()], max(1, int(sprite.get("columns", 1)))
    return _Sheet(
        str(sprite["uri"]), columns, max(1, -(-len(samples) // columns)), {sample: n for n, sample in enumerate(samples)}
    )


def look_of(label: int) -> tuple[int, int]:
    """Color and shape of a class: after eight colors the shapes shift by one, so that pairs stay different for long."""
    return label % COLORS, (label + label // COLORS) % SHAPES


def _look(label: int) -> str:
    """The same as classes of style."""
    color, shape = look_of(label)
    return f"k{color} f{shape}"


def _map(title: str, found: Found, sheet: _Sheet | None) -> str:
    places = found.get("places") or ()
    names = [str(label) for label in found.get("class_names") or ()]
    # Mistakes lie above the others, so that none is hidden.
    dots = "".join(_dot(place, names, sheet) for place in sorted(places, key=lambda p: p["label"] != p["answer"]))
    wrong = sum(place["label"] != place["answer"] for place in places)
    axes = f"PCA, shows {100 * finite(found.get('kept')):.0f}\u00a0% of the differences"
    how = f'<span class="tsne">t‑SNE</span><span class="pca">{axes}</span>' if has_both(found) else axes
    head = f"<h4>{escape(title)}</h4>" if title else ""
    dense = " dense" if wrong > DENSE else ""
    label = escape(f"{title or 'Map'}: {len(places)} photos, {wrong} of them among another class; those are in the order of Tab")
    count = f"{wrong} of {len(places)} photos among another class" if wrong else f"all {len(places)} photos with their class"
    return (
        f'<figure>{head}<div class="field{dense}" role="group" aria-label="{label}">{dots}</div>'
        f"<figcaption>{count} <em>({how})</em></figcaption></figure>"
    )


def _dot(place: Found, names: Sequence[str], sheet: _Sheet | None) -> str:
    x, y = finite(place["x"], 0.5), finite(place["y"], 0.5)
    given, answer = (names[i] if 0 <= i < len(names) else "?" for i in (int(place["label"]), int(place["answer"])))
    wrong = place["label"] != place["answer"]
    css = f"{_look(int(place['label']))}{' wrong' if wrong else ''}{_away(x, y, 'left', 'up')}"
    spot = f"--x:{_inside(x)};--y:{_inside(y)}"
    if "pca_x" in place:
        px, py = finite(place["pca_x"], 0.5), finite(place["pca_y"], 0.5)
        spot += f";--px:{_inside(px)};--py:{_inside(py)}"
        css += _away(px, py, "p-left", "p-up")
    label = escape(f"{given}, looks like {answer}")
    text = f"{name(given)}, looks like {name(answer)}" if wrong else name(given)
    # Only mistakes are reached by Tab: hundreds of stops would be a trap.
    access = f' tabindex="0" role="img" aria-label="{label}"' if wrong else ""
    return f'<i class="{css}" style="{spot}"{access}><b>{_piece(int(place["sample"]), sheet)}<span>{text}</span></b></i>'


def _piece(sample: int, sheet: _Sheet | None) -> str:
    """A sample's part of the sheet; nothing for one that is not on it."""
    n = sheet.places.get(sample) if sheet else None
    if sheet is None or n is None:
        return ""
    across, down = SHOWN * (n % sheet.columns), SHOWN * (n // sheet.columns)
    size = f"{SHOWN * sheet.columns}px {SHOWN * sheet.rows}px"
    return f'<u style="background-position:-{across}px -{down}px;background-size:{size}"></u>'


def _legend(names: Sequence[str], drawn: Sequence[tuple[str, Found]]) -> str:
    """Every class with its color and shape, with those that no photo is in left out."""
    there = {int(place["label"]) for _, one in drawn for place in one["places"]}
    items = [f'<li><i class="{_look(n)}"></i>{name(label)}</li>' for n, label in enumerate(names) if n in there]
    many = " many" if len(items) > 2 * COLORS else ""
    return f'<ul class="legend{many}" aria-label="Classes">{"".join(items)}</ul>'


def _key(pictures: bool) -> str:
    hover = '<span class="ls-hover">Point at a dot to see its photo.</span>' if pictures else ""
    return (
        f'<p class="ls-key"><span><i class="ring"></i> among another class</span><em>{hover}<span class="tsne">Distances across the whole map mean '
        "little; who lies beside whom does.</span></em></p>"
    )
