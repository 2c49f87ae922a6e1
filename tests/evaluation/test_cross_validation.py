"""Cross-validation of the head: every photo is asked once a round of a head that has not seen it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from transferui.config import TrainConfig
from transferui.evaluation.cross_validation import CrossValidation, cross_validate
from transferui.evaluation.metrics import accuracy_interval

NAMES = ("a", "b", "c")


def _drawn(n: int, apart: float, classes: int = 3, width: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (n, width) of classes whose means lie `apart` from each other."""
    random = torch.Generator().manual_seed(n)
    labels = torch.arange(n) % classes
    return torch.randn(n, width, generator=random) + apart * torch.eye(classes, width)[labels], labels


def _crossed(
    features: torch.Tensor, labels: torch.Tensor, groups: np.ndarray | None = None, **settings: object
) -> CrossValidation:
    config = TrainConfig.model_validate({"epochs": 20, "head_learning_rate": 0.03, **settings})
    views = features if features.ndim == 3 else features.unsqueeze(1)
    found = cross_validate(views, labels, np.arange(len(labels)) if groups is None else groups, 3, config, 20)
    assert found is not None
    return found


def test_taught_to_the_end_it_is_the_logistic_regression_of_scikit_learn() -> None:
    features, labels = _drawn(90, 2.0, width=12)
    # The same penalty in both: mean loss + decay / 2 * w² against w² / 2 + C * sum of losses.
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=1 / (0.05 * 72), tol=1e-8, max_iter=1000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    expected = cross_val_predict(theirs, features.numpy(), labels.numpy(), cv=folds, method="decision_function")
    settings = {"optimizer": "sgd", "schedule": "constant", "head_learning_rate": 0.3, "batch_size": 1024, "epochs": 200}
    ours = cross_validate(features.unsqueeze(1), labels, np.arange(90), 3, TrainConfig.model_validate(settings), 200)
    assert ours is not None
    differences = [logits - logits.mean(axis=1, keepdims=True) for logits in (ours.logits[0].numpy(), expected)]
    assert np.abs(differences[0] - differences[1]).max() < 0.02


def test_the_interval_counts_every_photo_once_however_many_rounds() -> None:
    found = _crossed(*_drawn(60, 3.0))
    me = found.accuracy
    assert (found.folds, found.repeats, me.n, found.logits.shape) == (5, 3, 60, (3, 60, 3))
    assert (me.low, me.high) == (accuracy_interval(me.value * 60, 60).low, accuracy_interval(me.value * 60, 60).high)


def test_one_round_stands_for_all_and_every_number_is_of_its_answers() -> None:
    found = _crossed(*_drawn(60, 1.0))
    told, rounds = found.as_dict(NAMES), (found.logits.argmax(2) == found.labels).sum(dim=1).tolist()
    right = [told["confusion"][label][label] for label in range(3)]
    assert sum(right) == sorted(rounds)[1] == round(60 * told["accuracy"]) and len(set(rounds)) > 1
    assert [row["recall"] for row in told["per_class"]] == pytest.approx([n / 20 for n in right])


def test_what_a_photo_was_taught_does_not_reach_its_own_answer() -> None:
    features, labels = _drawn(60, 0.0, width=200)  # nothing to find, and enough room to remember every photo
    assert _crossed(features, labels).accuracy.value < 0.5


def test_copies_stay_on_one_side() -> None:
    features, labels = _drawn(30, 0.0, width=200)
    twice, both = features.repeat(2, 1), labels.repeat(2)
    assert _crossed(twice, both).accuracy.value > 0.6  # the copy was seen
    assert _crossed(twice, both, np.arange(60) % 30).accuracy.value < 0.5


@pytest.mark.parametrize("counts", [(2, 2, 2), (2, 30, 9), (3, 2, 4)])
def test_classes_with_fewer_photos_than_folds_are_no_trouble(counts: tuple[int, ...]) -> None:
    labels = torch.tensor([label for label, n in enumerate(counts) for _ in range(n)])
    features = torch.randn(len(labels), 8, generator=torch.Generator().manual_seed(0)) + 9 * torch.eye(3, 8)[labels]
    found = _crossed(features, labels)
    assert found.folds == min(5, max(counts))
    assert [row["n"] for row in found.as_dict(NAMES)["per_class"]] == list(counts)
    assert found.logits.isfinite().all()


def test_there_is_no_honest_answer_for_a_class_that_is_one_photo_or_one_burst() -> None:
    features, labels = _drawn(12, 5.0)
    features = features.unsqueeze(1)
    alone = torch.tensor([0, *([1] * 11)])
    assert cross_validate(features, alone, np.arange(12), 3, TrainConfig(), 3) is None
    burst = np.where(labels.numpy() == 0, 99, np.arange(12))
    assert cross_validate(features, labels, burst, 3, TrainConfig(), 3) is None


def test_weighted_classes_are_found_more_often() -> None:
    random = torch.Generator().manual_seed(3)
    labels = torch.tensor([0] * 100 + [1] * 12 + [2] * 12)
    features = torch.randn(124, 20, generator=random) + 1.5 * torch.eye(3, 20)[labels]
    plain, weighted = (_crossed(features, labels, class_weights=kind).as_dict(NAMES) for kind in ("off", "balanced"))
    assert weighted["balanced_accuracy"] > plain["balanced_accuracy"]


def test_changed_copies_are_learned_from_and_not_asked_about() -> None:
    features, labels = _drawn(60, 4.0)
    plain = _crossed(features, labels)
    swapped = torch.stack([features, features[torch.arange(60) - 1]], dim=1)  # every copy shows the class before
    assert _crossed(swapped, labels).accuracy.value < plain.accuracy.value
    same = torch.stack([features, features], dim=1)
    assert _crossed(same, labels).accuracy.value == pytest.approx(plain.accuracy.value, abs=0.05)


def test_heads_that_ran_away_say_nothing() -> None:
    features, labels = _drawn(60, 1.0)
    wild = TrainConfig(head_learning_rate=10.0, weight_decay=10.0, epochs=60)
    assert cross_validate(features.unsqueeze(1), labels, np.arange(60), 3, wild, 60) is None


def test_photos_that_belong_together_widen_the_interval() -> None:
    features, labels = _drawn(60, 3.0)
    alone, together = _crossed(features, labels).accuracy, _crossed(features, labels, np.arange(60) // 6).accuracy
    assert together.n == 60 and together.worth == pytest.approx(10)
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
