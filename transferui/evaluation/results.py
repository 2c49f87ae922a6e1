"""results.json: everything a finished (or stopped) run knows about how good its model is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from transferui.evaluation.metrics import accuracy_interval, classification_report, majority_accuracy
from transferui.training.model import count_parameters
from transferui.training.state import Trained


def describe(run: Trained, *, final: bool) -> dict[str, Any]:
    """The results of the best state so far, in the words of DESIGN section 6, as plain data.

    Args:
        final: the run is over, so that times, the test part and the proof of freezing are known.
    """
    samples, split = run.dataset.samples, run.split
    labels = [samples[i].label for i in split.val]
    if run.val_logits is None:
        raise RuntimeError("a run without validation has nothing to describe")
    probabilities = torch.softmax(run.val_logits, dim=1)
    answers = probabilities.argmax(dim=1).tolist()
    accuracy = accuracy_interval(sum(a == b for a, b in zip(answers, labels, strict=True)), len(labels))
    trainable = set(run.trainable)
    stages = dict(run.model.stages.named_children())
    learned = sum(count_parameters(stages[name]) for name in trainable) + count_parameters(run.model.head)
    values: dict[str, Any] = {
        "classes": list(run.dataset.class_names),
        "backbone": run.config.backbone,
        "n_train": len(split.train),
        "n_val": len(labels),
        "val_accuracy": accuracy.value,
        "val_accuracy_low": accuracy.low,
        "val_accuracy_high": accuracy.high,
        "majority_accuracy": majority_accuracy(labels),
        "val_loss": float(torch.nn.functional.cross_entropy(run.val_logits, torch.tensor(labels))),
        **classification_report(labels, answers, run.dataset.class_names),
        "val_items": _items(split.val, labels, probabilities),
        "head_val_accuracy": _accuracy(run.head_val_logits, labels),
        "phases": run.phases,
        "kept_phase": run.kept_phase,
        "best_epoch": run.best_epoch,
        "trainable_parameters": learned,
        "total_parameters": count_parameters(run.model),
        "trainable": [name for name in run.model.stage_names if name in trainable],
        "frozen_prefix": list(run.model.stage_names[: _prefix_length(run)]),
        "prefix_images": run.work.prefix_images,
        "cached_images": run.work.cached_images,
        "device": run.device,
        "precision": run.precision,
        "dataset_fingerprint": run.dataset.fingerprint,
        "skipped": [[samples_name, reason] for samples_name, reason in _broken(run)],
        "notes": list(run.notes),
        "final": final,
    }
    if final:
        values |= {"seconds": {k: round(v, 4) for k, v in run.seconds.items()}, "frozen_unchanged": run.frozen_unchanged}
    if run.test_logits is not None:
        truth = [samples[i].label for i in split.test]
        right = int((run.test_logits.argmax(1) == torch.tensor(truth)).sum())
        test = accuracy_interval(right, len(truth))
        values |= {
            "n_test": len(truth),
            "test_accuracy": test.value,
            "test_accuracy_low": test.low,
            "test_accuracy_high": test.high,
        }
    return values


def _prefix_length(run: Trained) -> int:
    names = run.model.stage_names
    return next((i for i, name in enumerate(names) if name in run.trainable), len(names))


def _items(indices: tuple[int, ...], labels: list[int], probabilities: Tensor) -> list[dict[str, Any]]:
    """One row per validation picture: index in the dataset, true class, answer and its probability."""
    sure, answers = probabilities.max(dim=1)
    return [
        {"sample": i, "true": label, "predicted": int(answers[n]), "probability": round(float(sure[n]), 6)}
        for n, (i, label) in enumerate(zip(indices, labels, strict=True))
    ]


def _accuracy(logits: Tensor | None, labels: list[int]) -> float | None:
    return None if logits is None else float((logits.argmax(1) == torch.tensor(labels)).float().mean())


def _broken(run: Trained) -> list[tuple[str, str]]:
    names = {sample.sha256: sample.name for sample in run.dataset.samples}
    return [(names[sha], reason) for sha, reason in run.work.broken.items()]
