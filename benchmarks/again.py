"""Promise: a second run on the same photos with other settings computes no photo again: ≤ 1 s for 400, ≤ 2 s for 2,000.

python -m benchmarks.again --photos FOLDER
"""

from __future__ import annotations

from benchmarks.measure import data_folder, median, options, ours, photos, spread, tell
from benchmarks.scale import drawn

LIMITS = {400: 1.0, 2000: 2.0}


def main() -> None:
    """One run to remember, then others with another step size, seed and number of epochs."""
    wanted = options(__doc__ or "", backbone="efficientnet_lite0")
    rows = []
    with data_folder() as home:
        for source, limit in ((wanted.photos, LIMITS[400]), (drawn(2000, home / "drawn"), LIMITS[2000])):
            dataset = photos(str(source), home)
            first = ours(dataset, home, backbone=wanted.backbone)
            again = [
                ours(dataset, home, backbone=wanted.backbone, head_learning_rate=rate, epochs=epochs)
                for rate, epochs in [(1e-3, 30), (1e-2, 50), (3e-3, 20), (3e-2, 30), (5e-3, 40)][: wanted.repeats]
            ]
            seconds = [float(values["seconds"]["total"]) for values in again]
            computed = max(int(values["prefix_images"]) for values in again)
            rows.append({"photos": len(dataset.samples), "first, s": f"{first['seconds']['total']:.2f}", "again, s": spread(seconds),
                         "photos computed again": computed, "promise": f"0 and ≤ {limit:.0f} s",
                         "kept": computed == 0 and median(seconds) <= limit})  # fmt: skip
    tell("Second run, other settings, same photos", rows, wanted)


if __name__ == "__main__":
    main()
