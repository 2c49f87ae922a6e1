"""Temperature and calibration error."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve

from transferui.evaluation.calibration import calibration_error, cross_fit, error_by_chance, fit_temperature


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


def test_no_photo_is_judged_at_a_temperature_that_it_was_part_of() -> None:
    logits, labels = _drawn(3.0, 200)
    sure = cross_fit(logits, labels)
    order = torch.argsort(torch.tensor(labels), stable=True)
    mine, others = order[::5], torch.cat([order[f::5] for f in range(1, 5)])
    temperature = fit_temperature(logits[others], [labels[i] for i in others.tolist()])
    expected = torch.softmax(logits[mine] / temperature, 1).max(1).values
    assert torch.tensor(sure, dtype=expected.dtype)[mine].tolist() == pytest.approx(expected.tolist())


def test_a_temperature_flatters_the_photos_that_it_was_fitted_to() -> None:
    gaps = []
    for start in range(0, 4000, 20):
        logits, labels = (part[start : start + 20] for part in _drawn(1.0))
        fitted = torch.softmax(logits / fit_temperature(logits, labels), 1)
        truth = torch.tensor(labels)
        own = -fitted[range(20), truth].log().mean()
        gaps.append(float(torch.nn.functional.cross_entropy(logits, truth) - own))
    assert min(gaps) > -1e-3 and sum(gaps) / len(gaps) > 0.01


def test_an_error_by_chance_is_one_that_an_honest_network_has() -> None:
    rng = np.random.default_rng(3)
    few, many = rng.uniform(0.3, 1, 100).tolist(), rng.uniform(0.3, 1, 10_000).tolist()
    assert error_by_chance(many) < 0.02
    assert 0.08 < error_by_chance(few) < 0.2
    honest = [calibration_error(few, (rng.random(100) < few).tolist()) < error_by_chance(few) for _ in range(200)]
    assert 0.88 < np.mean(honest) <= 1
    assert error_by_chance([]) == 0


def test_photos_that_stand_or_fall_together_leave_more_to_chance() -> None:
    rng = np.random.default_rng(4)
    sure = rng.uniform(0.6, 0.9, 400).tolist()
    alone, films = list(range(400)), [n // 20 for n in range(400)]
    assert error_by_chance(sure, alone) == error_by_chance(sure) < 0.5 * error_by_chance(sure, films)


def test_no_photo_is_surer_than_the_lowest_temperature_lets_it_be() -> None:
    logits, labels = _drawn(0.7, 200)
    plain = torch.softmax(logits, 1).max(1).values
    assert max(np.asarray(cross_fit(logits, labels)) - plain.numpy()) > 0.02
    assert cross_fit(logits, labels, 1.0) == pytest.approx(plain.tolist())
