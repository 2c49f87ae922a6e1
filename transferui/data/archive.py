"""What is in a ZIP or folder of class folders: which file belongs to which class, and what is left out and why."""

from __future__ import annotations

import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from transferui.data.images import MAX_BYTES
from transferui.errors import UserError

MAX_ENTRIES, MAX_TOTAL = 60_000, 2_000_000_000
# A photo hardly compresses; a thousandfold entry above a megabyte is a bomb.
MAX_RATIO, RATIO_FROM = 200, 1_000_000
MAX_NAME = 100
CHUNK = 1 << 20
PICTURES = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif", ".ppm", ".pgm",
                      ".apng", ".ico", ".psd", ".svg"))  # fmt: skip
_JUNK = frozenset(("thumbs.db", "desktop.ini", ".ds_store", "icon\r"))
_ARCHIVES = frozenset((".zip", ".rar", ".7z", ".tar", ".gz", ".tgz"))
SplitName = Literal["train", "val", "test"]
_SPLITS: dict[str, SplitName] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", "testing": "test",
}  # fmt: skip
_LAYOUT = "Put the photos of each class into a folder of its own: photos/cats/1.jpg, photos/dogs/2.jpg."


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
class _File:
    """A file at a relative path, before its class is known."""

    parts: tuple[str, ...]
    read: Callable[[], bytes]
    path: Path | None = None


def scan(source: Path) -> Scan:
    """Look into a folder of class folders or a ZIP of one.

    Raises:
        UserError: ``NOT_FOUND``, ``ZIP_…``, ``NOT_A_ZIP``, ``NO_CLASS_FOLDERS``, ``EMPTY_DATASET``.
    """
    if source.is_dir():
        return _scan_folder(source)
    if not source.exists():
        raise UserError("NOT_FOUND", f"There is no folder or file {source.name!r}.", "Check the path.")
    return _scan_zip(source)


def scan_files(files: Iterable[tuple[str, Path]]) -> Scan:
    """The same for files that a browser sent with their relative paths."""
    found, skipped = [], []
    for relative, path in files:
        parts = PurePosixPath(relative.replace("\\", "/")).parts
        if ".." in parts or relative.startswith(("/", "\\")):
            skipped.append(Skipped(relative, "its name leads out of the folder"))
        else:
            found.append(_File(parts, partial(_read_file, path), path))
    return _sort(found, skipped)


def clean_class_name(text: str) -> str:
    """A class name as people see it: NFC, one line, no control characters, at most 100 characters.

    Raises:
        UserError: ``BAD_CLASS_NAME`` when nothing is left.
    """
    visible = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFC", text) if c.isspace() or _printable(c))
    name = " ".join(visible.split())[:MAX_NAME].strip()
    if not name:
        raise UserError("BAD_CLASS_NAME", "A class needs a name of at least one visible character.", "Type a name.", "class_name")
    return name


def _printable(c: str) -> bool:
    # Cc control, Cs half a character, Co private use; Cf hides or reverses text (RLO) but joins emoji (ZWJ) too.
    category = unicodedata.category(c)
    return category not in ("Cc", "Cs", "Co", "Cn") and (category != "Cf" or c == "\u200d")


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError("IMAGE_TOO_LARGE", f"The file has more than {MAX_BYTES // 1_000_000} MB.", "Save it smaller.")
        return path.read_bytes()
    except OSError as error:
        raise UserError("IMAGE_MISSING", "The file cannot be opened.", "Check that it is still there.") from error


def _scan_folder(folder: Path) -> Scan:
    found, skipped = [], []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_symlink():
            skipped.append(Skipped(str(relative), "links are not followed"))
        elif path.is_file():
            found.append(_File(relative.parts, partial(_read_file, path), path))
        if len(found) > MAX_ENTRIES:
            raise UserError("TOO_MANY_FILES", f"The folder holds more than {MAX_ENTRIES:,} files.", "Choose a smaller folder.")
    return _sort(found, skipped)


