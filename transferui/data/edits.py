"""Changes to a dataset, each of which makes a new one: pictures are shared by hard links, the old one stays as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from transferui.data.dataset import Dataset, load_manifest
from transferui.data.images import store_image
from transferui.data.layout import Skipped, clean_class_name, require_few, shown
from transferui.data.looks import read_looks
from transferui.data.storage import DatasetDraft, Report
from transferui.errors import UserError

Rows = list[dict[str, Any]]


def add_pictures(
    dataset: Dataset | None,
    data_dir: Path,
    class_name: str,
    files: Sequence[Path],
    *,
    owner: str = "",
    report: Report | None = None,
) -> Dataset:
    """The dataset (or a first one) with more pictures in one class, which is made when it is new.

    Raises:
        UserError: ``BAD_CLASS_NAME``, ``TOO_MANY_CLASSES``; ``EMPTY_DATASET`` when none of the pictures could be used.
    """
    name = clean_class_name(class_name)
    old = _manifest(dataset, owner)
    names = list(old["class_names"]) + [name] * (name not in old["class_names"])
    require_few(names)
    rows, skipped = list(old["samples"]), [Skipped(*pair) for pair in old["skipped"]]
    with DatasetDraft(data_dir) as draft:
        _link(dataset, rows, draft)
        added = 0
        for n, file in enumerate(files, start=1):
            try:
                rows.append(draft.row(store_image(file, draft.folder), name, None, shown(file.name)))
                added += 1
            except UserError as error:
                skipped.append(Skipped(shown(file.name), error.message))
            if report:
                report({"what": "Reading photos", "done": n, "total": len(files)})
        if files and not added:
            raise UserError(
                "EMPTY_DATASET", f"None of the {len(files)} photos could be used: {skipped[-1].reason}", "Add JPEG or PNG photos."
            )
        facts = {"name": old["name"], "owner": old["owner"], "class_names": names}
        return draft.finish(rows=rows, skipped=skipped, notes=list(old["notes"]), **facts)


def rename_class(dataset: Dataset, data_dir: Path, class_name: str, new_name: str) -> Dataset:
    """The dataset with another name for one class.

    Raises:
        UserError: ``BAD_CLASS_NAME``, ``DUPLICATE_CLASS``, ``UNKNOWN_CLASS``.
    """
    clean = clean_class_name(new_name)
    _require_class(dataset, class_name)
    if clean != class_name and clean in dataset.class_names:
        raise UserError("DUPLICATE_CLASS", f"There is already a class named {clean!r}.", "Choose another name.", "class_name")
    names = [clean if name == class_name else name for name in dataset.class_names]
    return _copy(dataset, data_dir, names, lambda row: {**row, "class": clean} if row["class"] == class_name else row)


def remove_class(dataset: Dataset, data_dir: Path, class_name: str) -> Dataset:
    """The dataset without one class.

    Raises:
        UserError: ``UNKNOWN_CLASS``.
    """
    _require_class(dataset, class_name)
    names = [name for name in dataset.class_names if name != class_name]
    return _copy(dataset, data_dir, names, lambda row: None if row["class"] == class_name else row)


def drop_samples(dataset: Dataset, data_dir: Path, indices: Collection[int]) -> Dataset:
    """The dataset without the pictures at these indices of `dataset.samples`.

    Raises:
        UserError: ``NOT_FOUND``.
    """
    gone = _rows_at(dataset, indices)
    return _copy(dataset, data_dir, dataset.class_names, lambda row: None if (row["sha256"], row["class"]) in gone else row)


def move_samples(dataset: Dataset, data_dir: Path, indices: Collection[int], label: int) -> Dataset:
    """The dataset with the pictures at these indices of `dataset.samples` in the class with index `label`.

    Raises:
        UserError: ``NOT_FOUND``, ``UNKNOWN_CLASS``.
    """
    if not 0 <= label < len(dataset.class_names):
        raise UserError("UNKNOWN_CLASS", "This class does not exist (any more).", "Reload the page.")
    moved, name = _rows_at(dataset, indices), dataset.class_names[label]
    return _copy(
        dataset,
        data_dir,
        dataset.class_names,
        lambda row: {**row, "class": name} if (row["sha256"], row["class"]) in moved else row,
    )


def examine_again(dataset: Dataset, data_dir: Path) -> Dataset:
    """The dataset with its health looked at, for one that an earlier version of the app has stored."""
    return _copy(dataset, data_dir, dataset.class_names, lambda row: row)


def _rows_at(dataset: Dataset, indices: Collection[int]) -> set[tuple[str, str]]:
    """What names the rows of these pictures in the manifest: content and class."""
    if not all(0 <= i < len(dataset.samples) for i in indices):
        raise UserError("NOT_FOUND", "This photo does not exist (any more).", "Reload the page.")
    return {(dataset.samples[i].sha256, dataset.class_names[dataset.samples[i].label]) for i in indices}


def _require_class(dataset: Dataset, class_name: str) -> None:
    if class_name not in dataset.class_names:
        raise UserError("UNKNOWN_CLASS", f"There is no class named {class_name[:100]!r}.", "Reload the page.", "class_name")


def _manifest(dataset: Dataset | None, owner: str) -> dict[str, Any]:
    if dataset is None:
        return {"name": "My photos", "owner": owner, "class_names": [], "samples": [], "skipped": [], "notes": []}
    return load_manifest(_folder(dataset))


def _folder(dataset: Dataset) -> Path:
    if dataset.folder is None:
        raise UserError(
            "READ_ONLY", "Photos that are used where they lie cannot be changed here.", "Add them as a ZIP or folder."
        )
    return dataset.folder


def _copy(
    dataset: Dataset, data_dir: Path, names: Sequence[str], change: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> Dataset:
    """A new dataset with every row changed or (None) dropped."""
    old = load_manifest(_folder(dataset))
    rows = [row for row in map(change, old["samples"]) if row is not None]
    with DatasetDraft(data_dir) as draft:
        _link(dataset, rows, draft)
        facts = {"name": old["name"], "owner": old["owner"], "class_names": list(names)}
        return draft.finish(rows=rows, skipped=[Skipped(*pair) for pair in old["skipped"]], notes=list(old["notes"]), **facts)


def _link(dataset: Dataset | None, rows: Rows, draft: DatasetDraft) -> None:
    """Hard links to the pictures and thumbnails of the rows (copies where the file system has no links), and their looks."""
    if dataset is None:
        return
    draft.looks = read_looks(dataset.looks)
    for row in rows:
        for part in (Path("images") / row["file"], Path("thumbs") / f"{row['sha256']}.jpg"):
            source, target = _folder(dataset) / part, draft.folder / part
            if target.exists() or not source.exists():
                continue
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)
