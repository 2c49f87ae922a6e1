"""Which photos may have the wrong label? Those whose label all the other photos disagree with."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from transferui.data.dataset import Dataset
from transferui.insight.doubts import doubts_in_words
from transferui.insight.features import (
    Features,
    Watch,
    go_on,
    learnable,
    load_network,
    opened,
    pooled_features,
    tell_nobody,
    warnings,
)
from transferui.insight.measurement import STOPPED, Measurement
from transferui.insight.scores import Floats, Ints, loo_scores
from transferui.training.features import Report, ShouldStop, StoppedError

# The list is cut here: nobody looks through more, and what follows are photos that are merely hard.
LONGEST = 200


@dataclass(frozen=True)
class Suspect:
    """A photo whose label the others disagree with.

    Attributes:
        sample: index into ``dataset.samples``.
        sha256: of the photo, by which it is found again when other photos are gone.
        name: where the photo came from.
        given, rather: class names: its label, and what the other photos say.
        doubt: how much more they say for the other class than for the label, above 0; near 1 they are of one mind.
        strong: they say as much for the other class as they say, on average, for the photos that have its label.
    """

    sample: int
    sha256: str
    name: str
    given: str
    rather: str
    doubt: float
    strong: bool = False


@dataclass(frozen=True)
class LabelCheck(Measurement):
    """Likely mislabeled photos, most suspicious first.

    Attributes:
        suspects: first those that stand out; of each kind the most doubted first.
        order: indices of all photos into ``dataset.samples``, most suspicious first.
        n_doubts: how many photos look more like another class, listed or not; a network errs so often also on right labels.
    """

    suspects: tuple[Suspect, ...]
    sentence: str
    n_images: int
    order: tuple[int, ...] = ()
    prefix_images: int = 0
    n_doubts: int = 0


def find_label_errors(
    dataset: Dataset | Path | str,
    backbone: str = "efficientnet_lite0",
    *,
    data_dir: Path | None = None,
    report: Report = tell_nobody,
    should_stop: ShouldStop = go_on,
) -> LabelCheck:
    """Let all other photos say what each photo is, and list those where they disagree with its label.

    Raises:
        UserError: for every cause that a person can mend.
    """
    begun, watch = time.perf_counter(), Watch(report, should_stop)
    found, home = opened(dataset, data_dir)
    try:
        features = pooled_features(load_network(backbone, home, watch), found, learnable(found), home, watch)
    except StoppedError:
        return LabelCheck((), STOPPED, 0, stopped=True)
    check = suspects_among(features, found)
    took = round(time.perf_counter() - begun, 3)
    return LabelCheck(**{**check.__dict__, "prefix_images": features.work.prefix_images, "seconds": took})


def suspects_among(features: Features, dataset: Dataset) -> LabelCheck:
    """Photos by how much a leave-one-out probe prefers another class.

    Every photo that the probe gets wrong is on the list, and on right labels it errs as well. Only those stand out whose score
    for the other class reaches the mean score of that class's own photos, however easy or hard that class is. Measured on 398
    ants and bees with 20 flipped labels, five times: 168 doubts, 94 of them flipped; 63 stood out, all of them flipped. With
    the labels as they came, 16 doubts, and none stood out.

    Source: Northcutt et al., 2021, Confident learning (ranking by the margin of out-of-sample scores, and the threshold of a
    class in the confident joint); here every photo is out of the sample of its own probe, in closed form.
    """
    labels, names = features.labels, dataset.class_names
    scores = loo_scores(features.table, labels, len(names), features.groups)
    rows = np.arange(len(labels))
    others = scores.copy()
    others[rows, labels] = -np.inf
    rather = others.argmax(axis=1)
    doubt = others[rows, rather] - scores[rows, labels]
    strong = (doubt > 0) & (scores[rows, rather] >= _thresholds(scores, labels)[rather])
    order = np.argsort(-doubt, kind="stable")
    photos = [dataset.samples[i] for i in features.indices]
    suspects = tuple(
        Suspect(int(features.indices[i]), photos[i].sha256, photos[i].name, names[labels[i]], names[rather[i]],
                round(float(doubt[i]), 4), bool(strong[i]))
        for i in sorted(order, key=lambda i: not strong[i])[:LONGEST] if doubt[i] > 0
    )  # fmt: skip
    notes = (*warnings(labels, names), *features.notes)
    n, doubts = len(labels), int((doubt > 0).sum())
    sentence = f"None of the {n} labels looks wrong."
    if doubts:
        sentence = doubts_in_words([asdict(one) for one in suspects], doubts, n - doubts, n)
    asked = tuple(int(i) for i in features.indices[order])
    return LabelCheck(suspects, sentence, n, asked, n_doubts=doubts, notes=notes)


def _thresholds(scores: Floats, labels: Ints) -> Floats:
    """The mean score (K,) of every class for the photos that have its label; beyond reach for a class without photos."""
    own = [scores[labels == label, label] for label in range(scores.shape[1])]
    return np.array([mine.mean() if len(mine) else np.inf for mine in own])
