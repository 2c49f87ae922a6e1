"""How long the run on the desk will take here, in words."""

from __future__ import annotations

from transferui.backbones.catalogue import get_backbone, resolve_trainable
from transferui.config import TrainConfig
from transferui.errors import UserError
from transferui.runs.estimate import Pace, estimate, read_pace
from transferui.ui.desk import Desk
from transferui.ui.html import seconds

# What decides the frozen part's output, with how many stages it has.
Prefix = tuple[str, int, str, str, int, int, str, str, str]


def expected(desk: Desk) -> str:
    """A sentence about the time until the end; empty without photos or with settings that cannot be."""
    try:
        config = desk.config
    except UserError:  # the field that is wrong has said so itself
        return ""
    known = remembered(desk)
    took = time_of(desk, config, known)
    if took is None:
        return ""
    tail = " All photos are remembered from an earlier run." if _prefix(config) in known else ""
    return f"About {seconds(took)} on this computer.{tail}"


def time_of(desk: Desk, config: TrainConfig, known: set[Prefix]) -> float | None:
    """Seconds that a run with these settings will take; None without photos.

    Args:
        known: from `remembered`.
    """
    dataset = desk.dataset
    if dataset is None or not dataset.samples:
        return None
    pace = read_pace(desk.server.data_dir) or Pace()
    return estimate(config, len(dataset.samples), pace, cached=_prefix(config) in known).total


def remembered(desk: Desk) -> set[Prefix]:
    """The frozen parts that finished runs have put these photos through before, as far as what they gave is still there.

    What they gave was written before the run was finished; when all that there is was written later, it was forgotten.
    """
    found, since = set[Prefix](), desk.server.store.features_since()
    if since is None:
        return found
    for run in desk.server.store.list_runs(desk.owner):
        try:
            state = run.status()
            done = state["state"] == "finished" and float(state.get("updated", 0.0)) >= since
            if done and run.dataset_id == desk.values.get("dataset"):
                found.add(_prefix(run.config))
        except UserError:  # a run of another version of the app
            continue
    return {prefix for prefix in found if prefix[1]}


def _prefix(config: TrainConfig) -> Prefix:
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
        config.start_from,
        seed,
        config.image_size,
        config.augmentation,
        config.precision,
        config.device,
    )
