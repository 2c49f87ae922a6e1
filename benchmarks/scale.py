"""Promises: memory above the imports ≤ 1 GB for 2,000 photos and ≤ 2 GB for 20,000; time per photo grows by at most 10 %.

Every size runs in a process of its own, so that its peak is its own.

python -m benchmarks.scale --sizes 400,2000,20000
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measure import data_folder, options, ours, photos, tell

SIDE = (400, 300)  # as the photos of the ants and bees on average
MEMORY_GB = {2000: 1.0, 20000: 2.0}
WARM_UP = """
import sys
from pathlib import Path
from benchmarks import scale
print(scale.one(Path(sys.argv[1]), sys.argv[2]))
"""


def drawn(count: int, folder: Path, classes: int = 4) -> Path:
    """A tree of `count` different photos: noise of a coarseness that the class decides, as JPEG."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(_draw, range(count), [folder] * count, [classes] * count))
    return folder


def _draw(n: int, folder: Path, classes: int) -> None:
    random, label = np.random.default_rng(n), n % classes
    small = random.integers(0, 256, (SIDE[1] >> (label + 2), SIDE[0] >> (label + 2), 3), dtype=np.uint8)
    target = folder / f"class{label}" / f"{n}.jpg"
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(small).resize(SIDE, Image.Resampling.BICUBIC).save(target, quality=85)


def peak_gb() -> float:
    """The most memory this process ever had."""
    value = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return value / (1e9 if sys.platform == "darwin" else 1e6)


def one(folder: Path, backbone: str) -> str:
    """One run in this process, as JSON: seconds, and peak memory above what loading the program takes."""
    before = peak_gb()
    with data_folder() as home:
        dataset = photos(str(folder), home)
        values = ours(dataset, home, backbone=backbone)
    return json.dumps({"seconds": values["seconds"], "above_gb": peak_gb() - before, "accuracy": values["val_accuracy"]})


def main() -> None:
    """Draw the photos and run every size."""
    wanted = options(__doc__ or "", backbone="efficientnet_lite0", sizes="400,2000,20000")
    rows, each = [], {}
    with data_folder() as home:
        for size in map(int, wanted.sizes.split(",")):
            folder = drawn(size, home / str(size))
            found = [_run(folder, wanted.backbone) for _ in range(wanted.repeats if size <= 2000 else 1)]
            found.sort(key=lambda values: values["seconds"]["total"])
            middle = found[len(found) // 2]
            each[size] = middle["seconds"]["total"] / size
            limit = MEMORY_GB.get(size)
            rows.append({"photos": size, "runs": len(found), "seconds": f"{middle['seconds']['total']:.1f}",
                         "ms per photo": f"{1000 * each[size]:.2f}", "memory above the imports, GB": f"{max(v['above_gb'] for v in found):.2f}",
                         "promise": f"≤ {limit:.0f} GB" if limit else "", "kept": max(v["above_gb"] for v in found) <= limit if limit else ""})  # fmt: skip
    tell("More photos", rows, wanted)
    if {2000, 20000} <= each.keys():
        growth = each[20000] / each[2000] - 1
        print(f"\nTime per photo from 2,000 to 20,000: {growth:+.1%} (promise: within 10 %, kept: {growth <= 0.10})")


def _run(folder: Path, backbone: str) -> dict[str, object] | dict[str, dict[str, float]] | dict[str, float]:
    done = subprocess.run([sys.executable, "-c", WARM_UP, str(folder), backbone], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()
