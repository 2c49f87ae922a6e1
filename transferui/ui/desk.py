"""What the page knows: one server's store, line and engine, and what each person has on the table.

The truth lies on disk under the owner's token, which the browser keeps; so a refresh, a second tab or a restarted server
finds everything again. Gradio's session hash is never used: it is new at each page load and anybody can make one up.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from transferui.backbones.catalogue import CATALOGUE, Backbone, get_backbone
from transferui.config import SETTINGS, TrainConfig, make_config
from transferui.data.dataset import Dataset
from transferui.errors import UserError
from transferui.runs.engine import Engine, Report
from transferui.runs.queue import RunQueue
from transferui.runs.store import Run, Store
from transferui.ui.html import notice, working

DEFAULT_BACKBONE = next(iter(CATALOGUE))
# How every event is wired unless it may take long: past the queue, without Gradio's own spinner, not in the public API.
QUIET: Mapping[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# Events that may take long go through the queue, so that a class does not use up the server's threads.
LONG: Mapping[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": 8}


@dataclass(frozen=True)
class Server:
    """Everything that the visitors of one server share."""

    store: Store
    queue: RunQueue
    engine: Engine
    uploads: Path

    @property
    def data_dir(self) -> Path:
        """The data folder."""
        return self.store.data_dir


def start_server(data_dir: Path, *, max_parallel: int = 1) -> Server:
    """Open the data folder, prepare a private folder for uploads, start the line and the engine."""
    store = Store(data_dir)
    uploads = data_dir / "uploads"
    shutil.rmtree(uploads, ignore_errors=True)  # what a former server left; datasets have their own copies
    uploads.mkdir(mode=0o700)
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    return Server(store, RunQueue(store, max_parallel), Engine(data_dir), uploads)


def installation_secret(data_dir: Path) -> str:
    """The key under which browsers keep the owner's token: made once per installation, so that restarts find it again."""
    data_dir.mkdir(parents=True, exist_ok=True)
    file = data_dir / "secret.txt"
    try:
        with open(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as handle:  # noqa: PTH123 - mode at creation
            handle.write(secrets.token_hex(16))
    except FileExistsError:
        pass
    return file.read_text()


def new_owner() -> str:
    """A token of 128 random bits that stands for a person."""
    return secrets.token_urlsafe(16)


@dataclass(frozen=True)
class Desk:
    """What one person has on the table, read from disk."""

    server: Server
    owner: str
    values: Mapping[str, Any]

    @property
    def dataset(self) -> Dataset | None:
        """The photos in step 1, or None."""
        try:
            return self.server.store.find_dataset(self.owner, str(self.values.get("dataset") or ""))
        except UserError:
            return None

    @property
    def former(self) -> Dataset | None:
        """The photos before the last change, or None."""
        try:
            return self.server.store.find_dataset(self.owner, str(self.values.get("former") or ""))
        except UserError:
            return None

    @property
    def backbone(self) -> Backbone:
        """The network in step 2; one that a later version no longer has gives way to the first."""
        try:
            return get_backbone(str(self.values.get("backbone", DEFAULT_BACKBONE)))
        except UserError:
            return get_backbone(DEFAULT_BACKBONE)

    @property
    def trainable(self) -> list[str]:
        """Names of the stages that are to learn."""
        return [name for name in self.values.get("trainable", []) if name in {s.name for s in self.backbone.stages}]

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that differ from their defaults.

        Those that another version of the app no longer takes are left out, and so is a model to start from that is gone or
        belongs to another network.
        """
        kept = {name: value for name, value in dict(self.values.get("settings", {})).items() if _is_setting(name, value)}
        if kept.get("start_from") and (self.start is None or self.start.config.backbone != self.backbone.name):
            del kept["start_from"]
        return kept

    @property
    def start(self) -> Run | None:
        """The own run whose model the next one is to start from, as long as it is there; only ever one's own."""
        try:
            run = self.server.store.get_run(self.owner, str(dict(self.values.get("settings", {})).get("start_from") or ""))
            return run if run.config and run.results() else None
        except UserError:
            return None

    @property
    def lost_start(self) -> bool:
        """Whether a model to start from was chosen that is gone."""
        return bool(dict(self.values.get("settings", {})).get("start_from")) and self.start is None

    @property
    def config(self) -> TrainConfig:
        """All settings together, checked.

        Raises:
            UserError: ``BAD_SETTING``.
        """
        chosen = {"backbone": self.backbone.name, "trainable": ",".join(self.trainable) or "none"}
        return make_config({**self.settings, **chosen})

    @property
    def run(self) -> Run | None:
        """The run that is shown in steps 3 to 5, or None; also None when its settings cannot be read."""
        try:
            run = self.server.store.get_run(self.owner, str(self.values.get("run") or ""))
            return run if run.config else None
        except UserError:
            return None

    @property
    def measurement(self) -> Run | None:
        """The newest measurement of the photos in step 1, also of how they were before the last change; or None."""
        dataset = self.dataset
        return self.server.store.find_measurement(self.owner, dataset.id, dataset.name) if dataset else None

    @property
    def model_path(self) -> Path | None:
        """What step 4 tests: an opened bundle, else the shown run if it has a model."""
        opened = self.values.get("model")
        if opened and (self.server.data_dir / "models" / str(opened["file"])).is_file():
            return self.server.data_dir / "models" / str(opened["file"])
        run = self.run
        return run.folder if run and run.results() else None


def desk_of(server: Server, owner: str) -> Desk:
    """The desk of an owner.

    Raises:
        UserError: ``NO_OWNER`` when the page has not sent a token.
    """
    return Desk(server, owner, server.store.desk(owner))


def update(server: Server, owner: str, **values: Any) -> Desk:
    """Remember values on the desk."""
    return Desk(server, owner, server.store.update_desk(owner, **values))


def _is_setting(name: str, value: Any) -> bool:
    try:
        make_config({name: value})
    except UserError:
        return False
    return True


def forget_dataset(desk: Desk, dataset_id: str) -> None:
    """Delete photos of this person that are not on the desk and that no run or measurement is about."""
    kept = {str(desk.values.get("dataset")), str(desk.values.get("former"))}
    store = desk.server.store
    used = [*store.list_runs(desk.owner), *store.list_measurements(desk.owner)]
    if dataset_id in kept | {str(run.facts.get("dataset_id")) for run in used}:
        return
    with contextlib.suppress(UserError):
        folder = desk.server.store.find_dataset(desk.owner, dataset_id).folder
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def uploaded(server: Server, value: Any) -> list[Path]:
    """Paths of files that a component sends (a file or a list of them), each inside the upload folder.

    Raises:
        UserError: ``NOT_UPLOADED`` for anything else; a path from the browser is never trusted.
    """
    items = value if isinstance(value, list) else [value] if value else []
    paths = []
    for item in items:
        raw = item.get("path") if isinstance(item, dict) else getattr(item, "path", item)
        path = Path(str(raw)).resolve() if isinstance(raw, str) and raw and not raw.startswith("data:") else None
        if path is None or not path.is_relative_to(server.uploads.resolve()) or not path.is_file():
            raise UserError("NOT_UPLOADED", "A file that was uploaded here was expected.", "Choose the file again.")
        paths.append(path)
    return paths


def changed_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the widgets hold, in the settings' own types, without what is at its default.

    A browser sends 3 as 3 or 3.0; both are 3 for a whole number. All else is left for `make_config` to refuse.
    """
    out = {}
    for name, value in values.items():
        whole = isinstance(value, float) and SETTINGS[name].kind == "int" and value.is_integer()
        typed = int(value) if whole else value
        if typed != SETTINGS[name].default or isinstance(typed, bool):
            out[name] = typed
    return out


def ask(server: Server, question: str, then: Callable[[Any], object], **arguments: Any) -> Iterator[str | None]:
    """Ask the engine, giving progress as HTML while it works; ends with a notice when it failed, else with None.

    `then` gets the answer in the working thread, so that a closed tab does not lose it.
    """
    yield from follow(partial(_ask, server, question, then, arguments))


def _ask(server: Server, question: str, then: Callable[[Any], object], arguments: Mapping[str, Any], report: Report) -> None:
    then(server.engine.ask(question, report, **arguments))


def follow(work: Callable[[Report], object]) -> Iterator[str | None]:
    """Let work be done in a thread of its own, giving its progress as HTML; ends as `ask` does."""
    messages: queue.Queue[tuple[str, Any]] = queue.Queue()
    threading.Thread(target=_Job(work, messages).run, name="ask", daemon=True).start()
    while True:
        kind, value = messages.get()
        if kind == "progress":
            yield working(value.get("what", "Working"), int(value.get("done", 0)), int(value.get("total", 0)))
        else:
            yield notice(value) if kind == "problem" else None
            return


@dataclass(frozen=True)
class _Job:
    """Work on its way."""

    work: Callable[[Report], object]
    messages: queue.Queue[tuple[str, Any]]

    def run(self) -> None:
        try:
            self.work(self._progress)
            self.messages.put(("done", None))
        except UserError as error:
            self.messages.put(("problem", error))
        except Exception:
            self.messages.put(("problem", UserError("INTERNAL", "Something went wrong on our side.", "Try again.")))
            raise

    def _progress(self, row: Mapping[str, Any]) -> None:
        self.messages.put(("progress", row))


def skips(n: int) -> list[Any]:
    """N outputs that stay as they are."""
    return [gr.skip() for _ in range(n)]
