"""How good the head on frozen features is, asked of every photo once a round by heads that have not seen it.

With few photos one validation part is a handful, and its share of right answers is mostly luck. The features of all photos
are at hand, so the head can be taught again and again without a fifth of them, until every photo has been checked.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from torch import Tensor, nn
from torch.nn import functional

from transferui.config import TrainConfig
from transferui.data.similar import groups_of, numbered
from transferui.evaluation.metrics import Accuracy, accuracy_interval, classification_report, majority_accuracy, worth
from transferui.training.model import QUIET
from transferui.training.recipe import class_weights, make_optimizer, make_schedule
from transferui.training.state import Trained

# Five folds leave as large a share to learn from as the usual validation part; three rounds even out how the folds fell.
FOLDS, REPEATS = 5, 3
# From this many photos on a validation part is large enough to speak for itself (180 right of 200: 85 to 93 %).
SMALL = 200


@dataclass(frozen=True)
class CrossValidation:
    """Answers for photos that their head has not seen.

    Attributes:
        logits: (R, N, K) by round and photo; photos as they were given.
        folds, repeats: parts per round and rounds.
        worth: how many photos that were taken one by one they are worth (`metrics.worth`).
    """

    logits: Tensor
    labels: Tensor
    folds: int
    repeats: int
    worth: float

    @property
    def answers(self) -> Tensor:
        """Logits (N, K) of the round with the middle number of right answers: one answer a photo, which stands for all rounds.

        Each is the answer of one head that had not seen the photo, as the kept model is one head, and accuracy, matrix and
        mistakes are of the same answers. The mean over the rounds would be the answer of several heads together, which are right
        more often than each: 73 against 71 % of 120 photos of flowers in 3 classes (mean of 4 seeds, more with every one).
        """
        right = (self.logits.argmax(2) == self.labels).sum(dim=1)
        return self.logits[int(right.argsort(stable=True)[(self.repeats - 1) // 2])]

    @property
    def accuracy(self) -> Accuracy:
        """Share of right `answers`; the interval counts every photo once, however many rounds there were."""
        right = int((self.answers.argmax(1) == self.labels).sum())
        return accuracy_interval(right, len(self.labels), self.worth)

    def temperature_set(self, picks: Sequence[int] | None = None) -> tuple[Tensor, list[int]]:
        """Logits (R * n, K) of all rounds and their labels, of all photos or of those at `picks`."""
        chosen = torch.arange(len(self.labels)) if picks is None else torch.tensor(list(picks), dtype=torch.long)
        return self.logits[:, chosen].flatten(0, 1), self.labels[chosen].repeat(self.repeats).tolist()

    def as_dict(self, class_names: Sequence[str]) -> dict[str, Any]:
        """The part of results.json that is about it."""
        me, truth = self.accuracy, self.labels.tolist()
        return {
            "accuracy": me.value,
            "low": me.low,
            "high": me.high,
            "n": me.n,
            "worth": me.worth,
            "folds": self.folds,
            "repeats": self.repeats,
            "majority_accuracy": majority_accuracy(truth),
            **classification_report(truth, self.answers.argmax(1).tolist(), class_names),
        }


@dataclass(frozen=True)
class Lesson:
    """What a run's head has learned from and how, so that it can be taught again.

    Attributes:
        picks: (N,) photos as indices into ``dataset.samples``: those that were learned from, then those that check.
        features: (N, V, D) of the frozen network: of every photo as it is, and of its changed copies where there are some.
        labels: (N,) class indices.
        config: with the step size that the head ended with.
        epochs: passes over the photos until the run's best state; 0 where none was better than not to have learned.
    """

    picks: tuple[int, ...]
    features: Tensor
    labels: Tensor
    config: TrainConfig
    epochs: int


def lesson_of(run: Trained) -> Lesson | None:
    """The lesson of a run's head; None when it never saw frozen features."""
    if not {"train", "val"} <= run.pooled.keys():
        return None
    head = next((phase for phase in run.phases if phase["name"] == "head"), {})
    picks = (*run.split.train, *run.split.val)
    train, val = run.pooled["train"].unsqueeze(1), run.pooled["val"]
    if run.pooled_views is not None:
        train = run.pooled_views
    # There are no changed copies of photos that only check; where they are to learn from here, they come as they are.
    features = torch.cat([train.float(), val.unsqueeze(1).expand(-1, train.shape[1], -1)])
    labels = torch.tensor([run.dataset.samples[i].label for i in picks])
    epochs = int(str(head.get("best_epoch", run.config.epochs)))
    rate = run.config.head_learning_rate * float(str(head.get("slower", 1.0)))
    return Lesson(picks, features, labels, run.config.model_copy(update={"head_learning_rate": rate}), epochs)


def cross_validate_run(run: Trained) -> CrossValidation | None:
    """Cross-validate a run's head on the features of its training and validation photos.

    The heads learn as long as the run's own until its best state. None when that learned nothing from frozen features, or when no
    honest folds can be made: photos that belong together (copies, bursts) stay in one fold, and a class that is all one such
    group would always be unknown.
    """
    mine = lesson_of(run)
    if mine is None or not mine.epochs:
        return None
    classes = len(run.dataset.class_names)
    return cross_validate(mine.features, mine.labels, group_ids(run, mine.picks), classes, mine.config, mine.epochs)


def group_ids(run: Trained, picks: Sequence[int]) -> np.ndarray:
    """A number per photo (N,), shared by photos that must stay together: equal files, and near-copies as the split knows them."""
    near, equal = numbered(groups_of(run.dataset)), dict[str, int]()
    return np.array([equal.setdefault(run.dataset.samples[i].sha256, near[i]) for i in picks])


