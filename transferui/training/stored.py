"""Models as they lie on disk: bundles to take home and checkpoints of run folders, read with every check, never unpickled.

Both rooms that need one come here: training, to start from it, and export, to open and write it.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from transferui.backbones.catalogue import get_backbone, stages_with_weights
from transferui.backbones.stages import build_backbone
from transferui.data.dataset import default_data_dir
from transferui.data.layout import clean_class_name
from transferui.data.preprocessing import Preprocessing
from transferui.errors import UserError
from transferui.training.lineage import MOST_ANCESTORS, Ancestor
from transferui.training.model import Classifier

FORMAT = 1
WEIGHTS, FACTS, CARD, NOVELTY = "model.safetensors", "model.json", "README.md", "novelty.safetensors"
# The largest network here (VGG16) has 0.54 GB of weights; a header lists at most about a thousand tensors.
MAX_WEIGHTS, MAX_FACTS, MAX_HEADER = 1_000_000_000, 5_000_000, 1_000_000
# 2,000 classes of the widest features (VGG16) have 33 MB of means.
MAX_NOVELTY = 40_000_000
CHECKPOINT = "checkpoint.safetensors"
_RUN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class BundleFacts(BaseModel):
    """What a model.json must say to be opened; more is allowed and ignored."""

    model_config = ConfigDict(extra="allow", strict=True)

    format: int = Field(ge=1)
    backbone: str = Field(max_length=100)
    image_size: int = Field(ge=0, le=2048)
    class_names: list[str] = Field(min_length=2, max_length=2000)
    preprocessing: dict[str, Any]
    weights_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    novelty_sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    lineage: list[Ancestor] = Field(default=[], max_length=MOST_ANCESTORS)


@dataclass(frozen=True)
class Bundle:
    """The checked members of a bundle; `weights` and `novelty` are safetensors files."""

    facts: BundleFacts
    weights: bytes
    novelty: bytes

    def classifier(self) -> Classifier:
        """Its network, in eval mode.

        Raises:
            UserError: ``MODEL_BROKEN`` when the weights are not those of the network that it names.
        """
        # Every weight comes from the bundle, none from the internet.
        known = {**self.facts.model_dump(), "weights": "random", "seed": 0}
        classifier = build_classifier(known, default_data_dir())
        classifier.load_state_dict(_fitting(self.weights, classifier.state_dict()))
        return classifier

    @property
    def preprocessing(self) -> Preprocessing:
        """How it wants its pictures.

        Raises:
            UserError: ``MODEL_BROKEN``.
        """
        return read_preprocessing(self.facts.preprocessing)


def find_model(where: str, data_dir: Path) -> Path:
    """The bundle or run folder that is meant: a path, or the id of a run in this data folder.

    Raises:
        UserError: ``NOT_FOUND``.
    """
    own = data_dir / "runs" / where
    path = own if _RUN_ID.fullmatch(where) and own.is_dir() else Path(where)
    if not path.exists():
        raise missing_model(where)
    return path


def missing_model(where: str) -> UserError:
    """What is said when there is no such model, or none that this person may see."""
    return UserError(
        "NOT_FOUND",
        f"A model to start from was expected, but there is no {Path(where).name[:60]!r} (any more).",
        "Choose another model (a model.zip or a run folder), or start from ImageNet.",
        "start_from",
    )


def read_bundle(path: Path) -> Bundle:
    """Open a bundle and check all of it but the fit of its weights.

    Raises:
        UserError: ``NOT_A_MODEL`` for any other kind of file, ``MODEL_BROKEN`` for a damaged bundle, ``MODEL_TOO_NEW`` for
            one of a later version.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            facts = _facts(archive)
            weights = _member(archive, WEIGHTS, MAX_WEIGHTS)
            novelty = _member(archive, NOVELTY, MAX_NOVELTY) if facts.novelty_sha256 else b""
    except zipfile.BadZipFile as error:
        raise _not_ours(f"{path.name} is not a ZIP, or it was cut off") from error
    except FileNotFoundError as error:
        raise UserError("NOT_FOUND", f"There is no file {path.name}.", "Check the path.") from error
    if hashlib.sha256(weights).hexdigest() != facts.weights_sha256:
        raise UserError("MODEL_BROKEN", "The weights in this bundle are damaged (checksum).", "Download the model again.")
    return Bundle(facts, weights, novelty)


