"""How good the recipes are: linear probe, Balanced and Best against the PyTorch tutorial's loop and fastai's `fine_tune(4)`.

Every set in a folder of sets, the same backbone weights and the same split for all, several seeds. Each cell of the table is
written to the JSON file as soon as it is known, and a call with the same file goes on where the last one ended.

Promises: Balanced is never more than 1 point below the probe, not below the better peer on any set, in at most a third of the
quicker peer's time. ``--limit N`` takes at most N photos a class of every set, which the table then says.

python -m benchmarks.accuracy --sets FOLDER_OF_SETS --json FILE          fastai: pip install -r benchmarks/requirements.txt
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import data_folder, each_set, machine, mean, ours, timed
from benchmarks.peers import PEERS, Task
from transferui.data.dataset import Dataset, Sample
from transferui.files import read_json, write_json
from transferui.presets import PRESETS
from transferui.training.machine import available_cores

OURS = {"probe": "quick", "balanced": "balanced", "best": "best"}
METHODS = ("probe", "balanced", "best", "tutorial", "fastai")
Cell = dict[str, Any]


def main() -> None:
    """Fill the cells that are missing, then print the table."""
    wanted = _options()
    torch.set_num_threads(available_cores())
    book = _Book(wanted.json)
    for seed in range(wanted.first_seed, wanted.first_seed + wanted.seeds):
        for name, dataset in _sets(wanted):
            for method in wanted.methods.split(","):
                key = {"set": name, "method": method, "seed": seed, "limit": wanted.limit}
                if not book.has(key):
                    book.add(key | measure(dataset, method, seed, wanted.backbone))
    print("\n".join(table(book.cells)))
    print("\n" + "\n".join(verdicts(book.cells)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=Path, required=True, help="a folder with a set in each of its folders")
    parser.add_argument("--only", default="", help="names of sets, with commas; all without it")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=0, help="at most so many photos a class; 0 takes all")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--json", type=Path, default=Path("accuracy.json"), help="cells are kept here and not measured twice")
    wanted = parser.parse_args()
    if "fastai" in wanted.methods and importlib.util.find_spec("fastai") is None:
        parser.error("fastai is not installed: pip install -r benchmarks/requirements.txt, or leave it out of --methods")
    return wanted


class _Book:
    """The cells measured so far, in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.cells: list[Cell] = (read_json(file) or {}).get("cells", [])

    def has(self, key: Mapping[str, Any]) -> bool:
        """Whether this cell is known."""
        return any(all(cell[k] == v for k, v in key.items()) for cell in self.cells)

    def add(self, cell: Cell) -> None:
        """Keep a cell, on disk at once."""
        print(json.dumps(cell, ensure_ascii=False), flush=True)
        self.cells.append(cell)
        write_json(self.file, {"title": "Accuracy of the recipes", "machine": machine(), "cells": self.cells})


def _sets(wanted: argparse.Namespace) -> Iterator[tuple[str, Dataset]]:
    """Every folder that holds a set, by name."""
    names = [name for name in wanted.only.split(",") if name]
    for name, dataset, _ in each_set(str(wanted.sets)):
        if not names or name in names:
            yield name, limited(dataset, wanted.limit) if wanted.limit else dataset


def limited(dataset: Dataset, limit: int) -> Dataset:
    """At most so many photos of every class and part, chosen by their content."""
    groups: dict[tuple[int, str | None], list[Sample]] = defaultdict(list)
    for sample in sorted(dataset.samples, key=lambda s: hashlib.sha256(s.sha256.encode()).digest()):
        groups[sample.label, sample.split].append(sample)
    kept = {sample.path for group in groups.values() for sample in group[:limit]}
    return replace(dataset, samples=tuple(s for s in dataset.samples if s.path in kept))


def measure(dataset: Dataset, method: str, seed: int, backbone: str) -> Cell:
    """One cell: accuracies on validation and, where one is set aside, test photos; seconds from nothing remembered."""
    with data_folder() as home:
        if method in OURS:
            return _ours(dataset, {"backbone": backbone, "seed": seed, **PRESETS[OURS[method]]}, home)
        task = Task(dataset, backbone, home, seed)
        fitted, clocks = timed(lambda: PEERS[method](task))
        truth = torch.tensor([label for _, label in task.rows("test")])
        test = (fitted.answer("test") == truth).double().mean().item() if len(truth) else None
        return {"val": fitted.val, "n_val": len(task.split.val), "test": test, "n_test": len(truth),
                "wall_s": clocks.wall, "cpu_s": clocks.cpu, "date": time.strftime("%Y-%m-%d %H:%M")}  # fmt: skip


def _ours(dataset: Dataset, settings: dict[str, Any], home: Path) -> Cell:
    values, clocks = timed(lambda: ours(dataset, home, **settings))
    return {"val": values["val_accuracy"], "n_val": values["n_val"], "test": values.get("test_accuracy"), "n_test": values.get("n_test", 0),
            "wall_s": clocks.wall, "cpu_s": clocks.cpu, "date": time.strftime("%Y-%m-%d %H:%M"), "kept": values["kept_phase"],
            "val_loss": values["val_loss"], "ece": values["calibration_error"], "balanced": values["balanced_accuracy"], "seconds": values["seconds"], "notes": values["notes"]}  # fmt: skip


def table(cells: list[Cell]) -> list[str]:
    """Markdown rows: mean accuracy over the seeds, its range, and mean seconds of the processor and the wall."""
    lines = ["| set | method | seeds | validation | range | test | processor s | wall s |", "|---|---|---|---|---|---|---|---|"]
    for name in _in_order(cells, "set"):
        for method in [m for m in METHODS if m in _in_order(cells, "method")]:
            mine = [c for c in cells if c["set"] == name and c["method"] == method]
            if mine:
                lines.append(_line(name, method, mine))
    return lines


def _line(name: str, method: str, mine: list[Cell]) -> str:
    val, tests = [c["val"] for c in mine], [c["test"] for c in mine if c["test"] is not None]
    limit = f" (≤ {mine[0]['limit']} a class)" if mine[0]["limit"] else ""
    test = f"{mean(tests):.3f} of {mine[0]['n_test']}" if tests else ""
    spent = f"{mean([c['cpu_s'] for c in mine]):.0f} | {mean([c['wall_s'] for c in mine]):.0f}"
    return f"| {name}{limit} | {method} | {len(mine)} | {mean(val):.3f} of {mine[0]['n_val']} | {min(val):.3f}–{max(val):.3f} | {test} | {spent} |"


def verdicts(cells: list[Cell]) -> list[str]:
    """What became of the promises, on the seeds that both sides have."""
    lines = []
    for name in _in_order(cells, "set"):
        for other in ("probe", "tutorial", "fastai"):
            pairs = [(a, b) for a in cells for b in cells if (a["set"], a["method"]) == (name, "balanced")
                     and (b["set"], b["method"]) == (name, other) and (a["seed"], a["limit"]) == (b["seed"], b["limit"])]  # fmt: skip
            if pairs:
                gap = 100 * mean([a["val"] - b["val"] for a, b in pairs])
                share = sum(a["cpu_s"] for a, _ in pairs) / sum(b["cpu_s"] for _, b in pairs)
                lines.append(
                    f"{name}: Balanced is {gap:+.1f} points from {other}, in {share:.2f} of its processor time ({len(pairs)} seeds)"
                )
    return lines


def _in_order(cells: list[Cell], key: str) -> list[str]:
    return list(dict.fromkeys(cell[key] for cell in cells))


if __name__ == "__main__":
    main()
