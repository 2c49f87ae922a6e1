"""To start from one's own model instead of from ImageNet's weights: its stages, how it sees pictures, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import nn

from transferui.backbones.catalogue import get_backbone, resolve_trainable
from transferui.backbones.stages import check_size
from transferui.config import TrainConfig, make_config
from transferui.data.dataset import Dataset
from transferui.data.preprocessing import Preprocessing
from transferui.data.splits import Split
from transferui.errors import UserError
from transferui.files import read_json
from transferui.training.lineage import MOST_ANCESTORS, Ancestor, as_ancestor, relation
from transferui.training.model import state_digest
from transferui.training.stored import (
    broken_run,
    bundle_facts_of,
    checkpoint_classifier,
    checkpoint_facts,
    find_model,
    read_bundle,
    read_preprocessing,
)

# In a run folder: the first digits of the content hashes of all photos that its model and those before it have learned from.
SEEN, SEEN_DIGITS = "seen.json", 16


@dataclass(frozen=True)
class Start:
    """A model to start from.

    Attributes:
        stages: its backbone, in eval mode; whoever trains them has them alone.
        image_size: what its run was told; 0 for the network's own.
        lineage: the models before the new one, oldest first; the last is this model.
        seen: `SEEN` of its run folder; empty for a bundle, which tells nothing about single photos.
    """

    backbone: str
    stages: nn.Sequential
    preprocessing: Preprocessing
    image_size: int
    lineage: tuple[Ancestor, ...]
    seen: frozenset[str]

    @property
    def model(self) -> Ancestor:
        """This model as the new one's parent."""
        return self.lineage[-1]

    @property
    def name(self) -> str:
        """What it is called by: its photos."""
        return self.model.dataset_name or self.model.name

    @property
    def title(self) -> str:
        """What it is called among networks."""
        return f"your model: {self.name}"

    @property
    def is_imagenets(self) -> bool:
        """Whether only heads have learned since ImageNet, so that its blocks are ImageNet's."""
        return self.lineage[0].start == "imagenet" and not any(one.trainable for one in self.lineage)

    def sized(self, image_size: int) -> Preprocessing:
        """How pictures are prepared when they are to have this side; 0 keeps the model's own.

        Raises:
            UserError: ``BAD_IMAGE_SIZE`` for a size that its network cannot take.
        """
        own, backbone = self.preprocessing, get_backbone(self.backbone)
        if not image_size or image_size == own.image_size:
            return own
        check_size(backbone, image_size)
        if backbone.size_step > 1:  # a transformer has learned one number per place of the picture
            raise UserError(
                "BAD_IMAGE_SIZE",
                f"The model to start from takes pictures of {own.image_size} pixels only, but {image_size} were asked for.",
                "Set the picture size to 0 to take the model's own.",
                "image_size",
            )
        return own.resized(image_size)

    def relation_to(self, dataset: Dataset, split: Split) -> str:
        """How the new task is related to this model's."""
        n = len(split.train) + len(split.val) + len(split.test)
        return relation(self.model.class_names, self.model.n_photos, dataset.class_names, n)

    def warning(self, dataset: Dataset, split: Split) -> str:
        """A sentence when photos that are to check the new model taught an earlier one; nothing when none is known to."""
        known = sum(photo_key(dataset.samples[i].sha256) in self.seen for i in split.val)
        if known:
            return (
                f"{known} of the {len(split.val)} validation photos had been learned from by the model that this one started "
                "from, so the accuracy may look too good. New photos would tell."
            )
        if not self.seen and self.model.dataset_fingerprint == dataset.fingerprint:
            return (
                "The model that this one started from had learned from these very photos, perhaps also from those that check it "
                "now, so the accuracy may look too good. New photos would tell."
            )
        return ""


def photo_key(sha256: str) -> str:
    """What `SEEN` keeps of a photo."""
    return sha256[:SEEN_DIGITS]


