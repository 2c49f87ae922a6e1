"""How fast this machine is: two quick measurements on the bundled network, made once by the spare process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from transferui.backbones.stages import build_backbone
from transferui.runs.estimate import Pace, read_pace, reference, write_pace
from transferui.training.features import CPU_BATCH, fold_batchnorm
from transferui.training.machine import available_cores, pick_device, pick_precision

BACKBONE, SIDE, LEARN_BATCH = "efficientnet_lite0", 224, 8


def ensure_pace(data_dir: Path) -> Pace:
    """What is known of this machine; measured now if nothing is."""
    pace = read_pace(data_dir)
    if pace is None:
        pace = measure_pace(data_dir)
        write_pace(data_dir, pace)
    return pace


def measure_pace(data_dir: Path) -> Pace:
    """Look and learn with the bundled network; takes about a second."""
    stages, _ = build_backbone(BACKBONE, "random", data_dir=data_dir, seed=0)
    rows, device = reference()[BACKBONE], pick_device("auto")
    look = sum(look_ms(stages, SIDE, device)) / sum(row[0] for row in rows)
    learn = sum(learn_ms(stages, SIDE, device)) / sum(row[1] for row in rows)
    return Pace(available_cores(), look, learn)


def best_ms(function: Callable[[], object], tries: int = 3) -> float:
    """Milliseconds of the quickest of some calls."""
    times = []
    for _ in range(tries):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


@torch.inference_mode()
def look_ms(stages: nn.Sequential, side: int, device: torch.device) -> list[float]:
    """Milliseconds per photo and core of each frozen stage, as the prefix runs."""
    torch.set_num_threads(1)
    dtype = pick_precision("auto", device)
    folded = fold_batchnorm(stages).to(device, dtype).to(memory_format=torch.channels_last)
    x = torch.rand(CPU_BATCH, 3, side, side).to(device, dtype).contiguous(memory_format=torch.channels_last)
    cores = available_cores() if device.type != "cpu" else 1
    found = []
    for stage in folded:
        found.append(best_ms(lambda: stage(x)[:1].float().cpu()) * cores / CPU_BATCH)  # noqa: B023 - called at once
        x = stage(x)
    torch.set_num_threads(available_cores())
    return found


def learn_ms(stages: nn.Sequential, side: int, device: torch.device) -> list[float]:
    """Milliseconds per photo and core of forward and backward of each stage that learns."""
    x = torch.rand(LEARN_BATCH, 3, side, side, device=device).contiguous(memory_format=torch.channels_last)
    found = []
    for stage in stages.to(device).train():
        found.append(best_ms(lambda: _learn(stage, x), 2) * available_cores() / LEARN_BATCH)  # noqa: B023 - called at once
        x = stage(x).detach()
    return found


def _learn(stage: nn.Module, x: Tensor) -> float:
    """Forward and backward of one stage; the number makes the device finish."""
    loss = stage(x.detach().requires_grad_()).sum()
    loss.backward()
    return float(loss.detach())
