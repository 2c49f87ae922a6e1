"""The child side of the engine: `python -m transferui.runs.questions KIND DATA_DIR` answers JSON lines until its input ends."""

from __future__ import annotations

import base64
import json
import os
import sys
import traceback
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transferui.backbones.catalogue import get_backbone
from transferui.config import make_config
from transferui.data import archive, edits
from transferui.data.dataset import Dataset
from transferui.data.layout import Scan
from transferui.data.samples import open_sample_set
from transferui.data.storage import create_dataset
from transferui.errors import UserError
from transferui.files import disk_full
from transferui.runs.copies import make_copies
from transferui.runs.engine import RATE_STOP
from transferui.runs.store import Store, hash_owner

if TYPE_CHECKING:
    from transferui.evaluation.predict import Model, Reply

# Address space of the child that decodes strangers' pictures: a bomb ends this process, not the server
# (our own measurement: two PNG files of 30 KB together took a process that opened them from 182 to 1,006 MB).
PICTURES_MEMORY = 4_000_000_000
# Characters of a camera frame; one of 320 px has about 30,000.
MAX_FRAME = 400_000
# Models kept ready; a class tests a handful of runs in turn.
MODELS = 3

Report = Callable[[dict[str, Any]], None]
# Time of writing (ns) and bytes of every file that a model is read from; None for one that is not there.
_Stamp = tuple[tuple[int, int] | None, ...]


