"""How long the run on the desk will take here, in words."""

from __future__ import annotations

from transferui.backbones.catalogue import get_backbone, resolve_trainable
from transferui.config import TrainConfig
from transferui.errors import UserError
from transferui.runs.estimate import Pace, estimate, read_pace
from transferui.ui.desk import Desk
from transferui.ui.html import seconds


def expected(desk: Desk) -> str:
    """A sentence about the time until the end; empty without photos or with settings that cannot be."""
    dataset = desk.dataset
    if dataset is None or not dataset.samples:
        return ""
    try:
        config = desk.config
    except UserError:  # the field that is wrong has said so itself
        return ""
    pace, cached = read_pace(desk.server.data_dir) or Pace(), remembered(desk, config)
    cost = estimate(config, len(dataset.samples), pace, cached=cached)
    known = " All photos are remembered from an earlier run." if cached else ""
    return f"About {seconds(cost.total)} on this computer.{known}"


def remembered(desk: Desk, config: TrainConfig) -> bool:
    """Whether a finished run has put these photos through the same frozen part before."""
    if not _prefix(config)[1]:
        return False
    for run in desk.server.store.list_runs(desk.owner):
        try:
            same = run.dataset_id == desk.values.get("dataset") and _prefix(run.config) == _prefix(config)
        except UserError:  # a run of another version of the app
            continue
        if same and run.status()["state"] == "finished":
            return True
    return False


def _prefix(config: TrainConfig) -> tuple[str, int, str, int, int, str, str, str]:
    """What decides the frozen part's output, with how many stages it has."""
    backbone = get_backbone(config.backbone)
    names = [stage.name for stage in backbone.stages]
    trainable = resolve_trainable(backbone, config.trainable)
    length = min((names.index(name) for name in trainable), default=len(names))
    seed = config.seed if config.weights == "random" else 0
    return (
        config.backbone,
        length,
        config.weights,
        seed,
        config.image_size,
        config.augmentation,
        config.precision,
        config.device,
    )