def open_start(where: str, data_dir: Path) -> Start:
    """The model to start from: a bundle, a run folder, or the id of a run in this data folder.

    Raises:
        UserError: ``NOT_FOUND``, ``NO_MODEL``, ``NOT_A_MODEL``, ``MODEL_BROKEN``, ``RUN_BROKEN``, ``MODEL_TOO_NEW``.
    """
    path = find_model(where, data_dir)
    return _open_run(path, data_dir) if path.is_dir() else _open_bundle(path)


def _open_bundle(path: Path) -> Start:
    bundle = read_bundle(path)
    facts, stages = bundle.facts, bundle.classifier().stages
    plain = facts.model_dump(mode="json")
    known = {**plain.get("metrics", {}), **plain}
    lineage = (*facts.lineage, _parent(str(known.get("run") or path.stem), known, known.get("settings", {}), stages))
    return Start(facts.backbone, stages, bundle.preprocessing, facts.image_size, lineage[-MOST_ANCESTORS:], frozenset())


def _open_run(folder: Path, data_dir: Path) -> Start:
    facts = checkpoint_facts(folder)
    stages = checkpoint_classifier(folder, data_dir).stages
    settings = (read_json(folder / "config.json") or {}).get("settings", {})
    known = {**(read_json(folder / "results.json") or {}), **facts}
    try:
        before = [Ancestor.model_validate(one) for one in known.get("lineage", [])]
        lineage = (*before, _parent(folder.name, known, settings, stages))
    except ValidationError as error:
        raise broken_run() from error
    return Start(
        facts["backbone"], stages, read_preprocessing(facts["preprocessing"]), facts["image_size"], lineage[-MOST_ANCESTORS:],
        seen_of(folder) or frozenset(),
    )  # fmt: skip


def seen_of(model: Path) -> frozenset[str] | None:
    """Keys (`photo_key`) of the photos that a model and those before it have learned from; None where nobody knows.

    Args:
        model: a run folder; a bundle tells nothing about single photos.
    """
    found = read_json(model / SEEN) if model.is_dir() else None
    return None if found is None else frozenset(str(key) for key in found.get("photos", []))


def _parent(name: str, facts: Mapping[str, Any], settings: Mapping[str, Any], stages: nn.Sequential) -> Ancestor:
    """The model itself as an ancestor; what a stranger's file says of itself is checked.

    Raises:
        UserError: ``MODEL_BROKEN``.
    """
    try:
        wanted = str(settings.get("trainable", "none"))
        # Where fine-tuning was tried and taken back, only the head has learned.
        trainable = resolve_trainable(get_backbone(facts["backbone"]), wanted if facts.get("kept_phase") != "head" else "none")
        return as_ancestor(name, facts, trainable=trainable, fingerprint=state_digest(stages))
    except (ValidationError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            "MODEL_BROKEN", "What this model says about itself cannot be read.", "Choose another model.", "start_from"
        ) from error


def settled(config: TrainConfig, data_dir: Path) -> TrainConfig:
    """The settings with those that follow from the model to start from: its backbone, unless one was asked for.

    Raises:
        UserError: ``BAD_SETTING``, ``OTHER_BACKBONE``, and as `open_start`.
    """
    if not config.start_from:
        return config
    make_config(config.model_dump())  # also settings made in Python must go together
    path = find_model(config.start_from, data_dir)
    backbone = checkpoint_facts(path)["backbone"] if path.is_dir() else bundle_facts_of(path).backbone
    if "backbone" not in config.model_fields_set:
        config = config.model_copy(update={"backbone": get_backbone(backbone).name})
    require_same_backbone(config, backbone)
    return config.model_copy(update={"start_from": str(path.resolve())})


def require_same_backbone(config: TrainConfig, backbone: str) -> None:
    """A model's stages fit its own network only.

    Raises:
        UserError: ``OTHER_BACKBONE``.
    """
    if config.backbone != backbone:
        raise UserError(
            "OTHER_BACKBONE",
            f"The model to start from was made from {get_backbone(backbone).title}, but the network asked for is "
            f"{get_backbone(config.backbone).title}.",
            f"Choose {backbone} as the network, or another model to start from.",
            "backbone",
        )
