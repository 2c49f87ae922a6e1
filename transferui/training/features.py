"""The frozen prefix, computed once per picture and kept.

Frozen stages are a pure function of (picture, weights, preprocessing, view), so their output never has to be computed
twice: not in the next epoch and not in the next run.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from transferui.data.dataset import Sample
from transferui.data.preprocessing import Preprocessing, picture_views
from transferui.errors import UserError
from transferui.training.cache import FeatureCache, cache_key, empty_rows
from transferui.training.machine import available_cores
from transferui.training.model import state_digest

Report = Callable[[dict[str, Any]], None]
ShouldStop = Callable[[], bool]

# Batches of 16 are the fastest on two cores (measured: 8-16, README of benchmarks); a GPU wants more at once.
CPU_BATCH, GPU_BATCH = 16, 128
# Batches of decoded pictures that may wait for the forward pass: enough never to starve it, little enough for memory.
AHEAD = 3
# Rows are saved to the cache this many pictures at a time, so that a killed run has lost little.
SHARD = 2048
# Activations up to this size stay in memory; larger ones go to a memory-mapped file.
MEMORY_BUDGET = 1_000_000_000


class StoppedError(Exception):
    """The person pressed Stop before there was anything to keep."""


@dataclass
class Work:
    """What was really computed, for the results.

    Attributes:
        prefix_images: forward passes through frozen stages; a second view of a picture counts again.
        cached_images: rows that came from the cache instead.
        decode_s: seconds the forward pass had to wait for decoded pictures.
        prefix_s: seconds of forward passes.
        broken: reason by content hash of every picture that could not be decoded.
    """

    prefix_images: int = 0
    cached_images: int = 0
    decode_s: float = 0.0
    prefix_s: float = 0.0
    broken: dict[str, str] = field(default_factory=dict)


class Extractor:
    """Runs frozen stages over pictures.

    Args:
        stages: the frozen prefix in eval mode; an empty one gives the pictures themselves, as uint8.
        dtype: number format of the forward pass and of the rows it gives.
        cache: where rows are kept; rows that do not fit in memory go to a file in its folder.
    """

    def __init__(
        self, stages: nn.Sequential, preprocessing: Preprocessing, device: torch.device, dtype: torch.dtype, cache: FeatureCache
    ) -> None:
        self.stages, self.preprocessing, self.device, self.dtype, self.cache = stages, preprocessing, device, dtype, cache
        self.scratch = cache.folder

    @cached_property
    def digest(self) -> str:
        """What the rows depend on besides picture and view."""
        return "\n".join((state_digest(self.stages), self.preprocessing.key, str(self.dtype)))

    @cached_property
    def prepared(self) -> nn.Sequential:
        """The stages as they run fastest: BatchNorm folded into the convolutions, channels last."""
        folded = fold_batchnorm(self.stages).to(self.device, self.dtype)
        return folded.to(memory_format=torch.channels_last)

    def rows(
        self, samples: Sequence[Sample], views: Sequence[str], work: Work, report: Report, should_stop: ShouldStop
    ) -> Tensor:
        """Activations (N, V, …) on the processor in the order of samples and views.

        A picture that cannot be decoded leaves zeros and a reason in ``work.broken``.

        Raises:
            StoppedError: when `should_stop` says so; rows that were finished are in the cache.
        """
        cache = self.cache if len(self.stages) else None
        keys = [cache_key(self.digest, view) if cache else "" for view in views]
        found = [cache.load(key, [s.sha256 for s in samples]) if cache else {} for key in keys]
        missing = [i for i, s in enumerate(samples) if any(s.sha256 not in rows for rows in found)]
        work.cached_images += (len(samples) - len(missing)) * len(views)
        out = _place_found(samples, found, missing, self.scratch)
        for shard in range(0, len(missing), SHARD):
            part = missing[shard : shard + SHARD]
            done = _Progress(shard, len(missing), len(samples) - len(missing), report)
            out = self._compute(samples, part, views, _Pass(out, work, done, should_stop))
            good = [i for i in part if samples[i].sha256 not in work.broken]
            if cache and good and out is not None:
                for v, key in enumerate(keys):
                    cache.save(key, [samples[i].sha256 for i in good], out[good, v])
        if out is None:
            raise UserError("EMPTY_DATASET", "There are no photos to learn from.", "Add photos to at least two classes.")
        return out

    def _compute(self, samples: Sequence[Sample], part: Sequence[int], views: Sequence[str], run: _Pass) -> Tensor | None:
        """Decode and forward the samples at the indices `part`, batch by batch, into ``run.out``."""
        size = GPU_BATCH if self.device.type == "cuda" else CPU_BATCH
        batches = [part[i : i + size] for i in range(0, len(part), size)]
        with ThreadPoolExecutor(available_cores()) as pool:
            for indices, pictures in _decoded(pool, samples, batches, self.preprocessing, views, run):
                started = time.perf_counter()
                rows = self._forward(torch.from_numpy(pictures).flatten(0, 1)).unflatten(0, pictures.shape[:2])
                if run.out is None:
                    run.out = empty_rows((len(samples), *rows.shape[1:]), rows.dtype, MEMORY_BUDGET, self.scratch)
                run.out[list(indices)] = rows
                run.work.prefix_s += time.perf_counter() - started
                run.work.prefix_images += len(self.stages) and rows.shape[0] * rows.shape[1]
                run.progress.step(len(indices))
        return run.out

    @torch.inference_mode()
    def _forward(self, pictures: Tensor) -> Tensor:
        """Activations of uint8 pictures (N, 3, S, S), on the processor."""
        if not len(self.stages):
            return pictures
        batch = normalize(pictures.to(self.device, non_blocking=True), self.preprocessing, self.dtype)
        rows: Tensor = self.prepared(batch.contiguous(memory_format=torch.channels_last))
        return rows.to("cpu")


@dataclass
class _Pass:
    """One run over pictures: where rows go, what is counted, whom to tell, when to stop."""

    out: Tensor | None
    work: Work
    progress: _Progress
    should_stop: ShouldStop


class _Progress:
    """Reports how many pictures are done, and how fast."""

    def __init__(self, done: int, total: int, cached: int, report: Report) -> None:
        self.done, self.total, self.cached, self.report = done, total, cached, report
        self.begun, self.first = time.perf_counter(), done

    def step(self, n: int) -> None:
        self.done += n
        speed = (self.done - self.first) / max(1e-6, time.perf_counter() - self.begun)
        self.report(
            {
                "what": "Looking at every photo once",
                "done": self.done + self.cached,
                "total": self.total + self.cached,
                "images_per_s": round(speed, 1),
                "eta_s": round((self.total - self.done) / max(speed, 1e-6), 1),
            }
        )


def _place_found(
    samples: Sequence[Sample], found: Sequence[dict[str, Tensor]], missing: list[int], scratch: Path
) -> Tensor | None:
    """Rows from the cache in their places; None when there are none."""
    lacking = set(missing)
    there = [i for i in range(len(samples)) if i not in lacking]
    if not there:
        return None
    first = found[0][samples[there[0]].sha256]
    out = empty_rows((len(samples), len(found), *first.shape), first.dtype, MEMORY_BUDGET, scratch)
    for v, rows in enumerate(found):
        for i in there:
            out[i, v] = rows[samples[i].sha256]
    return out


def _decode(sample: Sample, preprocessing: Preprocessing, views: Sequence[str]) -> np.ndarray | str:
    """Views (V, 3, S, S) of one picture as uint8, or the reason why there are none."""
    try:
        pictures = picture_views(sample.path, preprocessing, views)
    except UserError as error:
        return error.message
    return np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))


def _decoded(
    pool: ThreadPoolExecutor,
    samples: Sequence[Sample],
    batches: Sequence[Sequence[int]],
    preprocessing: Preprocessing,
    views: Sequence[str],
    run: _Pass,
) -> Iterator[tuple[Sequence[int], np.ndarray]]:
    """Batches of decoded pictures (B, V, 3, S, S), decoded ahead in threads while the caller computes."""
    futures: dict[int, list[Future[np.ndarray | str]]] = {}
    for n, indices in enumerate(batches):
        for ahead in range(n, min(n + AHEAD, len(batches))):
            if ahead not in futures:
                futures[ahead] = [pool.submit(_decode, samples[i], preprocessing, views) for i in batches[ahead]]
        if run.should_stop():
            pool.shutdown(wait=False, cancel_futures=True)
            raise StoppedError
        started = time.perf_counter()
        results = [future.result() for future in futures.pop(n)]
        run.work.decode_s += time.perf_counter() - started
        side = preprocessing.image_size
        blank = np.zeros((len(views), 3, side, side), np.uint8)
        for i, result in zip(indices, results, strict=True):
            if isinstance(result, str):
                run.work.broken[samples[i].sha256] = result
        yield indices, np.stack([blank if isinstance(r, str) else r for r in results])


def normalize(pictures: Tensor, preprocessing: Preprocessing, dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 pictures (N, 3, S, S) as the network wants them: (x / 255 - mean) / std."""
    mean = torch.tensor(preprocessing.mean, device=pictures.device).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std, device=pictures.device).view(1, 3, 1, 1)
    return ((pictures.float() / 255.0 - mean) / std).to(dtype)


def fold_batchnorm(stages: nn.Sequential) -> nn.Sequential:
    """A copy in which every BatchNorm that follows a convolution is part of it; equal to float rounding, a third faster.

    Stages without BatchNorm are copied as they are; so are those that `torch.fx` cannot trace.
    """
    folded = copy.deepcopy(stages).eval()
    for i, stage in enumerate(folded):
        if any(isinstance(m, nn.BatchNorm2d) for m in stage.modules()):
            folded[i] = fuse(stage, inplace=True)
    return folded