def _scan_zip(path: Path) -> Scan:
    try:
        archive = zipfile.ZipFile(path)
        infos = archive.infolist()
    except (zipfile.BadZipFile, struct.error, ValueError, OSError, NotImplementedError, UnicodeDecodeError) as error:
        raise _bad_zip(path) from error
    _check_limits(path, infos)
    found, skipped = [], []
    for info in infos:
        reason = _refusal(info)
        if info.is_dir() or reason is None:
            continue
        if reason:
            skipped.append(Skipped(_shown(info.filename), reason))
        else:
            parts = PurePosixPath(info.filename.replace("\\", "/")).parts
            found.append(_File(parts, partial(_read_member, path, info)))
    if infos and not found and all(info.flag_bits & 1 for info in infos if not info.is_dir()):
        raise UserError("ZIP_PASSWORD", "The ZIP is protected by a password.", "Save it without a password and add it again.")
    return _sort(found, skipped)


def _bad_zip(path: Path) -> UserError:
    with path.open("rb") as file:
        start = file.read(8)
    kinds = {
        b"Rar!": "a RAR archive",
        b"7z\xbc\xaf": "a 7z archive",
        b"\x1f\x8b": "a gzip archive",
        b"%PDF": "a PDF",
        b"\xff\xd8\xff": "a JPEG picture",
    }
    kind = next((kind for signature, kind in kinds.items() if start.startswith(signature)), "")
    if start.startswith(b"PK"):
        return UserError(
            "ZIP_BROKEN", "The ZIP is damaged or was cut off.", "Make it again, or copy it again from where it came."
        )
    found = f"it is {kind}" if kind else "it is something else" if start else "it is empty"
    return UserError("NOT_A_ZIP", f"A ZIP file was expected, but {found}.", "Pack the class folders as a ZIP and add that.")


