"""A trained model that answers: pictures in, ranked classes out, and whether it should be believed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from transferui.data.dataset import Dataset
from transferui.data.preprocessing import Preprocessing, picture_array
from transferui.data.similar import groups_of, numbered
from transferui.errors import UserError
from transferui.evaluation.calibration import COLDEST, HOTTEST
from transferui.evaluation.explain import heat_map
from transferui.evaluation.folders import Folders
from transferui.evaluation.metrics import how_good, worth
from transferui.evaluation.neighbors import Neighbor, Shown
from transferui.evaluation.novelty import TINY, VERDICTS, Novelty
from transferui.training.features import normalize
from transferui.training.model import Classifier
from transferui.training.start import photo_key

BATCH = 16
# Where validation photos were too few to say when an answer is unclear, one is not sure below this probability, or when the
# second class comes this close: of two classes, below 55 %. That low, few right answers are lost.
UNSURE, CLOSE = 0.4, 0.1


@dataclass(frozen=True)
class Answer:
    """One class and the model's probability for it (0 to 1)."""

    class_name: str
    probability: float


@dataclass(frozen=True)
class Reply:
    """All that a model has to say about one picture.

    Attributes:
        ranked: every class, most likely first.
        verdict: ``sure``, ``not_sure`` (it hesitates), or ``unknown`` (like nothing it was shown).
        strangeness: distance to what was shown, 1 at the threshold of ``unknown``; None when the model does not know.
        neighbors: the most similar training photos; empty outside the app, where they are not at hand.
        heat: (H, W) from 0 to 1, how much each place of the middle square speaks for the first class; None when not asked for.
    """

    ranked: tuple[Answer, ...]
    verdict: str
    strangeness: float | None
    neighbors: tuple[Neighbor, ...] = ()
    heat: Tensor | None = None


