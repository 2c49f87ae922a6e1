"""Numbers that say how good a model is, each with how sure we can be."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

# 97.5 % quantile of the normal distribution: a two-sided 95 % interval.
Z95 = 1.959963984540054


# Rounds of the permutation test, and how rare an agreement must be to be none of chance: it is a second look at the same
# answers, so it has to be surer than the first.
ROUNDS, RARE = 999, 0.01


@dataclass(frozen=True)
class Accuracy:
    """A share of right answers and its 95 % interval, all fractions from 0 to 1.

    Attributes:
        n: how many photos were asked.
        worth: how many photos that were taken one by one they are worth, at most `n`.
    """

    value: float
    low: float
    high: float
    n: int
    worth: float


def worth(groups: Sequence[object]) -> float:
    """How many single photos these are worth when those of one group stand or fall together: n² / Σ m² for groups of m photos.

    Sixty frames of two films say little more than two photos do.

    Args:
        groups: (n,) the group of each photo.

    Source: L. Kish, 1965, Survey sampling (effective sample size, clusters whose members are alike).
    """
    sizes = list(Counter(groups).values())
    return sum(sizes) ** 2 / sum(size * size for size in sizes) if sizes else 0.0


def accuracy_interval(right: float, n: int, worth: float | None = None) -> Accuracy:
    """Accuracy with Wilson's score interval, which stays inside 0 to 1 and is honest for few pictures.

    Args:
        right: how many were answered right; a mean over several rounds need not be whole.
        worth: how many pictures taken one by one they are worth; `n` when nothing else is known.

    Source: E. B. Wilson, 1927, Probable inference, the law of succession, and statistical inference.
    """
    if n <= 0:
        return Accuracy(0.0, 0.0, 1.0, 0, 0.0)
    share, z2, m = right / n, Z95 * Z95, min(float(n), worth or float(n))
    middle = (share + z2 / (2 * m)) / (1 + z2 / m)
    half = Z95 * math.sqrt(share * (1 - share) / m + z2 / (4 * m * m)) / (1 + z2 / m)
    return Accuracy(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)), n, m)


def is_guessing(accuracy: Accuracy, base: float) -> bool:
    """Whether always answering the most frequent class, right with a share of `base`, explains this many right answers as well.

    It does unless the interval lies above that share and the exact binomial test agrees (one-sided, 5 %).
    """
    if not accuracy.n:
        return True
    from scipy.stats import binomtest  # noqa: PLC0415 - half a second that a page does not need

    n = max(1, round(accuracy.worth))
    p_value = binomtest(round(accuracy.value * n), n, base, alternative="greater").pvalue
    return bool(accuracy.low <= base or p_value > 0.05)


def tells_apart(labels: Sequence[int], answers: Sequence[int]) -> bool:
    """Whether answers and classes agree more often than if the same answers had been dealt out to the photos at random.

    Where one class is far larger than the others, naming it always is hard to beat in plain accuracy, also for a network that
    finds most photos of every class. This asks for the agreement itself; one and the same answer for all never passes.

    Source: M. Ojala and G. Garriga, 2010, Permutation tests for studying classifier performance (test 1).
    """
    truth, given, rng = np.asarray(labels), np.asarray(answers), np.random.default_rng(0)
    hits = int((truth == given).sum())
    as_often = sum(int((truth == rng.permutation(given)).sum()) >= hits for _ in range(ROUNDS))
    return bool((as_often + 1) / (ROUNDS + 1) <= RARE)


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


def how_good(
    labels: Sequence[int], answers: Sequence[int], class_names: Sequence[str], single: float | None = None
) -> dict[str, Any]:
    """Accuracy and all that it takes to judge it, of photos (at least one) that a model was asked about afterwards.

    Args:
        single: how many photos that were taken one by one they are worth; as many as there are when left out.

    Returns:
        ``n``, ``accuracy`` with ``accuracy_low`` and ``accuracy_high`` (95 %), ``worth``, ``majority_accuracy``, ``imbalance``
        (photos of the largest class, in those of the smallest that is there) and what `classification_report` gives.
    """
    me = accuracy_interval(sum(a == b for a, b in zip(labels, answers, strict=True)), len(labels), single)
    sizes = Counter(labels).values()
    return {
        "n": me.n,
        "accuracy": me.value,
        "accuracy_low": me.low,
        "accuracy_high": me.high,
        "worth": me.worth,
        "majority_accuracy": majority_accuracy(labels),
        "imbalance": max(sizes) / min(sizes),
        **classification_report(labels, answers, class_names),
    }
