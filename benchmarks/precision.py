"""Promise: with bfloat16 in the frozen prefix the validation accuracy stays within one point of float32's, on every set.

python -m benchmarks.precision --photos FOLDER_OF_SETS       (without it: our own sample sets)
"""

from __future__ import annotations

from benchmarks.measure import each_set, options, ours, tell


def main() -> None:
    """Both number formats on the same split."""
    wanted = options(__doc__ or "", backbone="efficientnet_lite0")
    rows = []
    for name, dataset, home in each_set(wanted.photos):
        found = {p: ours(dataset, home, backbone=wanted.backbone, precision=p) for p in ("float32", "bfloat16")}
        gap = 100 * (found["bfloat16"]["val_accuracy"] - found["float32"]["val_accuracy"])
        rows.append({"set": name, "validation photos": found["float32"]["n_val"],
                     **{p: f"{v['val_accuracy']:.3f}" for p, v in found.items()}, "gap, points": f"{gap:+.1f}", "kept": abs(gap) <= 1})  # fmt: skip
    tell("bfloat16 against float32", rows, wanted)


if __name__ == "__main__":
    main()
