"""Many pictures at once: an answer for each, a table to take away, and an accuracy where folders say what is right."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from transferui.data.archive import files_of, read_file
from transferui.data.layout import Skipped, clean_class_name, pictures_of, shown
from transferui.errors import UserError
from transferui.evaluation.metrics import Accuracy, accuracy_interval
from transferui.evaluation.novelty import VERDICTS
from transferui.evaluation.predict import Model, Reply
from transferui.files import replacing

# More take minutes on a small machine, and nobody reads the table; a training run is the better way to check so many.
MOST = 2000
# Pictures that go through the network at once; progress moves on as often.
AT_ONCE = 8
HEAD = ("photo", "folder says", "answer", "probability", "verdict", "second", "second probability", "problem")
# What makes a spreadsheet take a cell for a formula (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

NOTES = {"sure": "", "not_sure": " (not sure)", "unknown": " (like nothing it was shown)"}

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Row:
    """One picture: its name, the class that its folder says (if that is one of the model's), and the reply or the problem."""

    name: str
    truth: str | None
    reply: Reply | None
    problem: str = ""


@dataclass(frozen=True)
class _Photo:
    """A picture to be answered: its name for people, its folder's name, its content."""

    name: str
    folder: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Batch:
    """Answers for many pictures.

    Attributes:
        accuracy: over the pictures whose folder names one of the model's classes; None without any.
    """

    rows: tuple[Row, ...]
    accuracy: Accuracy | None


def classify(model: Model, sources: Sequence[Path], report: Report | None = None, *, inside_only: bool = False) -> Batch:
    """Let a model answer for every picture of some files, folders and ZIPs.

    Args:
        report: gets progress dictionaries.
        inside_only: never look at a source's own folder for its class (uploads lie in folders of ours).

    Raises:
        UserError: ``EMPTY_BATCH``, ``BATCH_TOO_LARGE``, and what `files_of` raises for a broken ZIP.
    """
    files, skipped = _collect(sources, inside_only)
    if len(files) > MOST:
        raise UserError(
            "BATCH_TOO_LARGE", f"These are {len(files):,} photos; at most {MOST:,} can be tested at once.", "Test them in parts."
        )
    if not files:
        reason = f" {skipped[0].name}: {skipped[0].reason}." if skipped else ""
        raise UserError("EMPTY_BATCH", f"There is no photo in it.{reason}", "Choose photos, or a ZIP of photos.")
    rows = list(_answered(model, files, report or _nobody))
    rows += [Row(s.name, None, None, s.reason) for s in skipped]
    judged = [row for row in rows if row.reply and row.truth]
    right = sum(row.truth == row.reply.ranked[0].class_name for row in judged if row.reply)
    return Batch(tuple(rows), accuracy_interval(right, len(judged)) if judged else None)


def _nobody(_: dict[str, Any]) -> None:
    """Nobody wants to know how far it is."""


def _collect(sources: Sequence[Path], inside_only: bool) -> tuple[list[_Photo], list[Skipped]]:
    """All pictures of the sources, and what is none. A file that is named itself is tried whatever its ending is."""
    photos, skipped = list[_Photo](), list[Skipped]()
    for source in sources:
        if source.is_dir() or source.suffix.lower() == ".zip":
            found, refused = files_of(source)
            skipped += refused
            photos += [_Photo(shown("/".join(f.parts)), _folder(f.parts), f.read) for f in pictures_of(found, skipped)]
        else:
            name = source.name if inside_only else str(source)
            photos.append(
                _Photo(shown(name), "" if inside_only else _folder(source.absolute().parts), partial(read_file, source))
            )
    return photos, skipped


def _folder(parts: Sequence[str]) -> str:
    """The class name that the innermost folder of a file says."""
    try:
        return clean_class_name(parts[-2]) if len(parts) > 1 else ""
    except UserError:
        return ""


def _answered(model: Model, photos: Sequence[_Photo], report: Report) -> Iterator[Row]:
    names = {name.casefold(): name for name in model.class_names}
    for start in range(0, len(photos), AT_ONCE):
        part = photos[start : start + AT_ONCE]
        for photo, reply in zip(part, _replies(model, [_content(photo) for photo in part]), strict=True):
            truth = names.get(photo.folder.casefold())
            yield Row(photo.name, truth, reply) if isinstance(reply, Reply) else Row(photo.name, truth, None, reply.message)
        report({"what": "Looking at the photos", "done": min(start + AT_ONCE, len(photos)), "total": len(photos)})


def _content(photo: _Photo) -> bytes | UserError:
    try:
        return photo.read()
    except UserError as error:
        return error


def _replies(model: Model, contents: Sequence[bytes | UserError]) -> list[Reply | UserError]:
    """A reply or a problem for each; a picture that cannot be read does not hold up the others."""
    readable = [content for content in contents if isinstance(content, bytes)]
    try:
        replies = iter(model.answers(readable))
        return [content if isinstance(content, UserError) else next(replies) for content in contents]
    except UserError:  # one of them cannot be decoded; each for itself tells which
        return [content if isinstance(content, UserError) else _reply(model, content) for content in contents]


def _reply(model: Model, content: bytes) -> Reply | UserError:
    try:
        return model.answer(content)
    except UserError as error:
        return error


def as_rows(batch: Batch) -> list[dict[str, Any]]:
    """The answers as plain data: image, class by its folder, ranked answers and verdict, or the error."""
    return [
        {"image": row.name, "error": row.problem}
        if row.reply is None
        else {
            "image": row.name,
            "folder_says": row.truth,
            "answers": [{"class_name": a.class_name, "probability": a.probability} for a in row.reply.ranked],
            "verdict": row.reply.verdict,
            "strangeness": row.reply.strangeness,
        }
        for row in batch.rows
    ]


def as_numbers(batch: Batch) -> dict[str, Any]:
    """How many were answered how, and the accuracy if folders say what is right."""
    verdicts = [row.reply.verdict for row in batch.rows if row.reply]
    counts = {f"n_{verdict}": verdicts.count(verdict) for verdict in VERDICTS}
    numbers = {"n": len(verdicts), "n_broken": len(batch.rows) - len(verdicts), **counts}
    if batch.accuracy is None:
        return numbers
    me = batch.accuracy
    return {**numbers, "n_judged": me.n, "accuracy": me.value, "accuracy_low": me.low, "accuracy_high": me.high}


def as_text(batch: Batch) -> str:
    """The answers for a terminal, a line each, and the accuracy if there is one."""
    lines = [f"{row.name}: {_words(row.reply) if row.reply else row.problem}" for row in batch.rows]
    if me := batch.accuracy:
        lines.append(f"{me.value:.1%} of {me.n} photos right (95 % interval {me.low:.1%} to {me.high:.1%})")
    return "\n".join(lines)


def _words(reply: Reply) -> str:
    return ", ".join(f"{a.class_name} {a.probability:.1%}" for a in reply.ranked[:3]) + NOTES[reply.verdict]


def write_csv(batch: Batch, path: Path) -> None:
    """Write the table; the mark at its start tells spreadsheets that it is UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(as_csv(batch).encode("utf-8-sig"))


def as_csv(batch: Batch) -> str:
    """The answers as CSV (RFC 4180), safe to open in a spreadsheet: no cell can become a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEAD)
    for row in batch.rows:
        cells: list[str] = [row.name, row.truth or ""]
        if row.reply:
            first, second = row.reply.ranked[:2]
            cells += [first.class_name, f"{first.probability:.4f}", row.reply.verdict]
            cells += [second.class_name, f"{second.probability:.4f}", ""]
        else:
            cells += ["", "", "", "", "", row.problem]
        writer.writerow([harmless(cell) for cell in cells])
    return out.getvalue()


def harmless(cell: str) -> str:
    """A cell that a spreadsheet takes for text."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
