"""Is a picture like anything the model was shown, and is its answer clear? Two thresholds, set on validation photos.

The distance is Mahalanobis' between features of unit length and the nearest class mean, with one covariance for all
classes, shrunk because there are fewer photos than features. Only class means and the directions in which photos of one
class differ most are kept: no photo and no single photo's features.

Sources: K. Lee et al., 2018, A simple unified framework for detecting out-of-distribution samples; O. Ledoit and M. Wolf,
2004, A well-conditioned estimator for large-dimensional covariance matrices; J. Müller et al., 2025, Mahalanobis++ (unit length).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.utils.extmath import randomized_svd
from torch import Tensor
from torch.nn import functional

from transferui.training.state import Kept, Trained

# Share of the right validation answers that stay answers.
KEPT = 0.95
# Of those that do not, this share goes to "like nothing it was shown", the rest to "not sure": strangers are told by distance.
FAR_SHARE = 0.8
# Directions kept; what lies outside of them counts with one common variance.
DIRECTIONS = 32
# Right answers below which 5 % is less than one photo: the farthest one counts, and a quarter beyond it is still near.
FEW, SLACK = 19, 1.25
# No variance is smaller: features that never vary would make every picture infinitely far.
TINY = 1e-9
VERDICTS = ("sure", "not_sure", "unknown")


@dataclass(frozen=True)
class Novelty:
    """What it takes to tell near from far and clear from unclear.

    Attributes:
        means: (K, D) mean of every class's features of unit length.
        axes: (D, R) orthonormal directions; variances: (R,) along them.
        rest: variance of every other direction.
        far: distance above which a picture is like nothing that was shown.
        unclear: gap between the two highest logits below which an answer is not sure.
    """

    means: Tensor
    axes: Tensor
    variances: Tensor
    rest: Tensor
    far: Tensor
    unclear: Tensor

    def distance(self, features: Tensor) -> Tensor:
        """Squared distance (N,) of features (N, D) to the nearest class, in units of the spread within a class."""
        away = functional.normalize(features.float(), dim=1)[:, None] - self.means.float()
        along = (away @ self.axes.float()).square()
        outside = (away.square().sum(-1) - along.sum(-1)).clamp_min(0)
        nearest: Tensor = ((along / self.variances).sum(-1) + outside / self.rest).min(dim=1).values
        return nearest

    def verdict(self, features: Tensor, logits: Tensor) -> list[str]:
        """``unknown`` (like nothing that was shown), ``not_sure`` or ``sure``, for features (N, D) and logits (N, K)."""
        far, unclear = self.distance(features) > self.far, gaps(logits) < self.unclear
        return [
            VERDICTS[2] if a else VERDICTS[1] if b else VERDICTS[0] for a, b in zip(far.tolist(), unclear.tolist(), strict=True)
        ]

    def tensors(self) -> dict[str, Tensor]:
        """All of it by name."""
        return {field.name: getattr(self, field.name).contiguous() for field in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], n_classes: int, width: int) -> Novelty:
        """The reverse, for a model of so many classes and features.

        Raises:
            ValueError: when a name, shape, number format or number is not as it should be.
        """
        directions = tensors["axes"].shape[-1] if "axes" in tensors and tensors["axes"].ndim == 2 else 0
        half, full = torch.float16, torch.float32
        shapes = {
            "means": ((n_classes, width), full),
            "axes": ((width, directions), half),
            "variances": ((directions,), full),
            "rest": ((), full),
            "far": ((), full),
            "unclear": ((), full),
        }
        if tensors.keys() != shapes.keys() or directions > min(width, DIRECTIONS):
            raise ValueError("other names or more directions than expected")
        for name, (shape, dtype) in shapes.items():
            tensor = tensors[name]
            if tuple(tensor.shape) != shape or tensor.dtype != dtype or not torch.isfinite(tensor).all():
                raise ValueError(f"{name} does not fit")
        if (tensors["variances"] <= 0).any() or tensors["rest"] <= 0:
            raise ValueError("variances must be above zero")
        return cls(**tensors)


def gaps(logits: Tensor) -> Tensor:
    """How far the best logit is above the second one (N,)."""
    best = logits.float().topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


def fit_novelty(run: Trained) -> Novelty | None:
    """What the run's training photos look like to the kept model, with thresholds from its validation photos.

    None when the run does not know or when not one answer was right for a validation photo that is not among the training photos.
    """
    if run.kept is None or run.val_logits is None:
        return None
    labels = torch.tensor([run.dataset.samples[i].label for i in run.kept.samples])
    truth = torch.tensor([run.dataset.samples[i].label for i in run.split.val])
    # A photo that lies in both parts is near to itself, and says nothing about new ones.
    learned = {run.dataset.samples[i].sha256 for i in run.split.train}
    new = torch.tensor([run.dataset.samples[i].sha256 not in learned for i in run.split.val], dtype=torch.bool)
    right = (run.val_logits.argmax(dim=1) == truth) & new
    if not bool(right.any()):
        return None
    shape = _shape(run.kept, labels, len(run.dataset.class_names))
    far, unclear = thresholds(shape.distance(run.kept.val[right]), gaps(run.val_logits[right]))
    return Novelty(**{**shape.tensors(), "far": torch.tensor(far), "unclear": torch.tensor(unclear)})


def _shape(kept: Kept, labels: Tensor, n_classes: int) -> Novelty:
    """Means and spread of the training features; nothing is far and nothing unclear yet."""
    unit = functional.normalize(kept.train.float(), dim=1)
    everything = unit.mean(dim=0)
    # A class whose photos are all left out of the 2,000 has the mean of everything.
    means = torch.stack([unit[labels == k].mean(dim=0) if (labels == k).any() else everything for k in range(n_classes)])
    spread = unit - means[labels]
    shrinkage = float(ledoit_wolf_shrinkage(spread.double().numpy(), assume_centered=True))
    n, width = spread.shape
    _, lengths, axes = randomized_svd(spread.numpy(), min(DIRECTIONS, n, width - 1), random_state=0)
    variances = torch.from_numpy(lengths).square() / n
    total = float(spread.square().sum()) / n
    middle = max(total / width, TINY)
    shrunk = (1 - shrinkage) * variances + shrinkage * middle
    outside = max(0.0, total - float(variances.sum())) / (width - len(variances))
    rest = max((1 - shrinkage) * outside + shrinkage * middle, TINY)
    none = torch.tensor(0.0)
    return Novelty(means, torch.from_numpy(axes.T.copy()).half(), shrunk.clamp_min(TINY), torch.tensor(rest), none, none)


def thresholds(distances: Tensor, clear: Tensor) -> tuple[float, float]:
    """Where "like nothing" and "not sure" begin, so that at least 95 % of these right answers stay answers.

    Args:
        distances, clear: of the right validation answers (n,).

    Source: V. Vovk et al., 2005, Algorithmic learning in a random world (split conformal prediction).
    """
    n = len(distances)
    if n < FEW:
        return float(distances.max()) * SLACK, 0.0
    dropped = math.floor((1 - KEPT) * (n + 1))
    strange = math.ceil(FAR_SHARE * dropped)
    far = float(distances.sort().values[n - strange])  # the one at the threshold stays
    unclear = clear[distances <= far].sort().values
    hesitant = dropped - strange
    return far, float(unclear[hesitant - 1]) if hesitant else 0.0
