"""A dataset: labeled pictures that do not change once they are there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transferui.data.archive import scan
from transferui.data.images import check_header
from transferui.data.layout import Entry, Skipped, SplitName
from transferui.errors import UserError
from transferui.files import read_json

FORMAT = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Sample:
    """One labeled picture.

    Attributes:
        label: index into the dataset's `class_names`.
        split: given part, or None when the app decides.
        sha256: of the file's bytes.
        name: where it came from, for people.
    """

    path: Path
    label: int
    split: SplitName | None
    sha256: str
    name: str


@dataclass(frozen=True)
class Dataset:
    """Labeled pictures and what is known about them.

    Attributes:
        folder: the dataset's own folder with manifest.json, or None for a class folder tree that is used where it lies.
    """

    id: str
    name: str
    class_names: tuple[str, ...]
    samples: tuple[Sample, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    folder: Path | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Number of pictures per class, in class order."""
        numbers = [0] * len(self.class_names)
        for sample in self.samples:
            numbers[sample.label] += 1
        return dict(zip(self.class_names, numbers, strict=True))

    @property
    def fingerprint(self) -> str:
        """SHA-256 over class names and every picture's content, label and split; the same wherever it lies."""
        digest = hashlib.sha256("\n".join(self.class_names).encode())
        for row in sorted(f"{s.sha256} {s.label} {s.split}" for s in self.samples):
            digest.update(row.encode())
        return digest.hexdigest()

    def require_trainable(self) -> None:
        """Check that there is something to learn and something to check with.

        Raises:
            UserError: ``EMPTY_DATASET``, ``ONE_CLASS``, ``EMPTY_CLASS`` or ``TOO_FEW_IMAGES``, naming the class.
        """
        if not self.samples:
            raise UserError("EMPTY_DATASET", "There are no photos yet.", "Add photos to at least two classes.")
        if len(self.class_names) < 2:
            raise UserError(
                "ONE_CLASS", f"At least two classes are needed, but there is only {self.class_names[0]!r}.", "Add another class."
            )
        for name, count in self.counts.items():
            if count == 0:
                raise UserError("EMPTY_CLASS", f"The class {name!r} has no photos.", "Add photos to it or remove it.")
            if count == 1:
                raise UserError(
                    "TOO_FEW_IMAGES",
                    f"The class {name!r} has one photo; at least 2 are needed: one to learn from, one to check with.",
                    "Add more photos to it or remove it. About 20 per class are a good start.",
                )


def default_data_dir() -> Path:
    """``TRANSFERUI_HOME``, or ``~/.transferui``."""
    return Path(os.environ.get("TRANSFERUI_HOME") or Path.home() / ".transferui").expanduser()


def open_dataset(source: str | Path, data_dir: Path | None = None) -> Dataset:
    """Open labeled pictures.

    Args:
        source: a folder of class folders (used where it lies), a ZIP of one (stored in `data_dir`), train/val/test folders
            of them, a stored dataset's folder, or ``sample:KEY`` for a sample set that comes with the app.

    Raises:
        UserError: what is wrong with it.
    """
    data_dir = data_dir or default_data_dir()
    if str(source).startswith("sample:"):
        from transferui.data.samples import open_sample_set  # noqa: PLC0415 - samples are datasets themselves

        return open_sample_set(str(source).removeprefix("sample:"), data_dir)
    path = Path(source).expanduser()
    if (path / MANIFEST).is_file():
        return load_dataset(path)
    if path.is_dir():
        return _in_place(path)
    from transferui.data.storage import create_dataset  # noqa: PLC0415 - storing ends in loading

    return create_dataset(scan(path), data_dir, path.stem)


def _in_place(folder: Path) -> Dataset:
    """A class folder tree as it lies: headers are checked now, pixels when they are needed."""
    found = scan(folder)
    with ThreadPoolExecutor() as pool:
        checked = list(pool.map(_look_at, found.entries))
    names = class_order(entry.class_name for entry in found.entries)
    samples, skipped = [], list(found.skipped)
    for entry, result in zip(found.entries, checked, strict=True):
        if isinstance(result, UserError):
            skipped.append(Skipped(entry.name, result.message))
        elif entry.path is not None:
            samples.append(Sample(entry.path, names.index(entry.class_name), entry.split, result, entry.name))
    identity = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]
    return Dataset(identity, folder.name, names, tuple(samples), tuple(skipped), found.notes)


def _look_at(entry: Entry) -> str | UserError:
    """SHA-256 of a file that looks like a picture, or what is wrong with it."""
    try:
        if entry.path is not None:
            check_header(entry.path)
        return hashlib.sha256(entry.read()).hexdigest()
    except UserError as error:
        return error


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Class names in alphabetical order, as torchvision's ImageFolder orders them."""
    return tuple(sorted(set(names)))


def load_manifest(folder: Path) -> dict[str, Any]:
    """manifest.json of a stored dataset.

    Raises:
        UserError: ``DATASET_BROKEN`` when it is missing, damaged or of a later version.
    """
    manifest = read_json(folder / MANIFEST)
    if manifest is None or manifest.get("format") != FORMAT:
        raise _broken()
    return manifest


def _broken() -> UserError:
    return UserError("DATASET_BROKEN", "These stored photos cannot be opened.", "Add the photos again.")


def load_dataset(folder: Path) -> Dataset:
    """Open a stored dataset.

    Raises:
        UserError: ``DATASET_BROKEN``.
    """
    try:
        return _dataset(folder, load_manifest(folder))
    except (KeyError, TypeError, ValueError) as error:
        raise _broken() from error


def _dataset(folder: Path, manifest: dict[str, Any]) -> Dataset:
    names = tuple(manifest["class_names"])
    index = {name: i for i, name in enumerate(names)}
    samples = tuple(
        Sample(folder / "images" / _plain(row["file"]), index[row["class"]], row["split"], row["sha256"], row["name"])
        for row in manifest["samples"]
    )
    skipped = tuple(Skipped(name, reason) for name, reason in manifest["skipped"])
    return Dataset(manifest["id"], manifest["name"], names, samples, skipped, tuple(manifest["notes"]), folder)


def _plain(name: str) -> str:
    """A file name that stays in its folder; ValueError for any other."""
    if Path(name).name != name:
        raise ValueError(name)
    return name


def owner_of(folder: Path) -> str:
    """Hash of whose stored dataset this is; empty for the command line's."""
    return str((read_json(folder / MANIFEST) or {}).get("owner", ""))


def thumbnail_path(dataset: Dataset, sample: Sample) -> Path | None:
    """The ready-made thumbnail of a stored picture, or None."""
    path = dataset.folder / "thumbs" / f"{sample.sha256}.jpg" if dataset.folder else None
    return path if path and path.is_file() else None
