"""The best state of a run so far, in its folder: what has learned, and enough words to build the rest around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from transferui.data.preprocessing import Preprocessing
from transferui.evaluation.neighbors import Shown, shown_to
from transferui.evaluation.novelty import Novelty, fit_novelty
from transferui.evaluation.predict import Model
from transferui.files import read_json, replacing
from transferui.training.state import Trained
from transferui.training.stored import CHECKPOINT, broken_run, checkpoint_classifier, checkpoint_facts, read_tensors

# What a finished run's model remembers of the photos it was shown; beside the checkpoint, because most of it stays at home.
MEMORY = "memory.safetensors"


def save_checkpoint(run: Trained, folder: Path) -> None:
    """Write checkpoint.safetensors atomically: the head and every stage that pretrained weights cannot give back.

    After a start from an own model those are all stages: that model may be deleted the next day.
    """
    whole = run.config.weights == "random" or run.start is not None
    kept = {name for name in run.model.stage_names if whole or name in run.trainable}
    state = run.model.state_dict()
    tensors = {
        name: value.detach().cpu().contiguous()
        for name, value in state.items()
        if name.startswith("head.") or name.split(".")[1] in kept
    }
    facts = {
        "backbone": run.config.backbone,
        "weights": run.config.weights,
        "seed": run.config.seed,
        "image_size": run.config.image_size,
        "class_names": list(run.dataset.class_names),
        "preprocessing": run.preprocessing.as_dict(),
    }
    with replacing(folder / CHECKPOINT) as temporary:
        save_file(tensors, temporary, metadata={"transferui": json.dumps(facts)})
    _save_memory(run, folder)


def _save_memory(run: Trained, folder: Path) -> None:
    """Write memory.safetensors atomically, or remove it where the run does not know (yet) what its model was shown."""
    novelty, shown = fit_novelty(run), shown_to(run)
    known = {"novelty": novelty.tensors() if novelty else {}, "shown": shown.tensors() if shown else {}}
    tensors = {f"{part}.{name}": tensor for part, named in known.items() for name, tensor in named.items()}
    if not tensors:
        (folder / MEMORY).unlink(missing_ok=True)
        return
    with replacing(folder / MEMORY) as temporary:
        save_file(tensors, temporary)


def load_checkpoint(folder: Path, data_dir: Path) -> Model:
    """The model of a run folder.

    Raises:
        UserError: ``NO_MODEL`` when the run has not got one (yet), ``RUN_BROKEN`` when its file is damaged.
    """
    facts = checkpoint_facts(folder)
    classifier = checkpoint_classifier(folder, data_dir)
    try:
        memory = read_tensors(folder / MEMORY) if (folder / MEMORY).is_file() else {}
        names, preprocessing = tuple(facts["class_names"]), Preprocessing.from_dict(facts["preprocessing"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise broken_run() from error
    known: dict[str, Any] = read_json(folder / "results.json") or {}
    settings = (read_json(folder / "config.json") or {}).get("settings", {})
    novelty, shown = _remembered(memory, len(names), classifier.head.linear.in_features)
    return Model(classifier, names, preprocessing, {**known, **facts, "settings": settings}, novelty, shown)


def _remembered(memory: dict[str, Tensor], n_classes: int, width: int) -> tuple[Novelty | None, Shown | None]:
    """The parts of memory.safetensors, each None when it is not there."""
    parts: dict[str, dict[str, Tensor]] = {"novelty": {}, "shown": {}}
    try:
        for name, tensor in memory.items():
            part, _, inner = name.partition(".")
            parts[part][inner] = tensor
        novelty = Novelty.from_tensors(parts["novelty"], n_classes, width) if parts["novelty"] else None
        return novelty, Shown.from_tensors(parts["shown"], n_classes, width) if parts["shown"] else None
    except (KeyError, ValueError) as error:
        raise broken_run() from error