@dataclass(frozen=True)
class Model:
    """A classifier with everything it needs to answer about a new picture.

    Attributes:
        facts: what is known about it: backbone, training settings, metrics, versions (model.json of its bundle).
        novelty: how it tells pictures that are like nothing it was shown; None in models of earlier versions.
        shown: features of its training photos; None outside the app.
    """

    classifier: Classifier
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    facts: dict[str, object]
    novelty: Novelty | None = None
    shown: Shown | None = None

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
        return list(self.answer(picture).ranked)

    def answer(self, picture: Path | str | bytes, *, heat: bool = False) -> Reply:
        """Ranked classes, whether to believe them, and the most similar training photos where they are known.

        Args:
            heat: also say where in the picture the answer comes from.

        Raises:
            UserError: ``IMAGE_…`` when the picture cannot be read.
        """
        batch = self._batch([Path(picture) if isinstance(picture, str) else picture])
        features, logits = self._forward(batch)
        reply = self._reply(features[0], logits[0])
        if not heat:
            return reply
        return replace(reply, heat=heat_map(self.classifier, batch, int(logits[0].argmax())))

    def answers(self, pictures: Sequence[Path | bytes]) -> list[Reply]:
        """The same for several pictures that can all be read."""
        replies = []
        for i in range(0, len(pictures), BATCH):
            features, logits = self._forward(self._batch(pictures[i : i + BATCH]))
            replies += [self._reply(f, row) for f, row in zip(features, logits, strict=True)]
        return replies

    def _reply(self, features: Tensor, logits: Tensor) -> Reply:
        probabilities = torch.softmax(logits / self.temperature, dim=0)
        order = probabilities.argsort(descending=True).tolist()
        ranked = tuple(Answer(self.class_names[i], float(probabilities[i])) for i in order)
        neighbors = tuple(self.shown.nearest(features)) if self.shown else ()
        clear = ranked[0].probability >= UNSURE and ranked[0].probability - ranked[1].probability >= CLOSE
        if self.novelty is None:
            return Reply(ranked, VERDICTS[0] if clear else VERDICTS[1], None, neighbors)
        verdict = self.novelty.verdict(features[None], logits[None])[0]
        if verdict == VERDICTS[0] and not clear and not self.novelty.unclear:
            verdict = VERDICTS[1]
        strangeness = float(self.novelty.distance(features[None])[0]) / max(float(self.novelty.far), TINY)
        return Reply(ranked, verdict, strangeness, neighbors)

    def probabilities(self, pictures: Sequence[Path | bytes]) -> Tensor:
        """Probabilities (N, K) in the order of `class_names`, computed in float32."""
        logits = [self._forward(self._batch(pictures[i : i + BATCH]))[1] for i in range(0, len(pictures), BATCH)]
        return torch.softmax(torch.cat(logits) / self.temperature, dim=1)

    def _batch(self, pictures: Sequence[Path | bytes]) -> Tensor:
        """Normalized pictures (N, 3, S, S)."""
        arrays = np.stack([picture_array(picture, self.preprocessing) for picture in pictures])
        return normalize(torch.from_numpy(np.ascontiguousarray(arrays.transpose(0, 3, 1, 2))), self.preprocessing)

    @torch.inference_mode()
    def _forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, D) and logits (N, K)."""
        self.classifier.eval()
        features: Tensor = self.classifier.stages(batch)
        return features, self.classifier.head(features)


@dataclass(frozen=True)
class Evaluation:
    """Answers of a model for a labeled dataset.

    Attributes:
        labels, answers: class indices by picture; pictures that could not be read are left out and in `skipped`.
        samples: which pictures of the dataset these are.
    """

    labels: tuple[int, ...]
    answers: tuple[int, ...]
    probabilities: tuple[float, ...]
    names: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    samples: tuple[int, ...]

    def how_good(self, dataset: Dataset, class_names: Sequence[str], learned: Collection[str] | None = None) -> dict[str, Any]:
        """As `metrics.how_good`, with near-copies and series counted as what they are worth.

        Args:
            learned: keys (`photo_key`) of the photos that the model has learned from; None where that is not known.

        Returns:
            also ``n_learned``: how many of these photos it has learned from, or None; where it is some of them, ``unseen``: the
            same for the others, or None where there are no others.
        """
        groups = numbered(groups_of(dataset))
        values = self._of(range(len(self.labels)), groups, class_names) | {"n_learned": None}
        if learned is None:
            return values
        taught = [photo_key(dataset.samples[i].sha256) in learned for i in self.samples]
        values["n_learned"] = sum(taught)
        if any(taught):
            others = [n for n, known in enumerate(taught) if not known]
            values["unseen"] = self._of(others, groups, class_names) if others else None
        return values

    def _of(self, places: Sequence[int], groups: Sequence[int], class_names: Sequence[str]) -> dict[str, Any]:
        single = worth([groups[self.samples[n]] for n in places])
        return how_good([self.labels[n] for n in places], [self.answers[n] for n in places], class_names, single)


def evaluate(model: Model, dataset: Dataset) -> Evaluation:
    """Let a model answer for every labeled picture.

    A class is the model's of the same name, or the only one that differs in capitals only.

    Raises:
        UserError: ``UNKNOWN_CLASSES`` when the dataset has classes that the model does not know.
    """
    folders = Folders(model.class_names)
    known = [folders.say([name]) for name in dataset.class_names]
    strangers = [name for name, mine in zip(dataset.class_names, known, strict=True) if not mine]
    if strangers:
        raise UserError(
            "UNKNOWN_CLASSES",
            f"The model knows {', '.join(model.class_names)}; the photos also have {', '.join(strangers)}.",
            "Name the class folders as the model's classes.",
        )
    rows, skipped = [], []
    for i, sample in enumerate(dataset.samples):
        try:
            probabilities = model.probabilities([sample.path])[0]
        except UserError as error:
            skipped.append((sample.name, error.message))
            continue
        label = model.class_names.index(known[sample.label])
        rows.append((label, int(probabilities.argmax()), float(probabilities.max()), sample.name, i))
    labels, answers, sure, names, samples = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return Evaluation(labels, answers, sure, names, tuple(skipped), samples)
