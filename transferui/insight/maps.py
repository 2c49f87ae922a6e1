"""A map of the photos: their features in two dimensions, so that what the network finds alike lies together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.linalg import orthogonal_procrustes
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from transferui.data.dataset import Dataset
from transferui.insight.features import (
    Features,
    Network,
    Watch,
    go_on,
    load_network,
    opened,
    pick_sample,
    pooled_features,
    tell_nobody,
)
from transferui.insight.measurement import STOPPED, Measurement
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
        pca_x, pca_y: the same on the first two principal components.
        label, answer: class indices: its own, and what all other photos say.
    """

    sample: int
    x: float
    y: float
    label: int
    answer: int
    pca_x: float
    pca_y: float


@dataclass(frozen=True)
class PhotoMap(Measurement):
    """Photos in two dimensions.

    Attributes:
        kept: share of the features' variance that the first two principal components show, 0 to 1.
    """

    method: Method
    places: tuple[Place, ...]
    class_names: tuple[str, ...]
    sentence: str
    kept: float = 0.0
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
        return map_through(load_network(backbone, home, watch), found, pick_sample(found, MOST), home, watch, method=method)
    except StoppedError:
        seconds = round(time.perf_counter() - begun, 3)
        return PhotoMap(method, (), found.class_names, STOPPED, stopped=True, seconds=seconds)


def map_through(  # noqa: PLR0913 - keyword-only after the first five
    network: Network, dataset: Dataset, indices: Sequence[int], data_dir: Path, watch: Watch, *, method: Method = "tsne",
    start: PhotoMap | None = None,
) -> PhotoMap:  # fmt: skip
    """The map of some photos as a network sees them.

    Args:
        start: another map of the same photos; this one is turned like it, so that both can be compared.

    Raises:
        UserError: ``EMPTY_DATASET`` when no photo could be read.
        StoppedError: when the watch says so.
    """
    begun = time.perf_counter()
    features = pooled_features(network, dataset, indices, data_dir, watch)
    watch.report({"what": "Drawing the map"})
    made = map_of(features, dataset.class_names, method, start)
    seconds = round(time.perf_counter() - begun, 3)
    return replace(made, prefix_images=features.work.prefix_images, seconds=seconds)


def map_of(features: Features, class_names: tuple[str, ...], method: Method, start: PhotoMap | None = None) -> PhotoMap:
    """The map of features that are there."""
    n = len(features.labels)
    components = PCA(min(COMPONENTS, n, features.table.shape[1]), random_state=0)
    table = components.fit_transform(features.table)
    known = {place.sample: place for place in start.places} if start else {}
    first = [known[int(i)] for i in features.indices if int(i) in known]
    like = first if len(first) == n else []
    flat = _laid(_flat(table, method), [(place.x, place.y) for place in like])
    axes = _laid(_flat(table, "pca"), [(place.pca_x, place.pca_y) for place in like])
    answers = ridge_loo(features.table, features.labels, len(class_names), features.groups).answers
    places = tuple(
        Place(int(sample), *_short(xy), int(label), int(answer), *_short(pca))
        for sample, xy, label, answer, pca in zip(features.indices, flat, features.labels, answers, axes, strict=True)
    )
    wrong = int((answers != features.labels).sum())
    sentence = f"{n} photos; those that the network finds alike lie together."
    sentence += (
        f" {'One lies' if wrong == 1 else f'{wrong} lie'} among another class." if wrong else " Every photo lies with its class."
    )
    kept = float(np.nan_to_num(components.explained_variance_ratio_[:2].sum()))
    return PhotoMap(method, places, class_names, sentence, kept)


def _short(place: Floats) -> tuple[float, float]:
    """Coordinates as they are written."""
    return round(float(place[0]), 4), round(float(place[1]), 4)


def _laid(flat: Floats, like: Sequence[tuple[float, float]]) -> Floats:
    """Both axes from 0 to 1, turned like an earlier map of the same photos, if there is one."""
    return _scaled(_turned(flat, np.array(like)) if like else flat)


def _flat(table: Floats, method: Method) -> Floats:
    """Two dimensions. Source of t-SNE: van der Maaten and Hinton, 2008, Visualizing data using t-SNE."""
    flat = np.zeros((len(table), 2))
    if method == "tsne" and len(table) >= 5:
        perplexity = min(PERPLEXITY, (len(table) - 1) / 3)
        flat = TSNE(2, perplexity=perplexity, init="pca", random_state=0).fit_transform(table).astype(np.float64)
    else:
        width = min(2, table.shape[1])
        flat[:, :width] = table[:, :width]
    return flat


def _turned(flat: Floats, like: Floats) -> Floats:
    """The same map, turned and perhaps mirrored so that its photos lie as near as they can to where they lay before."""
    centered = flat - flat.mean(axis=0)
    turn, _ = orthogonal_procrustes(centered, like - like.mean(axis=0))
    turned: Floats = centered @ turn
    return turned


def _scaled(flat: Floats) -> Floats:
    """Both axes from 0 to 1."""
    low = flat.min(axis=0)
    scaled: Floats = (flat - low) / np.maximum(flat.max(axis=0) - low, 1e-12)
    return scaled
