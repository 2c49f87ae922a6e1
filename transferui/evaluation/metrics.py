"""Numbers that say how good a model is, each with how sure we can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

# 97.5 % quantile of the normal distribution: a two-sided 95 % interval.
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Accuracy:
    """A share of right answers and its 95 % interval, all fractions from 0 to 1."""

    value: float
    low: float
    high: float
    n: int


def accuracy_interval(right: float, n: int) -> Accuracy:
    """Accuracy with Wilson's score interval, which stays inside 0 to 1 and is honest for few pictures.

    Args:
        right: how many were answered right; a mean over several rounds need not be whole.

    Source: E. B. Wilson, 1927, Probable inference, the law of succession, and statistical inference.
    """
    if n <= 0:
        return Accuracy(0.0, 0.0, 1.0, 0)
    share, z2 = right / n, Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Accuracy(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)), n)


def is_guessing(accuracy: Accuracy, base: float) -> bool:
    """Whether always answering the most frequent class, right with a share of `base`, explains this many right answers as well.

    It does unless the interval lies above that share and the exact binomial test agrees (one-sided, 5 %).
    """
    if not accuracy.n:
        return True
    from scipy.stats import binomtest  # noqa: PLC0415 - half a second that a page does not need

    p_value = binomtest(round(accuracy.value * accuracy.n), accuracy.n, base, alternative="greater").pvalue
    return bool(accuracy.low <= base or p_value > 0.05)


def majority_accuracy(labels: Sequence[int]) -> float:
    """Accuracy of always answering the class that is most frequent among these labels."""
    return float(np.bincount(np.asarray(labels)).max() / len(labels)) if len(labels) else 0.0


def classification_report(labels: Sequence[int], answers: Sequence[int], class_names: Sequence[str]) -> dict[str, Any]:
    """Confusion counts (rows true, columns answered), balanced accuracy and precision, recall, F1 per class.

    A class without any picture here has no recall; scikit-learn's zero stands for it, and its `n` of 0 says why.
    """
    every = list(range(len(class_names)))
    precision, recall, f1, support = precision_recall_fscore_support(labels, answers, labels=every, zero_division=0)
    present = sorted(set(labels))
    balanced = recall[present].mean()  # mean recall over the classes that are there
    return {
        "confusion": confusion_matrix(labels, answers, labels=every).tolist(),
        "balanced_accuracy": float(balanced),
        "per_class": [
            {
                "class_name": name,
                "n": int(support[i]),
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
            }
            for i, name in enumerate(class_names)
        ],
    }
