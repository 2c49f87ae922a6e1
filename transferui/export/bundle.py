"""The model to take home: a ZIP of weights, facts and a model card, which opens anywhere and never unpickles."""

from __future__ import annotations

import hashlib
import json
import platform
import zipfile
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torchvision

import transferui
from transferui.errors import UserError
from transferui.evaluation.novelty import Novelty
from transferui.evaluation.predict import Model
from transferui.export.model_card import model_card
from transferui.files import replacing
from transferui.training.stored import CARD, FACTS, FORMAT, NOVELTY, WEIGHTS, Bundle, read_bundle, tensors_of

# A fixed date makes two bundles of the same model the same bytes; 1980 is the first a ZIP can say.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


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
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), content)
    return path


def bundle_facts(model: Model) -> dict[str, Any]:
    """All of model.json but the checksum."""
    known: dict[str, Any] = dict(model.facts)
    # A model that was opened from a bundle tells of its photos as that did.
    told: Any = known.get("dataset")
    photos = {name: str(told.get(name, "")) if isinstance(told, dict) else "" for name in ("fingerprint", "name")}
    metrics = ("val_accuracy", "val_accuracy_low", "val_accuracy_high", "val_worth", "n_val", "n_train", "majority_accuracy",
               "val_loss", "head_val_accuracy", "head_val_accuracy_low", "head_val_accuracy_high", "trainable",
               "test_accuracy", "test_accuracy_low", "test_accuracy_high", "test_majority_accuracy", "n_test",
               "balanced_accuracy", "imbalance", "class_weighted", "train_counts", "confusion", "per_class", "kept_phase",
               "phases", "temperature", "calibration_error", "calibration_error_by_chance", "cv", "headline",
               "trainable_parameters", "learned_parameters", "total_parameters", "seconds", "device", "precision",
               "notes", "final", "stopped")  # fmt: skip
    return {
        "format": FORMAT,
        "backbone": known["backbone"],
        "image_size": known["image_size"],
        "seed": known["seed"],
        "weights": known["weights"],
        "head": {"kind": "linear on standardized features", "feature_width": model.classifier.head.linear.in_features},
        "class_names": list(model.class_names),
        "preprocessing": model.preprocessing.as_dict(),
        # Where a model before it lay on this machine is nobody's business; the lineage says what it was.
        "settings": {name: value for name, value in known.get("settings", {}).items() if name != "start_from"},
        "run": Path(known.get("run_dir", "")).name or known.get("run", ""),
        "lineage": known.get("lineage", []),
        "relation": known.get("relation", ""),
        "metrics": {name: _numbers(known[name]) for name in metrics if name in known},
        "dataset": {name: known.get(f"dataset_{name}") or before for name, before in photos.items()},
        "versions": {
            "transferui": transferui.__version__,
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "python": platform.python_version(),
        },
    }


def _numbers(known: Any) -> Any:
    """A part of results.json without its answers photo by photo."""
    return {name: value for name, value in known.items() if name != "items"} if isinstance(known, dict) else known


def load_model(path: Path | str) -> Model:
    """Open a model bundle.

    Raises:
        UserError: ``NOT_A_MODEL`` for any other kind of file, ``MODEL_BROKEN`` for a damaged bundle, ``MODEL_TOO_NEW`` for
            one of a later version.
    """
    bundle = read_bundle(Path(path))
    classifier, plain = bundle.classifier(), bundle.facts.model_dump()
    facts = {**plain.get("metrics", {}), **plain}
    novelty = _novelty(bundle, classifier.head.linear.in_features) if bundle.facts.novelty_sha256 else None
    return Model(classifier, tuple(bundle.facts.class_names), bundle.preprocessing, facts, novelty)


def _novelty(bundle: Bundle, width: int) -> Novelty:
    """What the model knows of strangeness, if every tensor is as it should be."""
    if hashlib.sha256(bundle.novelty).hexdigest() != bundle.facts.novelty_sha256:
        raise UserError("MODEL_BROKEN", "The numbers in this bundle are damaged (checksum).", "Download the model again.")
    try:
        return Novelty.from_tensors(tensors_of(bundle.novelty), len(bundle.facts.class_names), width)
    except ValueError as error:
        raise UserError("MODEL_BROKEN", f"The bundle's {NOVELTY} does not fit its model.", "Download it again.") from error
