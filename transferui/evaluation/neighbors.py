"""The training photos that look most like a picture, to the eyes of the kept model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from transferui.evaluation.shown import NEIGHBORS
from transferui.training.kept import MOST
from transferui.training.state import Trained


@dataclass(frozen=True)
class Neighbor:
    """A training photo: its index in the dataset, its class index, and the cosine between its features and the picture's."""

    sample: int
    label: int
    similarity: float


@dataclass(frozen=True)
class Shown:
    """Features of unit length (n, D) of what was shown in training, half precision; which photos, of which class (n,)."""

    features: Tensor
    samples: Tensor
    labels: Tensor

    def nearest(self, features: Tensor) -> list[Neighbor]:
        """The most similar photos to features (D,), most similar first: one more than is shown, as the picture may be one."""
        cosines = self.features.float() @ functional.normalize(features.float(), dim=0)
        best = cosines.topk(min(NEIGHBORS + 1, len(cosines)))
        return [
            Neighbor(int(self.samples[i]), int(self.labels[i]), float(value))
            for value, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]

    def tensors(self) -> dict[str, Tensor]:
        """All of it by name."""
        return {"features": self.features.contiguous(), "samples": self.samples, "labels": self.labels}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], n_classes: int, width: int) -> Shown:
        """The reverse, for a model of so many classes and features.

        Raises:
            ValueError: when a name, shape, number format or label is not as it should be.
        """
        if tensors.keys() != {"features", "samples", "labels"}:
            raise ValueError("other names than expected")
        features, samples, labels = (tensors[name] for name in ("features", "samples", "labels"))
        n = len(labels)
        fits = tuple(features.shape) == (n, width) and features.dtype == torch.float16 and 0 < n <= MOST
        if not fits or any(t.shape != (n,) or t.dtype != torch.int64 for t in (samples, labels)):
            raise ValueError("the features do not fit the model")
        if not bool(((labels >= 0) & (labels < n_classes)).all()):
            raise ValueError("a label that is none of the classes")
        return cls(features, samples, labels)


def shown_to(run: Trained) -> Shown | None:
    """What the run's model was shown; None when the run does not know."""
    if run.kept is None:
        return None
    labels = [run.dataset.samples[i].label for i in run.kept.samples]
    unit = functional.normalize(run.kept.train.float(), dim=1).half()
    return Shown(unit, torch.tensor(run.kept.samples), torch.tensor(labels))
