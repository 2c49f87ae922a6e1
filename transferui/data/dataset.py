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
from transferui.data.images import Original, check_header
from transferui.data.layout import Entry, Skipped, SplitName
from transferui.data.looks import LOOKS
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
        group: number of the near-copies or series it belongs to, when that was found out while it was stored.
        original: facts of the file it came from, where they are known.
    """

    path: Path
    label: int
    split: SplitName | None
    sha256: str
    name: str
    group: int | None = None
    original: Original | None = None


@dataclass(frozen=True)
class Dataset:
    """Labeled pictures and what is known about them.

    Attributes:
        folder: the dataset's own folder with manifest.json, or None for a class folder tree that is used where it lies.
        looks: file for what the pictures look like (`data.looks`), which may not be there yet.
    """

    id: str
    name: str
    class_names: tuple[str, ...]
    samples: tuple[Sample, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    folder: Path | None = None
    looks: Path | None = None

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
        return _in_place(path, data_dir)
    from transferui.data.storage import create_dataset  # noqa: PLC0415 - storing ends in loading

    return create_dataset(scan(path), data_dir, path.stem)


def _in_place(folder: Path, data_dir: Path) -> Dataset:
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
            sha256, original = result
            label = names.index(entry.class_name)
            samples.append(Sample(entry.path, label, entry.split, sha256, entry.name, None, original))
    identity = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]
    looks = data_dir / "looks" / f"{identity}.npy"
    return Dataset(identity, folder.name, names, tuple(samples), tuple(skipped), found.notes, looks=looks)


def _look_at(entry: Entry) -> tuple[str, Original | None] | UserError:
    """SHA-256 and header of a file that looks like a picture, or what is wrong with it."""
    try:
        original = check_header(entry.path) if entry.path is not None else None
        return hashlib.sha256(entry.read()).hexdigest(), original
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
        return from_manifest(folder, load_manifest(folder))
    except (KeyError, TypeError, ValueError) as error:
        raise _broken() from error


def from_manifest(folder: Path, manifest: dict[str, Any]) -> Dataset:
    """The dataset that a manifest describes; KeyError, TypeError or ValueError when it is damaged."""
    names = tuple(manifest["class_names"])
    index = {name: i for i, name in enumerate(names)}
    samples = tuple(_sample(folder / "images", index, row) for row in manifest["samples"])
    skipped = tuple(Skipped(name, reason) for name, reason in manifest["skipped"])
    notes = tuple(manifest["notes"])
    return Dataset(manifest["id"], manifest["name"], names, samples, skipped, notes, folder, folder / LOOKS)


def _sample(folder: Path, index: dict[str, int], row: dict[str, Any]) -> Sample:
    """One row of the manifest; rows of earlier versions know neither group nor original."""
    original = Original(*row["original"]) if "original" in row else None
    path, group = folder / _plain(row["file"]), row.get("group")
    return Sample(path, index[row["class"]], row["split"], row["sha256"], row["name"], group, original)


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
