"""How long a run will take on this machine, before it starts.

Every stage's time on one core of a reference machine lies in backbones/pace.json. A machine is so many times faster or
slower; that is measured once by the spare process, and corrected by every run that ends.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from transferui.backbones.catalogue import get_backbone, resolve_trainable
from transferui.config import TrainConfig
from transferui.data.preprocessing import VIEWS
from transferui.files import read_json, write_json

PACE = "pace.json"
# An epoch of the head: so many seconds, and so many more per photo (measured with benchmarks/again.py).
HEAD_EPOCH_S, HEAD_PHOTO_S = 1.5e-3, 4e-6
# Checking runs in float32 on unfolded stages: so many times a look in bfloat16 on folded ones (3 late in a network, 10 early).
PLAIN = 6.0
# Training photos that are looked at in a mirror first (transferui.training.mirror), where mirrored copies are wanted.
ASKED = 400
# Looks at the validation photos besides one after every epoch: before the first, and at three places on the line between the
# head on frozen blocks and the fine-tuned model (transferui.training.choose).
CHECKS = 4
# No machine has so many cores, is so many times slower than the reference or faster, or decodes so long: the file is damaged.
MOST = 1e6
# A run that computed fewer photos than this says little about the machine.
ENOUGH = 50


@dataclass(frozen=True)
class Pace:
    """How fast this machine is.

    Attributes:
        cores: that really compute.
        look, learn: times slower than the reference, for frozen stages and for those that learn.
        decode_ms: milliseconds of one core for one photo.
    """

    cores: int = 2
    look: float = 1.0
    learn: float = 1.0
    decode_ms: float = 3.0


@dataclass(frozen=True)
class Cost:
    """Seconds of a run by part."""

    look: float
    decode: float
    head: float
    learn: float

    @property
    def total(self) -> float:
        """All of them, and what starting takes."""
        return 0.3 + self.look + self.decode + self.head + self.learn


@cache
def reference() -> dict[str, list[tuple[float, float]]]:
    """Milliseconds per photo and core to look and to learn, by network and stage."""
    path = Path(__file__).parents[1] / "backbones" / PACE
    return {name: [(a, b) for a, b in rows] for name, rows in json.loads(path.read_text(encoding="utf-8")).items()}


def read_pace(data_dir: Path) -> Pace | None:
    """What is known of this machine; None when nothing is."""
    known = read_json(data_dir / PACE) or {}
    try:
        pace = Pace(int(known["cores"]), float(known["look"]), float(known["learn"]), float(known["decode_ms"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    numbers = (pace.cores, pace.look, pace.learn, pace.decode_ms)
    return pace if all(1 / MOST < n < MOST for n in numbers) else None


def write_pace(data_dir: Path, pace: Pace) -> None:
    """Remember it."""
    write_json(data_dir / PACE, asdict(pace))


def estimate(config: TrainConfig, n_photos: int, pace: Pace, *, cached: float = 0.0) -> Cost:
    """Seconds that a run will take if no phase stops early.

    Args:
        cached: share of the photos, 0 to 1, whose output of the frozen prefix is there already.
    """
    backbone = get_backbone(config.backbone)
    rows = reference()[config.backbone]
    names = [stage.name for stage in backbone.stages]
    trainable = resolve_trainable(backbone, config.trainable)
    first = min((names.index(name) for name in trainable), default=len(names))
    growth = (config.image_size / backbone.image_size) ** 2 if config.image_size else 1.0
    n_val = round(n_photos * config.val_fraction)
    n_train = n_photos - n_val
    views = len(VIEWS[config.augmentation]) if first else 1
    passes = n_train * views + n_val
    scale = growth / (1000 * pace.cores)
    frozen = scale * pace.look * sum(look for look, _ in rows[:first])
    check = scale * pace.look * PLAIN * sum(look for look, _ in rows[first:])
    learn = scale * pace.learn * sum(learn for _, learn in rows[first:])
    learned = _learn_s(config, n_train, n_val, learn, check) if trainable else 0.0
    return Cost(
        look=(1 - cached) * passes * frozen,
        decode=(1 - cached if first else 1.0) * (n_photos + n_train * (views > 1)) * pace.decode_ms / (1000 * pace.cores),
        head=config.epochs * (HEAD_EPOCH_S + HEAD_PHOTO_S * n_train),
        learn=learned,
    )


def _learn_s(config: TrainConfig, n_train: int, n_val: int, learn: float, check: float) -> float:
    """Seconds of everything behind the frozen prefix, from those of one photo to learn from and to check."""
    epochs = config.finetune_passes(n_train)
    seconds = epochs * (n_train * learn + n_val * check) + n_val * check
    if config.head_start == "trained":  # the head's first lesson, and the choice between it and what came of it
        mirrored = min(ASKED, n_train) if config.augmentation in ("flip", "crops") else 0
        seconds += (n_train + mirrored + CHECKS * n_val) * check
    return seconds


def corrected(pace: Pace, config: TrainConfig, n_photos: int, seconds: dict[str, float], computed: int) -> Pace:
    """The pace after a run that ended: halfway from what was believed to what was seen.

    Args:
        seconds: as in results.json.
        computed: photos that went through the frozen prefix.
    """
    expected = estimate(config, n_photos, pace)
    look, learn, decode = pace.look, pace.learn, pace.decode_ms
    if computed >= ENOUGH and expected.look > 0:
        look *= (1 + seconds["prefix"] / expected.look) / 2
        decode *= (1 + seconds["decode"] / max(1e-9, expected.decode)) / 2
    if seconds.get("finetune") and expected.learn > 0:
        learn *= (1 + seconds["finetune"] / expected.learn) / 2
    return Pace(pace.cores, look, learn, decode)
