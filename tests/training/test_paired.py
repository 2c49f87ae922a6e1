"""Changes of the loss, photo by photo."""

import numpy as np
import pytest
import torch
from scipy.stats import sem
from torch.nn import functional

from transferui.training.paired import loss_change, mean_and_error


def test_the_change_is_that_of_the_mean_loss_with_a_paired_error():
    random = torch.Generator().manual_seed(0)
    before = 5 * torch.randn(40, 3, generator=random)  # photos differ a lot
    now, labels = before * 1.1, torch.arange(40) % 3
    found = loss_change(before, now, labels, None, np.arange(40))
    losses = [functional.cross_entropy(logits, labels, reduction="none") for logits in (before, now)]
    assert found["val_change"] == pytest.approx(float(losses[1].mean() - losses[0].mean()), abs=1e-5)
    assert found["val_change_error"] < float(losses[0].std()) / 40**0.5 / 3


def test_there_is_nothing_to_say_without_a_state_before_or_with_one_photo():
    logits = torch.zeros(1, 2)
    one, two = np.array([0]), np.array([0, 1])
    assert loss_change(None, logits, torch.tensor([0]), None, one) == {}
    assert loss_change(logits, logits, torch.tensor([0]), None, one) == {}
    assert loss_change(torch.zeros(2, 2), torch.full((2, 2), float("nan")), torch.tensor([0, 1]), None, two) == {}


def test_the_error_of_photos_that_stand_alone_is_the_usual_one():
    values = np.random.default_rng(0).normal(size=50)
    mean, error = mean_and_error(values, np.arange(50))
    assert mean == pytest.approx(values.mean()) and error == pytest.approx(sem(values))


def test_frames_of_a_series_tell_no_more_than_the_series():
    values = np.random.default_rng(0).normal(size=10)
    error = mean_and_error(values, np.arange(10))[1]
    assert mean_and_error(np.repeat(values, 20), np.repeat(np.arange(10), 20))[1] == pytest.approx(error)
    assert loss_change(torch.zeros(4, 2), torch.ones(4, 2), torch.arange(4) % 2, None, np.zeros(4, int)) == {}  # one scene
