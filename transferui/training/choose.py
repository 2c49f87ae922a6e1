"""Which model a run keeps: the head on frozen blocks, the fine-tuned one, or one between them.

Fine-tuning with few photos often only seems to help. The straight line between both models' weights costs nothing to
look along, and what is found must beat the frozen blocks by more than chance.

Source: M. Wortsman et al., 2022, Robust fine-tuning of zero-shot models (interpolating weights).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from transferui.training.loop import Phase, learning_part, phase_weights, validate

# Places on the line from the head on frozen blocks (0) to the fine-tuned model (1).
SHARES = (0.25, 0.5, 0.75)
# One-sided 5 % of the normal distribution: by chance alone, one fine-tuning in twenty would pass.
SURE = 1.645

State = dict[str, Tensor]


@dataclass(frozen=True)
class Choice:
    """What was kept.

    Attributes:
        share: 0 for the head on frozen blocks, 1 for the fine-tuned model.
        gain: how much lower the mean validation loss is than the frozen blocks' (paired, picture by picture).
        error: standard error of the gain.
    """

    share: float
    logits: Tensor
    gain: float
    error: float

    @property
    def words(self) -> str:
        """A sentence for the person."""
        if self.share:
            between = "" if self.share == 1 else f" The best was {self.share:.0%} of the way to the fine-tuned weights."
            return (
                f"Fine-tuning lowered the validation loss by {self.gain:.3f} (± {2 * self.error:.3f}): more than chance.{between}"
            )
        if self.gain > 0:
            return "Fine-tuning did not beat the frozen blocks by more than chance, so the model with frozen blocks was kept."
        return "Fine-tuning did not lower the validation loss, so the model with frozen blocks was kept."


def snapshot(phase: Phase) -> State:
    """The weights of everything that learns now."""
    return {name: value.detach().cpu().clone() for name, value in learning_part(phase).state_dict().items()}


def choose(phase: Phase, probe: State, probe_logits: Tensor) -> Choice:
    """Leave the better model in the phase's network and say which it is.

    Args:
        phase: after fine-tuning, with the best fine-tuned weights in its network.
        probe: the weights before fine-tuning.
        probe_logits: (n_val, K) of that state.
    """
    tuned = snapshot(phase)
    found = [(*_at(phase, probe, tuned, share), share) for share in (*SHARES, 1.0)]
    logits, _, share = min(found, key=lambda row: row[1] if math.isfinite(row[1]) else math.inf)
    gains = losses(phase, probe_logits) - losses(phase, logits)
    gain, error = float(gains.mean()), float(gains.std()) / math.sqrt(max(1, len(gains)))
    if not (len(gains) > 1 and gain > SURE * error):
        learning_part(phase).load_state_dict(probe)
        return Choice(0.0, probe_logits, gain if math.isfinite(gain) else 0.0, error)
    _load(phase, probe, tuned, share)
    return Choice(share, logits, gain, error)


def losses(phase: Phase, logits: Tensor) -> Tensor:
    """Cross-entropy (n_val,) of every validation picture, weighted as in training."""
    return functional.cross_entropy(logits, phase.val.labels, weight=phase_weights(phase), reduction="none")


def _at(phase: Phase, probe: State, tuned: State, share: float) -> tuple[Tensor, float]:
    _load(phase, probe, tuned, share)
    return validate(phase)


def _load(phase: Phase, probe: State, tuned: State, share: float) -> None:
    """Weights at a place on the line; counters and the like are the fine-tuned model's."""
    mixed = {name: torch.lerp(probe[name], value, share) if value.is_floating_point() else value for name, value in tuned.items()}
    learning_part(phase).load_state_dict(mixed)
