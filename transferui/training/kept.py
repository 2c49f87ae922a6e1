"""What the kept model sees in the photos it learned from: features that later answers are held against."""

from __future__ import annotations

import torch
from torch import Tensor

from transferui.training.machine import in_parts
from transferui.training.phases import Phases
from transferui.training.state import Kept, Trained

# Training photos whose features are kept: 2,000 fill a few megabytes and say as much about "near" and "far" as all.
MOST = 2000
# Photos of a class that are kept in any case, if it has so many: what a class looks like takes a few.
LEAST = 20
# Rows that go through the network at once.
BATCH = 16


def look_back(phases: Phases) -> tuple[Kept | None, Tensor | None]:
    """What the kept model sees in its photos as they are (no copies), and how well it knows them.

    Features of at most `MOST` training photos and all validation photos, and logits (n_train, K) of all training photos.
    After a run that was stopped while blocks were learning there are none: nobody waits for them then.
    """
    run = phases.run
    frozen = bool(run.pooled) and run.kept_phase == "head"
    if run.stopped and not frozen:
        return None, None
    train = run.pooled["train"] if frozen else _carry_on(phases, phases.parts["train"].inputs)
    val = run.pooled["val"] if frozen else _carry_on(phases, phases.parts["val"].inputs)
    labels = torch.tensor([run.dataset.samples[i].label for i in run.split.train])
    picks = _draw(labels, run.config.seed)
    kept = Kept(train[picks], val, tuple(run.split.train[i] for i in picks.tolist()))
    return kept, None if run.stopped else _answers(run, train)


def _draw(labels: Tensor, seed: int) -> Tensor:
    """Which photos are kept, in their order: at most `MOST`, the same share of every class, but at least `LEAST` of it.

    Where not even these fit, all classes get the same number, give or take one.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    order = order[labels[order].argsort(stable=True)]  # class by class, at random within it
    mine, counts = labels[order], labels.bincount()
    place = torch.arange(len(labels)) - (counts.cumsum(0) - counts)[mine]  # within its class, from 0 on
    turn = torch.where(place < LEAST, place.double(), LEAST + (place + 0.5).double() / counts[mine])
    return order[turn.argsort(stable=True)[:MOST]].sort().values


@torch.inference_mode()
def _answers(run: Trained, features: Tensor) -> Tensor:
    """The kept head's logits (N, K), on the processor."""
    run.model.eval()
    logits: Tensor = run.model.head(features.to(run.device)).cpu()
    return logits


@torch.inference_mode()
def _carry_on(phases: Phases, rows: Tensor) -> Tensor:
    """Features (N, D) of boundary rows (N, …), on the processor."""
    phase = phases.phase("finetune", phases.parts, phases.run.boundary, 0)
    phase.model.eval()
    return torch.cat([in_parts(lambda rows: phase.features(rows.to(phase.device)).cpu(), part) for part in rows.split(BATCH)])
