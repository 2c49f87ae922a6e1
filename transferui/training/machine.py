"""What this machine really gives: device, threads, number format."""

from __future__ import annotations

import logging
import math
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from transferui.errors import UserError

LOG = logging.getLogger(__name__)

# torch asks Linux for pages of 2 MB for its large tensors; it looks at this when the first one is made. Otherwise every layer's
# result comes in fresh pages of 4 KB, and on a virtual machine handing these out takes up to a third of the processor's time.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def pick_device(wanted: str) -> torch.device:
    """The device to compute on; ``auto`` takes CUDA, then Apple's MPS, then the processor.

    Raises:
        UserError: ``NO_DEVICE`` when the wanted one is not there.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        wanted = next(name for name, there in present.items() if there)
    if not present[wanted]:
        have = ", ".join(name for name, there in present.items() if there)
        raise UserError("NO_DEVICE", f"This machine has no {wanted}; it has: {have}.", "Set device to auto.", "device")
    return torch.device(wanted)


def available_cores() -> int:
    """Cores this process may use: scheduler affinity and cgroup quota, not what the host has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_cores(Path("/sys/fs/cgroup/cpu.max"))
    return max(1, min(cores, math.ceil(quota)) if quota else cores)


def _cgroup_cores(file: Path) -> float | None:
    """Cores of a cgroup v2 quota file ('200000 100000' is 2); None without a limit."""
    try:
        quota, period = file.read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def pick_precision(wanted: str, device: torch.device) -> torch.dtype:
    """Number format of the frozen prefix: bfloat16 only where the hardware computes in it, else float32."""
    if wanted == "float32":
        return torch.float32
    if wanted == "bfloat16":
        return torch.bfloat16
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if device.type == "cpu" and _cpu_has_bfloat16() else torch.float32


def _cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively (AVX-512 BF16 or AMX); emulation is slower than float32."""
    if platform.system() != "Linux":
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread for a while.

    Work in tiny pieces is no faster in several threads, and on a busy machine they wait for each other at every piece.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def synchronize(device: torch.device) -> None:
    """Wait for the accelerator, so that a clock read afterwards is true; nothing to do on a processor."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory was not enough; torch says so in three ways."""
    text = str(error).lower()
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in text or "out of memory" in text


def in_parts(compute: Callable[[Tensor], Tensor], rows: Tensor, on_short: Callable[[], object] | None = None) -> Tensor:
    """``compute(rows)``; where memory is too small for all rows (N, …) at once, of two halves, one after the other.

    Args:
        on_short: called when memory was short.
    """
    try:
        return compute(rows)
    except (RuntimeError, MemoryError) as error:
        if len(rows) == 1 or not is_out_of_memory(error):
            raise
    if on_short:
        on_short()
    make_do(half := (len(rows) + 1) // 2)
    return torch.cat([in_parts(compute, part, on_short) for part in rows.split(half)])


def make_do(n: int) -> None:
    """Memory was short: say in the log that `n` rows at once have to do from now on, and give back what the GPU keeps."""
    LOG.warning("Memory is short: going on with %d photos at once.", n)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
