"""Which model a run keeps: the head on frozen blocks, the fine-tuned one, or one between them.

Fine-tuning with few photos often only seems to help. The straight line between both models' weights costs nothing to
look along, and what is found must beat the frozen blocks by more than chance, without fewer right answers.

Source: M. Wortsman et al., 2022, Robust fine-tuning of zero-shot models (interpolating weights).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import bdtrc, stdtrit
from torch import Tensor

from transferui.training.phase import Phase, judge, learning_part, losses, predict_rows

# Places on the line from the head on frozen blocks (0) to the fine-tuned model (1).
SHARES = (0.25, 0.5, 0.75)
# One-sided, for all places on the line together: each of them has its share. That the epoch was chosen by the same photos is
# not corrected; its neighbors answer nearly alike, so it costs little.
CHANCE = 0.05 / (len(SHARES) + 1)

State = dict[str, Tensor]


@dataclass(frozen=True)
class Choice:
    """What was kept.

    Attributes:
        share: 0 for the head on frozen blocks, 1 for the fine-tuned model.
        gain: how much lower the mean validation loss is than the frozen blocks' (paired, picture by picture, both at their
            best temperature).
        error: standard error of the gain; pictures of a group count as one observation.
        better, worse: validation pictures that only the fine-tuned model, or only the frozen blocks, answered right.
        units: how many pictures stand alone, plus groups of such as belong together.
        units_better, units_worse: of these, how many gained, or lost, right answers.
    """

    share: float
    logits: Tensor
    gain: float
    error: float
    better: int = 0
    worse: int = 0
    units: int = 0
    units_better: int = 0
    units_worse: int = 0

    @property
    def sure(self) -> bool:
        """Whether it beats the frozen blocks by more than chance: in loss with no fewer right answers, or in right answers."""
        numbers = math.isfinite(self.gain) and math.isfinite(self.error)
        if self.units < 2 or not numbers or self.worse > self.better:
            return False
        reach, up, down = float(stdtrit(self.units - 1, 1 - CHANCE)) * self.error, self.units_better, self.units_worse
        more_right = up > 0 and float(bdtrc(up - 1, up + down, 0.5)) < CHANCE
        return self.gain > reach or (more_right and self.gain > -reach)

    @property
    def words(self) -> str:
        """A sentence for the person."""
        if self.share:
            between = "" if self.share == 1 else f" The best was {self.share:.0%} of the way to the fine-tuned weights."
            return f"Fine-tuning beat the frozen blocks by more than chance: {self._evidence}.{between}"
        kept = "so the model with frozen blocks was kept."
        if self.gain > 0 and self.worse > self.better:
            return f"Fine-tuning lowered the validation loss, but answered fewer photos right ({self._evidence}), {kept}"
        if self.gain > 0:
            return f"Fine-tuning did not beat the frozen blocks by more than chance ({self._evidence}), {kept}"
        return f"Fine-tuning did not lower the validation loss, {kept}"

    @property
    def _evidence(self) -> str:
        loss = f"validation loss {-self.gain:+.3f} (± {2 * self.error:.3f})"
        found = f"{loss}, {self.better} photos newly right, {self.worse} newly wrong"
        return f"{found}; these photos are {self.units} series and single ones" if self.units < len(self.logits) else found


def snapshot(phase: Phase) -> State:
    """The weights of everything that learns now."""
    return {name: value.detach().cpu().clone() for name, value in learning_part(phase).state_dict().items()}


def choose(phase: Phase, probe: State, probe_logits: Tensor, groups: Sequence[int]) -> Choice:
    """Leave the better model in the phase's network and say which it is.

    Args:
        phase: after fine-tuning, with the best fine-tuned weights in its network.
        probe: the weights before fine-tuning.
        probe_logits: (n_val, K) of that state.
        groups: (n_val,) numbers of what belongs together, as frames of a series do.

    Source for groups: K.-Y. Liang and S. Zeger, 1986, Longitudinal data analysis using generalized linear models (the error of
    a mean from sums over groups), with one degree of freedom for each group but one.
    """
    tuned = snapshot(phase)
    found = [_at(phase, probe, tuned, share, probe_logits, groups) for share in (*SHARES, 1.0)]
    found.sort(key=lambda choice: choice.gain if math.isfinite(choice.gain) else -math.inf, reverse=True)
    kept = next((choice for choice in found if choice.sure), None)
    if kept is None:
        learning_part(phase).load_state_dict(probe)
        best = found[0]
        return replace(best, share=0.0, logits=probe_logits, gain=best.gain if math.isfinite(best.gain) else 0.0)
    _load(phase, probe, tuned, kept.share)
    return kept


def _at(phase: Phase, probe: State, tuned: State, share: float, probe_logits: Tensor, groups: Sequence[int]) -> Choice:
    """The model at a place on the line against the frozen blocks."""
    _load(phase, probe, tuned, share)
    logits = predict_rows(phase, phase.val.inputs[:, 0])
    if not math.isfinite(judge(phase, logits)):
        return Choice(share, logits, math.nan, math.nan)
    gains = losses(phase, probe_logits) - losses(phase, logits)
    was_right, is_right = ((answers.argmax(1) == phase.val.labels) for answers in (probe_logits, logits))
    turned = is_right.int() - was_right.int()
    home = np.unique(groups, return_inverse=True)[1]
    sums, net = np.bincount(home, gains - gains.mean()), np.bincount(home, turned)
    units = len(sums)
    error = math.sqrt((sums**2).sum() * units / (units - 1)) / len(home) if units > 1 else math.inf
    counts = int((turned > 0).sum()), int((turned < 0).sum()), units, int((net > 0).sum()), int((net < 0).sum())
    return Choice(share, logits, float(gains.mean()), error, *counts)


def _load(phase: Phase, probe: State, tuned: State, share: float) -> None:
    """Weights at a place on the line; counters and the like are the fine-tuned model's."""
    mixed = {name: torch.lerp(probe[name], value, share) if value.is_floating_point() else value for name, value in tuned.items()}
    learning_part(phase).load_state_dict(mixed)
