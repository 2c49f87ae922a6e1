import pytest
import torch

from transferui.config import TrainConfig
from transferui.training.recipe import augment, class_weights, make_optimizer, make_schedule


def test_schedules_begin_and_end_where_they_should():
    layer = torch.nn.Linear(2, 2)
    for kind, end in (("cosine", 0.0), ("linear", 0.0), ("constant", 1.0)):
        config = TrainConfig(schedule=kind, head_learning_rate=1.0)
        optimizer = make_optimizer(layer, torch.nn.Sequential(), config)
        schedule = make_schedule(optimizer, config, 100, warm_up=True)
        rates = []
        for _ in range(100):
            rates.append(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
        assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0) and rates[-1] == pytest.approx(end, abs=0.05)


def test_earlier_stages_learn_more_slowly_and_frozen_ones_not_at_all():
    stages = torch.nn.Sequential(*(torch.nn.Sequential(torch.nn.Conv2d(2, 2, 1), torch.nn.BatchNorm2d(2)) for _ in range(3)))
    stages[0].requires_grad_(False)
    groups = make_optimizer(torch.nn.Linear(2, 2), stages, TrainConfig(), fine=True).param_groups
    rate = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert not any(id(p) in rate for p in stages[0].parameters())
    assert rate[id(stages[2][0].weight)] == 1e-3 and 0 < rate[id(stages[1][0].weight)] < 1e-3
    assert all(group["weight_decay"] == 0 for group in groups if group["params"][0].ndim == 1)
    plain = make_optimizer(torch.nn.Linear(2, 2), torch.nn.Sequential(torch.nn.Linear(2, 2)), TrainConfig()).param_groups
    assert plain[-1]["lr"] == pytest.approx(1e-4)


def test_small_classes_weigh_more_when_they_should():
    assert class_weights([10, 20], "auto") is None and class_weights([10, 99], "off") is None
    weights = class_weights([10, 90], "auto")
    assert weights.tolist() == pytest.approx([5.0, 100 / 180])
    assert sum(w * n for w, n in zip(weights.tolist(), [10, 90], strict=True)) == pytest.approx(100)


def test_augmentation_keeps_shape_and_range():
    pictures = torch.randint(0, 255, (16, 3, 32, 32), dtype=torch.uint8)
    generator = torch.Generator().manual_seed(0)
    assert augment(pictures, "none", generator) is pictures
    flipped = augment(pictures, "flip", generator)
    same = (flipped == pictures).flatten(1).all(1)
    assert 0 < same.sum() < 16
    crops = augment(pictures, "crops", generator)
    assert crops.shape == pictures.shape and crops.dtype == torch.uint8
    straight = augment(torch.arange(32, dtype=torch.uint8).expand(16, 3, 32, 32), "crops_no_flip", generator).float()
    assert (straight[..., -1] > straight[..., 0]).all()
