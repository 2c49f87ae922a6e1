"""What is in a ZIP or folder of class folders, read without trusting a single name or size in it."""

from __future__ import annotations

import itertools
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from transferui.data.images import MAX_BYTES
from transferui.data.layout import FoundFile, Scan, Skipped, is_junk, shown, sort_files
from transferui.errors import UserError

MAX_ENTRIES, MAX_TOTAL = 60_000, 2_000_000_000
# A photo hardly compresses; a thousandfold entry above a megabyte is a bomb.
MAX_RATIO, RATIO_FROM = 200, 1_000_000
CHUNK = 1 << 20
NO_NAME = "it has no name"


def scan(source: Path) -> Scan:
    """Look into a folder of class folders or a ZIP of one.

    Raises:
        UserError: ``NOT_FOUND``, ``ZIP_…``, ``NOT_A_ZIP``, ``NO_CLASS_FOLDERS``, ``EMPTY_DATASET``.
    """
    return sort_files(*files_of(source))


def files_of(source: Path) -> tuple[list[FoundFile], list[Skipped]]:
    """All files of a folder or ZIP that may be read, whatever they are, and those that may not.

    Raises:
        UserError: ``NOT_FOUND``, ``ZIP_…``, ``NOT_A_ZIP``, ``TOO_MANY_FILES``.
    """
    if source.is_dir():
        return _folder_files(source)
    if not source.exists():
        raise UserError("NOT_FOUND", f"There is no folder or file {source.name!r}.", "Check the path.")
    return _zip_files(source)


def scan_files(files: Iterable[tuple[str, Path]]) -> Scan:
    """The same for files that a browser sent with their relative paths."""
    found, skipped = [], []
    for relative, path in files:
        name = relative.replace("\\", "/")
        if refused := _bad_path(name):
            skipped.append(Skipped(shown(relative), refused))
        else:
            found.append(FoundFile(PurePosixPath(name).parts, partial(read_file, path), path))
    return sort_files(found, skipped)


def read_file(path: Path) -> bytes:
    """The content of a file, within `MAX_BYTES`.

    Raises:
        UserError: ``IMAGE_TOO_LARGE`` or ``IMAGE_MISSING``.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError("IMAGE_TOO_LARGE", f"The file has more than {MAX_BYTES // 1_000_000} MB.", "Save it smaller.")
        return path.read_bytes()
    except OSError as error:
        raise UserError("IMAGE_MISSING", "The file cannot be opened.", "Check that it is still there.") from error


def _folder_files(folder: Path) -> tuple[list[FoundFile], list[Skipped]]:
    found, skipped = [], []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if is_junk(relative.parts):
            continue
        if path.is_symlink():
            skipped.append(Skipped(shown(str(relative)), "links are not followed"))
        elif path.is_file():
            found.append(FoundFile(relative.parts, partial(read_file, path), path))
        if len(found) > MAX_ENTRIES:
            raise UserError("TOO_MANY_FILES", f"The folder holds more than {MAX_ENTRIES:,} files.", "Choose a smaller folder.")
    return found, skipped


def _zip_files(path: Path) -> tuple[list[FoundFile], list[Skipped]]:
    try:
        # It stays open for the members: opening it anew for each would read the whole directory each time.
        archive = zipfile.ZipFile(path)
        infos = archive.infolist()
    except (zipfile.BadZipFile, struct.error, ValueError, OSError, NotImplementedError, UnicodeDecodeError) as error:
        raise _bad_zip(path) from error
    _check_limits(infos)
    files = [info for info in infos if not info.filename.endswith("/")]  # is_dir() fails on an empty name
    found, skipped = [], []
    for info in files:
        reason = _refusal(info)
        if reason is None:
            continue
        if reason:
            skipped.append(Skipped(shown(info.filename), reason))
        else:
            parts = PurePosixPath(info.filename.replace("\\", "/")).parts
            found.append(FoundFile(parts, partial(_read_member, archive, info)))
    if files and not found and all(info.flag_bits & 1 for info in files):
        raise UserError("ZIP_PASSWORD", "The ZIP is protected by a password.", "Save it without a password and add it again.")
    return found, skipped


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


def _check_limits(infos: Sequence[zipfile.ZipInfo]) -> None:
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
    if any(end > start for (_, end), (start, _) in itertools.pairwise(spans)):
        raise UserError("ZIP_BROKEN", "The ZIP is damaged: its entries overlap.", "Make it again.")


def _refusal(info: zipfile.ZipInfo) -> str | None:
    """Why an entry is not taken; empty when it is; None when it is not worth a word."""
    mode, name = info.external_attr >> 16, info.filename.replace("\\", "/")
    if refused := _bad_path(name):
        return refused
    if is_junk(PurePosixPath(name).parts):
        return None
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "links and devices are not allowed"
    if info.flag_bits & 1:
        return "it is protected by a password"
    if info.file_size > MAX_BYTES:
        return f"it has more than {MAX_BYTES // 1_000_000} MB"
    return ""


def _bad_path(name: str) -> str:
    """Why a path is not taken; empty when it is."""
    if not PurePosixPath(name).parts:
        return NO_NAME
    outside = name.startswith("/") or ".." in PurePosixPath(name).parts or name[1:3] == ":/"
    return "its name leads out of the folder" if outside else ""


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """One member, with a counter that does not trust the size its header claims; threads may read side by side."""
    content = bytearray()
    try:
        with archive.open(info) as file:
            while chunk := file.read(CHUNK):
                content += chunk
                if len(content) > MAX_BYTES:
                    raise UserError("IMAGE_TOO_LARGE", f"It has more than {MAX_BYTES // 1_000_000} MB.", "Save it smaller.")
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        OSError,
        RuntimeError,
        NotImplementedError,
        struct.error,
        ValueError,
    ) as error:
        raise UserError("IMAGE_DAMAGED", "This file is damaged inside the ZIP.", "Make the ZIP again.") from error
    return bytes(content)
