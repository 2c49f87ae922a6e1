"""From files at relative paths to labeled entries: which folder is the class, which the split, which only wraps them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from transferui.errors import UserError

MAX_NAME = 100
MAX_CLASSES = 100
PICTURES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .webp .bmp .gif .tif .tiff .avif .heic .heif .ppm .pgm .ico .psd .svg".split()  # noqa: SIM905
)
_JUNK = frozenset(("__macosx", "@eadir", "thumbs.db", "desktop.ini", "icon\r"))
_ARCHIVES = frozenset((".zip", ".rar", ".7z", ".tar", ".gz", ".tgz"))
SplitName = Literal["train", "val", "test"]
# Signs of a file's name that fit on one line.
LONGEST_NAME = 200
# Joins emoji into one (ZWJ).
JOINER = "\u200d"
# Folders of other spelling that are named; the rest is counted.
NAMED = 3

_SPLITS: dict[str, SplitName] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", "testing": "test",
}  # fmt: skip
LAYOUT = "Put the photos of each class into a folder of its own: photos/cats/1.jpg, photos/dogs/2.jpg."


@dataclass(frozen=True)
class Skipped:
    """A file, or all photos of a folder, that are not used, and why."""

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


@dataclass(frozen=True)
class _Layout:
    """How files are to be read: what wraps the classes, whether train, val and test come first, which of these have no classes.

    Attributes:
        depth: leading folders that only wrap the others.
        has_splits: the folders at this depth are train, val and test.
        unlabeled: val and test folders without class folders, as paths, and the number of photos in each.
    """

    depth: int
    has_splits: bool
    unlabeled: dict[tuple[str, ...], int]


def clean_class_name(text: str) -> str:
    """A class name as people see it: NFC, one line, no control characters, at most 100 characters.

    Raises:
        UserError: ``BAD_CLASS_NAME`` when nothing is left.
    """
    visible = "".join(" " if c.isspace() else c for c in text if c.isspace() or _printable(c))
    name = " ".join(unicodedata.normalize("NFC", visible).split())[:MAX_NAME].strip()
    if not name.replace(JOINER, "").strip():
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
    return category not in ("Cc", "Cs", "Co", "Cn") and (category != "Cf" or c == JOINER)


def is_junk(parts: Sequence[str]) -> bool:
    """What is hidden or left behind by operating systems, which nobody means to show."""
    return any(part.startswith(".") or part.lower() in _JUNK for part in parts)


def shown(name: str, most: int = LONGEST_NAME) -> str:
    """A file's name for people: no sign that hides or turns others, every space plain, and cut in the middle.

    Many photos of a folder differ in the end of their names only.
    """
    seen = "".join(" " if c.isspace() else c if c.isprintable() or c == JOINER else "\ufffd" for c in name)
    behind = (most - 1) // 2
    return seen if len(seen) <= most else f"{seen[: most - 1 - behind]}…{seen[-behind:]}"


def sort_files(files: Sequence[FoundFile], skipped: list[Skipped]) -> Scan:
    """Give every file its class and split, unwrapping folders that hold nothing but one folder.

    Files that lie too shallow, or outside the given parts, are skipped: they never make a class.

    Raises:
        UserError: ``NO_CLASS_FOLDERS``, ``EMPTY_DATASET`` or ``TOO_MANY_CLASSES``.
    """
    pictures, notes = pictures_of(files, skipped), list[str]()
    layout = _layout(pictures)
    if layout.depth:
        wrapping = next(f.parts[: layout.depth] for f in pictures if len(f.parts) > layout.depth)
        notes.append(f"The folder {shown('/'.join(wrapping))!r} around the classes was opened.")
    entries = [entry for file in pictures if (entry := _entry(file, layout, skipped))]
    for folder, n in layout.unlabeled.items():
        name = f"{shown('/'.join(folder))} ({n:,} {'photo' if n == 1 else 'photos'})"
        skipped.append(Skipped(name, "its photos have no class"))
    if layout.has_splits:
        parts = sorted({e.split for e in entries if e.split}, key=("train", "val", "test").index)
        taken = (
            "folder train was taken as a given part"
            if len(parts) == 1
            else f"folders {', '.join(parts)} were taken as given parts"
        )
        notes.append(f"The {taken}.")
    if pictures and not entries:
        raise UserError("NO_CLASS_FOLDERS", f"There are {len(pictures)} pictures, but no class folders.", LAYOUT)
    if not entries:
        reason = f" {skipped[0].name}: {skipped[0].reason}." if skipped else ""
        raise UserError("EMPTY_DATASET", f"There is no picture in it.{reason}", LAYOUT)
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


def _entry(file: FoundFile, layout: _Layout, skipped: list[Skipped]) -> Entry | None:
    """A file with its class and split, or None when it has no class."""
    inner, name = file.parts[layout.depth :], shown("/".join(file.parts))
    split = _split(inner) if layout.has_splits else None
    folders = inner[1:-1] if split else inner[:-1]
    if layout.has_splits and not split and folders:
        skipped.append(Skipped(name, "outside the train, val and test folders"))
        return None
    if not folders:
        if file.parts[:-1] not in layout.unlabeled:  # those are told in one line
            skipped.append(Skipped(name, "it lies in no class folder"))
        return None
    return Entry(name, folders[0], split, file.read, file.path)


def _split(inner: Sequence[str]) -> SplitName | None:
    """The given part that the first folder of a path says, if there is a folder."""
    return _SPLITS.get(inner[0].lower()) if len(inner) > 1 else None


def _layout(files: Sequence[FoundFile]) -> _Layout:
    depth = _wrapping(files)
    if not _has_splits(files, depth):
        return _Layout(depth, False, {})
    loose = Counter(f.parts[:-1] for f in files if len(f.parts) == depth + 2 and _split(f.parts[depth:]) in ("val", "test"))
    labeled = {f.parts[: depth + 1] for f in files if len(f.parts) > depth + 2}
    return _Layout(depth, True, {folder: n for folder, n in loose.items() if folder not in labeled})


def _wrapping(files: Sequence[FoundFile]) -> int:
    """How many leading folders all pictures share without them being the class or the split.

    A picture that lies beside the class folders closes none of them: the folders are opened when there are several.
    """
    depth = wrapping = 0
    names = _folders(files, depth)
    while len(names) == 1 and next(iter(names)).lower() not in _SPLITS:
        depth += 1
        names = _folders(files, depth)
        if len(names) > 1 or all(len(f.parts) > depth + 1 for f in files) or _has_splits(files, depth):
            wrapping = depth
    return wrapping


def _folders(files: Sequence[FoundFile], depth: int) -> set[str]:
    """The folders with pictures at this depth."""
    return {f.parts[depth] for f in files if len(f.parts) > depth + 1}


def _has_splits(files: Sequence[FoundFile], depth: int) -> bool:
    """Whether the folders at this depth are train, val and test.

    They are when train has several classes and val or test, or nothing at all, lies beside it; or when there is a train with
    class folders and nothing that would have to be skipped. Otherwise a class may well be called train.
    """
    inside = [f.parts[depth:] for f in files if len(f.parts) > depth + 1]
    splits = {_split(inner) for inner in inside}
    classes = {inner[1] for inner in inside if len(inner) > 2 and _split(inner) == "train"}
    if len(classes) > 1:
        return splits == {"train"} or bool(splits & {"val", "test"})
    return bool(classes) and None not in splits and all(len(inner) > 2 for inner in inside)


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
    spelled = _spelled_as_in_train({names[e.class_name] for e in entries if e.split == "train"}, names.values())
    if spelled:
        pairs = [f"{other!r} is {name!r}" for other, name in sorted(spelled.items())]
        more = f", and {len(pairs) - NAMED:,} more" if len(pairs) > NAMED else ""
        notes.append(f"Folders that differ in capitals only were taken as one class: {', '.join(pairs[:NAMED])}{more}.")
    names = {folder: spelled.get(clean, clean) for folder, clean in names.items()}
    done = [replace(entry, class_name=names[entry.class_name]) for entry in entries]
    return Scan(tuple(done), tuple(skipped), tuple(notes))


def _spelled_as_in_train(train: Collection[str], names: Iterable[str]) -> dict[str, str]:
    """Names that differ from exactly one class of train by nothing but case, and the spelling there."""
    same = {name: [own for own in train if own.casefold() == name.casefold()] for name in names if name not in train}
    return {name: own[0] for name, own in same.items() if len(own) == 1}
