import os

import pytest
import torch

from transferui.errors import UserError
from transferui.training.machine import _cgroup_cores, available_cores, in_parts, is_out_of_memory, pick_device, pick_precision


def test_a_missing_device_is_named():
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(UserError, match="no cuda"):
        pick_device("cuda")
    assert pick_device("auto").type in ("cpu", "mps")


def test_as_many_threads_as_the_machine_really_gives(tmp_path):
    quota = tmp_path / "cpu.max"
    for text, cores in (("150000 100000", 1.5), ("max 100000", None), ("nonsense", None)):
        quota.write_text(text)
        assert _cgroup_cores(quota) == cores
    assert _cgroup_cores(tmp_path / "nowhere") is None
    assert 1 <= available_cores() <= os.cpu_count()


def test_the_number_format_is_the_wanted_one():
    cpu = torch.device("cpu")
    assert pick_precision("float32", cpu) == torch.float32 and pick_precision("bfloat16", cpu) == torch.bfloat16
    assert pick_precision("auto", torch.device("mps")) == torch.float32


def test_what_does_not_fit_at_once_is_done_in_halves_and_gives_the_same():
    seen, short = [], []

    def compute(rows):
        seen.append(len(rows))
        if len(rows) > 3:
            raise RuntimeError("CUDA out of memory")
        return rows * 2

    rows = torch.arange(10.0).view(10, 1)
    assert torch.equal(in_parts(compute, rows, lambda: short.append(1)), rows * 2)
    assert max(n for n in seen if n <= 3) == 3 and short


def test_an_error_of_another_kind_and_a_single_row_are_not_tried_again():
    def broken(rows):
        raise RuntimeError("shapes do not match")

    def cramped(rows):
        raise MemoryError

    with pytest.raises(RuntimeError, match="shapes"):
        in_parts(broken, torch.zeros(4, 1))
    with pytest.raises(MemoryError):
        in_parts(cramped, torch.zeros(4, 1))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