def bundle_facts_of(path: Path) -> BundleFacts:
    """What a bundle says about itself, without its weights.

    Raises:
        UserError: as `read_bundle`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _facts(archive)
    except zipfile.BadZipFile as error:
        raise _not_ours(f"{path.name} is not a ZIP, or it was cut off") from error


def read_preprocessing(values: Mapping[str, Any]) -> Preprocessing:
    """How a model wants its pictures.

    Raises:
        UserError: ``MODEL_BROKEN``.
    """
    try:
        return Preprocessing.from_dict(values)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError("MODEL_BROKEN", "This model does not say how to prepare pictures.", "Download it again.") from error


def _facts(archive: zipfile.ZipFile) -> BundleFacts:
    try:
        facts = BundleFacts.model_validate_json(_member(archive, FACTS, MAX_FACTS))
    except ValidationError as error:
        raise _not_ours("its model.json is not ours") from error
    if facts.format > FORMAT:
        raise UserError(
            "MODEL_TOO_NEW", f"This bundle has format {facts.format}; this version reads {FORMAT}.", "Update TransferUI."
        )
    try:
        # As they are made: a bundle from anywhere may hold names that move a terminal's cursor or turn a line round.
        names = [clean_class_name(name) for name in facts.class_names]
    except UserError as error:
        raise _not_ours("one of its classes has no name") from error
    if len(set(names)) != len(names):
        raise _not_ours("two of its classes have the same name")
    return facts.model_copy(update={"class_names": names})


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """One member of the bundle, read with a limit that does not trust the size its header claims."""
    try:
        with archive.open(name) as file:
            content = file.read(limit + 1)
    except (KeyError, RuntimeError, NotImplementedError, EOFError) as error:
        raise _not_ours(f"it has no readable {name}") from error
    if len(content) > limit:
        raise _not_ours(f"its {name} is larger than any model of this app")
    return content


def _not_ours(why: str) -> UserError:
    return UserError(
        "NOT_A_MODEL",
        f"This is not a model of TransferUI: {why}.",
        "Open a model.zip that was downloaded in step 5; files of other programs (.pt, .pth, .onnx, .h5) cannot be opened.",
    )


def _fitting(weights: bytes, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a safetensors file whose names and shapes are exactly the expected ones, all finite."""
    tensors = tensors_of(weights)
    for name, tensor in expected.items():
        if name not in tensors or tensors[name].shape != tensor.shape or tensors[name].dtype != tensor.dtype:
            raise UserError("MODEL_BROKEN", f"The weights do not fit the network that model.json names (at {name}).")
        if tensor.is_floating_point() and not torch.isfinite(tensors[name]).all():
            raise UserError("MODEL_BROKEN", f"The weights hold numbers that are no numbers (at {name}).")
    if len(tensors) != len(expected):
        raise UserError("MODEL_BROKEN", "The bundle holds weights that its network does not have.")
    return tensors


def tensors_of(content: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file from anywhere."""
    if len(content) < 8 or struct.unpack("<Q", content[:8])[0] > MAX_HEADER:
        raise UserError("MODEL_BROKEN", "The weights in this bundle have no valid header.", "Download the model again.")
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError("MODEL_BROKEN", "The weights in this bundle cannot be read.", "Download the model again.") from error
    return tensors


def checkpoint_facts(folder: Path) -> dict[str, Any]:
    """What the checkpoint of a run folder says about itself: backbone, weights, seed, image_size, class_names, preprocessing.

    Raises:
        UserError: ``NO_MODEL`` when the run has not got one (yet), ``RUN_BROKEN`` when its file is damaged.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        raise UserError("NO_MODEL", "This run has no trained model yet.", "Train first, or choose another run.")
    try:
        with safe_open(path, framework="pt") as file:
            facts: dict[str, Any] = json.loads((file.metadata() or {})["transferui"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise broken_run() from error
    return facts


def checkpoint_classifier(folder: Path, data_dir: Path) -> Classifier:
    """The network of a run folder, in eval mode.

    Raises:
        UserError: as `checkpoint_facts`, and what `build_backbone` raises.
    """
    facts = checkpoint_facts(folder)
    try:
        tensors = read_tensors(folder / CHECKPOINT)
    except (OSError, SafetensorError) as error:
        raise broken_run() from error
    held = {name.split(".")[1] for name in tensors if name.startswith("stages.")}
    whole = held.issuperset(stages_with_weights(get_backbone(facts["backbone"])))
    classifier = build_classifier({**facts, "weights": "random"} if whole else facts, data_dir)
    try:
        classifier.load_state_dict({**classifier.state_dict(), **tensors})
    except RuntimeError as error:  # other names or shapes than the network's
        raise broken_run() from error
    return classifier


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file of our own."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping


def broken_run() -> UserError:
    """What is said of a run folder whose files are damaged."""
    return UserError("RUN_BROKEN", "This run's checkpoint is damaged.", "Train again.")


def build_classifier(facts: Mapping[str, Any], data_dir: Path | None) -> Classifier:
    """A classifier of the architecture that `facts` names, in eval mode, with the starting weights it says."""
    backbone = get_backbone(facts["backbone"])
    stages, _ = build_backbone(
        backbone.name,
        facts["weights"],
        data_dir=data_dir,
        image_size=facts["image_size"] or None,
        seed=facts["seed"],
    )
    return Classifier(stages, backbone.feature_width, len(facts["class_names"])).eval()
