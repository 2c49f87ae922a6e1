from collections import OrderedDict

import pytest
import torch

from transferui.training.model import Classifier, Head, count_parameters, frozen_digest


def test_a_feature_that_hardly_varies_is_not_blown_up():
    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    features[:, 3] = 1e-7 * features[:, 3] + 5
    head = Head(4, 2)
    head.standardize(features)
    scaled = (features - head.shift) * head.scale
    assert scaled[:, :3].std() == pytest.approx(1, abs=0.1) and float(scaled[:, 3].abs().max()) < 1e-4
    head.standardize(torch.ones(5, 4))
    assert torch.isfinite(head.scale).all()


@pytest.fixture
def model():
    return Classifier(
        torch.nn.Sequential(
            OrderedDict((f"s{n}", torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3))) for n in range(3))
        ),
        3,
        2,
    )


@pytest.mark.parametrize(("trainable", "prefix"), [([], 3), (["s2"], 2), (["s0"], 0), (["s1"], 1), (["s2", "s0"], 0)])
def test_the_prefix_is_what_is_frozen_from_the_input_on(model, trainable, prefix):
    model.freeze(trainable)
    assert model.prefix_length == len(model.prefix) == prefix and len(model.suffix) == 3 - prefix
    assert {
        p.requires_grad for n in model.stage_names if n not in trainable for p in model.stages.get_submodule(n).parameters()
    } <= {False}
    assert model.trainable == tuple(n for n in model.stage_names if n in trainable)


def test_frozen_stages_stay_in_eval_mode_whatever_they_are_told(model):
    model.freeze(["s1"])
    model.train()
    assert [stage.training for stage in model.stages] == [False, True, False] and model.head.training
    model.freeze(["s1"], "keep")
    model.train()
    assert model.stages[1].training and not model.stages[1][1].training


def test_the_digest_speaks_of_frozen_stages_only(model):
    model.freeze(["s2"])
    before = frozen_digest(model)
    with torch.no_grad():
        model.stages[2][0].weight += 1
    assert frozen_digest(model) == before
    model.stages[0][1].running_mean += 1
    assert frozen_digest(model) != before


def test_a_stage_that_there_is_not_cannot_learn(model):
    with pytest.raises(ValueError, match="s9"):
        model.freeze(["s9"])


def test_weights_are_counted(model):
    model.freeze(["s1"])
    assert count_parameters(model) == 3 * 18 + 8 and sum(p.numel() for p in model.parameters() if p.requires_grad) == 18 + 8
