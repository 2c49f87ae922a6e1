"""Sample sets: drawn ones that come with the app, scikit-learn's handwritten digits, and real ones from the internet."""

from __future__ import annotations

import io
import json
import shutil
import socket
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from transferui.data.archive import scan
from transferui.data.dataset import Dataset
from transferui.data.layout import Entry, Scan
from transferui.data.storage import Report, create_dataset
from transferui.errors import UserError

ASSETS = Path(__file__).parents[2] / "assets" / "samples"
# A bounded part of a large set: enough to learn from, small enough for a lesson.
ONLINE_CLASSES, ONLINE_PER_CLASS = 10, 60
DIGITS_PER_CLASS, DIGIT_SIDE = 60, 64
# A school network that swallows packets must not hang the page.
CONNECT_S, READ_S = 6.0, 30.0


@dataclass(frozen=True)
class SampleSet:
    """A set of labeled pictures that one click opens.

    Attributes:
        previews: small ready-made pictures of ours; none for online sets.
        source: who made it and under which license.
    """

    key: str
    title: str
    description: str
    class_names: tuple[str, ...]
    n_images: int
    previews: tuple[Path, ...]
    source: str
    online: bool = False


_ONLINE: tuple[tuple[str, str, str, str, dict[str, str]], ...] = (
    ("Flowers102", "Flowers", "Ten kinds of flowers (Oxford 102)", "www.robots.ox.ac.uk", {"split": "test"}),
    ("OxfordIIITPet", "Pets", "Ten breeds of cats and dogs (Oxford-IIIT)", "www.robots.ox.ac.uk", {"split": "trainval"}),
    ("EuroSAT", "Satellite pictures", "Fields, towns and rivers from above", "huggingface.co", {}),
    ("DTD", "Textures", "Ten kinds of surfaces (Describable Textures)", "www.robots.ox.ac.uk", {"split": "train"}),
)


def sample_sets() -> tuple[SampleSet, ...]:
    """All sets, those that work offline first."""
    rows = json.loads((ASSETS / "samples.json").read_text(encoding="utf-8"))
    drawn = (
        SampleSet(
            row["key"],
            row["title"],
            row["description"],
            tuple(row["class_names"]),
            row["n_images"],
            tuple(ASSETS / "previews" / name for name in row["previews"]),
            row["source"],
        )
        for row in rows
    )
    online = (
        SampleSet(key.lower(), title, text, (), ONLINE_CLASSES * ONLINE_PER_CLASS, (), f"torchvision.datasets.{key}", True)
        for key, title, text, _, _ in _ONLINE
    )
    return (*drawn, *online)


def open_sample_set(key: str, data_dir: Path, owner: str = "", report: Report | None = None) -> Dataset:
    """Store a sample set as a dataset.

    Raises:
        UserError: ``UNKNOWN_SAMPLE_SET``; ``NO_NETWORK`` for an online set without internet.
    """
    one = next((s for s in sample_sets() if s.key == key), None)
    if one is None:
        raise UserError(
            "UNKNOWN_SAMPLE_SET",
            f"There is no sample set named {key[:60]!r}.",
            f"There are: {', '.join(s.key for s in sample_sets())}.",
        )
    if one.online:
        found = _online(key, data_dir / "downloads", report)
    else:
        found = _digits() if key == "digits" else scan(ASSETS / f"{key}.zip")
    return create_dataset(found, data_dir, one.title, owner, report)


def _digits() -> Scan:
    """Handwritten digits of 8 × 8 pixels, enlarged: real pictures that are far from photos."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - a second of imports that only this set needs

    digits = load_digits()
    entries = []
    counts: dict[int, int] = defaultdict(int)
    for n, (image, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        if counts[digit] < DIGITS_PER_CLASS:
            counts[digit] += 1
            entries.append(Entry(f"{digit}/{n:04d}.png", str(digit), None, partial(_digit_png, image)))
    return Scan(tuple(entries), (), ())


def _digit_png(image: np.ndarray[Any, Any]) -> bytes:
    """One digit (8, 8) with values 0 to 16, dark on white, as a PNG."""
    gray = Image.fromarray((255 - image * (255 / 16)).round().astype(np.uint8))
    buffer = io.BytesIO()
    gray.resize((DIGIT_SIDE, DIGIT_SIDE), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def _online(key: str, folder: Path, report: Report | None) -> Scan:
    """A bounded part of a torchvision dataset, downloaded once."""
    name, _, _, host, options = next(row for row in _ONLINE if row[0].lower() == key)
    tell: Callable[[dict[str, Any]], None] = report or _ignore
    tell({"what": f"Downloading {name}: this can take some minutes"})
    done = folder / name
    try:
        if not done.is_dir():
            socket.create_connection((host, 443), CONNECT_S).close()
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(READ_S)
        try:
            return _bounded(name, done, options)
        finally:
            socket.setdefaulttimeout(before)
    except (OSError, RuntimeError) as error:
        raise UserError(
            "NO_NETWORK", f"The set {name} could not be downloaded: the internet cannot be reached from here.",
            "Choose one of the sample sets that come with the app, or your own photos.",
        ) from error  # fmt: skip


def _ignore(_: dict[str, Any]) -> None:
    """Report to nobody."""


def _bounded(name: str, folder: Path, options: dict[str, str]) -> Scan:
    """Download through torchvision (into a folder that gets its name when complete) and pick the first classes."""
    from torchvision import datasets  # noqa: PLC0415 - loads torch, only in the process that downloads

    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        getattr(datasets, name)(str(part), download=True, **options)
        part.replace(folder)
    found = getattr(datasets, name)(str(folder), download=False, **options)
    files, labels = _files_and_labels(found)
    names = getattr(found, "classes", None) or [str(n) for n in range(max(labels) + 1)]
    entries, counts = [], defaultdict[int, int](int)
    for file, label in zip(files, labels, strict=True):
        if label < ONLINE_CLASSES and counts[label] < ONLINE_PER_CLASS:
            counts[label] += 1
            entries.append(Entry(f"{names[label]}/{file.name}", str(names[label]), None, file.read_bytes, file))
    return Scan(tuple(entries), (), (f"A part of {name}: {len(entries)} pictures of {len(counts)} classes.",))


def _files_and_labels(found: Any) -> tuple[list[Path], list[int]]:
    """Paths and class indices; torchvision's classes keep them under two names."""
    if hasattr(found, "samples"):
        return [Path(path) for path, _ in found.samples], [label for _, label in found.samples]
    files = getattr(found, "_image_files", None) or found._images
    return [Path(path) for path in files], list(found._labels)
