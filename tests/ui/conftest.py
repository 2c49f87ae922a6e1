"""Runs as the page finds them: folders with the files that a training process leaves, written here."""

import json

import pytest

from transferui.config import TrainConfig
from transferui.runs.store import Run


def answers(right, wrong=0, classes=("ants", "bees")):
    """results.json of a run that has answered so many validation photos right and then so many wrong."""
    items = [{"sample": i, "true": 0, "predicted": int(i >= right), "probability": 0.9} for i in range(right + wrong)]
    n = right + wrong
    per_class = [{"class_name": name, "n": n if k == 0 else 0, "recall": right / n if k == 0 else 0.0, "precision": 0.5, "f1": 0.5}
                 for k, name in enumerate(classes)]  # fmt: skip
    counts = [[0] * len(classes) for _ in classes]
    counts[0][:2] = [right, wrong]
    return {
        "classes": list(classes), "backbone": "efficientnet_lite0", "n_train": 80, "n_val": n, "val_accuracy": right / n,
        "val_accuracy_low": 0.4, "val_accuracy_high": 0.95, "majority_accuracy": 0.5, "val_loss": 0.25, "head_val_accuracy": None,
        "confusion": counts, "per_class": per_class, "balanced_accuracy": right / n, "val_items": items,
        "dataset_fingerprint": "f" * 64, "notes": [], "phases": [{"name": "head", "epochs": 3}], "kept_phase": "head", "best_epoch": 2,
        "trainable": [], "trainable_parameters": 2562, "total_parameters": 3_373_570, "frozen_prefix": ["stem"], "device": "cpu",
        "precision": "float32", "seconds": {"total": 12.0}, "frozen_unchanged": True, "calibration_error": 0.03,
    }  # fmt: skip


def curve_rows(epochs=3, top=0.9):
    """metrics.jsonl of a run that gets better."""
    return [
        {"phase": "head", "epoch": n, "epoch_total": n, "train_loss": 1 / n, "val_loss": 1.2 / n, "train_accuracy": top * n / epochs,
         "val_accuracy": top * n / epochs, "elapsed_s": 0.1 * n}
        for n in range(1, epochs + 1)
    ]  # fmt: skip


@pytest.fixture
def entry(tmp_path):
    """Makes a run folder and gives what the page lists of it: the run, its status, its results."""
    made = []

    def make(results=None, *, state="finished", rows=None, **settings):
        folder = tmp_path / "runs" / f"20260101-00000{len(made)}-{len(made):016d}"
        folder.mkdir(parents=True)
        facts = {
            "settings": TrainConfig(**settings).model_dump(),
            "dataset_name": "<b>garden</b>",
            "dataset_folder": "",
            "created": 1.0,
        }
        (folder / "config.json").write_text(json.dumps(facts))
        (folder / "status.json").write_text(json.dumps({"state": state}))
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (curve_rows() if rows is None else rows)))
        if results:
            (folder / "results.json").write_text(json.dumps(results))
        run = Run(folder.name, folder)
        made.append(run)
        return run, run.status(), run.results()

    return make
