"""Changes of the loss, photo by photo."""

import pytest
import torch
from torch.nn import functional

from transferui.training.paired import loss_change


def test_the_change_is_that_of_the_mean_loss_with_a_paired_error():
    random = torch.Generator().manual_seed(0)
    before = 5 * torch.randn(40, 3, generator=random)  # photos differ a lot
    now, labels = before * 1.1, torch.arange(40) % 3
    found = loss_change(before, now, labels, None)
    losses = [functional.cross_entropy(logits, labels, reduction="none") for logits in (before, now)]
    assert found["val_change"] == pytest.approx(float(losses[1].mean() - losses[0].mean()), abs=1e-5)
    assert found["val_change_error"] < float(losses[0].std()) / 40**0.5 / 3


def test_there_is_nothing_to_say_without_a_state_before_or_with_one_photo():
    logits = torch.zeros(1, 2)
    assert loss_change(None, logits, torch.tensor([0]), None) == {}
    assert loss_change(logits, logits, torch.tensor([0]), None) == {}
    assert loss_change(torch.zeros(2, 2), torch.full((2, 2), float("nan")), torch.tensor([0, 1]), None) == {}
