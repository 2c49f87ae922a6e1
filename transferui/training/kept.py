"""What the kept model sees in the photos it learned from: features that later answers are held against."""

from __future__ import annotations

import torch
from torch import Tensor

from transferui.training.machine import in_parts
from transferui.training.phases import Phases
from transferui.training.state import Kept

# Training photos whose features are kept: 2,000 fill a few megabytes and say as much about "near" and "far" as all.
MOST = 2000
# Rows that go through the network at once.
BATCH = 16


def kept_features(phases: Phases) -> Kept | None:
    """Features of the kept model for at most `MOST` training photos and all validation photos, as they are (no copies).

    After a run that was stopped while blocks were learning there are none: nobody waits for them then.
    """
    run = phases.run
    frozen = bool(run.pooled) and run.kept_phase == "head"
    if run.stopped and not frozen:
        return None
    n = len(run.split.train)
    picks = torch.randperm(n, generator=torch.Generator().manual_seed(run.config.seed))[:MOST].sort().values
    train = run.pooled["train"][picks] if frozen else _carry_on(phases, phases.parts["train"].inputs[picks, 0])
    val = run.pooled["val"] if frozen else _carry_on(phases, phases.parts["val"].inputs[:, 0])
    return Kept(train, val, tuple(run.split.train[i] for i in picks.tolist()))


@torch.inference_mode()
def _carry_on(phases: Phases, rows: Tensor) -> Tensor:
    """Features (N, D) of boundary rows (N, …), on the processor."""
    phase = phases.phase("finetune", phases.parts, phases.run.boundary, 0)
    phase.model.eval()
    return torch.cat([in_parts(lambda rows: phase.features(rows.to(phase.device)).cpu(), part) for part in rows.split(BATCH)])
