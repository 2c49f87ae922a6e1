"""The measuring process: answers the questions of `insight.parts` one after the other and keeps what is finished."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transferui.backbones.weights import StoppedDownloadError
from transferui.data.dataset import Dataset
from transferui.errors import UserError
from transferui.files import read_json, write_json
from transferui.insight.chain import chain_gain
from transferui.insight.features import Watch, load_network, own_network, pick_sample
from transferui.insight.gain import Effort, transfer_gain
from transferui.insight.labels import find_label_errors
from transferui.insight.learning_curve import learning_curve
from transferui.insight.maps import PhotoMap, map_through
from transferui.insight.parts import check_parts
from transferui.insight.probes import probe_stages
from transferui.insight.ranking import rank_backbones
from transferui.insight.unusual import how_unusual
from transferui.runs.pictures import sheet
from transferui.runs.store import Run, Store
from transferui.runs.telling import Telling
from transferui.training.features import StoppedError
from transferui.training.lineage import learned_stages
from transferui.training.start import open_start

# Dots of the map on the page.
DOTS = 400
# Own models that are ranked beside the networks: each takes some seconds.
OWN_MODELS = 3
# Fewer validation photos than this make no map; then it is of all photos.
ENOUGH = 60
# Seconds for trials of training one stage: enough for the last two or three.
TRIAL_S = 25.0
# With so few minutes, pictures are smaller and fewer, so that a network learns from nothing while a class waits.
SHORT, SHORT_EFFORT = 5.0, {"image_size": 64, "photos": 240}

Results = dict[str, Any]
Keep = Callable[[Results], object]


@dataclass(frozen=True)
class Wish:
    """What is to be measured.

    Attributes:
        parts: names of `insight.parts`.
        minutes: for every comparison that trains networks from different starts.
        run_dir: a run of the same photos, whose model the map shows as well.
        own_models: ids of runs that are ranked beside the networks.
    """

    parts: Sequence[str]
    backbone: str
    minutes: float = 1.5
    run_dir: Path | None = None
    own_models: Sequence[str] = ()

    @property
    def effort(self) -> Effort:
        """What a comparison may cost in these minutes."""
        return Effort(self.minutes, **SHORT_EFFORT) if self.minutes < SHORT else Effort(self.minutes)


def measure_all(dataset: Dataset, wish: Wish, data_dir: Path, watch: Watch, known: Results, keep: Keep) -> Results:
    """Answer the questions and give all answers, with those that were known before.

    Args:
        known: answers of an earlier measurement; one that was stopped does not replace a whole one.
        keep: called with all answers after every one.

    Raises:
        UserError: for every cause that a person can mend.
    """
    results, names = dict(known), check_parts(wish.parts)
    for n, name in enumerate(names):
        if watch.should_stop():
            break
        told = Watch(_Named(watch, name, n + 1, len(names)), watch.should_stop)
        told.report({})
        try:
            answer = _ANSWERS[name](dataset, wish, data_dir, told)
        except (StoppedError, StoppedDownloadError):
            break
        if not answer.get("stopped") or name not in results:
            results[name] = {"backbone": wish.backbone, **answer, "measured": time.time()}
            keep(results)
    return results


def measure_run(run: Run, dataset: Dataset, data_dir: Path) -> None:
    """Measure what a prepared folder says; its results.json has every answer as soon as it is known.

    Raises:
        UserError: for every cause that a person can mend.
    """
    wanted, telling = run.wanted or {}, Telling(run)
    telling.introduce()
    telling.status("preparing", what="Getting ready")
    own = str(wanted.get("run") or "")
    wish = Wish(
        wanted.get("parts", ()), run.config.backbone, float(wanted.get("minutes", 1.5)), data_dir / "runs" / own if own else None
    )
    watch = Watch(_Told(telling), lambda: run.is_to_stop)
    try:
        wish = replace(wish, own_models=_own_models(run, data_dir))
        measure_all(dataset, wish, data_dir, watch, run.results() or {}, _Kept(run))
    except Exception as error:
        mended = telling.failed(error, data_dir)
        if mended is None:
            raise
        raise mended from error
    message = "What was finished is kept." if run.is_to_stop else ""
    telling.status("stopped" if run.is_to_stop else "finished", message=message)


@dataclass(frozen=True)
class _Named:
    """Reports which question is being answered."""

    watch: Watch
    part: str
    number: int
    parts: int

    def __call__(self, row: dict[str, Any]) -> None:
        self.watch.report({**row, "part": self.part, "number": self.number, "parts": self.parts})


@dataclass(frozen=True)
class _Told:
    """Puts progress into status.json."""

    telling: Telling

    def __call__(self, row: dict[str, Any]) -> None:
        if self.telling.is_due():
            shown = ("part", "number", "parts", "what", "done", "total")
            self.telling.status("running", **{key: row[key] for key in shown if key in row})


@dataclass(frozen=True)
class _Kept:
    """Puts answers into results.json."""

    run: Run

    def __call__(self, results: Results) -> None:
        write_json(self.run.folder / "results.json", results)


def _own_models(measurement: Run, data_dir: Path) -> list[str]:
    """Ids of the newest runs of the same owner whose blocks have learned something else than these photos."""
    owner, found = measurement.facts.get("owner"), list[str]()
    for run in Store(data_dir).all_runs():
        facts, results = read_json(run.folder / "config.json") or {}, run.results() or {}
        other = facts.get("owner") == owner and facts.get("dataset_id") != measurement.dataset_id and results.get("final")
        if other and learned_stages(results) and len(found) < OWN_MODELS:
            found.append(run.id)
    return found


def _rank(dataset: Dataset, wish: Wish, data_dir: Path, watch: Watch) -> Results:
    found = rank_backbones(
        dataset, own_models=wish.own_models, data_dir=data_dir, report=watch.report, should_stop=watch.should_stop
    )
    return found.as_dict()


def _unusual(dataset: Dataset, wish: Wish, data_dir: Path, watch: Watch) -> Results:
    found = how_unusual(dataset, wish.backbone, data_dir=data_dir, report=watch.report, should_stop=watch.should_stop)
    return found.as_dict()


def _probe(dataset: Dataset, wish: Wish, data_dir: Path, watch: Watch) -> Results:
    found = probe_stages(
        dataset, wish.backbone, train_s=TRIAL_S, data_dir=data_dir, report=watch.report, should_stop=watch.should_stop
    )
    return found.as_dict()


def _curve(dataset: Dataset, wish: Wish, data_dir: Path, watch: Watch) -> Results:
    found = learning_curve(dataset, wish.backbone, data_dir=data_dir, report=watch.report, should_stop=watch.should_stop)
    return found.as_dict()


def _labels(dataset: Dataset, wish: Wish, data_dir: Path, watch: Watch) -> Results:
    found = find_label_errors(dataset, wish.backbone, data_dir=data_dir, report=watch.report, should_stop=watch.should_stop)
    return {**found.as_dict(), "order": ()}  # as long as the photos are many, and nobody reads it here


def _gain(dataset: Dataset, wish: Wish, data_dir: Path, watch: Watch) -> Results:
    found = transfer_gain(
        dataset, wish.backbone, effort=wish.effort, data_dir=data_dir, report=watch.report, should_stop=watch.should_stop
    )
    return found.as_dict()


def _chain(dataset: Dataset, wish: Wish, data_dir: Path, watch: Watch) -> Results:
    """The gain of a start from the model that the run started from.

    Raises:
        UserError: ``NO_PARENT`` when it started from none.
    """
    own = Run(wish.run_dir.name, wish.run_dir).config.start_from if wish.run_dir else ""
    if not own:
        raise UserError("NO_PARENT", "This run did not start from a model of yours.", "Choose one in step 2 and train again.")
    found = chain_gain(dataset, own, effort=wish.effort, data_dir=data_dir, report=watch.report, should_stop=watch.should_stop)
    return found.as_dict()


def _map(dataset: Dataset, wish: Wish, data_dir: Path, watch: Watch) -> Results:
    """The photos as the pretrained network sees them, and as a run's fine-tuned one does: then those it did not learn from."""
    run = Run(wish.run_dir.name, wish.run_dir) if wish.run_dir else None
    learned = run and run.dataset_id == dataset.id and learned_stages(run.results() or {})
    indices, fair = pick_sample(dataset, DOTS), False
    if run and learned:
        shown = {int(item["sample"]) for item in (run.results() or {})["val_items"]}
        fair = len(shown) >= ENOUGH
        indices = sorted(shown)[:DOTS] if fair else indices
    network = load_network(wish.backbone, data_dir, watch)
    before, after = map_through(network, dataset, indices, data_dir, watch), None
    if run and learned:
        after = map_through(own_network(open_start(str(run.folder), data_dir)), dataset, indices, data_dir, watch, start=before)
    samples = [place.sample for place in before.places]
    return {
        "before": before.as_dict(),
        "after": after.as_dict() if after else None,
        "sentence": _said(before, after, fair, run),
        "sprite": sheet(dataset, samples),
    }


def _said(before: PhotoMap, after: PhotoMap | None, fair: bool, run: Run | None) -> str:
    if after is None:
        more = " Your run has only taught the head, so the network sees them as before." if run else ""
        return before.sentence + more
    wrong = [sum(place.label != place.answer for place in one.places) for one in (before, after)]
    which = (
        "These are validation photos: those that it has learned from would move apart by themselves."
        if fair
        else "It has learned from most of them, and those move apart by themselves: there are too few others for a map."
    )
    return (
        f"Of {len(before.places)} photos, {wrong[0]} lay among another class before fine-tuning and {wrong[1]} lie there "
        f"after it. {which}"
    )


_ANSWERS: dict[str, Callable[[Dataset, Wish, Path, Watch], Results]] = {
    "rank": _rank, "unusual": _unusual, "probe": _probe, "curve": _curve, "labels": _labels, "map": _map, "gain": _gain,
    "chain": _chain,
}  # fmt: skip
