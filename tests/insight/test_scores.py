"""Closed forms against the long way round."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.linear_model import Ridge

from transferui.evaluation.compare import against_best
from transferui.insight.scores import knn_loo, log_evidence, log_me, ridge_from_parts, ridge_loo


def golden(n, width, classes, separation):
    """Features without random numbers: f_ij = max(0, sin(0.7i + 1.3j + 0.11ij) + sep cos(1.9 (y+1)(j+1)))."""
    i, j = np.arange(n)[:, None], np.arange(width)[None, :]
    labels = np.arange(n) % classes
    wave = np.sin(0.7 * i + 1.3 * j + 0.11 * i * j) + separation * np.cos(1.9 * (labels[:, None] + 1) * (j + 1))
    return np.maximum(0, wave), labels


def without(features, onehot, strength, groups=None):
    """Leave-one-out scores of a ridge of this strength, in units of squared weights."""
    left, values, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    squares = values**2
    return ridge_from_parts(left, squares, onehot, [strength * len(onehot) / squares.sum()], groups)[1]


GOLDEN = [((60, 8, 3, 0.0), -0.773320), ((60, 8, 3, 0.5), -0.656514), ((60, 8, 3, 1.0), -0.395383), ((30, 64, 3, 0.5), -0.396302),
          ((200, 64, 5, 0.5), -0.114755), ((200, 64, 5, 1.0), 0.296872), ((40, 512, 4, 1.0), 0.178052), ((40, 2048, 4, 1.0), 0.227324)]  # fmt: skip


@pytest.mark.parametrize(("shape", "value"), GOLDEN)
def test_the_log_evidence_has_its_golden_values_also_with_fewer_photos_than_features(shape, value):
    features, labels = golden(*shape)
    assert log_me(features, labels, shape[2]) == pytest.approx(value, abs=2e-6)


@pytest.mark.parametrize("shape", [shape for shape, _ in GOLDEN])
def test_the_log_evidence_is_the_exact_gaussian_density(shape):
    features, labels = golden(*shape)
    for c in range(shape[2]):
        target = (labels == c).astype(float)
        found = log_evidence(features, target)
        covariance = features @ features.T / found.alpha + np.eye(len(target)) / found.beta
        assert found.value == pytest.approx(multivariate_normal(np.zeros(len(target)), covariance).logpdf(target), abs=1e-6)


@pytest.mark.parametrize(("n", "width"), [(40, 8), (30, 64), (12, 200)])
@pytest.mark.parametrize("strength", [1e-3, 0.1, 10.0])
def test_leave_one_out_ridge_is_what_fitting_without_each_photo_gives(n, width, strength):
    features, labels = golden(n, width, 3, 0.5)
    onehot = np.eye(3)[labels]
    long_way = np.empty_like(onehot)
    for i in range(n):
        rest = np.arange(n) != i
        model = Ridge(alpha=strength, solver="svd").fit(features[rest], onehot[rest])
        long_way[i] = model.predict(features[i : i + 1])
    assert np.abs(without(features, onehot, strength) - long_way).max() < 1e-10


def test_features_that_separate_are_scored_high_and_noise_at_chance():
    features, labels = golden(90, 16, 3, 3.0)
    assert ridge_loo(features, labels, 3).accuracy.value == 1.0
    assert knn_loo(features, labels).accuracy.value == 1.0
    noise = np.random.default_rng(0).normal(size=(300, 16))
    chance = ridge_loo(noise, np.arange(300) % 3, 3).accuracy
    assert chance.value < 0.45
    assert chance.low < chance.value < chance.high


def test_a_photo_never_votes_for_itself():
    features = np.eye(6)
    assert knn_loo(features, [0, 0, 0, 1, 1, 1]).accuracy.value <= 0.5


def test_two_photos_in_a_class_are_enough_and_one_alone_is_not():
    features = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    assert knn_loo(features, [0, 0, 1, 1]).setting == 1
    assert ridge_loo(features, [0, 0, 1, 1], 2).accuracy.n == 4
    with pytest.raises(ValueError, match="two photos"):
        knn_loo(features[:1], [0])


def test_a_class_much_larger_than_the_others_shows_in_the_balanced_accuracy():
    labels = np.array([0] * 95 + [1] * 5)
    found = ridge_loo(np.random.default_rng(0).normal(size=(100, 4)), labels, 2)
    assert found.accuracy.value > 0.9
    assert found.balanced < 0.6


def test_features_that_say_nothing_are_no_error():
    labels = np.arange(12) % 3
    assert np.isfinite(log_me(np.zeros((12, 4)), labels, 3))
    assert ridge_loo(np.zeros((12, 4)), labels, 3).accuracy.value <= 1 / 3


def test_groups_that_are_left_out_as_a_whole_are_those_of_the_long_way():
    rng = np.random.default_rng(4)
    features, labels = rng.normal(size=(30, 8)), rng.integers(0, 3, 30)
    groups = np.array([0] * 6 + [1] * 3 + list(range(2, 23)))
    onehot, strength = np.eye(3)[labels], 2.5
    found = without(features, onehot, strength, groups)
    for group in range(3):
        out, rest = groups == group, groups != group
        center, base = features[rest].mean(axis=0), onehot[rest].mean(axis=0)
        table = features[rest] - center
        weights = np.linalg.solve(table.T @ table + strength * np.eye(8), table.T @ (onehot[rest] - base))
        assert np.abs((features[out] - center) @ weights + base - found[out]).max() < 1e-10


def test_copies_do_not_answer_for_each_other():
    rng = np.random.default_rng(5)
    features = np.repeat(rng.normal(size=(40, 60)), 3, axis=0) + 1e-3 * rng.normal(size=(120, 60))
    labels, groups = np.repeat(np.arange(40) % 2, 3), np.repeat(np.arange(40), 3)
    assert knn_loo(features, labels).accuracy.value == ridge_loo(features, labels, 2).accuracy.value == 1.0
    assert knn_loo(features, labels, groups).accuracy.value < 0.75 > ridge_loo(features, labels, 2, groups).accuracy.value


def test_photos_of_one_scene_widen_the_interval_and_are_held_against_another_network_together():
    features, labels = golden(120, 64, 2, 1.0)
    scenes = np.arange(120) // 20 * 2 + labels  # 12 scenes of 10 photos
    alone, together = (ridge_loo(features, labels, 2, groups) for groups in (None, scenes))
    assert together.groups == tuple(scenes) and together.accuracy.worth == pytest.approx(12)
    assert together.accuracy.high - together.accuracy.low > 2 * (alone.accuracy.high - alone.accuracy.low)
    lucky = together.right.copy()
    lucky[scenes == 0] = ~lucky[scenes == 0]  # another network differs in one scene only
    assert against_best([lucky.tolist(), together.right.tolist()], 1)[0].verdict != "no_clear_difference"
    assert against_best([lucky.tolist(), together.right.tolist()], 1, together.groups)[0].verdict == "no_clear_difference"
