"""Storing pictures as a new dataset: in a hidden folder that becomes visible when it is complete, or vanishes."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any

from transferui.data.dataset import FORMAT, MANIFEST, Dataset, class_order, from_manifest, load_dataset
from transferui.data.findings import save_findings
from transferui.data.health import examine
from transferui.data.images import StoredImage, store_image
from transferui.data.layout import Entry, Scan, Skipped, SplitName, shown
from transferui.data.looks import LOOKS, Array, write_looks
from transferui.data.similar import complete, find_kin
from transferui.errors import UserError
from transferui.files import write_json

# A half-made dataset of a killed import is swept after an hour.
STALE_S = 3600.0
IN_TWO_CLASSES = "photos lie in two classes; for instance"
# Notes of earlier imports that count what came in, found again by their words, so that one sentence can tell the sum.
_REPEATED = re.compile(r"([\d,]+) photos? came twice in the same class")
_LEAKED = re.compile(r"([\d,]+) photos? lay in both ‘(\w+)’ and ‘(\w+)’")

# Given parts in the order in which a run sees them: train teaches, val chooses the model, test is asked last.
_ASKED = ("train", "val", "test")

Report = Callable[[dict[str, Any]], None]


def create_dataset(found: Scan, data_dir: Path, name: str, owner: str = "", report: Report | None = None) -> Dataset:
    """Store every picture of a scan, upright, scaled and without metadata; bad ones are skipped with their reason.

    Args:
        owner: hash of whose it is; empty for the command line.
        report: gets ``{"what", "done", "total"}`` now and then.

    Raises:
        UserError: ``EMPTY_DATASET`` when no picture could be used.
    """
    with DatasetDraft(data_dir) as draft:
        store = partial(_store, draft.folder)
        rows, skipped = [], list(found.skipped)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for n, (entry, result) in enumerate(zip(found.entries, pool.map(store, found.entries), strict=True), start=1):
                if isinstance(result, UserError):
                    skipped.append(Skipped(entry.name, result.message))
                else:
                    rows.append(draft.row(result, entry.class_name, entry.split, entry.name))
                if report and (n % 16 == 0 or n == len(found.entries)):
                    report({"what": "Reading photos", "done": n, "total": len(found.entries)})
        if report:
            report({"what": "Looking for copies and series"})
        if not rows:
            failed = skipped[len(found.skipped) :]  # what lay in the wrong place is no reason
            reason = failed[0].reason if failed else "there was no picture"
            raise UserError(
                "EMPTY_DATASET", f"None of the {len(found.entries)} photos could be used: {reason}", "Add JPEG or PNG photos."
            )
        names = class_order(entry.class_name for entry in found.entries)
        return draft.finish(name=shown(name), owner=owner, class_names=names, rows=rows, skipped=skipped, notes=list(found.notes))


def _store(folder: Path, entry: Entry) -> StoredImage | UserError:
    try:
        return store_image(entry.read(), folder)
    except UserError as error:
        return error


class DatasetDraft:
    """A dataset under construction: a hidden folder that becomes visible when it is complete, or vanishes."""

    def __init__(self, data_dir: Path) -> None:
        home = data_dir / "datasets"
        home.mkdir(parents=True, exist_ok=True)
        for leftover in home.glob(".*.tmp"):
            if time.time() - leftover.stat().st_mtime > STALE_S:
                shutil.rmtree(leftover, ignore_errors=True)
        self.id = secrets.token_hex(16)
        self.folder = home / f".{self.id}.tmp"
        self.home = home
        self.looks: dict[str, Array] = {}

    def __enter__(self) -> DatasetDraft:
        for name in ("images", "thumbs"):
            (self.folder / name).mkdir(parents=True, mode=0o700)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def row(self, image: StoredImage, class_name: str, split: SplitName | None, name: str) -> dict[str, Any]:
        """One picture as the manifest keeps it; the class by name, so that classes can be renamed and removed."""
        self.looks[image.sha256] = image.look
        return {
            "file": image.file_name,
            "class": class_name,
            "split": split,
            "sha256": image.sha256,
            "name": name,
            "width": image.width,
            "height": image.height,
            "original": list(astuple(image.original)),
        }

    def finish(self, *, rows: Sequence[dict[str, Any]], skipped: Iterable[Skipped], notes: list[str], **facts: Any) -> Dataset:
        """Find out what belongs together and what is wrong, write it down with the manifest, and make the folder visible.

        Args:
            facts: `name`, `owner`, `class_names`.
        """
        kept, repeats, leaks, conflicts = _without_repeats(rows)
        notes = [note for note in notes if IN_TWO_CLASSES not in note]  # said anew when it still holds
        notes, earlier = _taken_out(notes, _REPEATED)
        repeats += earlier[()]
        notes, earlier = _taken_out(notes, _LEAKED)
        leaks += earlier
        if repeats:
            came = "photo came" if repeats == 1 else "photos came"
            notes.append(f"{repeats:,} {came} twice in the same class; one of each is kept.")
        notes += [_leaked(n, seen, check) for (seen, check), n in sorted(leaks.items())]
        if conflicts:
            notes.append(f"{len(conflicts)} {IN_TWO_CLASSES} {conflicts[0]}.")
        manifest = {
            "format": FORMAT,
            "id": self.id,
            **facts,
            "class_names": list(facts["class_names"]),
            "created": time.time(),
            "samples": kept,
            "skipped": [[s.name, s.reason] for s in skipped],
            "notes": list(dict.fromkeys(notes)),
        }
        self._examine(manifest)
        write_json(self.folder / MANIFEST, manifest)
        done = self.home / self.id
        self.folder.rename(done)
        return load_dataset(done)

    def _examine(self, manifest: dict[str, Any]) -> None:
        """Give every row its group; keep looks and findings beside the manifest."""
        dataset = from_manifest(self.folder, manifest)
        looks, good = complete(dataset.samples, self.looks)
        kin = find_kin(dataset.samples, looks, good)
        manifest["samples"] = [{**row, "group": group} for row, group in zip(manifest["samples"], kin.groups, strict=True)]
        write_looks(self.folder / LOOKS, {row["sha256"]: row for row in looks[good]}.values())
        save_findings(self.folder, examine(dataset, kin))


def _taken_out(notes: Sequence[str], counted: re.Pattern[str]) -> tuple[list[str], Counter[tuple[str, ...]]]:
    """The notes without those that count, and the sum of these by what they name besides the number."""
    found = [counted.match(note) for note in notes]
    sums: Counter[tuple[str, ...]] = Counter()
    for one in filter(None, found):
        n, *named = one.groups()
        sums[tuple(named)] += int(n.replace(",", ""))
    return [note for note, one in zip(notes, found, strict=True) if one is None], sums


def _without_repeats(
    rows: Sequence[dict[str, Any]],
) -> tuple[list[dict[str, Any]], int, Counter[tuple[str, ...]], list[str]]:
    """Rows without a picture that its class already has, and what was found on the way.

    Returns:
        the rows; how many were left out because their part had them already; how many because a part that is asked later
        has them, by both parts; pictures that are in two classes.
    """
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    parts: dict[tuple[str, str], set[str]] = defaultdict(set)
    first: dict[str, dict[str, Any]] = {}
    conflicts = []
    for row in rows:
        key = (row["sha256"], row["class"])
        if key not in kept or _ASKED.index(_part(row)) > _ASKED.index(_part(kept[key])):
            kept[key] = row  # a given check stays whole: the copy in the part that was seen before goes
        parts[key].add(_part(row))
        other = first.setdefault(row["sha256"], row)
        if other["class"] != row["class"]:
            conflicts.append(f"{other['name']} and {row['name']}")
    homes = {key: _part(row) for key, row in kept.items()}
    leaks: Counter[tuple[str, ...]] = Counter((seen, homes[key]) for key, mine in parts.items() for seen in mine - {homes[key]})
    return list(kept.values()), len(rows) - len(kept) - leaks.total(), leaks, conflicts


def _part(row: dict[str, Any]) -> str:
    """The given part of a row; what was added later has none and is learned from."""
    return row["split"] or "train"


def _leaked(n: int, seen: str, check: str) -> str:
    """What was done with photos that lay in a part that was seen before and in one that checks."""
    lay, were, are = ("1 photo lay", "it was", "it is") if n == 1 else (f"{n:,} photos lay", "they were", "they are")
    return f"{lay} in both ‘{seen}’ and ‘{check}’: {were} taken out of ‘{seen}’, so that {are} checked honestly."
