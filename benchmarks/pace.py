"""Writes transferui/backbones/pace.json: milliseconds per photo and core that every stage takes, on this machine.

The estimate before a start multiplies them by how fast another machine is. `python -m benchmarks.pace`
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from benchmarks.measure import data_folder
from transferui.backbones import catalogue
from transferui.backbones.stages import build_backbone
from transferui.runs.pace import learn_ms, look_ms


def main() -> None:
    """Measure every network of the catalogue, with random weights."""
    pace, cpu = {}, torch.device("cpu")
    with data_folder() as home:
        for name, backbone in catalogue.CATALOGUE.items():
            stages, _ = build_backbone(name, "random", data_dir=home, seed=0)
            look, learn = look_ms(stages, backbone.image_size, cpu), learn_ms(stages, backbone.image_size, cpu)
            pace[name] = [[round(a, 3), round(b, 3)] for a, b in zip(look, learn, strict=True)]
            print(f"{name:<20} {sum(look):7.1f} ms to look, {sum(learn):7.1f} ms to learn", flush=True)
    rows = ",\n".join(f'"{name}": {json.dumps(values)}' for name, values in pace.items())
    Path(catalogue.__file__).with_name("pace.json").write_text("{\n" + rows + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