def cross_validate(
    features: Tensor, labels: Tensor, groups: np.ndarray, classes: int, config: TrainConfig, epochs: int
) -> CrossValidation | None:
    """Teach a head per fold and round, all side by side, and collect its answers for the photos of its fold.

    Args:
        features: (N, V, D) of the frozen network: of every photo as it is, and of its changed copies, which are drawn from in
            learning; what is asked about is the photo as it is.
        labels: (N,) class indices.
        groups: (N,) photos with the same number stay in one fold.
        classes: how many there are, also where one has no photo here.
        epochs: passes over the photos, at most ``config.epochs``, which sets the schedule.

    Returns:
        None where no honest folds can be made, or where the heads ran away.

    Source: R. Kohavi, 1995, A study of cross-validation and bootstrap for accuracy estimation and model selection.
    """
    folds = _fold_count(labels.numpy(), groups)
    if folds < 2:
        return None
    # Many photos need no second round, and a handful no more than three.
    repeats = REPEATS if len(labels) < SMALL else 1
    parts = [part for r in range(repeats) for part in _folds(labels.numpy(), groups, folds, config.seed + r)]
    heads = Heads(features, [train for train, _ in parts], classes)
    teach(heads, features, labels, config, min(epochs, config.epochs))
    logits = torch.zeros(repeats, len(labels), classes)
    with torch.inference_mode():
        for m, (_, held_out) in enumerate(parts):
            logits[m // folds, held_out] = heads.answers(features[held_out, 0], m)
    return CrossValidation(logits, labels, folds, repeats, worth(groups.tolist())) if bool(logits.isfinite().all()) else None


def _fold_count(labels: np.ndarray, groups: np.ndarray) -> int:
    """How many folds there can be; 0 when a class would be unknown to the head that is asked about it."""
    kinds = [len(set(groups[labels == label])) for label in set(labels.tolist())]
    return min(FOLDS, max(kinds)) if min(kinds) > 1 else 0


def _folds(labels: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Indices (to learn from, held out) of every fold; classes with fewer photos than folds are missing from some."""
    kind = StratifiedKFold if len(set(groups.tolist())) == len(groups) else StratifiedGroupKFold
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")  # foreseen: it is missing from some folds
        splitter = kind(folds, shuffle=True, random_state=seed)
        found = list(splitter.split(labels, labels, groups if kind is StratifiedGroupKFold else None))
    return [(torch.from_numpy(train), torch.from_numpy(held_out)) for train, held_out in found]


class Heads(nn.Module):
    """M heads side by side, each with the mean and deviation of the photos that it learns from, as `training.model.Head`.

    Args:
        features: (N, V, D).
        picks: for each head the indices that it learns from.
    """

    def __init__(self, features: Tensor, picks: Sequence[Tensor], classes: int) -> None:
        super().__init__()
        self.picks = picks
        found = [torch.std_mean(features[rows].flatten(0, 1), dim=0, correction=0) for rows in picks]
        spread = torch.stack([deviation for deviation, _ in found])
        floor = (QUIET * spread.mean(dim=1, keepdim=True)).clamp_min(1e-12)
        self.shift = torch.stack([middle for _, middle in found])
        self.scale = 1.0 / torch.maximum(spread, floor)
        self.weight = nn.Parameter(torch.zeros(len(picks), features.shape[2], classes))
        self.bias = nn.Parameter(torch.zeros(len(picks) * classes))  # flat, so that it is known as a bias: no decay

    def forward(self, features: Tensor) -> Tensor:
        """Logits (M, B, K) of a batch (M, B, D) per head."""
        rows = (features - self.shift[:, None]) * self.scale[:, None]
        return torch.baddbmm(self.bias.view(len(self.picks), 1, -1), rows, self.weight)

    def answers(self, features: Tensor, m: int) -> Tensor:
        """Logits (B, K) of head `m` for features (B, D)."""
        logits: Tensor = ((features - self.shift[m]) * self.scale[m]) @ self.weight[m]
        return logits + self.bias.view(len(self.picks), -1)[m]


def teach(heads: Heads, features: Tensor, labels: Tensor, config: TrainConfig, epochs: int) -> None:
    """Teach all heads as `training.loop` teaches one: same optimizer, schedule, class weights and batch size."""
    longest = max(len(rows) for rows in heads.picks)
    steps = -(-longest // config.batch_size)
    optimizer = make_optimizer(heads, nn.Sequential(), config)
    schedule = make_schedule(optimizer, config, steps * config.epochs, warm_up=False)
    classes = heads.weight.shape[2]
    weights = class_weights(torch.bincount(labels, minlength=classes).tolist(), config.class_weights)
    random = torch.Generator().manual_seed(config.seed)
    for _ in range(epochs):
        order = torch.stack([_shuffled(rows, longest, random) for rows in heads.picks])
        for batch in order.split(config.batch_size, dim=1):
            optimizer.zero_grad(set_to_none=True)
            views = torch.randint(features.shape[1], batch.shape, generator=random) if features.shape[1] > 1 else 0
            logits, truth = heads(features[batch, views]), labels[batch]
            _mean_losses(logits, truth, weights).sum().backward()
            optimizer.step()
            schedule.step()


def _mean_losses(logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Weighted mean cross-entropy (M,) of every head's batch; heads do not share weights, so neither do they gradients."""
    losses = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), weight=weights, reduction="none").view(labels.shape)
    counts = weights[labels].sum(dim=1) if weights is not None else torch.full((len(labels),), float(labels.shape[1]))
    return losses.sum(dim=1) / counts


def _shuffled(rows: Tensor, length: int, random: torch.Generator) -> Tensor:
    """A random order of `rows`; a head with fewer photos than the others sees some twice."""
    order = rows[torch.randperm(len(rows), generator=random)]
    return order.repeat(-(-length // len(order)))[:length]
