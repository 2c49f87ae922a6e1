"""A run from pictures to a trained model: split, frozen features, head, fine-tuning, proof that frozen means frozen."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import nn

from transferui.backbones.catalogue import get_backbone, resolve_trainable
from transferui.backbones.stages import build_backbone
from transferui.config import TrainConfig
from transferui.data.dataset import Dataset
from transferui.data.preprocessing import Preprocessing
from transferui.data.splits import split_dataset
from transferui.training.kept import look_back
from transferui.training.machine import available_cores, pick_device, pick_precision
from transferui.training.model import Classifier, forget_quickly, frozen_digest
from transferui.training.phases import Phases
from transferui.training.prefix import Prefix
from transferui.training.start import Start, open_start, require_same_backbone
from transferui.training.state import Hooks, Trained


def train_model(dataset: Dataset, config: TrainConfig, data_dir: Path, hooks: Hooks) -> Trained:
    """Train a classifier.

    Raises:
        UserError: for every cause that a person can mend.
        StoppedError: when stopped before there was anything to keep.
    """
    begun = time.perf_counter()
    dataset.require_trainable()
    run = begin(dataset, config, data_dir, hooks)
    frozen = frozen_digest(run.model)
    prefix = Prefix(run, data_dir, hooks)
    phases = Phases(run, prefix.parts(), prefix.copies, hooks)
    phases.learn()
    run.test_logits = phases.logits_of(phases.parts["test"])
    run.kept, run.train_logits = look_back(phases)
    run.frozen_unchanged = frozen_digest(run.model) == frozen
    if not run.frozen_unchanged:
        raise RuntimeError("a frozen stage has changed: this is a bug in freezing")
    run.seconds["decode"], run.seconds["prefix"] = run.work.decode_s, run.work.prefix_s
    run.seconds["total"] = time.perf_counter() - begun
    return run


def begin(dataset: Dataset, config: TrainConfig, data_dir: Path, hooks: Hooks) -> Trained:
    """Everything that must be right before the first picture is looked at."""
    torch.manual_seed(config.seed)
    torch.set_num_threads(available_cores())
    backbone = get_backbone(config.backbone)
    trainable = resolve_trainable(backbone, config.trainable)
    device = pick_device(config.device)
    split = split_dataset(dataset, config.val_fraction, config.seed)
    start = open_start(config.start_from, data_dir) if config.start_from else None
    config, preprocessing, stages = _own_start(config, start) if start else _usual_start(config, data_dir, hooks)
    if config.weights == "random":
        forget_quickly(stages)
    model = Classifier(stages, backbone.feature_width, len(dataset.class_names)).to(device)
    model.freeze(trainable, config.batchnorm_statistics)
    run = Trained(dataset, config, model, preprocessing, split, trainable, device=device.type, start=start)
    warning = start.warning(dataset, split) if start else ""
    run.notes += [warning] if warning else []
    run.precision = str(pick_precision(config.precision, device)).removeprefix("torch.")
    return run


def _usual_start(config: TrainConfig, data_dir: Path, hooks: Hooks) -> tuple[TrainConfig, Preprocessing, nn.Sequential]:
    """From ImageNet's weights, or from nothing."""
    preprocessing = get_backbone(config.backbone).preprocessing
    stages, _ = build_backbone(
        config.backbone,
        config.weights,
        data_dir=data_dir,
        image_size=config.image_size or None,
        report=hooks.report,
        should_stop=hooks.should_stop,
        seed=config.seed,
    )
    return config, preprocessing.resized(config.image_size) if config.image_size else preprocessing, stages


def _own_start(config: TrainConfig, start: Start) -> tuple[TrainConfig, Preprocessing, nn.Sequential]:
    """From an own model: its weights, and its picture size unless another is asked for.

    Raises:
        UserError: ``OTHER_BACKBONE``, ``BAD_IMAGE_SIZE``.
    """
    require_same_backbone(config, start.backbone)
    preprocessing = start.sized(config.image_size)
    return config.model_copy(update={"image_size": config.image_size or start.image_size}), preprocessing, start.stages
