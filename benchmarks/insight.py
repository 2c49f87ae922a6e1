"""Promises: the ranking's choice within 2 points of the best; ranking ≤ 1.2, stages ≤ 1.3 passes; a curve ≤ 5 s; ≥ 70 % of wrong labels.

python -m benchmarks.insight --photos FOLDER_OF_SETS         (TORCH_HOME with more weights makes more networks ready)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import data_folder, each_set, options, ours, tell, timed
from transferui.data.dataset import Dataset
from transferui.insight.features import Watch, load_network, pick_sample, pooled_features
from transferui.insight.labels import find_label_errors
from transferui.insight.learning_curve import learning_curve
from transferui.insight.probes import probe_stages
from transferui.insight.ranking import SAMPLE, rank_backbones

SEEDS, FLIPPED = 5, 0.05


def main() -> None:
    """Every set with every network that is ready."""
    wanted = options(__doc__ or "", backbone="efficientnet_lite0")
    rows = []
    for name, dataset, home in each_set(wanted.photos):
        row = {"set": name, **reach(dataset, home), **again(dataset, home, wanted.backbone)}
        rows.append({**row, **costs(dataset, wanted.backbone)})
        print(rows[-1], flush=True)
    tell("Insight: ranking, stages, curve, labels", rows, wanted)


def reach(dataset: Dataset, home: Path) -> dict[str, Any]:
    """How far the choice's trained head is from the best one's, in points."""
    found = rank_backbones(dataset, data_dir=home)
    reached = {row.name: ours(dataset, home, backbone=row.name)["val_accuracy"] for row in found.rows}
    behind = 100 * (max(reached.values()) - reached[found.recommended])
    return {
        "choice": found.recommended,
        **{name: round(value, 3) for name, value in reached.items()},
        "behind, points": round(behind, 1),
    }


def again(dataset: Dataset, home: Path, backbone: str) -> dict[str, Any]:
    """Seconds of a curve on features that are there, and the share of flipped labels in the first tenth of the list."""
    learning_curve(dataset, backbone, data_dir=home)
    curve, clocks = timed(lambda: learning_curve(dataset, backbone, data_dir=home))
    shares = [_found(dataset, home, backbone, seed) for seed in range(SEEDS)]
    return {"curve, cpu s": round(clocks.cpu, 2), "curve": curve.verdict, "flipped found, least": round(min(shares), 2)}


def _found(dataset: Dataset, home: Path, backbone: str, seed: int) -> float:
    rng, classes = np.random.default_rng(seed), len(dataset.class_names)
    wrong = set(rng.permutation(len(dataset.samples))[: round(FLIPPED * len(dataset.samples))].tolist())
    samples = [
        replace(s, label=(s.label + int(rng.integers(1, classes))) % classes) if i in wrong else s
        for i, s in enumerate(dataset.samples)
    ]
    order = find_label_errors(replace(dataset, samples=tuple(samples)), backbone, data_dir=home).order
    return len(wrong & set(order[: len(order) // 10])) / len(wrong & set(order))


def costs(dataset: Dataset, backbone: str) -> dict[str, Any]:
    """Processor time of ranking and of probing stages, in passes over the same photos (decoding and network)."""
    with data_folder() as home:  # the networks that are ready, and everything warm
        names = [row.name for row in rank_backbones(dataset, data_dir=home).rows]
    with data_folder() as home:
        passes = timed(lambda: look(dataset, home, names))[1].cpu
    with data_folder() as home:
        ranking = timed(lambda: rank_backbones(dataset, data_dir=home, backbones=names))[1].cpu
    with data_folder() as home:
        one = timed(lambda: look(dataset, home, [backbone]))[1].cpu
    with data_folder() as home:
        probing = timed(lambda: probe_stages(dataset, backbone, train_s=0, data_dir=home))[1].cpu
    return {"ranking, passes": round(ranking / passes, 2), "stages, passes": round(probing / one, 2)}


def look(dataset: Dataset, home: Path, names: Sequence[str]) -> None:
    """The plain forward passes over the sample."""
    for name in names:
        pooled_features(load_network(name, home), dataset, pick_sample(dataset, SAMPLE), home, Watch())


if __name__ == "__main__":
    main()
