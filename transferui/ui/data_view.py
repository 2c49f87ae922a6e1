"""Step 1 as HTML: sample sets, thumbnails, what there is and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection
from html import escape

from transferui.data.dataset import Dataset, thumbnail_path
from transferui.data.samples import SampleSet
from transferui.data.splits import Split, split_dataset
from transferui.errors import UserError
from transferui.files import data_uri
from transferui.ui import health_view
from transferui.ui.html import img, photos, radio_card, radio_group

# Thumbnails on a class card; the fifth place says how many more there are.
ON_CARD = 4


def sample_cards(sets: tuple[SampleSet, ...], chosen: str) -> str:
    """The sample sets as radio cards."""
    cards = []
    for one in sets:
        pics = "".join(img(data_uri(path), "") for path in one.previews[:4])
        pictures = f'<span class="pics">{pics}</span>' if pics else ""
        size = f"{len(one.class_names)} classes · {photos(one.n_images)}" if one.class_names else "downloads a part of it"
        online = '<small class="net">needs the internet</small>' if one.online else ""
        cards.append(
            radio_card(one.key, one.key == chosen, f"{pictures}<b>{escape(one.title)}</b><small>{escape(one.description)}</small>"
                                                   f"<small>{size}</small>{online}")
        )  # fmt: skip
    return radio_group(cards, "Sample set", "samples", by_arrow=False)


def strip(dataset: Dataset, label: int) -> str:
    """Thumbnails of one class and how many more there are."""
    mine = [sample for sample in dataset.samples if sample.label == label]
    if not mine:
        return '<div class="tu-strip none">No photos yet</div>'
    step = max(1, len(mine) // ON_CARD)
    name = dataset.class_names[label]
    pics = ""
    for n, sample in enumerate(mine[::step][:ON_CARD], start=1):
        path = thumbnail_path(dataset, sample)
        pics += img(data_uri(path) if path else "", f"{name}, photo {n}")
    more = len(mine) - ON_CARD
    return f'<div class="tu-strip">{pics}{f"<span class=more>+{more:,}</span>" if more > 0 else ""}</div>'


def summary(dataset: Dataset | None, val_fraction: float, seed: int, cards: int = 10, ignored: Collection[str] = ()) -> str:
    """What the dataset holds, how it is split, and what was found about its health, in plain words.

    Args:
        cards: classes that have a card on the page.
        ignored: ids of findings that this person does not want to see.
    """
    if dataset is None or not dataset.class_names:
        return (
            '<section class="tu-card tu-sum"><h2>What you have</h2><p class="tu-none">Nothing yet. Choose a sample set, drop a ZIP, '
            "or fill two classes with photos.</p></section>"
        )
    n = len(dataset.samples)
    problem, split = _split(dataset, val_fraction, seed)
    return (
        f'<section class="tu-card tu-sum"><h2>What you have</h2><p class="tu-big">{n:,} <small>'
        f"{'photo' if n == 1 else 'photos'} in {len(dataset.class_names)} {'class' if len(dataset.class_names) == 1 else 'classes'}"
        f"</small></p>{_bars(dataset, split)}{_parts(split)}{_beyond(dataset, cards)}<h3>Health check</h3>"
        f"{health_view.health(dataset, problem, ignored)}</section>"
    )


def _beyond(dataset: Dataset, cards: int) -> str:
    n = len(dataset.class_names)
    return f'<p class="tu-hint-line">The first {cards} of {n} classes have a card. All {n} are used.</p>' if n > cards else ""


def _split(dataset: Dataset, val_fraction: float, seed: int) -> tuple[UserError | None, Split | None]:
    try:
        dataset.require_trainable()
        return None, split_dataset(dataset, val_fraction, seed)
    except UserError as error:
        return error, None


def _bars(dataset: Dataset, split: Split | None) -> str:
    top = max(1, *dataset.counts.values())
    held = [0] * len(dataset.class_names)
    for i in (split.val + split.test) if split else ():
        held[dataset.samples[i].label] += 1
    rows = ""
    for label, (name, count) in enumerate(dataset.counts.items()):
        share = held[label] / count if count else 0
        rows += (
            f'<div class="row"><span class="cut" title="{escape(name)}"><bdi>{escape(name)}</bdi></span><span class="bar" '
            f'style="--w:{count / top:.3f};--v:{share:.3f}"><i></i></span><span class="num">{count:,}</span></div>'
        )
    return f'<div class="tu-bars scrolls">{rows}</div>'


def _parts(split: Split | None) -> str:
    if split is None:
        return ""
    test = f'<i class="v"></i><span>{len(split.test):,} set aside for the end <em>(test)</em></span>' if split.test else ""
    notes = "".join(f'<p class="tu-hint-line">{escape(note)}</p>' for note in split.notes)
    return (
        f'<p class="tu-key"><i class="t"></i><span>{len(split.train):,} to learn from <em>(train)</em></span>'
        f'<i class="v"></i><span>{len(split.val):,} to check it with <em>(validation)</em></span>{test}</p>{notes}'
    )
