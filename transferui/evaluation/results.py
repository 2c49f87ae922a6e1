"""results.json: everything a finished (or stopped) run knows about how good its model is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from transferui.evaluation.calibration import calibration_error, fit_temperature
from transferui.evaluation.metrics import accuracy_interval, classification_report, majority_accuracy
from transferui.training.model import count_parameters
from transferui.training.state import Trained

# Fewer validation pictures say too little about how sure the model should be.
ENOUGH = 50


def describe(run: Trained, *, final: bool) -> dict[str, Any]:
    """The results of the best state so far, in the words of DESIGN section 6, as plain data.

    Args:
        final: the run is over, so that times, the test part and the proof of freezing are known.
    """
    if run.val_logits is None:
        raise RuntimeError("a run without validation has nothing to describe")
    labels = [run.dataset.samples[i].label for i in run.split.val]
    values = {
        **_what(run),
        **_how_good(run, run.val_logits, labels),
        "dataset_fingerprint": run.dataset.fingerprint,
        "skipped": [[name, reason] for name, reason in _broken(run)],
        "notes": list(run.notes),
        "final": final,
    }
    if final:
        values |= {"seconds": {k: round(v, 4) for k, v in run.seconds.items()}, "frozen_unchanged": run.frozen_unchanged}
    return {**values, **_test(run)}


def _what(run: Trained) -> dict[str, Any]:
    """What was trained, on what, and what it cost."""
    stages = dict(run.model.stages.named_children())
    learned = sum(count_parameters(stages[name]) for name in run.trainable) + count_parameters(run.model.head)
    return {
        "classes": list(run.dataset.class_names),
        "backbone": run.config.backbone,
        "n_train": len(run.split.train),
        "n_val": len(run.split.val),
        "phases": run.phases,
        "kept_phase": run.kept_phase,
        "best_epoch": run.best_epoch,
        "trainable_parameters": learned,
        "total_parameters": count_parameters(run.model),
        "trainable": list(run.trainable),
        "frozen_prefix": list(run.model.stage_names[: _prefix_length(run)]),
        "prefix_images": run.work.prefix_images,
        "cached_images": run.work.cached_images,
        "device": run.device,
        "precision": run.precision,
    }


def _how_good(run: Trained, logits: Tensor, labels: list[int]) -> dict[str, Any]:
    """Validation numbers, each with what it takes to judge it."""
    temperature = fit_temperature(logits, labels) if len(labels) >= ENOUGH else 1.0
    probabilities = torch.softmax(logits / temperature, dim=1)
    confidence, right = probabilities.max(dim=1).values, logits.argmax(dim=1) == torch.tensor(labels)
    answers = probabilities.argmax(dim=1).tolist()
    accuracy = accuracy_interval(sum(a == b for a, b in zip(answers, labels, strict=True)), len(labels))
    return {
        "val_accuracy": accuracy.value,
        "val_accuracy_low": accuracy.low,
        "val_accuracy_high": accuracy.high,
        "majority_accuracy": majority_accuracy(labels),
        "val_loss": float(torch.nn.functional.cross_entropy(logits, torch.tensor(labels))),
        "temperature": temperature,
        "calibration_error": calibration_error(confidence.tolist(), right.tolist()),
        "head_val_accuracy": _accuracy(run.head_val_logits, labels),
        **classification_report(labels, answers, run.dataset.class_names),
        "val_items": _items(run.split.val, labels, probabilities),
    }


def _test(run: Trained) -> dict[str, Any]:
    """Numbers on the part that was set aside, if there is one."""
    if run.test_logits is None:
        return {}
    truth = [run.dataset.samples[i].label for i in run.split.test]
    right = int((run.test_logits.argmax(1) == torch.tensor(truth)).sum())
    test = accuracy_interval(right, len(truth))
    return {"n_test": test.n, "test_accuracy": test.value, "test_accuracy_low": test.low, "test_accuracy_high": test.high}


def _prefix_length(run: Trained) -> int:
    names = run.model.stage_names
    return next((i for i, name in enumerate(names) if name in run.trainable), len(names))


def _items(indices: tuple[int, ...], labels: list[int], probabilities: Tensor) -> list[dict[str, Any]]:
    """One row per validation picture: index in the dataset, true class, answer, and the probabilities of both."""
    sure, answers = probabilities.max(dim=1)
    return [
        {"sample": i, "true": label, "predicted": int(answers[n]), "probability": round(float(sure[n]), 6),
         "true_probability": round(float(probabilities[n, label]), 6)}
        for n, (i, label) in enumerate(zip(indices, labels, strict=True))
    ]  # fmt: skip


def _accuracy(logits: Tensor | None, labels: list[int]) -> float | None:
    return None if logits is None else float((logits.argmax(1) == torch.tensor(labels)).float().mean())


def _broken(run: Trained) -> list[tuple[str, str]]:
    names = {sample.sha256: sample.name for sample in run.dataset.samples}
    return [(names[sha], reason) for sha, reason in run.work.broken.items()]
