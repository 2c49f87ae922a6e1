import pytest
import torch


def test_a_feature_that_hardly_varies_is_not_blown_up():
    from transferui.training.model import Head

    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    features[:, 3] = 1e-7 * features[:, 3] + 5
    head = Head(4, 2)
    head.standardize(features)
    scaled = (features - head.shift) * head.scale
    assert scaled[:, :3].std() == pytest.approx(1, abs=0.1) and float(scaled[:, 3].abs().max()) < 1e-4
    head.standardize(torch.ones(5, 4))
    assert torch.isfinite(head.scale).all()
