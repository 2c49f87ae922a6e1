"""Was it worth starting from an own model? The same network from it and from ImageNet's weights, compared photo by photo."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from transferui.backbones.catalogue import get_backbone
from transferui.data.dataset import Dataset
from transferui.errors import UserError
from transferui.insight.features import Watch, go_on, opened, tell_nobody
from transferui.insight.gain import Effort, Gain, checked, concluded, measure
from transferui.insight.race import Race, split_photos
from transferui.training.features import Report, ShouldStop
from transferui.training.lineage import relation
from transferui.training.start import Start, open_start, photo_key

# A comparison on fewer new photos of a class says nothing.
LEAST_NEW = 2


def chain_gain(
    dataset: Dataset | Path | str,
    own_model: Path | str,
    *,
    effort: Effort | None = None,
    data_dir: Path | None = None,
    report: Report = tell_nobody,
    should_stop: ShouldStop = go_on,
) -> Gain:
    """Train the own model's network from its weights and from ImageNet's, and compare them on the same photos.

    Photos that the own model has learned from are never among those that compare, as far as its run folder knows them.

    Args:
        own_model: a bundle, a run folder, or the id of a run in the data folder.

    Raises:
        UserError: ``SAME_WEIGHTS``, ``TOO_FEW_NEW_PHOTOS``, and for every other cause that a person can mend.
    """
    begun, effort = time.monotonic(), checked(effort or Effort())
    found, home = opened(dataset, data_dir)
    start = open_start(str(own_model), home)
    facts = get_backbone(start.backbone)
    # A transformer keeps the size it was trained with.
    side = start.preprocessing.image_size if facts.size_step > 1 else effort.side(facts)
    start.sized(side)
    _require_other_blocks(start)
    small = _new_photos(found, effort, start)
    watch, seconds = Watch(report, should_stop), 60 * effort.minutes
    race = Race(small, facts.name, side, home, watch, begun + seconds, seconds, str(own_model))
    related = relation(start.model.class_names, start.model.n_photos, found.class_names, len(found.samples))
    gain = replace(measure(race, effort), start="own_model", against="imagenet", own_model=start.name, relation=related)
    gain = concluded(gain, race, effort, found, "starting from your own model")
    return replace(gain, notes=(*gain.notes, *_leak(start, found)))


def _require_other_blocks(start: Start) -> None:
    """Two arms from the same weights would only measure chance.

    Raises:
        UserError: ``SAME_WEIGHTS``.
    """
    if start.is_imagenets:
        raise UserError(
            "SAME_WEIGHTS",
            "A model whose blocks have learned was expected, but only the head of yours has: its blocks are ImageNet's.",
            "Train one with blocks that learn, then compare again.",
        )


def _new_photos(dataset: Dataset, effort: Effort, start: Start) -> Dataset:
    """Photos for the comparison, checked on such that are new to the own model.

    Raises:
        UserError: ``TOO_FEW_NEW_PHOTOS``.
    """
    small = split_photos(dataset, effort.photos, start.seen)
    for label, name in enumerate(dataset.class_names):
        new = sum(sample.split == "val" and sample.label == label for sample in small.samples)
        known = any(sample.label == label and photo_key(sample.sha256) in start.seen for sample in dataset.samples)
        if new < LEAST_NEW and known:
            raise UserError(
                "TOO_FEW_NEW_PHOTOS",
                f"Of {name!r} {LEAST_NEW} photos or more were expected that your model did not learn from, but there are {new}.",
                "Add new photos of this class: on those it has learned from it would win unfairly.",
            )
    return small


def _leak(start: Start, dataset: Dataset) -> list[str]:
    """What is said when photos that compare may have taught the own model."""
    if start.seen or start.model.dataset_fingerprint != dataset.fingerprint:
        return []
    return ["Your model was trained with these very photos, also with some that compare now, so it wins more than it should."]
