"""A trained model that answers: pictures in, ranked classes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from transferui.data.dataset import Dataset
from transferui.data.preprocessing import Preprocessing, picture_array
from transferui.errors import UserError
from transferui.evaluation.calibration import COLDEST, HOTTEST
from transferui.training.features import normalize
from transferui.training.model import Classifier

BATCH = 16


@dataclass(frozen=True)
class Answer:
    """One class and the model's probability for it (0 to 1)."""

    class_name: str
    probability: float


@dataclass(frozen=True)
class Model:
    """A classifier with everything it needs to answer about a new picture.

    Attributes:
        facts: what is known about it: backbone, training settings, metrics, versions (model.json of its bundle).
    """

    classifier: Classifier
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    facts: dict[str, object]

    @property
    def temperature(self) -> float:
        """What logits are divided by, so that the probabilities are as high as they should be; 1 when nothing is known."""
        value = self.facts.get("temperature")
        known = isinstance(value, float) and COLDEST <= value <= HOTTEST  # bundles come from anywhere
        return float(value) if known else 1.0  # type: ignore[arg-type]

    def predict(self, picture: Path | str | bytes) -> list[Answer]:
        """Ranked classes with probabilities, most likely first.

        Raises:
            UserError: ``IMAGE_…`` when the picture cannot be read.
        """
        probabilities = self.probabilities([Path(picture) if isinstance(picture, str) else picture])[0]
        order = probabilities.argsort(descending=True).tolist()
        return [Answer(self.class_names[i], float(probabilities[i])) for i in order]

    def probabilities(self, pictures: Sequence[Path | bytes]) -> Tensor:
        """Probabilities (N, K) in the order of `class_names`, computed in float32."""
        return torch.cat([self._batch(pictures[i : i + BATCH]) for i in range(0, len(pictures), BATCH)])

    @torch.inference_mode()
    def _batch(self, pictures: Sequence[Path | bytes]) -> Tensor:
        arrays = np.stack([picture_array(picture, self.preprocessing) for picture in pictures])
        batch = torch.from_numpy(np.ascontiguousarray(arrays.transpose(0, 3, 1, 2)))
        self.classifier.eval()
        return torch.softmax(self.classifier(normalize(batch, self.preprocessing)) / self.temperature, dim=1)


@dataclass(frozen=True)
class Evaluation:
    """Answers of a model for a labeled dataset.

    Attributes:
        labels, answers: class indices by picture; pictures that could not be read are left out and in `skipped`.
    """

    labels: tuple[int, ...]
    answers: tuple[int, ...]
    probabilities: tuple[float, ...]
    names: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def evaluate(model: Model, dataset: Dataset, split: str | None = None) -> Evaluation:
    """Let a model answer for every labeled picture (of one split, if named).

    Raises:
        UserError: ``UNKNOWN_CLASSES`` when the dataset has classes that the model does not know.
    """
    strangers = [name for name in dataset.class_names if name not in model.class_names]
    if strangers:
        raise UserError(
            "UNKNOWN_CLASSES",
            f"The model knows {', '.join(model.class_names)}; the photos also have {', '.join(strangers)}.",
            "Name the class folders as the model's classes.",
        )
    rows, skipped = [], []
    for sample in dataset.samples:
        if split and sample.split != split:
            continue
        try:
            probabilities = model.probabilities([sample.path])[0]
        except UserError as error:
            skipped.append((sample.name, error.message))
            continue
        label = model.class_names.index(dataset.class_names[sample.label])
        rows.append((label, int(probabilities.argmax()), float(probabilities.max()), sample.name))
    labels, answers, sure, names = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Evaluation(labels, answers, sure, names, tuple(skipped))
