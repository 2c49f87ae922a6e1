"""Promise: with bfloat16 in the frozen prefix the validation accuracy stays within one point of float32's, on every set.

python -m benchmarks.precision --photos FOLDER_OF_SETS       (without it: our own sample sets)
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import data_folder, options, ours, photos, tell
from transferui.data.samples import sample_sets
from transferui.errors import UserError


def sets(source: str) -> list[str]:
    """Every set in a folder of sets; the sample sets that need no internet if there is none."""
    folder = Path(source)
    if folder.is_dir():
        return [str(path) for path in sorted(folder.iterdir()) if path.is_dir()]
    return [f"sample:{s.key}" for s in sample_sets() if not s.online]


def main() -> None:
    """Both number formats on the same split."""
    wanted = options(__doc__ or "", backbone="efficientnet_lite0")
    rows = []
    for source in sets(wanted.photos):
        with data_folder() as home:
            try:
                dataset = photos(source, home)
                dataset.require_trainable()
            except UserError:  # a folder that holds no set
                continue
            found = {p: ours(dataset, home, backbone=wanted.backbone, precision=p) for p in ("float32", "bfloat16")}
        gap = 100 * (found["bfloat16"]["val_accuracy"] - found["float32"]["val_accuracy"])
        rows.append({"set": Path(source).name, "validation photos": found["float32"]["n_val"],
                     **{p: f"{v['val_accuracy']:.3f}" for p, v in found.items()}, "gap, points": f"{gap:+.1f}", "kept": abs(gap) <= 1})  # fmt: skip
    tell("bfloat16 against float32", rows, wanted)


if __name__ == "__main__":
    main()
