"""Do mirrored photos still show the same thing? Asked of photos that were not learned from, before any is mirrored for training.

A mirrored flower is a flower; a mirrored 2 is no 2. A simple classifier on frozen features learns some of the training photos
and answers the others twice, as they are and mirrored. Where the mirror costs right answers, it would teach something wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

# So many photos are asked at most: enough to see three points.
ASKED = 400
FOLDS = 5
# A harm that chance makes this rarely, and of at least this many right answers, counts.
CHANCE, HARM = 0.01, 0.02
# The same changed copies without mirrored ones.
UNMIRRORED = {"flip": "none", "crops": "crops_no_flip"}


@dataclass(frozen=True)
class Mirror:
    """How many photos were answered right, as they are and mirrored.

    Attributes:
        p_value: how often chance alone costs so many right answers (one-sided sign test over the photos that changed).
    """

    asked: int
    right: int
    right_mirrored: int
    p_value: float

    @property
    def harms(self) -> bool:
        """Whether mirrored photos are mistaken more often than chance explains."""
        return self.p_value < CHANCE and self.right - self.right_mirrored >= HARM * self.asked

    @property
    def words(self) -> str:
        """A sentence for the person."""
        return (
            f"Mirrored photos were mistaken: {self.right_mirrored / self.asked:.0%} right instead of "
            f"{self.right / self.asked:.0%}. So no mirrored copies were shown."
        )


def ask_mirror(features: Tensor, mirrored: Tensor, labels: Tensor) -> Mirror | None:
    """Compare answers for held-out photos and their mirror images; None when a class has a single photo.

    Args:
        features, mirrored: pooled features (N, D) of the same photos.
        labels: (N,).
    """
    x, flipped, y = features.double().numpy(), mirrored.double().numpy(), labels.numpy()
    folds = min(FOLDS, int(np.bincount(y)[np.unique(y)].min()))
    if folds < 2:
        return None
    right, right_mirrored = np.zeros(len(y), dtype=bool), np.zeros(len(y), dtype=bool)
    for learned, held_out in StratifiedKFold(folds, shuffle=True, random_state=0).split(x, y):
        # As many features as the penalty: with standardized features that is firm enough for fewer photos than features.
        model = make_pipeline(StandardScaler(), RidgeClassifier(alpha=x.shape[1])).fit(x[learned], y[learned])
        right[held_out] = model.predict(x[held_out]) == y[held_out]
        right_mirrored[held_out] = model.predict(flipped[held_out]) == y[held_out]
    lost, won = int((right & ~right_mirrored).sum()), int((~right & right_mirrored).sum())
    p_value = float(bdtrc(lost - 1, lost + won, 0.5)) if lost else 1.0
    return Mirror(len(y), int(right.sum()), int(right_mirrored.sum()), p_value)
