"""Photos that are alike lie together."""

from __future__ import annotations

import json

import numpy as np
import pytest

from transferui.insight.features import Features
from transferui.insight.maps import map_of, photo_map


def three_heaps(n):
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    return Features(rng.normal(size=(n, 20)) * 0.1 + np.eye(20)[labels], labels, np.arange(n))


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_photos_of_a_class_lie_nearer_to_each_other_than_to_others(method):
    found = map_of(three_heaps(60), ("a", "b", "c"), method)
    places = np.array([[place.x, place.y] for place in found.places])
    labels = np.array([place.label for place in found.places])
    assert places.min() == 0.0
    assert places.max() == 1.0
    centers = np.array([places[labels == c].mean(axis=0) for c in range(3)])
    nearest = np.linalg.norm(places[:, None] - centers, axis=2).argmin(axis=1)
    assert (nearest == labels).mean() > 0.95
    assert 0.5 < found.kept < 1
    axes = np.array([[place.pca_x, place.pca_y] for place in found.places])
    assert (axes.min(), axes.max(), np.allclose(axes, places)) == (0.0, 1.0, method == "pca")


def test_a_wrong_label_stands_out_as_a_mistake():
    features = three_heaps(60)
    features.labels[7] = (features.labels[7] + 1) % 3
    found = map_of(features, ("a", "b", "c"), "pca")
    assert [place.sample for place in found.places if place.label != place.answer] == [7]
    assert "One lies" in found.sentence


def test_a_second_map_of_the_same_photos_is_turned_like_the_first():
    features = three_heaps(60)
    first = map_of(features, ("a", "b", "c"), "tsne")
    turned = Features(
        features.table @ np.linalg.qr(np.random.default_rng(1).normal(size=(20, 20)))[0], features.labels, features.indices
    )
    again = map_of(turned, ("a", "b", "c"), "tsne", first)
    apart = [np.hypot(a.x - b.x, a.y - b.y) for a, b in zip(first.places, again.places, strict=True)]
    assert np.median(apart) < 0.25


def test_four_photos_are_a_map_too():
    assert len(map_of(Features(np.eye(4), np.array([0, 0, 1, 1]), np.arange(4)), ("a", "b"), "tsne").places) == 4


def test_a_map_of_photos_is_plain_data_and_a_stop_a_sentence(photos, data_dir):
    assert "Stopped" in photo_map(photos, should_stop=lambda: True).sentence
    values = json.loads(json.dumps(photo_map(photos, method="pca").as_dict()))
    assert len(values["places"]) == 30
