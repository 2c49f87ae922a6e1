"""How well features tell classes apart, without training: three closed forms on an (N, D) table of features.

Leave-one-out nearest neighbors and leave-one-out ridge regression answer for every photo from all the others, so no photo is
lost to a validation part. The log evidence (LogME) is for the curious.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from transferui.evaluation.metrics import Accuracy, accuracy_interval, worth

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Neighbors that are asked, our own choice; the number that answers best is taken.
NEIGHBORS = (1, 3, 5, 11)
# Strengths of the pull towards zero that are tried, in units of the photos' mean squared distance from their center.
STRENGTHS = tuple(10.0**e for e in np.arange(-4.0, 2.01, 0.5))
# LogME's fixed point: it moves by less than this share after a dozen rounds on real features.
ROUNDS, SETTLED = 100, 1e-6


@dataclass(frozen=True)
class LeaveOneOut:
    """Answers for every photo from all the others.

    Attributes:
        answers: (N,) class indices.
        accuracy: share of right answers with its 95 % interval; photos that belong together count in it as the few they are.
        balanced: mean over classes of the share of right answers, 0 to 1.
        setting: number of neighbors, or strength of the ridge.
        groups: (N,) numbers of what belongs together; None when every photo is alone.
    """

    answers: Ints
    right: NDArray[np.bool_]
    accuracy: Accuracy
    balanced: float
    setting: float
    groups: tuple[int, ...] | None = None


def knn_loo(features: Floats, labels: Sequence[int] | Ints, groups: Ints | None = None) -> LeaveOneOut:
    """Leave-one-out nearest neighbors by cosine, with the number of neighbors that answers best.

    Equal votes go to the class whose neighbors are nearer. Source: Sorkhei et al., 2025, arXiv 2503.18528 (plain nearest
    neighbors beat 23 scores of transferability).

    Args:
        features: (N, D).
        groups: (N,) numbers of what belongs together, as near-copies do: no photo is asked about another of its group.

    Raises:
        ValueError: with fewer than two photos.
    """
    truth = np.asarray(labels)
    if len(truth) < 2:
        raise ValueError("a neighbor needs at least two photos")
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    alike = unit @ unit.T
    together = np.eye(len(truth), dtype=bool) if groups is None else groups[:, None] == groups[None, :]
    alike[together] = -np.inf
    most = min(max(NEIGHBORS), len(truth) - int(together.sum(axis=1).max()))
    nearest = np.argsort(-alike, axis=1, kind="stable")[:, :most]
    # A vote of a near neighbor is worth a little more, but all of that together is less than one vote.
    weights = 1.0 + np.take_along_axis(alike, nearest, axis=1) / (2 * most + 1)
    onehot = np.eye(int(truth.max()) + 1)[truth[nearest]]
    votes = np.cumsum(onehot * weights[..., None], axis=1)
    tried = [(k, votes[:, k - 1].argmax(axis=1)) for k in NEIGHBORS if k <= most]
    k, answers = max(tried, key=lambda pair: (pair[1] == truth).mean())
    return _scored(answers, truth, k, groups)


def ridge_loo(features: Floats, labels: Sequence[int] | Ints, n_classes: int, groups: Ints | None = None) -> LeaveOneOut:
    """Leave-one-out ridge regression on one-hot labels, in closed form; the strength has the lowest squared error.

    This is a linear probe, so its accuracy is what a head on these features can be expected to reach.

    Args:
        groups: (N,) numbers of what belongs together: whole groups are left out instead of single photos.
    """
    truth = np.asarray(labels)
    strength, scores = _best_ridge(features, truth, n_classes, groups)
    return _scored(scores.argmax(axis=1), truth, strength, groups)


def loo_scores(features: Floats, labels: Ints, n_classes: int, groups: Ints | None = None) -> Floats:
    """What the probe of `ridge_loo` says about each photo from the others: (N, K), near 1 for its class and 0 for the rest."""
    return _best_ridge(features, labels, n_classes, groups)[1]


def _best_ridge(features: Floats, labels: Ints, n_classes: int, groups: Ints | None) -> tuple[float, Floats]:
    left, squares = _left_and_squares(features - features.mean(axis=0))
    return ridge_from_parts(left, squares, np.eye(n_classes)[labels], STRENGTHS, groups)


def ridge_from_parts(
    left: Floats, squares: Floats, onehot: Floats, strengths: Sequence[float], groups: Ints | None = None
) -> tuple[float, Floats]:
    """The strength with the lowest leave-one-out squared error, and its leave-one-out scores (N, K).

    Args:
        left, squares: left singular vectors and squared singular values of the centered features.
        strengths: penalties to try, in units of the photos' mean squared distance from their center.
    """
    unit = max(float(squares.sum()) / len(onehot), 1e-30)
    tried = [(strength, _ridge_scores(left, squares, onehot, strength * unit, groups)) for strength in strengths]
    return min(tried, key=lambda pair: float(((pair[1] - onehot) ** 2).sum()))


def _ridge_scores(left: Floats, squares: Floats, onehot: Floats, strength: float, groups: Ints | None) -> Floats:
    """What ridge regression with an intercept, fitted without photo i, says about photo i: (N, K).

    With H the matrix that turns labels into fitted values, P = H Y and h its diagonal, it is (P - h Y) / (1 - h); for the
    photos G of a group that is left out as a whole it is Y_G - (1 - H_GG)^-1 (Y_G - P_G).

    Args:
        strength: the penalty on squared weights, above 0.
        groups: (N,) numbers of what belongs together.
    """
    shrink = squares / (squares + strength)
    fitted = left @ (shrink[:, None] * (left.T @ onehot)) + onehot.mean(axis=0)
    own = ((left**2) @ shrink + 1.0 / len(onehot))[:, None]
    scores: Floats = (fitted - own * onehot) / np.maximum(1.0 - own, 1e-12)
    for group in _several(groups):
        mine = left[group]
        rest = np.eye(len(group)) - (mine * shrink) @ mine.T - 1.0 / len(onehot)
        scores[group] = onehot[group] - np.linalg.lstsq(rest, onehot[group] - fitted[group], rcond=None)[0]
    return scores


def _several(groups: Ints | None) -> list[Ints]:
    """The photos of every group that has more than one."""
    if groups is None:
        return []
    names, sizes = np.unique(groups, return_counts=True)
    return [np.flatnonzero(groups == name) for name in names[sizes > 1]]


def _left_and_squares(table: Floats) -> tuple[Floats, Floats]:
    """Left singular vectors (N, k) and squared singular values (k,), the cheaper way for many features."""
    n, width = table.shape
    if n > width:
        left, values, _ = np.linalg.svd(table, full_matrices=False)
        return left, values**2
    squares, left = np.linalg.eigh(table @ table.T)
    return left, np.maximum(squares, 0.0)


@dataclass(frozen=True)
class Evidence:
    """Log evidence of a Bayesian linear model, maximized over its two precisions.

    Attributes:
        value: natural logarithm of the density of the targets.
        alpha, beta: precision of the weights and of the noise.
    """

    value: float
    alpha: float
    beta: float


def log_me(features: Floats, labels: Sequence[int] | Ints, n_classes: int) -> float:
    """Log of maximum evidence, per photo, as the mean over classes; higher is better, and it may be negative.

    Source: You et al., 2021, LogME, with the term (D - k) ln(alpha) that the authors' code leaves out; without it, fewer
    photos than features give nonsense.
    """
    left, squares = _left_and_squares(features)
    onehot = np.eye(n_classes)[np.asarray(labels)]
    values = [_evidence(left, squares, onehot[:, c], features.shape[1]).value for c in range(n_classes)]
    return float(np.mean(values)) / len(onehot)


def log_evidence(features: Floats, target: Floats) -> Evidence:
    """Maximum log evidence of one target (N,) given features (N, D)."""
    return _evidence(*_left_and_squares(features), target, features.shape[1])


def _evidence(left: Floats, squares: Floats, target: Floats, width: int) -> Evidence:
    n, along = len(target), (left.T @ target) ** 2
    rest = max(float(target @ target - along.sum()), 0.0)
    alpha = beta = 1.0
    for _ in range(ROUNDS):
        ratio = alpha / beta
        weights, errors = _fit(squares, along, rest, ratio)
        known = max(float((squares / (squares + ratio)).sum()), 1e-12)  # features that are all zero know nothing
        alpha, beta = known / (weights + 1e-5), (n - known) / (errors + 1e-5)
        if abs(alpha / beta - ratio) <= SETTLED * ratio:
            break
    weights, errors = _fit(squares, along, rest, alpha / beta)
    log_determinant = float(np.log(alpha + beta * squares).sum()) + (width - len(squares)) * math.log(alpha)
    value = 0.5 * (
        width * math.log(alpha) + n * math.log(beta) - log_determinant
        - beta * errors - alpha * weights - n * math.log(2 * math.pi)
    )  # fmt: skip
    return Evidence(value, alpha, beta)


def _fit(squares: Floats, along: Floats, rest: float, ratio: float) -> tuple[float, float]:
    """Squared length of the weights, and squared error, of ridge regression with this penalty."""
    weights = float((squares * along / (squares + ratio) ** 2).sum())
    return weights, float((along / (1.0 + squares / ratio) ** 2).sum()) + rest


def _scored(answers: Ints, truth: Ints, setting: float, groups: Ints | None) -> LeaveOneOut:
    right = answers == truth
    present = np.unique(truth).tolist()
    balanced = float(recall_score(truth, answers, labels=present, average="macro", zero_division=0))
    named = None if groups is None else tuple(groups.tolist())
    accuracy = accuracy_interval(int(right.sum()), len(truth), None if named is None else worth(named))
    return LeaveOneOut(answers, right, accuracy, balanced, setting, named)
