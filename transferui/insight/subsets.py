"""Linear probes on parts of the photos: one table of inner products serves them all."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from transferui.insight.scores import STRENGTHS, Floats, Ints, ridge_from_parts

# Share of every class that is held back to ask about, at least one photo.
HELD_OUT = 0.2
# The ridge's strength is chosen on at most so many photos: it depends little on their number, and costs its cube.
CHOOSE_ON = 400


class Pool:
    """Photos to draw parts from.

    Args:
        table: features (N, D).
        labels: (N,).
        groups: (N,) numbers of what belongs together; None when every photo is alone.
    """

    def __init__(self, table: Floats, labels: Ints, groups: Ints | None = None) -> None:
        self.labels, self.groups = labels, np.arange(len(labels)) if groups is None else groups
        centered = table - table.mean(axis=0)
        self.products: Floats = centered @ centered.T
        self.onehot = np.eye(int(labels.max()) + 1)[labels]

    def strength(self, train: Ints) -> float:
        """Penalty in units of the mean squared distance from the center, chosen by leave-one-out on some of these photos."""
        some = share_of(self.labels, train, min(1.0, CHOOSE_ON / len(train)))
        inner = _centered(self.products[np.ix_(some, some)])
        squares, left = np.linalg.eigh(inner)
        return ridge_from_parts(left, np.maximum(squares, 0.0), self.onehot[some], STRENGTHS)[0]

    def answers(self, train: Ints, test: Ints, strength: float) -> Ints:
        """Classes that ridge regression on the photos at `train` gives those at `test`."""
        found: Ints = self.scores(train, test, strength).argmax(axis=1)
        return found

    def scores(self, train: Ints, test: Ints, strength: float) -> Floats:
        """What it says about each class: (n_test, K)."""
        inner = self.products[np.ix_(train, train)]
        mean, centered = inner.mean(axis=0), _centered(inner)
        unit = max(float(np.trace(centered)) / len(train), 1e-30)
        base = self.onehot[train].mean(axis=0)
        centered[np.diag_indices_from(centered)] += strength * unit
        factor = cho_factor(centered, lower=True, overwrite_a=True, check_finite=False)
        weights = cho_solve(factor, self.onehot[train] - base, check_finite=False)
        across = self.products[np.ix_(test, train)]
        across = across - across.mean(axis=1, keepdims=True) - mean + mean.mean()
        scores: Floats = across @ weights + base
        return scores


def _centered(inner: Floats) -> Floats:
    """Inner products of rows after their mean was taken out."""
    mean = inner.mean(axis=0)
    centered: Floats = inner - mean - mean[:, None] + mean.mean()
    return centered


def held_out(labels: Ints, groups: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """A random order of the photos to learn from, and those held back, in every class alike; groups stay together."""
    train, test = [], []
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        order = rng.permutation(np.unique(groups[mine]))
        sizes = np.array([(groups[mine] == group).sum() for group in order])
        # So many groups that the share is reached, but one at least is left to learn from.
        back = min(int(np.searchsorted(np.cumsum(sizes), max(1, round(HELD_OUT * len(mine))))) + 1, len(order) - 1)
        parts = [mine[groups[mine] == group] for group in order]
        test.append(np.concatenate(parts[:back]))
        train.append(np.concatenate(parts[back:]))
    return np.concatenate(train), np.concatenate(test)


def share_of(labels: Ints, train: Ints, share: float) -> Ints:
    """The first photos of every class, at least one; a larger share holds the smaller one's photos."""
    parts = []
    for label in np.unique(labels[train]):
        mine = train[labels[train] == label]
        parts.append(mine[: max(1, round(share * len(mine)))])
    return np.concatenate(parts)
