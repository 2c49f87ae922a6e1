"""Step 4 as HTML: the answer for one photo, and photos to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from transferui.data.dataset import Dataset, thumbnail_path
from transferui.evaluation.shown import NEIGHBORS, how_sure
from transferui.files import data_uri
from transferui.presets import capital
from transferui.ui.html import img, percent, radio_card, radio_group

# Ranked classes that get a bar; the rest is counted.
RANKED = 8
# Validation photos offered for a try.
TRIES = 10
# `training.kept.MOST`, which a page cannot import: it loads torch.
MOST_KEPT = 2000
# Beside the answer for a photo among the mistakes of heads that had not seen it.
KNOWN = "The finished network has learned from this photo, so here it may be right. The mistake was made by a head that had not seen it."


def prediction(
    answer: Mapping[str, Any],
    truth: str | None = None,
    dataset: Dataset | None = None,
    n_train: int = 0,
    *,
    learned: int | None = None,
) -> str:
    """The answer for one photo: the picture with its heat map, the verdict, ranked bars, similar training photos.

    Args:
        dataset: what the model learned from, if it is still there.
        n_train: how many training photos it had; 0 when that is not known.
        learned: the photo is this one of them, by its index in the dataset.
    """
    heat, legend = "", ""
    if answer.get("heat"):
        heat = f'<img class="heat" src="{escape(answer["heat"])}" alt="heat map: where the network looked">'
        legend = '<p class="tu-legend"><span>Where it looked:</span> a little <i aria-hidden="true"></i> a lot</p>'
    caption = "Your photo" if truth is None else "A validation photo" if learned is None else "A training photo"
    known = f'<p class="tu-hint-line">{KNOWN}</p>' if learned is not None else ""
    return (
        f'<section class="tu-card tu-pred"><figure><div class="shot">{img(answer["thumbnail"], "the tested photo")}{heat}</div>'
        f"<figcaption>{caption}{legend}</figcaption></figure><div>{_verdict(answer, truth)}{known}{_bars(answer['ranked'])}"
        f"{neighbors(answer, dataset, n_train, learned)}</div></section>"
    )


def live(answer: Mapping[str, Any], frame: int) -> str:
    """The answer for a camera frame; the number tells the camera that it may send the next one."""
    return (
        f'<section class="tu-card tu-pred tu-pred-live" data-frame="{frame}" aria-live="off"><div>{_verdict(answer, None)}'
        f"{_bars(answer['ranked'])}</div></section>"
    )


def _bars(ranked: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f'<div class="row {"top" if n == 0 else ""}"><span class="cut" title="{escape(r["class_name"])}"><bdi>{escape(r["class_name"])}</bdi>'
        f'</span><span class="bar" style="--w:{r["probability"]:.3f}"><i></i></span><span class="num">{share(r["probability"])}</span></div>'
        for n, r in enumerate(ranked[:RANKED])
    )
    more = f'<p class="tu-hint-line">and {len(ranked) - RANKED} more classes</p>' if len(ranked) > RANKED else ""
    return f'<div class="tu-bars rank">{rows}</div>{more}'


def _verdict(answer: Mapping[str, Any], truth: str | None) -> str:
    best, second = answer["ranked"][:2]
    name, words = f"<bdi>{escape(best['class_name'])}</bdi>", how_sure(answer["verdict"], best["probability"])
    if answer["verdict"] == "unknown":
        line = (
            f'<p class="verdict unsure"><b>{capital(words)}.</b> This photo looks different from all training photos '
            f"<em>(out of distribution)</em>. If it had to choose: {name}.</p>"
        )
    elif answer["verdict"] == "not_sure":
        line = (
            f'<p class="verdict unsure"><b>{capital(words)}.</b> {name}, or <bdi>{escape(second["class_name"])}</bdi>? '
            "A photo from closer up may help.</p>"
        )
    else:
        line = f'<p class="verdict"><b>{name}</b> <span>{words}</span></p>'
    if truth is None:
        return line
    right = truth == best["class_name"]
    return line + f'<p class="truth {"ok" if right else "wrong"}">{"✓ right" if right else f"✗ really: {escape(truth)}"}</p>'


def neighbors(answer: Mapping[str, Any], dataset: Dataset | None, n_train: int, itself: int | None = None) -> str:
    """The most similar other training photos with their labels, among how many, and whether these speak against the answer."""
    found = [n for n in answer.get("neighbors") or [] if n["sample"] != itself][:NEIGHBORS]
    if not found or dataset is None:
        return ""
    best = answer["ranked"][0]["class_name"]
    cards = "".join(
        f'<figure class="{"" if n["class_name"] == best else "other"}">{thumb(dataset, int(n["sample"]), "training photo")}'
        f"<figcaption><bdi>{escape(n['class_name'])}</bdi></figcaption></figure>"
        for n in found
    )
    word = _against(best, sum(n["class_name"] == best for n in found), len(found))
    some = f'<p class="tu-hint-line">among {MOST_KEPT:,} of its {n_train:,} training photos</p>' if n_train > MOST_KEPT else ""
    return f'<h3>Most similar training photos <em>(nearest neighbors)</em></h3>{some}<div class="tu-near">{cards}</div>{word}'


def _against(best: str, n_for: int, n: int) -> str:
    """A warning when not all of the most similar photos have the label that is the answer."""
    if n_for == n:
        return ""
    many = (
        "This photo is not"
        if n == 1
        else f"{f'Only {n_for}' if n_for else 'None'} of these {n} photos {'is' if n_for < 2 else 'are'}"
    )
    return f'<p class="tu-against">{many} labeled <bdi>{escape(best)}</bdi>: be careful with this answer.</p>'


def share(probability: float) -> str:
    """A probability for people."""
    return "under 1\u00a0%" if probability < 0.01 else percent(probability)


def empty(has_model: bool) -> str:
    """Before the first photo."""
    text = (
        "Choose a photo, and the answer comes here."
        if has_model
        else "There is no trained model yet. Train one in step 3, or open one in step 5."
    )
    return f'<section class="tu-card tu-pred none-yet"><p class="tu-none">{text}</p></section>'


def tries(dataset: Dataset | None, items: Sequence[Mapping[str, Any]], chosen: str, *, own_start: bool = False) -> str:
    """Some validation photos, mistakes among them, as radio cards.

    Args:
        own_start: the run started from an own model, which may have learned from these photos.
    """
    if dataset is None or not items:
        return ""
    wrong = [item for item in items if item["true"] != item["predicted"]][: TRIES // 2]
    right = [item for item in items if item["true"] == item["predicted"]]
    step = max(1, len(right) // max(1, TRIES - len(wrong)))
    cards = []
    offered = sorted([*wrong, *right[::step][: TRIES - len(wrong)]], key=lambda item: int(item["sample"]))
    for n, item in enumerate(offered, start=1):
        key, name = str(item["sample"]), f"validation photo {n} of {len(offered)}"
        cards.append(radio_card(key, key == chosen, thumb(dataset, int(item["sample"]), name)))
    words = ". The model it started from may have learned from it:" if own_start else ", one it has not learned from:"
    return f'<p class="tu-or">Or try a validation photo{words}</p>' + radio_group(cards, "Validation photo", "tries")


def thumb(dataset: Dataset, index: int, alt: str) -> str:
    """The small picture of a sample; nothing when it is gone."""
    if not 0 <= index < len(dataset.samples):
        return ""
    path = thumbnail_path(dataset, dataset.samples[index])
    return img(data_uri(path) if path else "", alt)