class Answers:
    """All questions, as methods; arguments are plain data and results too."""

    def __init__(self, data_dir: Path, report: Report) -> None:
        self.store, self.data_dir, self.report = Store(data_dir), data_dir, report
        self.models: OrderedDict[str, tuple[_Stamp, Model]] = OrderedDict()

    def import_zip(self, owner: str, path: str, name: str) -> dict[str, str]:
        """Store the pictures of a ZIP of class folders as a new dataset."""
        return self._new(archive.scan(Path(path)), name, owner)

    def import_folder(self, owner: str, files: list[tuple[str, str]], name: str) -> dict[str, str]:
        """Store pictures that a browser sent with their relative paths."""
        return self._new(archive.scan_files([(relative, Path(path)) for relative, path in files]), name, owner)

    def open_sample(self, owner: str, key: str) -> dict[str, str]:
        """Store a sample set that comes with the app."""
        return {"dataset_id": open_sample_set(key, self.data_dir, hash_owner(owner), self.report).id}

    open_online = open_sample

    def add_pictures(self, owner: str, dataset_id: str | None, class_name: str, files: list[str]) -> dict[str, str]:
        """A dataset with more pictures in one class (made if it is new)."""
        dataset = self._mine(owner, dataset_id) if dataset_id else None
        paths = [Path(file) for file in files]
        changed = edits.add_pictures(dataset, self.data_dir, class_name, paths, owner=hash_owner(owner), report=self.report)
        return {"dataset_id": changed.id}

    def rename_class(self, owner: str, dataset_id: str, class_name: str, new_name: str) -> dict[str, str]:
        """A dataset in which one class has another name."""
        return {"dataset_id": edits.rename_class(self._mine(owner, dataset_id), self.data_dir, class_name, new_name).id}

    def remove_class(self, owner: str, dataset_id: str, class_name: str) -> dict[str, str]:
        """A dataset without one class."""
        return {"dataset_id": edits.remove_class(self._mine(owner, dataset_id), self.data_dir, class_name).id}

    def drop_samples(self, owner: str, dataset_id: str, indices: list[int]) -> dict[str, str]:
        """A dataset without some pictures."""
        return {"dataset_id": edits.drop_samples(self._mine(owner, dataset_id), self.data_dir, indices).id}

    def move_samples(self, owner: str, dataset_id: str, indices: list[int], label: int) -> dict[str, str]:
        """A dataset in which some pictures have another class."""
        return {"dataset_id": edits.move_samples(self._mine(owner, dataset_id), self.data_dir, indices, label).id}

    def examine_again(self, owner: str, dataset_id: str) -> dict[str, str]:
        """A dataset whose health was looked at, in place of one that an earlier version has stored."""
        return {"dataset_id": edits.examine_again(self._mine(owner, dataset_id), self.data_dir).id}

    def predict(self, folder: str, picture: str) -> dict[str, Any]:
        """All that the model of a run folder or bundle says about one picture, and the picture as the model's eye sees it."""
        from transferui.runs.pictures import heat_png, shown_jpeg  # noqa: PLC0415 - torch only in the child that needs it

        model = self._model(Path(folder))
        reply = model.answer(Path(picture), heat=True)
        image = shown_jpeg(Path(picture))
        heat = heat_png(reply.heat, image.size, model.preprocessing) if reply.heat is not None else ""
        return {**_plain(model, reply), "thumbnail": image.uri, "heat": heat}

    def look(self, folder: str, jpeg: str) -> dict[str, Any]:
        """What the model says about a camera frame (base64 of a JPEG), quickly: without a heat map, and nothing is stored."""
        model = self._model(Path(folder))
        return _plain(model, model.answer(decode_frame(jpeg)))

    def batch(self, folder: str, files: list[str], to: str) -> dict[str, Any]:
        """Answers for many pictures or ZIPs of them; the table is also written to a CSV file."""
        from transferui.evaluation.batch import as_numbers, as_rows, classify, write_csv  # noqa: PLC0415

        found = classify(self._model(Path(folder)), [Path(file) for file in files], self.report, inside_only=True)
        Path(to).parent.mkdir(parents=True, exist_ok=True)
        write_csv(found, Path(to))
        return {"rows": as_rows(found), "csv": to, **as_numbers(found)}

    def save_bundle(self, folder: str, to: str) -> dict[str, str]:
        """Write the bundle of a run's model."""
        from transferui.export.bundle import save_bundle  # noqa: PLC0415 - torch only in the child that needs it

        Path(to).parent.mkdir(parents=True, exist_ok=True)
        return {"path": str(save_bundle(self._model(Path(folder)), Path(to)))}

    def save_figures(self, owner: str, run: tuple[str, str], together: list[tuple[str, str]], to: str) -> dict[str, Any]:
        """Write a ZIP of the figures of a run (id and name), and of several together if there are two or more."""
        from transferui.runs.saved import save_figures  # noqa: PLC0415 - not every child draws

        Path(to).parent.mkdir(parents=True, exist_ok=True)
        first, *others = [(self.store.get_run(owner, run_id), name) for run_id, name in [run, *together]]
        return {"files": save_figures(first, others, Path(to))}

    def save_report(self, owner: str, run: tuple[str, str], to: str, with_photos: bool) -> dict[str, str]:
        """Write the report of a run (id and name) as one HTML file."""
        from transferui.runs.saved import save_report  # noqa: PLC0415

        Path(to).parent.mkdir(parents=True, exist_ok=True)
        run_id, name = run
        return {"path": str(save_report(self.store.get_run(owner, run_id), name, Path(to), with_photos=with_photos))}

    def save_lesson(self, owner: str, measurement: str, run: str, to: str, with_photos: bool) -> dict[str, str]:
        """Write what was measured as one HTML file; `run` is the id of the shown run, or empty."""
        from transferui.runs.lessons import save_lesson  # noqa: PLC0415 - not every child writes one

        Path(to).parent.mkdir(parents=True, exist_ok=True)
        shown = self.store.get_run(owner, run) if run else None
        return {"path": str(save_lesson(self.store.get_run(owner, measurement), shown, Path(to), with_photos=with_photos))}

    def save_answer_figures(self, owner: str, measurement: str, to: str) -> dict[str, Any]:
        """Write a ZIP of the figures of what was measured."""
        from transferui.runs.lessons import save_answer_figures  # noqa: PLC0415 - not every child draws

        Path(to).parent.mkdir(parents=True, exist_ok=True)
        return {"files": save_answer_figures(self.store.get_run(owner, measurement), Path(to))}

    def save_rate_figures(self, sweeps: list[dict[str, Any]], to: str) -> dict[str, Any]:
        """Write a ZIP of the figures of a trial of learning rates."""
        from transferui.evaluation.figure_rates import rate_views  # noqa: PLC0415 - not every child draws
        from transferui.evaluation.figures import write_figures  # noqa: PLC0415

        Path(to).parent.mkdir(parents=True, exist_ok=True)
        return {"files": write_figures(rate_views(sweeps), Path(to))}

    def open_bundle(self, path: str) -> dict[str, Any]:
        """Check a bundle and tell what it is."""
        model = self._model(Path(path))
        keys = ("backbone", "val_accuracy", "val_accuracy_low", "val_accuracy_high", "n_val", "metrics", "versions", "settings")
        return {"class_names": list(model.class_names), **{k: model.facts[k] for k in keys if k in model.facts}}

    def copies(self, owner: str, dataset_id: str, backbone: str) -> dict[str, Any]:
        """What augmentation makes of two of these photos; kept beside them."""
        return make_copies(self._mine(owner, dataset_id), get_backbone(backbone))

    def find_rates(self, owner: str, dataset_id: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Try learning rates; a file named `RATE_STOP` beside the photos ends the trial."""
        from transferui.training.features import StoppedError  # noqa: PLC0415 - torch only in the child that needs it
        from transferui.training.lr_finder import find_rates  # noqa: PLC0415
        from transferui.training.state import Hooks  # noqa: PLC0415

        dataset = self._mine(owner, dataset_id)
        stop = self.store.data_dir / "datasets" / dataset_id / RATE_STOP
        try:
            return find_rates(dataset, make_config(settings), self.data_dir, Hooks(self.report, stop.exists, _keep_nothing))
        except StoppedError:
            raise UserError("STOPPED", "The trial was stopped.", "Nothing has changed.") from None

    def _new(self, scan: Scan, name: str, owner: str) -> dict[str, str]:
        return {"dataset_id": create_dataset(scan, self.data_dir, name, hash_owner(owner), self.report).id}

    def _mine(self, owner: str, dataset_id: str) -> Dataset:
        return self.store.find_dataset(owner, dataset_id)

    def _model(self, path: Path) -> Model:
        """The model of a run folder or bundle, from the few that are kept ready; read anew when any of its files has changed."""
        from transferui.export.bundle import load_model  # noqa: PLC0415 - torch only in the child that needs it
        from transferui.export.checkpoint import MEMORY, load_checkpoint  # noqa: PLC0415
        from transferui.training.stored import CHECKPOINT  # noqa: PLC0415

        # A run writes them one after the other: weights, what they remember, and seconds later how good they are.
        parts = [path / name for name in (CHECKPOINT, MEMORY, "results.json", "config.json")] if path.is_dir() else [path]
        key, stamp = str(path), tuple(_stamp(part) for part in parts)
        if key not in self.models or self.models[key][0] != stamp:
            self.models[key] = stamp, load_checkpoint(path, self.data_dir) if path.is_dir() else load_model(path)
            while len(self.models) > MODELS:
                self.models.popitem(last=False)
        self.models.move_to_end(key)
        return self.models[key][1]


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _keep_nothing(_: object) -> None:
    """A trial leaves no model."""


def _plain(model: Model, reply: Reply) -> dict[str, Any]:
    """A reply as plain data."""
    return {
        "ranked": [{"class_name": a.class_name, "probability": a.probability} for a in reply.ranked],
        "verdict": reply.verdict,
        "strangeness": reply.strangeness,
        "neighbors": [
            {"sample": n.sample, "class_name": model.class_names[n.label], "similarity": n.similarity} for n in reply.neighbors
        ],
    }


def decode_frame(text: str) -> bytes:
    """The bytes of a frame.

    Raises:
        UserError: ``BAD_FRAME`` when it is no base64 or larger than a frame can be.
    """
    try:
        if len(text) > MAX_FRAME:
            raise ValueError("too long")
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise UserError(
            "BAD_FRAME", "The camera sent something that is no picture.", "Stop and start the camera again."
        ) from error


def _limit(kind: str) -> None:
    """Low priority for all; a memory ceiling for the child that decodes strangers' pictures, where the system has one."""
    if hasattr(os, "nice"):
        os.nice(19 if kind == "trial" else 5)
    if kind == "pictures" and sys.platform == "linux":
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (PICTURES_MEMORY, PICTURES_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if kind in ("model", "batch"):
        import transferui.export.bundle  # noqa: PLC0415 - load torch before the first question
        import transferui.runs.pictures  # noqa: F401, PLC0415


def main(kind: str, data_dir: Path) -> None:
    """Answer questions from standard input until it ends."""
    out, sys.stdout = sys.stdout, sys.stderr  # a stray print must not break the protocol
    answers = Answers(data_dir, lambda row: print(json.dumps({"progress": row}), file=out, flush=True))
    _limit(kind)
    for line in sys.stdin:
        print(json.dumps(_answer(answers, json.loads(line))), file=out, flush=True)


def _answer(answers: Answers, message: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": getattr(answers, message["question"])(**message["arguments"])}
    except UserError as error:
        return {"error": error.as_dict()}
    except MemoryError:
        return {"error": UserError("OUT_OF_MEMORY", "This needs more memory than allowed.", "Use smaller photos.").as_dict()}
    except Exception as error:  # noqa: BLE001 - a bug in one question must not end the engine; the log has the trace
        if full := disk_full(error, answers.data_dir):
            return {"error": full.as_dict()}
        traceback.print_exc()
        return {"error": UserError("INTERNAL", "Something went wrong on our side.", "Your photos and models are safe.").as_dict()}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
