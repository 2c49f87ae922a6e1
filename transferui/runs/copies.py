"""What augmentation does to a person's own photos: the very views that a network would be shown, small.

They are made once per dataset and network by the engine's child and kept beside the photos; the page only reads them.
"""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image

from transferui.backbones.catalogue import Backbone
from transferui.data.dataset import Dataset, Sample
from transferui.data.preprocessing import VIEWS, Pixels, Preprocessing, picture_views
from transferui.errors import UserError
from transferui.files import read_json, write_json

# Photos shown, of different classes where there are some; so many are tried per class before it is passed over.
PHOTOS, TRIES = 2, 3
# Side of an example in pixels; two of them side by side fit a card on a phone, also on sharp screens.
SIDE = 112


def kept_copies(dataset: Dataset, backbone: Backbone) -> dict[str, Any] | None:
    """What `make_copies` has kept for these photos, or None."""
    found = read_json(dataset.folder / f"copies-{backbone.name}.json") if dataset.folder else None
    return found if found and found.get("choices") == _choices() else None


def _choices() -> dict[str, list[str]]:
    """Names of the views by choice, as JSON has them; what an earlier version kept of other views is made anew."""
    return {choice: list(views) for choice, views in VIEWS.items()}


def make_copies(dataset: Dataset, backbone: Backbone) -> dict[str, Any]:
    """Examples for every choice of augmentation.

    Returns:
        ``choices``: names of the views by choice; ``photos``: for up to `PHOTOS` photos the class and a data URI by view.
    """
    views = list(dict.fromkeys(view for names in VIEWS.values() for view in names))
    b = backbone
    preprocessing = b.preprocessing
    photos = list[dict[str, Any]]()
    for label in range(len(dataset.class_names)):
        if len(photos) < PHOTOS and (shown := _example(dataset, label, preprocessing, views)):
            photos.append(shown)
    found = {"choices": _choices(), "photos": photos}
    if dataset.folder:
        write_json(dataset.folder / f"copies-{backbone.name}.json", found)
    return found


def _example(dataset: Dataset, label: int, preprocessing: Preprocessing, views: list[str]) -> dict[str, Any] | None:
    """The first readable photo of a class, by view; None when the first few cannot be read."""
    mine: list[Sample] = [s for s in dataset.samples if s.label == label]
    for sample in mine[:TRIES]:
        try:
            pictures = picture_views(sample.path, preprocessing, views, sample.sha256)
        except UserError:  # a damaged photo is told of where photos are checked
            continue
        name = dataset.class_names[label]
        return {"class": name, "views": {view: _uri(p) for view, p in zip(views, pictures, strict=True)}}
    return None


def _uri(pixels: Pixels) -> str:
    """A picture (S, S, 3) as a small JPEG in a data URI."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=78)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
