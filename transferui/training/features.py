"""The frozen prefix, computed once per picture and kept.

Frozen stages are a pure function of (picture, weights, preprocessing, view), so their output never has to be computed
twice: not in the next epoch and not in the next run.
"""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from transferui.data.dataset import Sample
from transferui.data.preprocessing import Preprocessing, picture_views
from transferui.errors import UserError
from transferui.training.cache import FeatureCache, cache_key, empty_rows
from transferui.training.machine import available_cores, in_parts
from transferui.training.model import state_digest

Report = Callable[[dict[str, Any]], None]
ShouldStop = Callable[[], bool]

# A thread's batch of 8 stays in its core's cache: 16 takes 1.4 times as long (benchmarks/floor.py); a GPU wants more at once.
CPU_BATCH, GPU_BATCH = 8, 128
# Batches beyond one a thread that may be in the making: enough that no thread ever waits, little enough for memory.
AHEAD = 2
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
        decode_s: seconds of decoding, over all threads, divided by their number.
        prefix_s: seconds of forward passes, likewise.
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

    Attributes:
        halved: memory was short, and batches were cut in halves.
        unsaved: rows could not be kept on disk.
    """

    def __init__(
        self, stages: nn.Sequential, preprocessing: Preprocessing, device: torch.device, dtype: torch.dtype, cache: FeatureCache
    ) -> None:
        self.stages, self.preprocessing, self.device, self.dtype, self.cache = stages, preprocessing, device, dtype, cache
        self.scratch = cache.folder
        self.halved = self.unsaved = False

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
        lacking = [v for v, rows in enumerate(found) if any(s.sha256 not in rows for s in samples)]
        missing = [i for i, s in enumerate(samples) if any(s.sha256 not in found[v] for v in lacking)]
        work.cached_images += len(samples) * len(views) - len(missing) * len(lacking)
        out = _place_found(samples, found, self.scratch)
        for shard in range(0, len(missing), SHARD):
            part = missing[shard : shard + SHARD]
            done = _Progress(shard, len(missing), len(samples) - len(missing), report)
            out = self._compute(samples, part, views, _Pass(out, work, done, should_stop, lacking))
            good = [i for i in part if samples[i].sha256 not in work.broken]
            if cache and good and out is not None:
                self.unsaved |= not all(cache.save(keys[v], [samples[i].sha256 for i in good], out[good, v]) for v in lacking)
        if out is None:
            raise UserError("EMPTY_DATASET", "There are no photos to learn from.", "Add photos to at least two classes.")
        return out

    def _compute(self, samples: Sequence[Sample], part: Sequence[int], views: Sequence[str], run: _Pass) -> Tensor | None:
        """Decode and forward the samples at the indices `part`, batch by batch, into ``run.out``."""
        on_cpu = self.device.type == "cpu"
        size, threads = CPU_BATCH if on_cpu else GPU_BATCH, available_cores()
        batches = [part[i : i + size] for i in range(0, len(part), size)]
        _ = self.prepared  # before the threads, which would all build it
        torch.set_num_threads(1)  # also here: a parallel copy would wait for cores that are busy
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            work = self._decode_and_forward if on_cpu else self._decode
            wanted = [views[v] for v in run.lacking]
            for indices, batch in _ahead(pool, partial(work, samples, wanted), batches, run, threads + AHEAD):
                started = time.perf_counter()
                rows = batch.rows if on_cpu else self._forward(batch.rows)
                if run.out is None:
                    shape = (len(samples), len(views), *rows.shape[2:])
                    run.out = empty_rows(shape, rows.dtype, MEMORY_BUDGET, self.scratch)
                for n, i in enumerate(indices):
                    run.out[i, run.lacking] = rows[n]
                run.work.decode_s += batch.decode_s / threads
                run.work.prefix_s += batch.prefix_s / threads if on_cpu else time.perf_counter() - started
                run.work.broken.update(batch.broken)
                run.work.prefix_images += bool(len(self.stages)) * rows.shape[0] * rows.shape[1]
                run.progress.step(len(indices))
        torch.set_num_threads(threads)
        return run.out

    def _decode(self, samples: Sequence[Sample], views: Sequence[str], indices: Sequence[int]) -> _Batch:
        """The views (B, V, 3, S, S) of some pictures as uint8; a broken one is black and says why."""
        started, broken, side = time.perf_counter(), dict[str, str](), self.preprocessing.image_size
        pictures = torch.zeros((len(indices), len(views), side, side, 3), dtype=torch.uint8)
        for n, i in enumerate(indices):
            try:
                for v, array in enumerate(picture_views(samples[i].path, self.preprocessing, views, samples[i].sha256)):
                    pictures[n, v] = torch.tensor(array)
            except UserError as error:
                broken[samples[i].sha256] = error.message
        # Channels lie last in memory, as decoders and the fastest convolutions have them; only the axes are in the usual order.
        return _Batch(pictures.permute(0, 1, 4, 2, 3), broken, time.perf_counter() - started)

    def _decode_and_forward(self, samples: Sequence[Sample], views: Sequence[str], indices: Sequence[int]) -> _Batch:
        """Decoding and forward pass in one thread: on a processor, threads with a batch each waste less than a shared batch."""
        batch = self._decode(samples, views, indices)
        started = time.perf_counter()
        batch.rows = self._forward(batch.rows)
        batch.prefix_s = time.perf_counter() - started
        return batch

    @torch.inference_mode()
    def _forward(self, pictures: Tensor) -> Tensor:
        """Activations (B, V, …) of uint8 pictures (B, V, 3, S, S), on the processor."""
        if not len(self.stages):
            return pictures.contiguous()
        at_once = CPU_BATCH if self.device.type == "cpu" else GPU_BATCH  # views count as pictures
        parts = [in_parts(self._at_once, part, self._short) for part in pictures.flatten(0, 1).split(at_once)]
        rows: Tensor = torch.cat(parts).unflatten(0, pictures.shape[:2])
        return rows

    def _at_once(self, pictures: Tensor) -> Tensor:
        """Activations (N, …) of pictures (N, 3, S, S)."""
        batch = normalize(pictures.to(self.device, non_blocking=True), self.preprocessing, self.dtype)
        rows: Tensor = self.prepared(batch.contiguous(memory_format=torch.channels_last))
        return rows.to("cpu")

    def _short(self) -> None:
        self.halved = True


@dataclass
class _Batch:
    """What a thread brings back: pictures or activations, and what it took."""

    rows: Tensor
    broken: dict[str, str]
    decode_s: float
    prefix_s: float = 0.0


@dataclass
class _Pass:
    """One run over pictures: where rows go, what is counted, whom to tell, when to stop, places of the views to compute."""

    out: Tensor | None
    work: Work
    progress: _Progress
    should_stop: ShouldStop
    lacking: list[int]


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
                "cached": self.cached,
                "eta_s": round((self.total - self.done) / max(speed, 1e-6), 1),
            }
        )


def _place_found(samples: Sequence[Sample], found: Sequence[dict[str, Tensor]], scratch: Path) -> Tensor | None:
    """Rows from the cache in their places; None when there are none."""
    first = next((row for rows in found for row in rows.values()), None)
    if first is None:
        return None
    out = empty_rows((len(samples), len(found), *first.shape), first.dtype, MEMORY_BUDGET, scratch)
    for v, rows in enumerate(found):
        for i, sample in enumerate(samples):
            if sample.sha256 in rows:
                out[i, v] = rows[sample.sha256]
    return out


def _ahead(
    pool: ThreadPoolExecutor,
    work: Callable[[Sequence[int]], _Batch],
    batches: Sequence[Sequence[int]],
    run: _Pass,
    ahead: int,
) -> Iterator[tuple[Sequence[int], _Batch]]:
    """What `work` makes of the batches, in order, with a few in the making."""
    waiting: deque[Future[_Batch]] = deque()
    for n, indices in enumerate(batches):
        while len(waiting) < ahead and n + len(waiting) < len(batches):
            waiting.append(pool.submit(work, batches[n + len(waiting)]))
        if run.should_stop():
            pool.shutdown(wait=False, cancel_futures=True)
            raise StoppedError
        yield indices, waiting.popleft().result()


def normalize(pictures: Tensor, preprocessing: Preprocessing, dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 pictures (N, 3, S, S) as the network wants them: (x / 255 - mean) / std."""
    mean = torch.tensor(preprocessing.mean, device=pictures.device).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std, device=pictures.device).view(1, 3, 1, 1)
    return pictures.float().sub_(255.0 * mean).mul_(1.0 / (255.0 * std)).to(dtype)


def fold_batchnorm(stages: nn.Sequential) -> nn.Sequential:
    """A copy in which every BatchNorm that follows a convolution is part of it; equal to float rounding, a third faster.

    Stages without BatchNorm are copied as they are; so are those that `torch.fx` cannot trace.
    """
    folded = copy.deepcopy(stages).eval()
    for i, stage in enumerate(folded):
        if any(isinstance(m, nn.BatchNorm2d) for m in stage.modules()):
            folded[i] = fuse(stage, inplace=True)
    return folded