def _check_limits(path: Path, infos: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse bombs by what the directory says, before anything is unpacked."""
    if len(infos) > MAX_ENTRIES:
        raise UserError(
            "ZIP_TOO_MANY_FILES", f"The ZIP holds {len(infos):,} files; at most {MAX_ENTRIES:,} are allowed.", "Make several."
        )
    total = sum(info.file_size for info in infos)
    bomb = any(i.file_size > RATIO_FROM and i.file_size > MAX_RATIO * max(1, i.compress_size) for i in infos)
    if total > MAX_TOTAL or bomb:
        raise UserError(
            "ZIP_TOO_LARGE",
            f"The ZIP would unpack to {total / 1e6:,.0f} MB" + (", most of it nothing but zeros." if bomb else "."),
            f"At most {MAX_TOTAL / 1e9:.0f} GB of photos are allowed; leave out what is no photo.",
        )
    # Overlapping entries let a small ZIP unpack to anything (CVE-2024-0450; Python before 3.11.8 does not check).
    spans = sorted((i.header_offset, i.header_offset + 30 + i.compress_size) for i in infos)
    if any(end > start for (_, end), (start, _) in zip(spans, spans[1:], strict=False)):
        raise UserError("ZIP_BROKEN", "The ZIP is damaged: its entries overlap.", "Make it again.")


def _refusal(info: zipfile.ZipInfo) -> str | None:
    """Why an entry is not taken; empty when it is; None when it is not worth a word."""
    mode, name = info.external_attr >> 16, info.filename.replace("\\", "/")
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "links and devices are not allowed"
    if name.startswith("/") or ".." in PurePosixPath(name).parts or name[1:3] == ":/":
        return "its name leads out of the folder"
    if _is_junk(PurePosixPath(name).parts):
        return None
    if info.flag_bits & 1:
        return "it is protected by a password"
    if info.file_size > MAX_BYTES:
        return f"it has more than {MAX_BYTES // 1_000_000} MB"
    return ""


def _read_member(path: Path, info: zipfile.ZipInfo) -> bytes:
    """One member, with a counter that does not trust the size its header claims."""
    content = bytearray()
    try:
        with zipfile.ZipFile(path) as archive, archive.open(info) as file:
            while chunk := file.read(CHUNK):
                content += chunk
                if len(content) > MAX_BYTES:
                    raise UserError("IMAGE_TOO_LARGE", f"It has more than {MAX_BYTES // 1_000_000} MB.", "Save it smaller.")
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,
        NotImplementedError,
        struct.error,
        ValueError,
    ) as error:
        raise UserError("IMAGE_DAMAGED", "This file is damaged inside the ZIP.", "Make the ZIP again.") from error
    return bytes(content)


def _is_junk(parts: Sequence[str]) -> bool:
    """What operating systems leave behind, which nobody means to show."""
    return any(part == "__MACOSX" or part.startswith("._") or part.lower() in _JUNK for part in parts)


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in name)[:200]


def _sort(files: Sequence[_File], skipped: list[Skipped]) -> Scan:
    """Give every file its class and split, unwrapping folders that hold nothing but one folder."""
    pictures = []
    for file in files:
        if _is_junk(file.parts):
            continue
        suffix = PurePosixPath(file.parts[-1]).suffix.lower()
        if suffix in PICTURES:
            pictures.append(file)
        else:
            skipped.append(
                Skipped(_shown("/".join(file.parts)), "an archive inside it" if suffix in _ARCHIVES else "not a picture")
            )
    notes: list[str] = []
    wrapped = _wrapping(pictures)
    if wrapped:
        notes.append(f"The folder {_shown('/'.join(pictures[0].parts[:wrapped]))!r} around the classes was opened.")
    split_at_top = _has_splits(pictures, wrapped)
    entries = []
    for file in pictures:
        inner = file.parts[wrapped:]
        split = _SPLITS.get(inner[0].lower()) if split_at_top else None
        folders = inner[1:-1] if split else inner[:-1]
        shown = _shown("/".join(file.parts))
        if not folders:
            skipped.append(Skipped(shown, "it lies in no class folder"))
            continue
        entries.append(Entry(shown, folders[0], split, file.read, file.path))
    if split_at_top:
        parts = sorted({e.split for e in entries if e.split}, key=("train", "val", "test").index)
        notes.append(f"The folders {', '.join(parts)} were taken as given parts.")
    if pictures and not entries:
        raise UserError("NO_CLASS_FOLDERS", f"There are {len(pictures)} pictures, but no class folders.", _LAYOUT)
    if not entries:
        raise UserError("EMPTY_DATASET", "There is no picture in it.", _LAYOUT)
    return _merge_names(entries, skipped, notes)


def _wrapping(files: Sequence[_File]) -> int:
    """How many leading folders all files share without them being the class or the split."""
    depth = 0
    while files and all(len(f.parts) > depth + 2 for f in files):
        names = {f.parts[depth] for f in files}
        if len(names) != 1 or next(iter(names)).lower() in _SPLITS:
            break
        depth += 1
    return depth


def _has_splits(files: Sequence[_File], depth: int) -> bool:
    """Whether the folders at this depth are train, val and test: at least a train and nothing but those."""
    names = {f.parts[depth].lower() for f in files if len(f.parts) > depth + 1}
    deep = all(len(f.parts) > depth + 2 for f in files if len(f.parts) > depth + 1)
    return bool(names) and deep and names <= _SPLITS.keys() and "train" in {_SPLITS[name] for name in names}


def _merge_names(entries: Sequence[Entry], skipped: list[Skipped], notes: list[str]) -> Scan:
    """Make class names presentable; names that become the same are one class."""
    names: dict[str, str] = {}
    done = []
    for entry in entries:
        if entry.class_name not in names:
            try:
                clean = clean_class_name(entry.class_name)
            except UserError:
                clean = "unnamed"
            if clean in names.values():
                notes.append(f"Two folders are both named {clean!r} and were put together.")
            names[entry.class_name] = clean
        done.append(Entry(entry.name, names[entry.class_name], entry.split, entry.read, entry.path))
    return Scan(tuple(done), tuple(skipped), tuple(notes))
