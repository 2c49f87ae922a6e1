"""A map of the photos: their features in two dimensions, so that what the network finds alike lies together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from transferui.data.dataset import Dataset
from transferui.insight.features import Features, Watch, go_on, load_network, opened, pick_sample, pooled_features, tell_nobody
from transferui.insight.measurement import Measurement
from transferui.insight.scores import Floats, ridge_loo
from transferui.training.features import Report, ShouldStop, StoppedError

Method = Literal["pca", "tsne"]

# More dots than this hide each other.
MOST = 800
# t-SNE starts from so many principal components, which leaves noise out and saves time.
COMPONENTS = 50
# Neighbors a dot tries to stay near; at most a third of the photos, and thirty where there are enough.
PERPLEXITY = 30.0


@dataclass(frozen=True)
class Place:
    """One photo on the map.

    Attributes:
        sample: index into ``dataset.samples``.
        x, y: from 0 to 1.
        label, answer: class indices: its own, and what all other photos say.
    """

    sample: int
    x: float
    y: float
    label: int
    answer: int


@dataclass(frozen=True)
class PhotoMap(Measurement):
    """Photos in two dimensions.

    Attributes:
        kept: share of the features' variance that the two axes show (PCA only), 0 to 1.
    """

    method: Method
    places: tuple[Place, ...]
    class_names: tuple[str, ...]
    sentence: str
    kept: float | None = None
    prefix_images: int = 0


def photo_map(
    dataset: Dataset | Path | str,
    backbone: str = "efficientnet_lite0",
    *,
    method: Method = "tsne",
    data_dir: Path | None = None,
    report: Report = tell_nobody,
    should_stop: ShouldStop = go_on,
) -> PhotoMap:
    """Put at most 800 photos on a map.

    Raises:
        UserError: for every cause that a person can mend.
    """
    begun, watch = time.perf_counter(), Watch(report, should_stop)
    found, home = opened(dataset, data_dir)
    try:
        features = pooled_features(load_network(backbone, home, watch), found, pick_sample(found, MOST), home, watch)
    except StoppedError:
        return PhotoMap(method, (), found.class_names, "Stopped before every photo was looked at.", stopped=True)
    made = map_of(features, found.class_names, method)
    took = round(time.perf_counter() - begun, 3)
    return PhotoMap(**{**made.__dict__, "prefix_images": features.work.prefix_images, "seconds": took})


def map_of(features: Features, class_names: tuple[str, ...], method: Method) -> PhotoMap:
    """The map of features that are there."""
    n = len(features.labels)
    components = PCA(min(COMPONENTS, n, features.table.shape[1]), random_state=0)
    table = components.fit_transform(features.table)
    flat = _flat(table, method)
    answers = ridge_loo(features.table, features.labels, len(class_names)).answers
    places = tuple(
        Place(int(sample), round(float(x), 4), round(float(y), 4), int(label), int(answer))
        for sample, (x, y), label, answer in zip(features.indices, flat, features.labels, answers, strict=True)
    )
    wrong = int((answers != features.labels).sum())
    sentence = f"{n} photos; those that the network finds alike lie together."
    sentence += f" {wrong} lie among another class." if wrong else " Every photo lies with its class."
    kept = float(components.explained_variance_ratio_[:2].sum()) if method == "pca" else None
    return PhotoMap(method, places, class_names, sentence, kept)


def _flat(table: Floats, method: Method) -> Floats:
    """Two dimensions, each from 0 to 1. Source of t-SNE: van der Maaten and Hinton, 2008, Visualizing data using t-SNE."""
    flat = np.zeros((len(table), 2))
    if method == "tsne" and len(table) >= 5:
        perplexity = min(PERPLEXITY, (len(table) - 1) / 3)
        flat = TSNE(2, perplexity=perplexity, init="pca", random_state=0).fit_transform(table).astype(np.float64)
    else:
        width = min(2, table.shape[1])
        flat[:, :width] = table[:, :width]
    low = flat.min(axis=0)
    scaled: Floats = (flat - low) / np.maximum(flat.max(axis=0) - low, 1e-12)
    return scaled
