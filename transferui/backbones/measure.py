"""Writes stages.json: weights and output shape of every stage. `python -m transferui.backbones.measure`."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn


def measure(stages: nn.Sequential, image_size: int) -> list[tuple[str, int, list[int]]]:
    """Name, number of weights and output shape of each stage for a picture of `image_size`; runs on shapes only."""
    rows = []
    with torch.inference_mode():
        x = torch.zeros(1, 3, image_size, image_size, device="meta")
        for name, stage in stages.eval().to("meta").named_children():
            x = stage(x)
            rows.append((name, sum(p.numel() for p in stage.parameters()), list(x.shape[1:])))
    return rows


def main() -> None:
    """Measure every network that can be built."""
    import torchvision  # noqa: PLC0415 - only this script needs it here

    from transferui.backbones.efficientnet_lite import efficientnet_lite0  # noqa: PLC0415
    from transferui.backbones.stages import CUTS  # noqa: PLC0415

    facts = {"efficientnet_lite0": measure(efficientnet_lite0()[0], 224)}
    names = [n for key in CUTS for n in (("resnet18", "resnet34", "resnet50") if key == "resnet" else (key,))]
    for name in names:
        model = torchvision.models.get_model(name, weights=None)
        size = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].transforms().crop_size[0]
        facts[name] = measure(nn.Sequential(CUTS["resnet" if name.startswith("resnet") else name](model)[0]), size)
    text = ",\n".join(f'"{name}": {json.dumps(rows)}' for name, rows in facts.items())
    Path(__file__).with_name("stages.json").write_text("{\n" + text + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
