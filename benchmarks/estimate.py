"""Promise: the time that is told before a start is within a factor of two on this machine.

python -m benchmarks.estimate --photos FOLDER
"""

from __future__ import annotations

from benchmarks.measure import data_folder, options, ours, photos, tell
from transferui.config import make_config
from transferui.runs.estimate import estimate
from transferui.runs.pace import ensure_pace

TRIED = (
    {"trainable": "none"},
    {"trainable": "last", "augmentation": "flip"},
    {"trainable": "half", "finetune_epochs": 3, "augmentation": "crops"},
    {"trainable": "all", "finetune_epochs": 1},
    {"backbone": "resnet18", "weights": "random"},
    {"backbone": "mobilenet_v3_small", "weights": "random", "trainable": "last"},
    {"backbone": "convnext_tiny", "weights": "random"},
)


def main() -> None:
    """Estimate, run, compare."""
    wanted = options(__doc__ or "")
    rows = []
    for settings in TRIED:
        with data_folder() as home:  # a fresh machine each time: nothing learned from the run before
            dataset, pace, config = photos(wanted.photos, home), ensure_pace(home), make_config(settings | {"early_stopping": 0})
            told = estimate(config, len(dataset.samples), pace).total
            took = float(ours(dataset, home, **config.model_dump())["seconds"]["total"])
        words = ", ".join(f"{k} {v}" for k, v in settings.items())
        rows.append({"run": words, "told, s": f"{told:.1f}", "took, s": f"{took:.1f}", "told / took": f"{told / took:.2f}",
                     "kept": 0.5 <= told / took <= 2})  # fmt: skip
    tell("The time that is told before the start", rows, wanted)


if __name__ == "__main__":
    main()
