"""From files at relative paths to labeled entries: which folder is the class, which the split, which only wraps them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from transferui.errors import UserError

MAX_NAME = 100
MAX_CLASSES = 100
PICTURES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .webp .bmp .gif .tif .tiff .avif .heic .heif .ppm .pgm .ico .psd .svg".split()  # noqa: SIM905
)
_JUNK = frozenset(("thumbs.db", "desktop.ini", ".ds_store", "icon\r"))
_ARCHIVES = frozenset((".zip", ".rar", ".7z", ".tar", ".gz", ".tgz"))
SplitName = Literal["train", "val", "test"]
_SPLITS: dict[str, SplitName] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", "testing": "test",
}  # fmt: skip
LAYOUT = "Put the photos of each class into a folder of its own: photos/cats/1.jpg, photos/dogs/2.jpg."


@dataclass(frozen=True)
class Skipped:
    """A file that is not used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Entry:
    """A file that should be a picture of a class.

    Attributes:
        name: its path inside the ZIP or folder, for people.
        read: gives its content, within `MAX_BYTES`; raises UserError when it is damaged.
        path: where it lies, for files of a folder.
    """

    name: str
    class_name: str
    split: SplitName | None
    read: Callable[[], bytes]
    path: Path | None = None


@dataclass(frozen=True)
class Scan:
    """Everything found, in a stable order."""

    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class FoundFile:
    """A file at a relative path, before its class is known."""

    parts: tuple[str, ...]
    read: Callable[[], bytes]
    path: Path | None = None


def clean_class_name(text: str) -> str:
    """A class name as people see it: NFC, one line, no control characters, at most 100 characters.

    Raises:
        UserError: ``BAD_CLASS_NAME`` when nothing is left.
    """
    visible = "".join(" " if c.isspace() else c for c in text if c.isspace() or _printable(c))
    name = " ".join(unicodedata.normalize("NFC", visible).split())[:MAX_NAME].strip()
    if not name.replace("\u200d", "").strip():
        raise UserError("BAD_CLASS_NAME", "A class needs a name of at least one visible character.", "Type a name.", "class_name")
    return name


def require_few(class_names: Collection[str]) -> None:
    """Check that there are not more classes than a page can show.

    Raises:
        UserError: ``TOO_MANY_CLASSES``.
    """
    if len(class_names) > MAX_CLASSES:
        words = f"At most {MAX_CLASSES} classes are possible, but there are {len(class_names):,}."
        raise UserError("TOO_MANY_CLASSES", words, "Leave some out or put some together.")


def _printable(c: str) -> bool:
    # Cc control, Cs half a character, Co private use; Cf hides or reverses text (RLO) but joins emoji (ZWJ) too.
    category = unicodedata.category(c)
    return category not in ("Cc", "Cs", "Co", "Cn") and (category != "Cf" or c == "\u200d")


def is_junk(parts: Sequence[str]) -> bool:
    """What operating systems leave behind, which nobody means to show."""
    return any(part == "__MACOSX" or part.startswith("._") or part.lower() in _JUNK for part in parts)


def shown(name: str) -> str:
    """A name from an archive, fit for a screen: no control characters, not endless."""
    return "".join(c if c.isprintable() else "�" for c in name)[:200]


def sort_files(files: Sequence[FoundFile], skipped: list[Skipped]) -> Scan:
    """Give every file its class and split, unwrapping folders that hold nothing but one folder.

    Raises:
        UserError: ``NO_CLASS_FOLDERS``, ``EMPTY_DATASET`` or ``TOO_MANY_CLASSES``.
    """
    pictures, notes = pictures_of(files, skipped), list[str]()
    depth = _wrapping(pictures)
    if depth:
        notes.append(f"The folder {shown('/'.join(pictures[0].parts[:depth]))!r} around the classes was opened.")
    has_splits = _has_splits(pictures, depth)
    entries = [entry for file in pictures if (entry := _entry(file, depth, has_splits, skipped))]
    if has_splits:
        parts = sorted({e.split for e in entries if e.split}, key=("train", "val", "test").index)
        notes.append(f"The folders {', '.join(parts)} were taken as given parts.")
    if pictures and not entries:
        raise UserError("NO_CLASS_FOLDERS", f"There are {len(pictures)} pictures, but no class folders.", LAYOUT)
    if not entries:
        raise UserError("EMPTY_DATASET", "There is no picture in it.", LAYOUT)
    found = _merge_names(entries, skipped, notes)
    require_few({entry.class_name for entry in found.entries})
    return found


def pictures_of(files: Sequence[FoundFile], skipped: list[Skipped]) -> list[FoundFile]:
    """Files that should be pictures by their ending; junk goes without a word, the rest is skipped with one."""
    pictures = []
    for file in (f for f in files if not is_junk(f.parts)):
        suffix = PurePosixPath(file.parts[-1]).suffix.lower()
        if suffix in PICTURES:
            pictures.append(file)
        else:
            reason = "an archive inside it" if suffix in _ARCHIVES else "not a picture"
            skipped.append(Skipped(shown("/".join(file.parts)), reason))
    return pictures


def _entry(file: FoundFile, depth: int, has_splits: bool, skipped: list[Skipped]) -> Entry | None:
    """A file with its class and split, or None when it lies in no class folder."""
    inner, name = file.parts[depth:], shown("/".join(file.parts))
    split = _SPLITS.get(inner[0].lower()) if has_splits else None
    folders = inner[1:-1] if split else inner[:-1]
    if not folders:
        skipped.append(Skipped(name, "it lies in no class folder"))
        return None
    return Entry(name, folders[0], split, file.read, file.path)


def _wrapping(files: Sequence[FoundFile]) -> int:
    """How many leading folders all files share without them being the class or the split."""
    depth = 0
    while files and all(len(f.parts) > depth + 2 for f in files):
        names = {f.parts[depth] for f in files}
        if len(names) != 1 or next(iter(names)).lower() in _SPLITS:
            break
        depth += 1
    return depth


def _has_splits(files: Sequence[FoundFile], depth: int) -> bool:
    """Whether the folders at this depth are train, val and test: at least a train and nothing but those."""
    names = {f.parts[depth].lower() for f in files if len(f.parts) > depth + 1}
    deep = all(len(f.parts) > depth + 2 for f in files if len(f.parts) > depth + 1)
    return bool(names) and deep and names <= _SPLITS.keys() and "train" in {_SPLITS[name] for name in names}


def _merge_names(entries: Sequence[Entry], skipped: list[Skipped], notes: list[str]) -> Scan:
    """Make class names presentable; names that become the same are one class."""
    names: dict[str, str] = {}
    for entry in entries:
        if entry.class_name not in names:
            try:
                clean = clean_class_name(entry.class_name)
            except UserError:
                clean = "unnamed"
            if clean in names.values():
                notes.append(f"Two folders are both named {clean!r} and were put together.")
            names[entry.class_name] = clean
    done = [replace(entry, class_name=names[entry.class_name]) for entry in entries]
    return Scan(tuple(done), tuple(skipped), tuple(notes))
