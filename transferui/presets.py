"""Recipes: settings that go together, by name."""

from __future__ import annotations

import types
import typing
from typing import Any

# Quick look trains the head only. Balanced goes on with the last stages, which hold half of the weights; Best with half of the
# stages, and for longer. Both look at mirrored and cut photos, unless mirrored ones are mistaken (training/mirror.py).
PRESETS: typing.Mapping[str, typing.Mapping[str, Any]] = types.MappingProxyType(
    {
        "quick": {"trainable": "none"},
        "balanced": {"trainable": "late", "augmentation": "crops"},
        "best": {"trainable": "half", "augmentation": "crops", "finetune_steps": 1500},
    }
)
