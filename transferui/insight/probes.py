"""Where to freeze? A linear probe after every stage shows how far the network's features serve these photos."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from transferui.backbones.catalogue import Backbone, get_backbone, stages_with_weights
from transferui.data.dataset import Dataset
from transferui.evaluation.compare import Comparison, against_best
from transferui.evaluation.metrics import Accuracy
from transferui.evaluation.shown import share
from transferui.insight.features import Watch, go_on, load_network, opened, pick_sample, tell_nobody, warnings
from transferui.insight.measurement import STOPPED, WORTH, Measurement
from transferui.insight.scores import LeaveOneOut, ridge_loo
from transferui.insight.taps import tapped_features, width_of
from transferui.insight.trials import Trial, try_stages
from transferui.training.features import Report, ShouldStop, StoppedError

# Photos that are probed: as many as for ranking, so that both share their features.
SAMPLE = 400


@dataclass(frozen=True)
class StageProbe:
    """How well a head would do on the output of one stage.

    Attributes:
        width: numbers per photo.
        ridge: leave-one-out accuracy of a linear probe.
        gap: accuracy of the best stage minus this one's.
        below: the paired test says that this stage is worse than the best.
    """

    name: str
    width: int
    ridge: Accuracy
    gap: float = 0.0
    below: bool = False


@dataclass(frozen=True)
class Probes(Measurement):
    """The curve of accuracy over depth and what follows from it.

    Attributes:
        best: stage with the highest accuracy.
        freeze_to: freeze from the input up to this stage.
        trainable: what to write into the setting ``trainable``: names of the stages after it, or ``none``.
        trials: measured gain of training single stages, if it was asked for.
        worth_training: the single stage that is worth training; empty when none clearly is, or none was tried.
    """

    backbone: str
    stages: tuple[StageProbe, ...]
    best: str
    freeze_to: str
    trainable: str
    sentence: str
    n_images: int
    trials: tuple[Trial, ...] = ()
    worth_training: str = ""
    prefix_images: int = 0


def probe_stages(
    dataset: Dataset | Path | str,
    backbone: str = "efficientnet_lite0",
    *,
    train_s: float = 60.0,
    data_dir: Path | None = None,
    report: Report = tell_nobody,
    should_stop: ShouldStop = go_on,
) -> Probes:
    """Probe every stage of a network in one forward pass over at most 400 photos, then try to train single stages.

    Args:
        train_s: seconds that the trials may take, from the last stage to the first; 0 tries none.
        report: called with progress dictionaries.
        should_stop: asked often; what was finished is kept.

    Raises:
        UserError: for every cause that a person can mend.
    """
    begun = time.perf_counter()
    facts, watch = get_backbone(backbone), Watch(report, should_stop)
    found, home = opened(dataset, data_dir)
    try:
        probes = _probe(facts, found, home, watch)
    except StoppedError:
        return Probes(facts.name, (), "", "", "none", STOPPED, 0, stopped=True)
    if train_s > 0:
        names = stages_with_weights(facts)
        trials, finished = try_stages(facts, found, home, watch, train_s)
        notes = (*probes.notes, *_missing(trials, names, finished, watch))
        stopped = not finished and should_stop()
        probes = replace(probes, trials=tuple(trials), notes=notes, stopped=stopped, worth_training=_worth(trials))
    return replace(probes, seconds=round(time.perf_counter() - begun, 3))


def _probe(backbone: Backbone, dataset: Dataset, data_dir: Path, watch: Watch) -> Probes:
    """The curve over depth."""
    network = load_network(backbone.name, data_dir, watch)
    parts, whole = tapped_features(network, dataset, pick_sample(dataset, SAMPLE), data_dir, watch)
    found = [ridge_loo(part.table, part.labels, len(dataset.class_names), part.groups) for part in parts]
    best = max(range(len(found)), key=lambda i: (found[i].accuracy.value, -i))
    facts = zip(found, backbone.stages, strict=True)
    against = against_best([one.right.tolist() for one in found], best, found[best].groups)
    stages = tuple(_against(against.get(n), one, stage.name, width_of(stage)) for n, (one, stage) in enumerate(facts))
    # A shallower stage serves as well if the paired test sees no difference either.
    freeze_to = next(i for i, stage in enumerate(stages) if not stage.below and stage.gap < WORTH)
    after = [stage.name for stage in backbone.stages[freeze_to + 1 :] if stage.params]
    if not after:  # what follows has nothing to learn, so everything is frozen
        freeze_to = len(stages) - 1
    return Probes(
        backbone.name, stages, stages[best].name, stages[freeze_to].name, ",".join(after) or "none",
        _sentence(backbone, stages, best, freeze_to), len(whole.labels), prefix_images=whole.work.prefix_images,
        notes=(*warnings(whole.labels, dataset.class_names), *whole.notes),
    )  # fmt: skip


def _against(found: Comparison | None, one: LeaveOneOut, name: str, width: int) -> StageProbe:
    """A stage with what its comparison with the best one gave; there is none for the best itself."""
    if found is None:
        return StageProbe(name, width, one.accuracy)
    return StageProbe(name, width, one.accuracy, found.difference, found.verdict == "b_better")


def _sentence(backbone: Backbone, stages: Sequence[StageProbe], best: int, freeze_to: int) -> str:
    """What the curve says, in words."""
    first, last, top = stages[0], stages[-1], stages[best]
    rise = f"Accuracy goes from {share(first.ridge.value)} after {first.name} to {share(top.ridge.value)} after {top.name}"
    if last.below:
        return (
            f"{rise} and falls to {share(last.ridge.value)} at the end: what {backbone.title} learned after {top.name} is made "
            f"for other pictures and hurts here. Freeze up to {stages[freeze_to].name} and let the blocks after it learn."
        )
    if freeze_to < len(stages) - 1:
        return (
            f"{rise}; the blocks after {stages[freeze_to].name} neither clearly help nor hurt. Freeze up to "
            f"{stages[freeze_to].name}; the blocks after it may learn."
        )
    return f"{rise}: every block helps, so freezing all of them is a good start."


def _worth(trials: Sequence[Trial]) -> str:
    """Name of the stage with the largest clear gain; empty when there is none."""
    clear = [trial for trial in trials if trial.clear]
    return max(clear, key=lambda trial: trial.gain).stage if clear else ""


def _missing(trials: Sequence[Trial], names: Sequence[str], finished: bool, watch: Watch) -> list[str]:
    """Sentences about what was not tried."""
    said = []
    if not finished:
        left = [name for name in names if name not in {trial.stage for trial in trials}]
        why = "Stopped" if watch.should_stop() else "The time was over"
        said.append(f"{why} before training {', '.join(left)} alone could be tried.")
    if trials and not any(trial.clear for trial in trials):
        said.append("Training one stage alone did not clearly help with any that was tried.")
    return said
