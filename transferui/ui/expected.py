"""How long the run on the desk will take here, in words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from transferui.backbones.catalogue import get_backbone, resolve_trainable
from transferui.config import TrainConfig
from transferui.data.dataset import Dataset
from transferui.errors import UserError
from transferui.runs.estimate import Pace, estimate, read_pace
from transferui.runs.store import Store
from transferui.ui.desk import Desk
from transferui.ui.html import photos, seconds

# What decides the frozen part's output, with how many stages it has.
Prefix = tuple[str, int, str, str, int, int, str, str, str]
# Content of the photos that went through each.
Known = Mapping[Prefix, frozenset[str]]


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
    return f"About {seconds(took)} on this computer.{_known(desk.dataset, known.get(_prefix(config), frozenset()))}"


def _known(dataset: Dataset | None, known: frozenset[str]) -> str:
    """How many of the photos are remembered."""
    n = len(dataset.samples) if dataset else 0
    there = n - _new(dataset, known) if dataset else 0
    if not there:
        return ""
    some = "All photos are" if there == n else f"{there:,} of {photos(n)} {'is' if there == 1 else 'are'}"
    return f" {some} remembered from an earlier run."


def _new(dataset: Dataset, known: frozenset[str]) -> int:
    """How many of the photos are none of those known by their content."""
    return sum(sample.sha256 not in known for sample in dataset.samples)


def time_of(desk: Desk, config: TrainConfig, known: Known) -> float | None:
    """Seconds that a run with these settings will take; None without photos.

    Args:
        known: from `remembered`.
    """
    dataset = desk.dataset
    if dataset is None or not dataset.samples:
        return None
    pace = read_pace(desk.server.data_dir) or Pace()
    new = _new(dataset, known.get(_prefix(config), frozenset()))
    return estimate(config, len(dataset.samples), pace, cached=1 - new / len(dataset.samples)).total


def remembered(desk: Desk) -> Known:
    """The photos that finished runs have put through a frozen part before, as far as what it gave is still there.

    What they gave was written before the run was finished; when all that there is was written later, it was forgotten.
    """
    found, since = dict[Prefix, frozenset[str]](), desk.server.store.features_since()
    if since is None:
        return found
    for run in desk.server.store.list_runs(desk.owner):
        try:
            state = run.status()
            done = state["state"] == "finished" and float(state.get("updated", 0.0)) >= since
            if done and (prefix := _prefix(run.config))[1]:
                seen = _photos(desk.server.store, desk.owner, run.dataset_id)
                found[prefix] = found.get(prefix, frozenset()) | seen
        except UserError:  # a run of another version of the app
            continue
    return found


@lru_cache(maxsize=200)
def _photos(store: Store, owner: str, dataset_id: str) -> frozenset[str]:
    """Content of a dataset's photos; what a dataset holds never changes.

    Raises:
        UserError: ``NOT_FOUND``.
    """
    return frozenset(sample.sha256 for sample in store.find_dataset(owner, dataset_id).samples)


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
