"""Learning curves: what they measure, and what they promise."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from transferui.insight.features import Features, Watch
from transferui.insight.learning_curve import curve_of, fit_power, learning_curve, power
from transferui.insight.scores import STRENGTHS
from transferui.insight.subsets import Pool, held_out, share_of


def made(n, width, noise, seed=0):
    """Two classes along one direction, in noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    table = rng.normal(size=(n, width)) * noise
    table[:, 0] += labels
    return Features(table, labels, np.arange(n))


def test_a_probe_on_a_part_is_ridge_regression_on_that_part():
    features = made(40, 6, 0.5)
    pool, rest = Pool(features.table, features.labels), np.arange(1, 40)
    centered = features.table[rest] - features.table[rest].mean(axis=0)
    unit = (centered**2).sum() / len(rest)
    scores = pool.scores(rest, np.array([0]), 0.01)
    ridge = Ridge(alpha=0.01 * unit, solver="svd").fit(features.table[rest], np.eye(2)[features.labels[rest]])
    assert np.allclose(scores, ridge.predict(features.table[:1]), atol=1e-10)
    assert pool.strength(rest) in STRENGTHS


def test_a_larger_share_holds_the_smaller_one_and_nothing_that_was_held_back():
    labels = np.array([0] * 30 + [1] * 5)
    groups = np.array([n // 5 for n in range(30)] + list(range(30, 35)))
    train, test = held_out(labels, groups, np.random.default_rng(0))
    assert not set(train) & set(test) and not set(groups[train]) & set(groups[test])
    assert set(labels[test]) == {0, 1}
    small, large = share_of(labels, train, 0.1), share_of(labels, train, 0.4)
    assert set(small) < set(large) <= set(train)
    assert set(labels[small]) == {0, 1}


def test_a_power_law_is_found_again_and_continued():
    sizes = np.array([20, 40, 80, 160, 320])
    truth = np.array([0.05, 1.5, 0.6])
    fit = fit_power(sizes, power(truth, sizes))
    assert power(fit, np.array([640])) == pytest.approx(power(truth, np.array([640])), abs=2e-3)


def test_a_rising_curve_promises_more_and_keeps_the_promise():
    found = curve_of(made(120, 60, 0.35), ("a", "b"), Watch())
    assert found.verdict == "growing"
    assert found.then > found.now
    assert str(found.more_per_class) in found.sentence
    larger = curve_of(made(120 + 2 * found.more_per_class, 60, 0.35, seed=1), ("a", "b"), Watch())
    assert larger.points[-1].accuracy == pytest.approx(found.then, abs=0.06)


def test_a_curve_that_has_leveled_off_is_called_so():
    found = curve_of(made(300, 4, 0.1), ("a", "b"), Watch())
    assert found.verdict == "leveled_off"
    assert found.points[-1].accuracy > 0.97
    assert "leveled off" in found.sentence


def test_too_few_photos_and_an_early_stop_are_sentences():
    assert curve_of(made(4, 3, 0.1), ("a", "b"), Watch()).verdict == "too_few"
    few = curve_of(made(8, 3, 0.1), ("a", "b"), Watch())
    assert few.verdict == "too_few"
    assert few.points
    stopped = curve_of(made(40, 3, 0.1), ("a", "b"), Watch(should_stop=lambda: True))
    assert stopped.stopped
    assert "Stopped" in stopped.sentence


def test_the_curve_of_photos_is_plain_data(photos, data_dir):
    found = learning_curve(photos)
    values = json.loads(json.dumps(found.as_dict()))
    assert values["prefix_images"] == 30
    assert values["points"][-1]["n"] == 24
    assert learning_curve(photos).prefix_images == 0
