"""Which photos may have the wrong label? Those whose label all the other photos disagree with."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferui.data.dataset import Dataset
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
from transferui.insight.scores import loo_scores
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
    """

    sample: int
    sha256: str
    name: str
    given: str
    rather: str
    doubt: float


@dataclass(frozen=True)
class LabelCheck(Measurement):
    """Likely mislabeled photos, most suspicious first.

    Attributes:
        order: indices of all photos into ``dataset.samples``, most suspicious first.
    """

    suspects: tuple[Suspect, ...]
    sentence: str
    n_images: int
    order: tuple[int, ...] = ()
    prefix_images: int = 0


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

    Source: Northcutt et al., 2021, Confident learning (ranking by the margin of out-of-sample scores); here every photo is out
    of the sample of its own probe, in closed form.
    """
    labels, names = features.labels, dataset.class_names
    scores = loo_scores(features.table, labels, len(names), features.groups)
    rows = np.arange(len(labels))
    others = scores.copy()
    others[rows, labels] = -np.inf
    rather = others.argmax(axis=1)
    doubt = others[rows, rather] - scores[rows, labels]
    order = np.argsort(-doubt, kind="stable")
    photos = [dataset.samples[i] for i in features.indices]
    suspects = tuple(
        Suspect(int(features.indices[i]), photos[i].sha256, photos[i].name, names[labels[i]], names[rather[i]],
                round(float(doubt[i]), 4))
        for i in order[:LONGEST] if doubt[i] > 0
    )  # fmt: skip
    notes = (*warnings(labels, names), *features.notes)
    return LabelCheck(
        suspects, _sentence(suspects, len(labels)), len(labels), tuple(int(i) for i in features.indices[order]), notes=notes
    )


def _sentence(suspects: tuple[Suspect, ...], n: int) -> str:
    if not suspects:
        return f"None of the {n} labels looks wrong."
    first = suspects[0]
    many = f"{len(suspects)} of {n} photos look" if len(suspects) > 1 else f"One of {n} photos looks"
    return (
        f"{many} more like another class than like their label: begin with {first.name}, {first.given} or rather {first.rather}?"
    )
