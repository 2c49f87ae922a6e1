"""Pictures of none of the classes: how many are answered "not sure" or "like nothing it was shown", and how many right answers stay.

    python -m benchmarks.strangers FOLDER FOLDER …

Trains the default recipe on each set in turn, saves and opens its bundle, and shows it photos of all other sets. The right
answers that are kept are counted on the validation photos, on which the thresholds were set.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from pathlib import Path

import transferui as tui
from transferui.data.dataset import default_data_dir
from transferui.evaluation.batch import as_numbers, classify


def answered(model: object, photos: list[Path]) -> Counter[str]:
    """Photos by verdict."""
    numbers = as_numbers(classify(model, photos))  # type: ignore[arg-type]
    return Counter({verdict: numbers[f"n_{verdict}"] for verdict in ("sure", "not_sure", "unknown")})


def main() -> None:
    """Print a row for every pair of sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--photos", type=int, default=200, help="strangers of every set")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    options = parser.parse_args()
    opened = {path.name: tui.open_dataset(path) for path in options.sets}
    print("| learned | shown | photos | not sure | like nothing | together |\n|---|---|---|---|---|---|")
    for name, dataset in opened.items():
        result = tui.train(dataset, tui.TrainConfig(backbone=options.backbone), data_dir=default_data_dir())
        model = tui.load_model(result.save(default_data_dir() / f"strangers-{name}.zip"))
        right = [dataset.samples[i["sample"]].path for i in result.values["val_items"] if i["true"] == i["predicted"]]
        kept = answered(model, right)
        print(
            f"| {name} | its own, right | {kept.total()} | {kept['not_sure']} | {kept['unknown']} | {1 - kept['sure'] / kept.total():.1%} |",
            flush=True,
        )
        for other, strange in opened.items():
            if other == name:
                continue
            photos = random.Random(0).sample([s.path for s in strange.samples], min(options.photos, len(strange.samples)))
            found = answered(model, photos)
            print(
                f"| {name} | {other} | {found.total()} | {found['not_sure']} | {found['unknown']} | {1 - found['sure'] / found.total():.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
