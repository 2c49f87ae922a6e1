"""results.json: everything a finished (or stopped) run knows about how good its model is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from transferui.data.similar import scenes_of
from transferui.evaluation.calibration import COLDEST, calibration_error, cross_fit, error_by_chance, fit_temperature
from transferui.evaluation.cross_validation import SMALL, CrossValidation, cross_validate_run
from transferui.evaluation.headline import ENOUGH, EVERY_CLASS, MANY_ALIKE
from transferui.evaluation.leak import random_split, words
from transferui.evaluation.metrics import (
    Accuracy,
    accuracy_interval,
    classification_report,
    is_guessing,
    majority_accuracy,
    tells_apart,
    worth,
)
from transferui.training.model import count_parameters
from transferui.training.recipe import class_weights
from transferui.training.state import Trained

# With more photos than this a small validation part was wished for, and heads for every fold would take long.
MOST_FOR_CV = 2000
# Digits of a photo's SHA-256 that tell it from all others of a set, however they are ordered.
PHOTO_DIGITS = 16


def describe(run: Trained, *, final: bool) -> dict[str, Any]:
    """The results of the best state so far as plain data, as results.json keeps them (ARCHITECTURE, Files).

    Args:
        final: the run is over, so that times, the test part and the proof of freezing are known.
    """
    if run.val_logits is None:
        raise RuntimeError("a run without validation has nothing to describe")
    over = final and not run.stopped
    cv = cross_validate_run(run) if over and _needs_cv(run) else None
    torn = random_split(run) if over else None
    groups = run.groups()
    values = {
        **_what(run),
        **_how_good(run, run.val_logits, _labels(run, "val"), worth([groups[i] for i in run.split.val])),
        **_confidence(run, run.val_logits, cv, groups),
        **_training_part(run),
        "dataset_fingerprint": run.dataset.fingerprint,
        **_origin(run),
        "skipped": [[name, reason] for name, reason in _broken(run)],
        "notes": [*run.split.notes, *run.notes],
        "final": final,
        "stopped": run.stopped,
    }
    values |= {"random_split": torn} if torn else {}
    leaked = [words(values, torn)] if torn else []
    values["notes"] += [*_few_scenes(values), *leaked, *_one_class(run), *(_also_chose(run) if final else ())]
    if final:
        values |= {"seconds": {k: round(v, 4) for k, v in run.seconds.items()}, "frozen_unchanged": run.frozen_unchanged}
    return {**values, **_headline(run, values, cv, groups), **_test(run, groups)}


def _origin(run: Trained) -> dict[str, Any]:
    """The models that it comes from, oldest first, and how its task is related to that of the last; none and nothing for most."""
    if run.start is None:
        return {"lineage": [], "relation": ""}
    lineage = [ancestor.model_dump(mode="json") for ancestor in run.start.lineage]
    return {"lineage": lineage, "relation": run.start.relation_to(run.dataset, run.split)}


def _labels(run: Trained, part: str) -> list[int]:
    """Classes of the photos of a part of the split."""
    return [run.dataset.samples[i].label for i in getattr(run.split, part)]


def _needs_cv(run: Trained) -> bool:
    """Whether the validation part is too small to speak for itself."""
    n = len(run.split.train) + len(run.split.val)
    return n < SMALL or (len(run.split.val) < ENOUGH and n <= MOST_FOR_CV)


def _headline(run: Trained, values: dict[str, Any], cv: CrossValidation | None, groups: Sequence[int]) -> dict[str, Any]:
    """Which accuracy the page shows large, the answers that it counts, and whether guessing explains it as well.

    The cross-validated one speaks for the head on frozen features only, so for a fine-tuned model it is shown beside the
    other. A val folder that came with the photos is how their owner wants to be checked, if it can tell anything.
    """
    given = any(sample.split == "val" for sample in run.dataset.samples)
    small = len(run.split.train) + len(run.split.val) < SMALL
    logits, labels = run.val_logits, _labels(run, "val")
    by_cv = cv is not None and run.kept_phase == "head" and ((small and not given) or len(set(labels)) < 2)
    me = Accuracy(*(values[key] for key in ("val_accuracy", "val_accuracy_low", "val_accuracy_high", "n_val", "val_worth")))
    crossed = cv.as_dict(run.dataset.class_names) if cv else None
    if by_cv and cv and crossed:
        me, logits, labels = cv.accuracy, cv.answers, cv.labels.tolist()
        picks = [*run.split.train, *run.split.val]
        crossed["items"] = _items(run, groups, picks, torch.softmax(cv.answers / values["temperature"], dim=1))
    answers = logits.argmax(1).tolist() if logits is not None else []
    several = len(set(labels)) > 1  # else nothing is to be guessed, and nothing to be told apart
    guessing = several and is_guessing(me, majority_accuracy(labels)) and not tells_apart(labels, answers)
    return {"headline": "cv" if by_cv else "val", "cv": crossed, "guessing": guessing}


def _one_class(run: Trained) -> list[str]:
    """A sentence where all photos to check with are of one class."""
    labels = set(_labels(run, "val"))
    if len(labels) > 1:
        return []
    name = run.dataset.class_names[min(labels)] if labels else ""
    return [f"All photos to check with are “{name}”: they cannot tell how well it tells the classes apart. {EVERY_CLASS}"]


def _also_chose(run: Trained) -> list[str]:
    """A sentence where the photos that tell the result have also chosen the model, and none were set aside."""
    if run.kept_phase != "finetune" or run.split.test:
        return []
    return [
        "The validation photos also decided which epoch was kept, so their number is a little too good. From 1,000 photos on, or "
        "with a test folder, some are set aside for a last test."
    ]


def _few_scenes(values: dict[str, Any]) -> list[str]:
    """A sentence where many validation photos are few scenes."""
    n, single = values["n_val"], values["val_worth"]
    if single > MANY_ALIKE * n:
        return []
    return [
        f"The {n} validation photos come in series or near-copies, and stand or fall together: they say as much as about "
        f"{max(1, round(single))} single photos, and the interval counts them so. Photos of other moments would say more."
    ]


def _training_part(run: Trained) -> dict[str, Any]:
    """How well the kept state knows what it has learned from, how uneven the classes are, and whether they were weighted."""
    labels = _labels(run, "train")
    counts = [labels.count(label) for label in range(len(run.dataset.class_names))]
    logits = run.train_logits
    return {
        "train_accuracy": _accuracy(logits, labels),
        "train_loss": None if logits is None else float(torch.nn.functional.cross_entropy(logits, torch.tensor(labels))),
        "imbalance": max(counts) / max(1, min(counts)),
        "class_weighted": class_weights(counts, run.config.class_weights) is not None,
        "train_counts": counts,
        "scene_counts": list(scenes_of(run.dataset, run.groups()).values()),
    }


def _what(run: Trained) -> dict[str, Any]:
    """What was trained, on what, and what it cost."""
    stages = dict(run.model.stages.named_children())
    head = count_parameters(run.model.head)
    trainable = sum(count_parameters(stages[name]) for name in run.trainable) + head
    return {
        "classes": list(run.dataset.class_names),
        "backbone": run.config.backbone,
        "augmentation": run.augmentation or run.config.augmentation,
        "n_train": len(run.split.train),
        "n_val": len(run.split.val),
        "phases": run.phases,
        "kept_phase": run.kept_phase,
        "best_epoch": run.best_epoch,
        "kept_share": run.kept_share,
        "trainable_parameters": trainable,
        "learned_parameters": trainable if run.kept_phase == "finetune" else head,
        "total_parameters": count_parameters(run.model),
        "trainable": list(run.trainable),
        "frozen_prefix": list(run.model.stage_names[: _prefix_length(run)]),
        "prefix_images": run.work.prefix_images,
        "cached_images": run.work.cached_images,
        "device": run.device,
        "precision": run.precision,
    }


def _how_good(run: Trained, logits: Tensor, labels: list[int], single: float) -> dict[str, Any]:
    """Validation numbers, each with what it takes to judge it; the photos are worth `single` ones that were taken one by one."""
    answers = logits.argmax(dim=1).tolist()
    accuracy = accuracy_interval(sum(a == b for a, b in zip(answers, labels, strict=True)), len(labels), single)
    return {
        "val_accuracy": accuracy.value,
        "val_accuracy_low": accuracy.low,
        "val_accuracy_high": accuracy.high,
        "val_worth": accuracy.worth,
        "majority_accuracy": majority_accuracy(labels),
        "val_loss": float(torch.nn.functional.cross_entropy(logits, torch.tensor(labels))),
        **_probe(run.head_val_logits, labels, single),
        **classification_report(labels, answers, run.dataset.class_names),
    }


def _probe(logits: Tensor | None, labels: list[int], single: float) -> dict[str, Any]:
    """The head on frozen features, on the same validation photos."""
    share = _accuracy(logits, labels)
    if share is None:
        return {"head_val_accuracy": None}
    found = accuracy_interval(share * len(labels), len(labels), single)
    return {"head_val_accuracy": found.value, "head_val_accuracy_low": found.low, "head_val_accuracy_high": found.high}


def _confidence(run: Trained, logits: Tensor, cv: CrossValidation | None, groups: Sequence[int]) -> dict[str, Any]:
    """The temperature, where it comes from, and the calibration error that it leaves on photos that it was not fitted to.

    For the head on frozen features it comes from the answers of all photos out of fold, where they are known; else from the
    validation photos, if there are enough. Class weights need nothing of their own: the temperature is fitted to photos as
    frequent as they come, and a shift of the answers towards frequent classes would undo what the weights are for.
    """
    labels, mine = _labels(run, "val"), [groups[i] for i in run.split.val]
    temperature, source = 1.0, "none"
    sure = torch.softmax(logits, dim=1).max(dim=1).values.tolist()
    if cv is not None and run.kept_phase == "head":
        least = _least(cv.accuracy.worth)
        temperature, source = max(least, fit_temperature(*cv.temperature_set())), "cross_validation"
        others = max(least, fit_temperature(*cv.temperature_set(range(len(run.split.train)))))
        sure = torch.softmax(logits / others, dim=1).max(dim=1).values.tolist()
    elif len(labels) >= ENOUGH:
        least = _least(worth(mine))
        temperature, source = max(least, fit_temperature(logits, labels)), "validation"
        sure = cross_fit(logits, labels, least)
    right = (logits.argmax(dim=1) == torch.tensor(labels)).tolist()
    return {
        "temperature": temperature,
        "temperature_from": source,
        "calibration_error": calibration_error(sure, right),
        "calibration_error_by_chance": error_by_chance(sure, mine),
        "val_items": _items(run, groups, run.split.val, torch.softmax(logits / temperature, dim=1)),
    }


def _least(single: float) -> float:
    """The lowest temperature that photos worth so many single ones can speak for: of few, nobody learns to be surer."""
    return 1.0 if single < ENOUGH else COLDEST


def _test(run: Trained, groups: Sequence[int]) -> dict[str, Any]:
    """Numbers on the part that was set aside, if there is one."""
    if run.test_logits is None:
        return {}
    truth = [run.dataset.samples[i].label for i in run.split.test]
    right = int((run.test_logits.argmax(1) == torch.tensor(truth)).sum())
    test = accuracy_interval(right, len(truth), worth([groups[i] for i in run.split.test]))
    return {
        "n_test": test.n,
        "test_accuracy": test.value,
        "test_accuracy_low": test.low,
        "test_accuracy_high": test.high,
        "test_majority_accuracy": majority_accuracy(truth),
    }


def _prefix_length(run: Trained) -> int:
    names = run.model.stage_names
    return next((i for i, name in enumerate(names) if name in run.trainable), len(names))


def _items(run: Trained, groups: Sequence[int], picks: Sequence[int], probabilities: Tensor) -> list[dict[str, Any]]:
    """One row per picture that was asked about: index in the dataset, content, true class, answer, and the probabilities of both.

    Pictures of a series, or that are near-copies, also name their group.
    """
    sure, answers = probabilities.max(dim=1)
    samples = run.dataset.samples
    return [
        {"sample": i, "photo": samples[i].sha256[:PHOTO_DIGITS], "true": samples[i].label, "predicted": int(answers[n]),
         "probability": round(float(sure[n]), 6), "true_probability": round(float(probabilities[n, samples[i].label]), 6),
         **({"group": groups[i]} if groups[i] >= 0 else {})}
        for n, i in enumerate(picks)
    ]  # fmt: skip


def _accuracy(logits: Tensor | None, labels: list[int]) -> float | None:
    return None if logits is None else float((logits.argmax(1) == torch.tensor(labels)).float().mean())


def _broken(run: Trained) -> list[tuple[str, str]]:
    names = {sample.sha256: sample.name for sample in run.dataset.samples}
    return [(names[sha], reason) for sha, reason in run.work.broken.items()]
