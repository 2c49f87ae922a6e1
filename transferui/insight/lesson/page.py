"""The lesson "Transfer learning, on your photos": as a part of the page, and as one file that needs nothing else."""

from __future__ import annotations

from html import escape
from pathlib import Path

import transferui
from transferui.evaluation.shown import html_file, name, share
from transferui.insight.lesson.claims import claims
from transferui.insight.lesson.facts import Claim, Lesson
from transferui.insight.lesson.gain_view import OWN_MODEL, gain_card
from transferui.insight.lesson.kinds import kinds
from transferui.insight.lesson.labels_view import Picture, labels_card
from transferui.insight.lesson.map_view import map_card
from transferui.insight.lesson.marks import duration, finite

STYLE = Path(__file__).parents[1] / "lesson.css"
# The page's tokens with their values, and what only a file of its own needs.
FILE_STYLE = Path(__file__).parents[1] / "lesson_file.css"
TITLE = "Transfer learning, on your photos"
# More suspects than this are for the page, where something can be done about them.
SUSPECTS = 6


def lesson_html(lesson: Lesson, *, with_photos: bool = False, picture: Picture | None = None) -> str:
    """The lesson as a file: no script, no request to anywhere, light and dark, A4 when printed.

    Args:
        with_photos: put small photos (the map's and those of suspects) into the file.
        picture: a sample's picture as a data URI; needed for the suspects.
    """
    style = FILE_STYLE.read_text(encoding="utf-8") + STYLE.read_text(encoding="utf-8")
    note = "It holds small copies of some photos: share it with care." if with_photos else "No photo is in this file."
    foot = f"<footer>Written by TransferUI {escape(transferui.__version__)}. {note}</footer>"
    body = lesson_body(lesson, with_photos=with_photos, picture=picture)
    return html_file(f"{TITLE}: {lesson.title}", style, body + foot)


def lesson_body(lesson: Lesson, *, with_photos: bool = True, picture: Picture | None = None) -> str:
    """The same without the frame of a file, for the page."""
    made = claims(lesson)
    done = sum(not claim.press for claim in made)
    sections = "".join(_claim(n, claim) for n, claim in enumerate(made, 1))
    return (
        f'<article class="ls-lesson">{_head(lesson, done, len(made))}{sections}{_chain(lesson)}{_look(lesson, picture if with_photos else None, with_photos)}'
        f'<section class="ls-claim wide"><h2>The four kinds of transfer</h2>{kinds(lesson)}</section></article>'
    )


def _head(lesson: Lesson, done: int, total: int) -> str:
    """What was learned, how well, and how much of the lesson is measured."""
    classes = ", ".join(name(one) for one in lesson.classes[:6]) + (" …" if len(lesson.classes) > 6 else "")
    facts = [(f"{lesson.n_photos:,}", f"photos in {len(lesson.classes)} classes")]
    if lesson.accuracy:
        low, high = (share(finite(lesson.accuracy.get(end))) for end in ("low", "high"))
        facts.insert(
            0,
            (
                share(finite(lesson.accuracy.get("value"))),
                f"{escape(lesson.where)}; on new ones expect {low} to {high} <em>(95\u00a0% interval)</em>",
            ),
        )
    if lesson.head_accuracy is not None and lesson.trainable:
        facts.append((share(lesson.head_accuracy), "with every block frozen <em>(linear probe)</em>"))
    if lesson.seconds is not None:
        facts.append((duration(lesson.seconds), "for the whole run"))
    learned = f"{escape(', '.join(lesson.trainable))} and the head learned" if lesson.trainable else "only the new head learned"
    shown = "".join(f"<div><b>{big}</b><span>{small}</span></div>" for big, small in facts)
    network = (
        "A network with random weights, which could not see yet" if lesson.blank else "A network that had already learned to see"
    )
    date = f" · {escape(lesson.date)}" if lesson.date else ""
    open_ = "" if done == total else f' <em class="open">{done} of {total} claims are measured so far.</em>'
    return (
        f'<header class="ls-head"><p class="eyebrow">{name(lesson.title)}{date}</p><h1>{TITLE}</h1><p class="sub">{network}, '
        f"{escape(lesson.backbone)}, was shown {classes}; {learned}. The textbooks claim eight things about that. Here "
        f'each stands with the number of these very photos.{open_}</p><div class="ls-facts">{shown}</div></header>'
    )


def _claim(n: int, claim: Claim) -> str:
    """One section: the question, the own number, why, the picture, and something to try."""
    press = f'<p class="press">To measure it, press Measure at <b>{escape(claim.press)}</b></p>' if claim.press else ""
    small = f"<span>{claim.small}</span>" if claim.small else ""
    picture = f'<div class="picture">{claim.picture}</div>' if claim.picture else ""
    css = " open" if claim.press else ""
    return (
        f'<section class="ls-claim{css}"><div class="own"><div class="q"><span class="n" aria-hidden="true">{n}</span><h2>{claim.question}</h2></div>'
        f'<p class="big">{claim.big}{small}</p></div><div class="told"><p>{claim.words}</p>{press}</div>{picture}'
        f'<p class="ask"><b>Try it yourself</b> {escape(claim.ask)}</p></section>'
    )


def _chain(lesson: Lesson) -> str:
    """Starting from one's own model against starting from ImageNet."""
    chain = lesson.found("chain", "seeds")
    if chain is None:
        return ""
    return f'<section class="ls-claim wide"><h2>Your own model as the start</h2>{gain_card(chain, OWN_MODEL)}</section>'


def _look(lesson: Lesson, picture: Picture | None, with_photos: bool) -> str:
    """The map and the suspects: what is seen rather than counted."""
    out = ""
    found = lesson.results.get("map")
    if found:
        shown = found if with_photos else {**found, "sprite": None}
        text = "<p>Every dot is a photo. The network never saw a map: it only decided what is alike.</p>"
        out += f'<section class="ls-claim wide"><h2>What does the network find alike?</h2>{text}{map_card(shown)}</section>'
    check = lesson.found("labels", "suspects")
    if check and picture:
        few = {**check, "suspects": check["suspects"][:SUSPECTS]}
        out += (
            f'<section class="ls-claim wide"><h2>Are the labels right?</h2>{labels_card(few, picture, buttons=False)}</section>'
        )
    return out
