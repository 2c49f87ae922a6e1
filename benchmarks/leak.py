"""How much a random split flatters photos that were taken in series: the same head, trained and checked both ways.

python -m benchmarks.leak --photos FOLDER
"""

from __future__ import annotations

import statistics
from dataclasses import replace

from benchmarks.measure import data_folder, options, ours, photos, tell
from transferui.data.dataset import Dataset
from transferui.data.similar import groups_of
from transferui.data.splits import Split, split_dataset

WAYS = {"picture by picture": False, "series on one side": True}


def with_parts(dataset: Dataset, split: Split) -> Dataset:
    """The dataset with a split as its given parts; what the split leaves out is left out."""
    train, val = set(split.train), set(split.val)
    samples = [
        replace(sample, split="train" if i in train else "val")
        for i, sample in enumerate(dataset.samples)
        if i in train or i in val
    ]
    return replace(dataset, samples=tuple(samples))


def main() -> None:
    """Both ways with several seeds, on the same frozen features."""
    wanted = options(__doc__ or "", backbone="efficientnet_lite0")
    rows = []
    with data_folder() as home:
        dataset = photos(wanted.photos, home)
        groups = groups_of(dataset)
        for name, grouped in WAYS.items():
            splits = [split_dataset(dataset, 0.2, seed, grouped=grouped) for seed in range(wanted.repeats)]
            found = [ours(with_parts(dataset, split), home, backbone=wanted.backbone) for split in splits]
            leaked = [share_leaked(split, groups) for split in splits]
            accuracies = [float(values["val_accuracy"]) for values in found]
            rows.append({"split": name, "validation photos": len(splits[0].val),
                         "with kin in train": f"{statistics.mean(leaked):.0%}",
                         "accuracy": f"{statistics.mean(accuracies):.3f} ({min(accuracies):.3f}–{max(accuracies):.3f})"})  # fmt: skip
    tell("What a random split of a series hides", rows, wanted)


def share_leaked(split: Split, groups: tuple[int | None, ...]) -> float:
    """Share of validation photos of whose group a picture is learned from."""
    learned = {groups[i] for i in split.train} - {None}
    return sum(groups[i] in learned for i in split.val) / len(split.val)


if __name__ == "__main__":
    main()
