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
from torch import Tensor

from transferui.training.flips import by_chance
from transferui.training.paired import mean_and_error
from transferui.training.phase import Phase, judge, learning_part, losses, predict_rows

# Places on the line from the head on frozen blocks (0) to the fine-tuned model (1).
SHARES = (0.25, 0.5, 0.75)
# For all places on the line together, by loss and by right answers. That the epoch was chosen by the same photos is not
# corrected; its neighbors answer nearly alike, so it costs little.
CHANCE = 0.05

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
        loss_by_chance, right_by_chance: how often chance alone would lower the loss, or turn answers right, as clearly at any
            place that was looked at.
    """

    share: float
    logits: Tensor
    gain: float
    error: float
    better: int = 0
    worse: int = 0
    units: int = 0
    loss_by_chance: float = 1.0
    right_by_chance: float = 1.0

    @property
    def sure(self) -> bool:
        """Whether it beats the frozen blocks by more than chance: in loss with no fewer right answers, or in right answers."""
        if not math.isfinite(self.gain) or self.worse > self.better:
            return False
        return self.loss_by_chance < CHANCE or (self.right_by_chance < CHANCE and self.gain > -2 * self.error)

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
        found = f"validation loss {-self.gain:+.3f} after calibration, {self.better} photos newly right, {self.worse} newly wrong"
        chance = min(self.loss_by_chance, self.right_by_chance)
        found += f"; chance alone does as well in {f'{chance:.0%}' if chance >= 0.01 else 'under 1%'} of cases"
        return f"{found}, photos of a series counted together" if self.units < len(self.logits) else found


def snapshot(phase: Phase) -> State:
    """The weights of everything that learns now."""
    return {name: value.detach().cpu().clone() for name, value in learning_part(phase).state_dict().items()}


def choose(phase: Phase, probe: State, probe_logits: Tensor, tuned_logits: Tensor) -> Choice:
    """Leave the better model in the phase's network and say which it is.

    Args:
        phase: after fine-tuning, with the best fine-tuned weights in its network.
        probe: the weights before fine-tuning.
        probe_logits, tuned_logits: (n_val, K) of that state, and of the network as it comes.
    """
    tuned = snapshot(phase)
    answers = [(1.0, tuned_logits)]
    for share in SHARES:
        _load(phase, probe, tuned, share)
        answers.append((share, predict_rows(phase, phase.val.inputs)))
    found = _judged(phase, probe_logits, answers)
    found.sort(key=lambda choice: choice.gain if math.isfinite(choice.gain) else -math.inf, reverse=True)
    kept = next((choice for choice in found if choice.sure), None)
    if kept is None:
        learning_part(phase).load_state_dict(probe)
        best = found[0]
        return replace(best, share=0.0, logits=probe_logits, gain=best.gain if math.isfinite(best.gain) else 0.0)
    _load(phase, probe, tuned, kept.share)
    return kept


def _judged(phase: Phase, probe_logits: Tensor, answers: Sequence[tuple[float, Tensor]]) -> list[Choice]:
    """Every place on the line, by its share and logits, against the frozen blocks."""
    before, were_right, home = losses(phase, probe_logits).double().numpy(), _right(phase, probe_logits), phase.home
    found, sums = list[Choice](), list[np.ndarray]()
    for share, logits in answers:
        gains, turned = before - losses(phase, logits).double().numpy(), _right(phase, logits) - were_right
        choice = Choice(share, logits, math.nan, math.nan)
        if math.isfinite(judge(phase, logits)):
            counts = int((turned > 0).sum()), int((turned < 0).sum()), len(np.unique(home))
            choice = Choice(share, logits, *mean_and_error(gains, home), *counts)
        known = gains if math.isfinite(choice.gain) else np.zeros(len(home))
        found.append(choice)
        sums += [np.bincount(home, known), np.bincount(home, turned)]
    chances = by_chance(np.stack(sums)).reshape(-1, 2)
    return [replace(one, loss_by_chance=loss, right_by_chance=right) for one, (loss, right) in zip(found, chances, strict=True)]


def _right(phase: Phase, logits: Tensor) -> np.ndarray:
    """1 for every validation picture that is answered right, else 0."""
    right: np.ndarray = (logits.argmax(1) == phase.val.labels).int().numpy()
    return right


def _load(phase: Phase, probe: State, tuned: State, share: float) -> None:
    """Weights at a place on the line; counters and the like are the fine-tuned model's."""
    mixed = {name: torch.lerp(probe[name], value, share) if value.is_floating_point() else value for name, value in tuned.items()}
    learning_part(phase).load_state_dict(mixed)
