"""The learning-rate finder: a sane rate, an exact return, a clean stop."""

import json
import math

import pytest
import torch

from tests.training.test_choose import phase  # noqa: F401 - the same small network
from transferui.config import TrainConfig
from transferui.data.dataset import open_dataset
from transferui.training.choose import snapshot
from transferui.training.features import StoppedError
from transferui.training.lr_finder import HEAD_STEPS, HIGHEST, LOWEST, find_rates, suggest, sweep
from transferui.training.state import Hooks


def hooks(report=lambda row: None, stop=lambda: False):
    return Hooks(report, stop, lambda run: None)


def rates(n=60):
    return [LOWEST * (HIGHEST / LOWEST) ** (i / (n - 1)) for i in range(n)]


def test_a_sane_rate_is_found_on_drawn_photos(photos, data_dir):
    rows = []
    found = find_rates(open_dataset(photos), TrainConfig(image_size=64, trainable="stage7"), data_dir, hooks(rows.append))
    head, blocks = found["sweeps"]
    assert head["setting"] == "head_learning_rate" and 1e-4 <= head["suggestion"] <= 0.3 and not head["flat"]
    assert blocks["setting"] == "backbone_learning_rate" and 1e-8 <= blocks["suggestion"] <= 0.1
    assert min(head["losses"]) < head["losses"][0] and len(head["losses"]) == len(head["rates"]) <= HEAD_STEPS
    assert rows[-1]["done"] <= rows[-1]["total"] and json.dumps(found)


def test_every_weight_is_put_back_bit_by_bit(phase):  # noqa: F811
    torch.nn.init.normal_(phase.model.head.linear.weight, generator=torch.Generator().manual_seed(1))
    before = snapshot(phase)
    sweep(phase, "head_learning_rate", hooks())
    assert all(torch.equal(value, before[name]) for name, value in snapshot(phase).items())
    with pytest.raises(StoppedError):
        sweep(phase, "head_learning_rate", hooks(stop=iter([False] * 5 + [True]).__next__))
    assert all(torch.equal(value, before[name]) for name, value in snapshot(phase).items())
    assert all(p.grad is None for p in phase.model.parameters())


def test_the_valley_lies_in_the_middle_of_the_fall():
    # Flat until 1e-3, down until 1e-1, then up.
    losses = [1.0 - 0.4 * min(2, max(0, math.log10(r) + 3)) + 2 * max(0, math.log10(r) + 1) for r in rates()]
    rate, flat = suggest(rates(), losses)
    assert 3e-3 < rate < 3e-2 and not flat


@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_without_a_fall_the_suggestion_is_a_safe_one(noise):
    losses = [0.05 + noise * (i % 2) + max(0, math.log10(r) + 2) for i, r in enumerate(rates())]
    rate, flat = suggest(rates(), losses)
    assert flat and 5e-4 < rate < 2e-3


def test_a_loss_that_is_no_number_at_once_still_gets_an_answer():
    assert suggest([], []) == (LOWEST, True)


def test_where_nothing_can_be_gained_no_larger_step_is_suggested(phase):  # noqa: F811
    with torch.no_grad():  # a head that knows every photo already
        phase.model.head.linear.weight.copy_(torch.tensor([[-60.0, 0, 0, 0], [60.0, 0, 0, 0]]))
        phase.train.inputs[:, 0] = 2.0 * (phase.train.labels * 2 - 1)
    found = sweep(phase, "head_learning_rate", hooks())
    assert found.flat and found.suggestion <= phase.config.head_learning_rate
