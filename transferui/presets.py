"""Recipes: settings that go together, by name."""

from __future__ import annotations

import types
import typing
from typing import Any

# Quick look trains the head only; Balanced adds the last stage, Best the last half, with gentle augmentation.
PRESETS: typing.Mapping[str, typing.Mapping[str, Any]] = types.MappingProxyType(
    {
        "quick": {"trainable": "none"},
        "balanced": {"trainable": "last", "augmentation": "flip", "finetune_epochs": 8},
        "best": {"trainable": "half", "augmentation": "crops", "finetune_epochs": 15},
    }
)
