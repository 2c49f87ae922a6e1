"""How unusual are these photos for a network? A description, never a forecast.

Where a network has BatchNorm, every such layer remembers mean and spread of its inputs over the training pictures. How far the
photos' own mean and spread are from it is measured layer by layer; elsewhere the energy of the original answers is taken.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor, nn

from transferui.backbones.stages import imagenet_logits
from transferui.data.dataset import Dataset
from transferui.evaluation.metrics import Accuracy
from transferui.evaluation.shown import share
from transferui.insight.features import Network, Watch, go_on, load_network, opened, pick_sample, pooled_features, tell_nobody
from transferui.insight.measurement import Measurement
from transferui.insight.scores import Floats, knn_loo
from transferui.training.cache import FeatureCache
from transferui.training.features import Extractor, Report, ShouldStop, StoppedError, Work, normalize

# Photos that are looked at: the statistics of so many differ from those of more by a few percent.
PHOTOS, BATCH = 48, 8
RESAMPLES = 200


@dataclass(frozen=True)
class LayerDistance:
    """One layer's distance: 0 when the photos look to it as its training pictures did, 1 when they are a spread away.

    Attributes:
        stage: the stage that the layer is in.
    """

    stage: str
    distance: float


@dataclass(frozen=True)
class Unusual(Measurement):
    """How unusual the photos are for a network.

    Attributes:
        measure: ``batchnorm`` (distance, 0 and more) or ``energy`` (higher is less usual).
        value: the mean over layers, with a 95 % interval over photos.
        typical, far: shipped reference values: of ordinary photos, and where very unusual pictures begin; None for a network
            that nobody has measured.
        word: ``typical``, ``unusual``, ``very unusual``, or empty without references.
        knn: leave-one-out nearest neighbors on the features, which is what decides.
    """

    backbone: str
    measure: str
    value: float
    low: float
    high: float
    word: str
    sentence: str
    n_images: int
    layers: tuple[LayerDistance, ...] = ()
    typical: float | None = None
    far: float | None = None
    knn: Accuracy | None = None


def how_unusual(
    dataset: Dataset | Path | str,
    backbone: str = "efficientnet_lite0",
    *,
    data_dir: Path | None = None,
    report: Report = tell_nobody,
    should_stop: ShouldStop = go_on,
) -> Unusual:
    """Measure a few of the photos against what the network was trained on.

    Raises:
        UserError: for every cause that a person can mend.
    """
    begun, watch = time.perf_counter(), Watch(report, should_stop)
    found, home = opened(dataset, data_dir)
    try:
        network = load_network(backbone, home, watch)
        indices = pick_sample(found, PHOTOS)
        measured = measure(network, _pictures(network, found, indices, home, watch), watch)
        features = pooled_features(network, found, pick_sample(found, 400), home, watch)
    except StoppedError:
        sentence = "Stopped before the photos were measured."
        return Unusual(backbone, "", 0.0, 0.0, 0.0, "", sentence, 0, stopped=True)
    near = knn_loo(features.table, features.labels, features.groups)
    took = round(time.perf_counter() - begun, 3)
    sentence = _sentence(measured, network.backbone.title, near.accuracy.value)
    notes = (*measured.notes, *features.notes)
    return replace(measured, knn=near.accuracy, sentence=sentence, seconds=took, notes=notes)


def _pictures(network: Network, dataset: Dataset, indices: Sequence[int], data_dir: Path, watch: Watch) -> Tensor:
    """The photos as the network gets them, as bytes (N, 3, S, S)."""
    cache = FeatureCache(data_dir / "features")
    extractor = Extractor(nn.Sequential(), network.preprocessing, network.device, torch.float32, cache)
    work = Work()
    rows = extractor.rows([dataset.samples[i] for i in indices], ("original",), work, watch.report, watch.should_stop)
    return rows[[n for n, i in enumerate(indices) if dataset.samples[i].sha256 not in work.broken], 0]


def measure(network: Network, pictures: Tensor, watch: Watch) -> Unusual:
    """Distance or energy of pictures (N, 3, S, S), bytes."""
    taps = [_Tap(name, module) for name, module in network.stages.named_modules() if _remembers(module)]
    energies = _forward(network, pictures, taps, watch)
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, len(pictures), len(pictures)) for _ in range(RESAMPLES)]
    name, kind = network.backbone.name, "batchnorm" if taps else "energy"
    if taps:
        distances = [tap.distance(np.arange(len(pictures))) for tap in taps]
        value = _typical_layer(distances)
        many = [_typical_layer([tap.distance(draw) for tap in taps]) for draw in draws[:40]]
    else:
        distances, value = [], float(energies.mean())
        many = [float(energies[draw].mean()) for draw in draws]
    low, high = np.quantile(many, [0.025, 0.975])
    reference = references().get(name) if taps else None
    layers = tuple(LayerDistance(tap.stage, round(d, 4)) for tap, d in zip(taps, distances, strict=True))
    notes = () if reference else ("There are no reference values for this network, so there is no word for it.",)
    typical, far = reference or (None, None)
    word = _word(value, reference) if reference else ""
    return Unusual(name, kind, value, float(low), float(high), word, "", len(pictures), layers, typical, far, notes=notes)


def _remembers(module: nn.Module) -> TypeGuard[nn.BatchNorm2d]:
    """Whether it is a BatchNorm layer with statistics of pictures: folded into a convolution, all its variances are alike."""
    return isinstance(module, nn.BatchNorm2d) and module.running_var is not None and len(module.running_var.unique()) > 1


def _typical_layer(distances: Sequence[float]) -> float:
    """Mean on a logarithmic scale: a single layer of quiet channels would outshout all others."""
    return float(np.exp(np.mean(np.log(np.maximum(distances, 1e-6)))))


class _Tap:
    """Mean and mean square of every channel at a BatchNorm's input, photo by photo."""

    def __init__(self, name: str, module: nn.BatchNorm2d) -> None:
        self.stage = name.partition(".")[0]
        self.module = module
        self.means, self.squares = list[Tensor](), list[Tensor]()

    def __call__(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Forward pre-hook."""
        self.means.append(inputs[0].mean((2, 3)).cpu())
        self.squares.append(inputs[0].square().mean((2, 3)).cpu())

    def distance(self, photos: np.ndarray[Any, np.dtype[np.int64]]) -> float:
        """Normalized squared 2-Wasserstein distance of these photos' channels from the layer's own statistics.

        Source: the statistics as a yardstick are those of arXiv 2107.00191; the distance is our own choice.
        """
        mean = torch.cat(self.means)[photos].mean(0)
        spread = (torch.cat(self.squares)[photos].mean(0) - mean.square()).clamp_min(0).sqrt()
        variance = self.module.running_var
        center = self.module.running_mean
        if variance is None or center is None:
            return 0.0
        # Channels that were always quiet have a spread near zero, by which nothing can be divided.
        unit = torch.maximum(variance, 0.01 * variance.mean()).cpu()
        return float((((mean - center.cpu()).square() + (spread - variance.sqrt().cpu()).square()) / unit).mean())


@torch.inference_mode()
def _forward(network: Network, pictures: Tensor, taps: Sequence[_Tap], watch: Watch) -> Floats:
    """Run the pictures through, with taps in place; energies (N,) of the original answers."""
    handles = [tap.module.register_forward_pre_hook(tap) for tap in taps]
    energies, classifier = [], network.classifier.to(network.device)
    try:
        for done, part in enumerate(pictures.split(BATCH)):
            if watch.should_stop():
                raise StoppedError
            batch = normalize(part.to(network.device), network.preprocessing)
            energies.append(-imagenet_logits(network.stages, classifier, batch).logsumexp(1).cpu())
            row = {"what": "Measuring how unusual the photos are", "done": min(len(pictures), (done + 1) * BATCH)}
            watch.report({**row, "total": len(pictures)})
    finally:
        for handle in handles:
            handle.remove()
    return torch.cat(energies).double().numpy()


@cache
def references() -> dict[str, tuple[float, float]]:
    """Shipped values by network: the highest of ordinary photos, and where very unusual pictures begin.

    Only networks whose distance tells photos from drawn pictures are in it. SqueezeNet's energy does not: ants and bees -27,
    handwritten digits -22, noise -17, leaves -16.
    """
    rows = json.loads(Path(__file__).with_name("references.json").read_text(encoding="utf-8"))
    return {name: (row["typical"], row["far"]) for name, row in rows.items()}


def _word(value: float, reference: tuple[float, float]) -> str:
    typical, far = reference
    return "typical" if value <= typical else "unusual" if value < far else "very unusual"


def _sentence(found: Unusual, title: str, near: float) -> str:
    seen = f"For {title} these photos are {found.word}" if found.word else f"{title} has not been measured on other photos"
    return f"{seen}. What decides is another number: nearest neighbors get {share(near)} of them right."
