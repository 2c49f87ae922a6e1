"""How much a random split would have flattered photos that come in series: the head, taught and checked once more that way.

Frames of one film that fall on both sides make the check easy: the head has as good as seen what it is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch

from transferui.evaluation.cross_validation import Heads, Lesson, lesson_of, teach
from transferui.evaluation.headline import MANY_ALIKE
from transferui.evaluation.metrics import worth
from transferui.evaluation.shown import share
from transferui.training.machine import one_thread
from transferui.training.state import Trained

# Photos shown to the head and steps of it at the most, so that this takes less than a second: 2,400 of 3,000 photos are shown six
# times, in larger batches. If that is less than the whole lesson, it flatters less.
MOST_SHOWN, MOST_STEPS = 16_000, 200
# A difference that chance alone would bring as often as this (Fisher's exact test, one-sided) is not called a leak.
CHANCE = 0.05


def random_split(run: Trained) -> dict[str, Any] | None:
    """What the run's head on frozen features would seem to reach with a random split that tears series apart.

    As many photos of every class check as in the run's own split, and the head learns from all others; photos whose
    equal file checks are left out.

    Returns:
        ``accuracy`` (0 to 1) of ``n`` photos; ``with_kin``, the share of these of whose series or near-copies the head has
        learned; ``beyond_chance``, whether it is above ``head_val_accuracy`` by more than chance explains. None where photos do
        not come in series, where the head never saw frozen features, where a class would have nothing to learn from, or where
        the head ran away.
    """
    mine = lesson_of(run)
    if mine is None or run.head_val_logits is None:
        return None
    numbers = run.groups()
    groups = torch.tensor([numbers[i] for i in mine.picks])
    if worth(groups.tolist()) > MANY_ALIKE * len(groups):
        return None
    learned, check = _draw(run, mine)
    classes = len(run.dataset.class_names)
    if len(mine.labels[learned].unique()) < len(mine.labels.unique()) or not len(check):
        return None
    logits = _answers(mine, learned, check, classes)
    if not bool(logits.isfinite().all()):
        return None
    right = int((logits.argmax(1) == mine.labels[check]).sum())
    truth = torch.tensor([run.dataset.samples[i].label for i in run.split.val])
    ours = int((run.head_val_logits.argmax(1) == truth).sum())
    return {
        "accuracy": right / len(check),
        "n": len(check),
        "with_kin": float(torch.isin(groups[check], groups[learned]).float().mean()),
        "beyond_chance": _beyond_chance(right, len(check), ours, len(truth)),
    }


def words(values: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """`random_split` in one sentence.

    Args:
        values: results with ``head_val_accuracy`` and ``kept_phase``.
    """
    whose = "For the new head on frozen blocks, a" if values["kept_phase"] == "finetune" else "A"
    torn, ours = share(found["accuracy"]), share(values["head_val_accuracy"])
    why = "the difference is the leak" if found["beyond_chance"] else "no more than chance explains"
    said = f"the same: {ours}" if torn == ours else f"{torn} instead of {ours}: {why}"
    return f"{whose} random split, which puts photos of one series on both sides, would have said {said}."


def _draw(run: Trained, mine: Lesson) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions in the lesson (to learn from, to check), drawn photo by photo."""
    labels, samples = mine.labels.tolist(), run.dataset.samples
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(run.config.seed)).tolist()
    wanted, check = Counter(samples[i].label for i in run.split.val), list[int]()
    for n in order:
        if wanted[labels[n]] > 0:
            wanted[labels[n]] -= 1
            check.append(n)
    asked = {samples[mine.picks[n]].sha256 for n in check}
    learned = [n for n in order if samples[mine.picks[n]].sha256 not in asked]
    return torch.tensor(learned, dtype=torch.long), torch.tensor(check, dtype=torch.long)


def _answers(mine: Lesson, learned: torch.Tensor, check: torch.Tensor, classes: int) -> torch.Tensor:
    """Logits (n, K) of the photos to check, of a head that has learned from the others."""
    # The whole lesson: when to end it is chosen by the photos that check, and those of the run's own split are harder.
    epochs = max(1, min(mine.config.epochs, MOST_SHOWN // len(learned)))
    batch = max(mine.config.batch_size, -(-len(learned) * epochs // MOST_STEPS))
    config = mine.config.model_copy(update={"epochs": epochs, "batch_size": batch})
    heads = Heads(mine.features, [learned], classes)
    with one_thread():
        teach(heads, mine.features, mine.labels, config, epochs)
    with torch.inference_mode():
        return heads.answers(mine.features[check, 0], 0)


def _beyond_chance(right: int, n: int, ours: int, n_ours: int) -> bool:
    """Whether `right` of `n` are more than `ours` of `n_ours` by more than chance brings."""
    from scipy.stats import fisher_exact  # noqa: PLC0415 - half a second that a page does not need

    table = [[right, n - right], [ours, n_ours - ours]]
    return bool(fisher_exact(table, alternative="greater").pvalue <= CHANCE)
