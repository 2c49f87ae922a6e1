"""Where everything lies on disk: a run is a folder of files, and files are all that page and training process share.

Every look-up takes the owner first and answers NOT_FOUND for what belongs to somebody else. Never imports torch.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transferui.config import TrainConfig, make_config
from transferui.data.changed import mostly_same
from transferui.data.dataset import Dataset, load_dataset, owner_of
from transferui.errors import UserError
from transferui.files import empty_folder, folder_bytes, read_json, write_json

ACTIVE_STATES = ("queued", "preparing", "running")
# Measurements that are kept of one person; each stands for one set of photos.
MEASUREMENTS = 12
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True)
class Run:
    """One training run: a folder with config.json, status.json, metrics.jsonl, results.json, checkpoint, log.txt, stop.

    A measurement is such a folder as well, without metrics and checkpoint; its config.json has a part ``measure``.
    """

    id: str
    folder: Path

    @property
    def facts(self) -> dict[str, Any]:
        """config.json: settings, dataset, owner, number, time of creation."""
        facts = read_json(self.folder / "config.json")
        if facts is None:
            raise UserError("RUN_BROKEN", "This run's config.json is missing or damaged.", "Start a new run.")
        return facts

    @property
    def config(self) -> TrainConfig:
        """The settings of the run."""
        return make_config(self.facts["settings"])

    @property
    def created(self) -> float:
        """When the run was made, in seconds since 1970."""
        return float(self.facts["created"])

    @property
    def dataset_id(self) -> str:
        """Id of the dataset the run learns from."""
        return str(self.facts["dataset_id"])

    @property
    def wanted(self) -> dict[str, Any] | None:
        """What is to be measured; None for a training run."""
        wanted = self.facts.get("measure")
        return wanted if isinstance(wanted, dict) else None

    @property
    def dataset_folder(self) -> Path:
        """Folder of the dataset the run learns from."""
        return Path(self.facts["dataset_folder"])

    def status(self) -> dict[str, Any]:
        """status.json; state is one of queued, preparing, running, finished, stopped, failed, interrupted."""
        return read_json(self.folder / "status.json") or {"state": "queued"}

    def write_status(self, **values: Any) -> None:
        """Replace status.json."""
        write_json(self.folder / "status.json", {**values, "updated": time.time()})

    def metrics(self) -> list[dict[str, Any]]:
        """Rows of metrics.jsonl; a torn last line is ignored."""
        try:
            lines = (self.folder / "metrics.jsonl").read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        rows = []
        for line in lines:
            try:
                rows.append(json.loads(line))
            except ValueError:
                break  # a line torn by a crash; what follows it was never written
        return rows

    def results(self) -> dict[str, Any] | None:
        """results.json, or None before the run has one."""
        return read_json(self.folder / "results.json")

    @property
    def is_to_stop(self) -> bool:
        """Whether somebody has asked for its end."""
        return (self.folder / "stop").exists()

    def ask_to_stop(self) -> None:
        """Leave the stop file; the training process looks for it at every step."""
        (self.folder / "stop").touch()


class Store:
    """Datasets, runs and desks of one data folder.

    Args:
        data_dir: the folder of ARCHITECTURE, Files; made when it is missing.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir, self._erased = data_dir, set[str]()
        self._desk_lock, self._run_lock = threading.Lock(), threading.Lock()
        for name in ("datasets", "runs", "features", "weights", "desks"):
            (data_dir / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def create_run(self, owner: str, dataset_folder: Path, config: TrainConfig) -> Run:
        """Make the folder of a new run, waiting in line; it gets a number that none of this person's runs has had."""
        with self._run_lock:
            mine = self.list_runs(owner)
            number = 1 + max(int(self.desk(owner).get("last_number", 0)), *number_runs(mine).values(), 0)
            self.update_desk(owner, last_number=number)
            return self._create(owner, dataset_folder, config, {"number": number})

    def _create(self, owner: str, dataset_folder: Path, config: TrainConfig, more: Mapping[str, Any]) -> Run:
        run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(8)}"
        folder = self.data_dir / "runs" / run_id
        dataset = load_dataset(dataset_folder)
        facts = {
            "settings": config.model_dump(),
            "dataset_id": dataset.id,
            "dataset_folder": str(dataset_folder),
            "dataset_name": dataset.name,
            "owner": hash_owner(owner),
            "created": time.time(),
            **more,
        }
        write_run_folder(folder, facts)
        return Run(run_id, folder)

    def get_run(self, owner: str, run_id: str) -> Run:
        """A run of this owner.

        Raises:
            UserError: ``NOT_FOUND``, the same whether it never existed or belongs to somebody else.
        """
        folder = self.data_dir / "runs" / run_id if _ID.fullmatch(run_id or "") else None
        facts = read_json(folder / "config.json") if folder else None
        if folder is None or facts is None or facts.get("owner") != hash_owner(owner):
            raise UserError("NOT_FOUND", "This run does not exist (any more).", "Choose one from the list of your runs.")
        return Run(run_id, folder)

    def create_measurement(self, owner: str, dataset_folder: Path, config: TrainConfig, wanted: Mapping[str, Any]) -> Run:
        """Make the folder of a new measurement, waiting in line; it begins with what is known of the same photos already.

        Args:
            wanted: what is to be measured, as `runs.measuring` reads it.
        """
        before = self.list_measurements(owner)
        run = self._create(owner, dataset_folder, config, {"measure": dict(wanted)})
        same = [old for old in before if old.dataset_id == run.dataset_id]
        write_json(run.folder / "results.json", (same[0].results() if same else None) or {})
        for old in [*same, *[old for old in before if old not in same][MEASUREMENTS:]]:
            shutil.rmtree(old.folder, ignore_errors=True)
        return run

    def find_measurement(self, owner: str, dataset_id: str, dataset_name: str = "") -> Run | None:
        """The newest measurement of these photos; else the newest of what they were before they were changed.

        The name alone does not tell: many sets are called "My photos". Most of the photos must be the same.
        """
        mine = self.list_measurements(owner)
        same = next((run for run in mine if run.dataset_id == dataset_id), None)
        named = [run for run in mine if dataset_name and run.facts["dataset_name"] == dataset_name]
        if same or not named:
            return same
        now = self.data_dir / "datasets" / dataset_id
        return next((run for run in named if mostly_same(now, run.dataset_folder)), None)

    def all_runs(self) -> list[Run]:
        """Every run and measurement on this server, newest first."""
        folders = sorted((self.data_dir / "runs").iterdir(), key=lambda p: p.name, reverse=True)
        return [Run(p.name, p) for p in folders if not p.name.startswith(".") and (p / "config.json").is_file()]

    def list_runs(self, owner: str) -> list[Run]:
        """This owner's runs, newest first, without measurements."""
        return [run for run, facts in self._mine(owner) if "measure" not in facts]

    def list_measurements(self, owner: str) -> list[Run]:
        """This owner's measurements, newest first."""
        return [run for run, facts in self._mine(owner) if "measure" in facts]

    def _mine(self, owner: str) -> list[tuple[Run, dict[str, Any]]]:
        key = hash_owner(owner)
        found = [(run, read_json(run.folder / "config.json") or {}) for run in self.all_runs()]
        return [(run, facts) for run, facts in found if facts.get("owner") == key]

    def delete_run(self, owner: str, run_id: str) -> None:
        """Remove a run that is over, with all its files.

        Raises:
            UserError: ``RUN_ACTIVE`` while it waits or trains.
        """
        run = self.get_run(owner, run_id)
        if run.status()["state"] in ACTIVE_STATES:
            raise UserError("RUN_ACTIVE", "This run is still going on.", "Stop it first, then delete it.")
        shutil.rmtree(run.folder)

    def find_dataset(self, owner: str, dataset_id: str) -> Dataset:
        """A dataset of this owner.

        Raises:
            UserError: ``NOT_FOUND``, the same whether it never existed or belongs to somebody else.
        """
        folder = self.data_dir / "datasets" / dataset_id if _ID.fullmatch(dataset_id or "") else None
        if folder is None or not (folder / "manifest.json").is_file() or owner_of(folder) != hash_owner(owner):
            raise UserError("NOT_FOUND", "These photos do not exist (any more).", "Add them again in step 1.")
        return load_dataset(folder)

    def features_bytes(self) -> int:
        """Bytes of remembered activations, of everybody."""
        return folder_bytes(self.data_dir / "features")

    def features_since(self) -> float | None:
        """When the oldest remembered activations were written, in seconds since 1970; None when there are none."""
        times = []
        for shard in (self.data_dir / "features").glob("*/*.safetensors"):
            with suppress(OSError):  # another process may be making room
                times.append(shard.stat().st_mtime)
        return min(times, default=None)

    def forget_features(self) -> None:
        """Delete all remembered activations; the next run computes them again."""
        empty_folder(self.data_dir / "features")

    def desk(self, owner: str) -> dict[str, Any]:
        """What this person has on the table (dataset, network, run …); empty for a newcomer."""
        return read_json(self._desk_file(owner)) or {}

    def update_desk(self, owner: str, **values: Any) -> dict[str, Any]:
        """Remember values on the desk and return all of it.

        Raises:
            UserError: ``ERASED`` when this owner's things were erased: what was still on its way then is not kept.
        """
        with self._desk_lock:  # two clicks at once: neither may write over what the other has changed
            if hash_owner(owner) in self._erased:
                raise UserError("ERASED", "Everything of yours was erased from this server.", "Reload the page to begin anew.")
            desk = {**self.desk(owner), **values}
            write_json(self._desk_file(owner), desk)
        return desk

    def erase_owner(self, owner: str) -> None:
        """Delete everything that belongs to this owner: photos, runs, desk. Active runs are asked to stop first."""
        with self._desk_lock:
            self._erased.add(hash_owner(owner))
        for run, _ in self._mine(owner):
            run.ask_to_stop()
            shutil.rmtree(run.folder, ignore_errors=True)
        for folder in (self.data_dir / "datasets").iterdir():
            if (folder / "manifest.json").is_file() and owner_of(folder) == hash_owner(owner):
                shutil.rmtree(folder, ignore_errors=True)
        self._desk_file(owner).unlink(missing_ok=True)

    def _desk_file(self, owner: str) -> Path:
        return self.data_dir / "desks" / f"{hash_owner(owner)}.json"


def number_runs(mine: Sequence[Run]) -> dict[str, int]:
    """A person's runs' numbers by id; runs come newest first, and those of earlier versions are counted from the oldest."""
    found = {}
    for n, run in enumerate(mine):
        number = (read_json(run.folder / "config.json") or {}).get("number")
        found[run.id] = number if isinstance(number, int) else len(mine) - n
    return found


def hash_owner(owner: str) -> str:
    """What is stored of an owner's secret token: its hash, so that reading the disk does not let one act as the owner."""
    if not isinstance(owner, str) or len(owner) < 16 or not owner.isascii():
        raise UserError("NO_OWNER", "The page has not told who you are yet.", "Reload the page and try again.")
    return hashlib.sha256(owner.encode()).hexdigest()[:32]


def write_run_folder(folder: Path, facts: dict[str, Any]) -> None:
    """Make a run folder whose config.json is there from its first moment on."""
    draft = folder.with_name(f".{folder.name}.tmp")
    draft.mkdir(parents=True, mode=0o700)
    write_json(draft / "config.json", facts)
    write_json(draft / "status.json", {"state": "queued", "updated": time.time()})
    draft.replace(folder)
