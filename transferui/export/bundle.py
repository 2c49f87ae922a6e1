"""The model to take home: a ZIP of weights, facts and a model card, which opens anywhere and never unpickles."""

from __future__ import annotations

import hashlib
import json
import platform
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torchvision
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from torch import Tensor

import transferui
from transferui.data.dataset import default_data_dir
from transferui.data.preprocessing import Preprocessing
from transferui.errors import UserError
from transferui.evaluation.novelty import Novelty
from transferui.evaluation.predict import Model
from transferui.export.checkpoint import build_classifier
from transferui.export.model_card import model_card
from transferui.files import replacing

FORMAT = 1
WEIGHTS, FACTS, CARD, NOVELTY = "model.safetensors", "model.json", "README.md", "novelty.safetensors"
# The largest network here (VGG16) has 0.54 GB of weights; a header lists at most about a thousand tensors.
MAX_WEIGHTS, MAX_FACTS, MAX_HEADER = 1_000_000_000, 5_000_000, 1_000_000
# 2,000 classes of the widest features (VGG16) have 33 MB of means.
MAX_NOVELTY = 40_000_000
# A fixed date makes two bundles of the same model the same bytes; 1980 is the first a ZIP can say.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


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


def save_bundle(model: Model, path: Path) -> Path:
    """Write a model bundle atomically and return its path.

    The bundle holds weights, class names and numbers, and no picture, no single photo's features and no file name.
    """
    weights = safetensors.torch.save({n: t.detach().cpu().contiguous() for n, t in model.classifier.state_dict().items()})
    facts = bundle_facts(model) | {"weights_sha256": hashlib.sha256(weights).hexdigest()}
    members = {WEIGHTS: weights}
    if model.novelty:
        members[NOVELTY] = safetensors.torch.save(model.novelty.tensors())
        facts["novelty_sha256"] = hashlib.sha256(members[NOVELTY]).hexdigest()
    members[FACTS] = json.dumps(facts, ensure_ascii=False, indent=2, sort_keys=True).encode()
    members[CARD] = model_card(facts).encode()
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), content)
    return path


def bundle_facts(model: Model) -> dict[str, Any]:
    """All of model.json but the checksum."""
    known = dict(model.facts)
    metrics = ("val_accuracy", "val_accuracy_low", "val_accuracy_high", "n_val", "n_train", "majority_accuracy", "val_loss",
               "balanced_accuracy", "test_accuracy", "n_test", "confusion", "per_class", "kept_phase", "phases",
               "temperature", "calibration_error",
               "trainable_parameters", "total_parameters", "seconds", "device", "precision", "notes")  # fmt: skip
    return {
        "format": FORMAT,
        "backbone": known["backbone"],
        "image_size": known["image_size"],
        "seed": known["seed"],
        "weights": known["weights"],
        "head": {"kind": "linear on standardized features", "feature_width": model.classifier.head.linear.in_features},
        "class_names": list(model.class_names),
        "preprocessing": model.preprocessing.as_dict(),
        "settings": known.get("settings", {}),
        "metrics": {name: known[name] for name in metrics if name in known},
        "dataset": {"fingerprint": known.get("dataset_fingerprint", ""), "name": known.get("dataset_name", "")},
        "versions": {
            "transferui": transferui.__version__,
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "python": platform.python_version(),
        },
    }


def load_model(path: Path | str) -> Model:
    """Open a model bundle.

    Raises:
        UserError: ``NOT_A_MODEL`` for any other kind of file, ``MODEL_BROKEN`` for a damaged bundle, ``MODEL_TOO_NEW`` for
            one of a later version.
    """
    path = Path(path)
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
    known = facts.model_dump()
    known |= {"weights": "random", "seed": 0}  # every weight comes from the bundle, none from the internet
    classifier = build_classifier(known, default_data_dir(), weights="random")
    classifier.load_state_dict(_tensors(weights, classifier.state_dict()))
    facts_for_model = {**known.get("metrics", {}), **facts.model_dump()}
    found = _novelty(novelty, facts, classifier.head.linear.in_features) if facts.novelty_sha256 else None
    return Model(classifier, tuple(facts.class_names), _preprocessing(facts), facts_for_model, found)


def _novelty(content: bytes, facts: BundleFacts, width: int) -> Novelty:
    """What the model knows of strangeness, if every tensor is as it should be."""
    if hashlib.sha256(content).hexdigest() != facts.novelty_sha256:
        raise UserError("MODEL_BROKEN", "The numbers in this bundle are damaged (checksum).", "Download the model again.")
    try:
        return Novelty.from_tensors(_read_tensors(content), len(facts.class_names), width)
    except ValueError as error:
        raise UserError("MODEL_BROKEN", f"The bundle's {NOVELTY} does not fit its model.", "Download it again.") from error


def _preprocessing(facts: BundleFacts) -> Preprocessing:
    try:
        return Preprocessing.from_dict(facts.preprocessing)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError("MODEL_BROKEN", "This bundle's model.json does not say how to prepare pictures.") from error


def _facts(archive: zipfile.ZipFile) -> BundleFacts:
    try:
        facts = BundleFacts.model_validate_json(_member(archive, FACTS, MAX_FACTS))
    except ValidationError as error:
        raise _not_ours("its model.json is not ours") from error
    if facts.format > FORMAT:
        raise UserError(
            "MODEL_TOO_NEW", f"This bundle has format {facts.format}; this version reads {FORMAT}.", "Update TransferUI."
        )
    if len(set(facts.class_names)) != len(facts.class_names):
        raise _not_ours("two of its classes have the same name")
    return facts


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


def _tensors(weights: bytes, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a safetensors file whose names and shapes are exactly the expected ones, all finite."""
    tensors = _read_tensors(weights)
    for name, tensor in expected.items():
        if name not in tensors or tensors[name].shape != tensor.shape or tensors[name].dtype != tensor.dtype:
            raise UserError("MODEL_BROKEN", f"The weights do not fit the network that model.json names (at {name}).")
        if tensor.is_floating_point() and not torch.isfinite(tensors[name]).all():
            raise UserError("MODEL_BROKEN", f"The weights hold numbers that are no numbers (at {name}).")
    if len(tensors) != len(expected):
        raise UserError("MODEL_BROKEN", "The bundle holds weights that its network does not have.")
    return tensors


def _read_tensors(content: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file from anywhere."""
    if len(content) < 8 or struct.unpack("<Q", content[:8])[0] > MAX_HEADER:
        raise UserError("MODEL_BROKEN", "The weights in this bundle have no valid header.", "Download the model again.")
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError("MODEL_BROKEN", "The weights in this bundle cannot be read.", "Download the model again.") from error
    return tensors
