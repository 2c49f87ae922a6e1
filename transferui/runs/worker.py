"""The training process: takes a run folder, trains, and tells all it knows through the files in it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transferui.backbones.weights import StoppedDownloadError
from transferui.config import TrainConfig, make_config
from transferui.data.dataset import Dataset, default_data_dir, load_dataset, open_dataset
from transferui.errors import UserError
from transferui.evaluation.diagnosis import diagnose
from transferui.evaluation.results import describe
from transferui.export.bundle import save_bundle
from transferui.export.checkpoint import load_checkpoint, save_checkpoint
from transferui.files import read_json, write_json
from transferui.runs.estimate import corrected, read_pace, write_pace
from transferui.runs.pace import ensure_pace
from transferui.runs.store import Run, write_run_folder
from transferui.runs.telling import Telling
from transferui.training.features import StoppedError
from transferui.training.start import SEEN, photo_key, settled
from transferui.training.state import Hooks, Trained
from transferui.training.stored import find_model, missing_model
from transferui.training.train import train_model

# Within a phase a better state is put on disk at most this often; a kill can lose this many seconds or one epoch of it.
KEEP_EVERY_S = 2.0

Reporter = Callable[[Mapping[str, Any]], object]


@dataclass(frozen=True)
class Result:
    """What `train` gives back.

    Attributes:
        run_dir: the run folder.
        values: all of results.json.
    """

    run_dir: Path
    values: Mapping[str, Any]
    data_dir: Path

    @property
    def val_accuracy(self) -> float:
        """Share of validation pictures answered right, 0 to 1."""
        return float(self.values["val_accuracy"])

    def save(self, path: Path | str) -> Path:
        """Write the model as a bundle that `transferui.load_model` opens."""
        return save_bundle(load_checkpoint(self.run_dir, self.data_dir), Path(path))


def train(
    dataset: Dataset | Path | str,
    config: TrainConfig | None = None,
    *,
    report: Reporter | None = None,
    data_dir: Path | None = None,
) -> Result:
    """Train a classifier on labeled pictures, in this process.

    Args:
        dataset: from `open_dataset`, or what that takes: class folders, a ZIP of them, ``sample:KEY``.
        config: settings; the default trains a new head on the frozen bundled network.
        report: called with progress dictionaries and, after every epoch, ``{"row": …}``.
        data_dir: where runs, weights and features are kept; `default_data_dir()` if not given.

    Raises:
        UserError: for every cause that a person can mend.
    """
    data_dir = data_dir or default_data_dir()
    opened = dataset if isinstance(dataset, Dataset) else open_dataset(dataset, data_dir)
    config = settled(config or TrainConfig(), data_dir)
    opened.require_trainable()
    folder = data_dir / "runs" / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(8)}"
    write_run_folder(folder, {"settings": config.model_dump(), "dataset_id": opened.id, "dataset_name": opened.name,
                              "dataset_folder": str(opened.folder or ""), "owner": "", "created": time.time()})  # fmt: skip
    run = Run(folder.name, folder)
    values = Worker(run, data_dir, report).work(opened, config)
    return Result(folder, values, data_dir)


def train_folder(folder: Path) -> int:
    """Train or measure what a prepared folder says; the exit code: 0 done or stopped, 2 the user can mend it, 1 a bug."""
    run, data_dir = Run(folder.name, folder), folder.parent.parent
    try:
        dataset = load_dataset(run.dataset_folder)
        if run.wanted is None:
            Worker(run, data_dir, None).work(dataset, run.config)
        else:
            from transferui.runs.measuring import measure_run  # noqa: PLC0415 - a training run need not load it

            measure_run(run, dataset, data_dir)
    except (StoppedError, StoppedDownloadError):
        return 0
    except UserError:
        return 2
    except Exception:  # noqa: BLE001 - the run folder says what happened; the log has the rest
        traceback.print_exc()
        return 1
    return 0


class Worker:
    """Writes a run's files while it trains."""

    def __init__(self, run: Run, data_dir: Path, report: Reporter | None) -> None:
        self.run, self.data_dir, self.outside = run, data_dir, report
        self.telling, self.last_keep, self.phases_kept = Telling(run), 0.0, 0

    def work(self, dataset: Dataset, config: TrainConfig) -> dict[str, Any]:
        """Train and return the results; every way to end is written to status.json.

        Raises:
            UserError, StoppedError: as `train_model`.
        """
        self.telling.introduce()
        (self.run.folder / "metrics.jsonl").touch()
        try:
            self.telling.status("preparing", what="Getting ready")
            self._require_own_start(config)
            trained = train_model(dataset, make_config(config.model_dump()), self.data_dir, self._hooks())
            results = self._save(trained, final=True)
            self._remember_pace(trained)
        except (StoppedError, StoppedDownloadError):
            self.telling.status("stopped", message="Stopped before there was anything to keep.")
            raise
        except Exception as error:
            mended = self.telling.failed(error, self.data_dir)
            if mended is None:
                raise
            raise mended from error
        self.telling.status(
            "stopped" if trained.stopped else "finished", message="The best state so far was kept." if trained.stopped else ""
        )
        return results

    def _require_own_start(self, config: TrainConfig) -> None:
        """Whoever uses the page starts from own runs only, and from no path.

        Raises:
            UserError: ``NOT_FOUND``, the same whether it never existed or belongs to somebody else.
        """
        owner = self.run.facts.get("owner")
        if not config.start_from or not owner:  # the command line and Python: their user may read what the process may
            return
        folder = find_model(config.start_from, self.data_dir)
        mine = folder.parent == self.data_dir / "runs" and (read_json(folder / "config.json") or {}).get("owner") == owner
        if not mine:
            raise missing_model(config.start_from)

    def _remember_pace(self, trained: Trained) -> None:
        """Correct what is known of this machine's speed by what this run took."""
        pace = read_pace(self.data_dir)
        if pace and not trained.stopped:
            computed = 0 if trained.work.cached_images else trained.work.prefix_images
            better = corrected(pace, trained.config, len(trained.dataset.samples), trained.seconds, computed)
            with suppress(UserError):  # a full disk; the next run corrects it
                write_pace(self.data_dir, better)

    def _hooks(self) -> Hooks:
        return Hooks(self._report, self._should_stop, self._keep)

    def _should_stop(self) -> bool:
        return self.run.is_to_stop

    def _report(self, row: dict[str, Any]) -> None:
        if "row" in row:
            with (self.run.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(row["row"] | {"elapsed_s": round(self.telling.elapsed_s, 3)}) + "\n")
            row = {"what": "Learning", **{k: row["row"][k] for k in ("phase", "epoch", "images_per_s")}, **row}
        if self.outside:
            self.outside(row)
        if self.telling.is_due():
            shown = {k: v for k, v in row.items() if k != "row"}
            same = "phase" in shown and self.telling.last.get("phase") == shown["phase"]
            kept = self.telling.last if same and "epochs" not in shown else {}
            self.telling.status("running" if "phase" in row else "preparing", **{**kept, **shown})

    def _keep(self, trained: Trained) -> None:
        """Put a better state on disk if the last one is some time ago, and at once what a phase has ended with."""
        now = time.monotonic()
        if now - self.last_keep >= KEEP_EVERY_S or len(trained.phases) > self.phases_kept:
            self.last_keep, self.phases_kept = now, len(trained.phases)
            self._save(trained, final=False)

    def _save(self, trained: Trained, *, final: bool) -> dict[str, Any]:
        """Write checkpoint and results of the best state so far.

        The results never speak of a checkpoint that is not there, and follow it at once: what is slow is done before.
        """
        results = describe(trained, final=final) | {"run_dir": str(self.run.folder), "dataset_name": trained.dataset.name}
        if final:
            results["diagnosis"] = diagnose(self.run.metrics(), results, trained.config.model_dump())
        save_checkpoint(trained, self.run.folder)
        self._save_origin(trained, results)
        write_json(self.run.folder / "results.json", results)
        return results

    def _save_origin(self, trained: Trained, results: Mapping[str, Any]) -> None:
        """Write where the model comes from: its lineage into config.json, and the photos it and those before it have learned."""
        before = trained.start.seen if trained.start else frozenset()
        mine = {photo_key(trained.dataset.samples[i].sha256) for i in trained.split.train}
        write_json(self.run.folder / SEEN, {"photos": sorted(before | mine)})
        facts = self.run.facts
        if trained.start and "lineage" not in facts:
            write_json(self.run.folder / "config.json", {**facts, "lineage": results["lineage"], "relation": results["relation"]})


def get_ready(data_dir: Path) -> None:
    """What a spare process does before there is work: find out how fast this machine is, if nobody has."""
    os.nice(19) if hasattr(os, "nice") else None
    try:
        ensure_pace(data_dir)
    except (OSError, RuntimeError, UserError) as error:  # without it there is no estimate; the run itself would say what is wrong
        print(f"the speed of this machine could not be measured: {error}", file=sys.stderr)


def main(folder: Path) -> int:
    """Entry of the training process that the page starts: low priority, deaf to Ctrl-C in the server's terminal."""
    os.nice(19) if hasattr(os, "nice") else None
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return train_folder(folder)
