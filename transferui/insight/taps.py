"""The pooled output of every stage in one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from transferui.backbones.catalogue import StageFacts
from transferui.data.dataset import Dataset
from transferui.insight.features import Features, Network, Watch, extract
from transferui.training.cache import FeatureCache, cache_key
from transferui.training.features import Extractor


class StageTaps(nn.Module):
    """Stages whose mean output over all places of the picture comes out side by side.

    Shapes: pictures (N, 3, S, S) to (N, sum of the stages' widths).
    """

    def __init__(self, stages: nn.Sequential, facts: Sequence[StageFacts]) -> None:
        super().__init__()
        self.stages = stages
        self.places = [_places(stage.output) for stage in facts]

    def forward(self, pictures: Tensor) -> Tensor:
        """One stage after the other, each with its mean."""
        x, pooled = pictures, []
        for stage, places in zip(self.stages, self.places, strict=True):
            x = stage(x)
            pooled.append(x.mean(places) if places else x)
        return torch.cat(pooled, dim=1)


def _places(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Axes of a batch of such outputs that are places in the picture: maps are (C, H, W) or (H, W, C), tokens (T, C)."""
    if len(shape) == 3:
        return (1, 2) if shape[0] == shape[1] != shape[2] else (2, 3)
    return (1,) if len(shape) == 2 else ()


def width_of(stage: StageFacts) -> int:
    """Numbers per picture that are left of a stage's output."""
    places = _places(stage.output)
    return next(length for axis, length in enumerate(stage.output, start=1) if axis not in places)


def tapped_features(
    network: Network, dataset: Dataset, indices: Sequence[int], data_dir: Path, watch: Watch
) -> tuple[list[Features], Features]:
    """Features after every stage, and all of them side by side as they were computed.

    The last stage's are what training looks up, so they are kept under its key too: a run afterwards computes nothing.

    Raises:
        UserError: ``EMPTY_DATASET`` when no photo could be read.
        StoppedError: when the watch says so.
    """
    taps = nn.Sequential(StageTaps(network.stages, network.backbone.stages)).eval()
    cache = FeatureCache(data_dir / "features")
    extractor = Extractor(taps, network.preprocessing, network.device, network.dtype, cache)
    whole = extract(extractor, dataset, indices, watch)
    widths = [width_of(stage) for stage in network.backbone.stages]
    ends = torch.tensor(widths).cumsum(0).tolist()
    parts = [
        Features(whole.table[:, end - width : end], whole.labels, whole.indices, groups=whole.groups)
        for width, end in zip(widths, ends, strict=True)
    ]
    if whole.work.prefix_images:
        _share(network, dataset, parts[-1], cache)
    return parts, whole


def _share(network: Network, dataset: Dataset, last: Features, cache: FeatureCache) -> None:
    """Keep the last stage's rows where training looks for them, unless they are there."""
    key = cache_key(network.extractor(cache.folder.parent).digest, "original")
    hashes = [dataset.samples[i].sha256 for i in last.indices]
    there = cache.load(key, hashes)
    missing = [n for n, sha in enumerate(hashes) if sha not in there]
    if missing:
        cache.save(key, [hashes[n] for n in missing], torch.from_numpy(last.table[missing]).to(network.dtype))
