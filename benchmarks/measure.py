"""What every benchmark shares: where the photos are, a fresh data folder, both clocks, a table and JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from transferui.config import make_config
from transferui.data.dataset import Dataset, open_dataset
from transferui.data.samples import sample_sets
from transferui.errors import UserError
from transferui.runs.worker import train
from transferui.training.machine import available_cores, pick_precision


@dataclass(frozen=True)
class Clocks:
    """Seconds on the wall and of the processor; the second hardly changes when something else runs on the machine."""

    wall: float
    cpu: float


def options(description: str, **extra: Any) -> argparse.Namespace:
    """The options that all benchmarks have: photos, repeats, a file for the JSON."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--photos", default="sample:leaves", help="class folders, a ZIP of them or sample:KEY")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    for name, default in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    return parser.parse_args()


@contextmanager
def data_folder() -> Iterator[Path]:
    """A data folder without anything remembered."""
    with tempfile.TemporaryDirectory(prefix="transferui-benchmark-") as folder:
        yield Path(folder)


def timed(function: Callable[[], Any]) -> tuple[Any, Clocks]:
    """What a function gives, and how long it took; child processes (data loader workers) count as well."""
    children, wall, cpu = _children(), time.perf_counter(), time.process_time()
    value = function()
    spent = time.process_time() - cpu + _children() - children
    return value, Clocks(time.perf_counter() - wall, spent)


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def ours(dataset: Dataset, data_dir: Path, **settings: Any) -> Mapping[str, Any]:
    """Results of one run of this package in this process."""
    return train(dataset, make_config(settings), data_dir=data_dir).values


def photos(source: str, data_dir: Path) -> Dataset:
    """The photos to measure with."""
    return open_dataset(source, data_dir)


def each_set(source: str) -> Iterator[tuple[str, Dataset, Path]]:
    """Name, photos and an empty data folder of every set in a folder of sets; without one, of our own sample sets."""
    folder = Path(source)
    sources = [str(path) for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else None
    for one in sources or [f"sample:{s.key}" for s in sample_sets() if not s.online]:
        with data_folder() as home:
            try:
                dataset = photos(one, home)
                dataset.require_trainable()
            except UserError:  # a folder that holds no set
                continue
            yield Path(one).name, dataset, home


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": available_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "torch": torch.__version__,
        "precision": str(pick_precision("auto", torch.device("cpu"))).removeprefix("torch."),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    )
    return names[0] if names else platform.processor() or platform.machine()


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def mean(values: Sequence[float]) -> float:
    """The average."""
    return statistics.fmean(values)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median and range, as text."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def tell(title: str, rows: Sequence[Mapping[str, Any]], wanted: argparse.Namespace) -> None:
    """Print a table in Markdown and the JSON behind it."""
    print(f"\n## {title}\n")
    columns = list(rows[0])
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(str(row.get(c, "")) for c in columns) + " |")
    found = {"title": title, "machine": machine(), "photos": str(Path(wanted.photos).name), "rows": list(rows)}
    print("\n" + json.dumps(found, ensure_ascii=False))
    if wanted.json:
        wanted.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
