"""Temperature and calibration error."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve

from transferui.evaluation.calibration import calibration_error, fit_temperature


def _drawn(scale: float, n: int = 4000) -> tuple[torch.Tensor, list[int]]:
    """Logits that are `scale` times too large for labels drawn from them."""
    random = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(n, 4, generator=random)
    labels = torch.multinomial(torch.softmax(logits, 1), 1, generator=random)[:, 0]
    return logits * scale, labels.tolist()


@pytest.mark.parametrize("scale", [0.7, 1.0, 3.0])
def test_the_temperature_undoes_what_made_a_model_too_sure(scale: float) -> None:
    logits, labels = _drawn(scale)
    temperature = fit_temperature(logits, labels)
    assert temperature == pytest.approx(scale, rel=0.08)
    sure, answers = torch.softmax(logits / temperature, 1).max(1)
    assert calibration_error(sure.tolist(), (answers == torch.tensor(labels)).tolist()) < 0.02


def test_the_temperature_stays_in_its_range() -> None:
    assert fit_temperature(torch.eye(3) * 4, [0, 1, 2]) == pytest.approx(0.5, abs=0.01)
    assert fit_temperature(torch.eye(3) * 400, [1, 2, 0]) == pytest.approx(5.0, abs=0.01)
    with pytest.raises(ValueError, match="at least one"):
        fit_temperature(torch.empty(0, 2), [])


def test_the_error_agrees_with_the_curve_of_scikit_learn() -> None:
    random = np.random.default_rng(1)
    sure = random.random(500)
    right = random.random(500) < sure**2
    shares, means = calibration_curve(right, sure, n_bins=10)
    weights = np.histogram(sure, bins=10, range=(0, 1))[0] / 500
    expected = float((np.abs(shares - means) * weights).sum())
    assert calibration_error(sure.tolist(), right.tolist()) == pytest.approx(expected)
    assert calibration_error([1.0, 1.0], [True, True]) == 0
    assert calibration_error([], []) == 0
