"""A network that starts from random weights has nothing to protect."""

import torch

from transferui.config import TrainConfig
from transferui.data.dataset import open_dataset
from transferui.training.recipe import make_optimizer
from transferui.training.state import Hooks
from transferui.training.train import begin


def test_a_network_from_nothing_learns_alike_in_every_stage_and_forgets_old_averages_quickly(photos, data_dir):
    config = TrainConfig(weights="random", trainable="all", head_start="random", image_size=64)
    run = begin(open_dataset(photos), config, data_dir, Hooks(print, bool, print))
    norms = [module for module in run.model.stages.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert {module.momentum for module in norms} == {0.1}
    rates = {group["lr"] for group in make_optimizer(run.model.head, run.model.stages, config).param_groups}
    assert rates == {config.head_learning_rate, config.backbone_learning_rate}
