"""Many pictures at once: an answer for each, a table to take away, and an accuracy where folders say what is right."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from transferui.data.archive import files_of, read_file
from transferui.data.layout import Skipped, pictures_of, shown
from transferui.errors import UserError
from transferui.evaluation.folders import MOST_NAMED, Folders, elsewhere, familiar_words
from transferui.evaluation.metrics import Accuracy, accuracy_interval, how_good
from transferui.evaluation.novelty import VERDICTS
from transferui.evaluation.predict import Model, Reply
from transferui.evaluation.shown import how_sure, one_line, share
from transferui.evaluation.summary import evaluation_text
from transferui.files import replacing
from transferui.training.machine import is_out_of_memory

# More take minutes on a small machine, and nobody reads the table; a training run is the better way to check so many.
MOST = 2000
# Pictures that go through the network at once; progress moves on as often.
AT_ONCE = 8
# Cosine of features from which two photos look the same: of 16 photos of four sets the same file had 0.9999, saved again as JPEG
# of quality 85 mostly 0.93 to 0.99, another photo of the set at most 0.97 (the nearest of digits and of webcam series).
SAME = 0.985
HEAD = ("photo", "folder", "folder says", "answer", "probability", "how sure", "second", "second probability", "problem")
# What makes a spreadsheet take a cell for a formula (OWASP, CSV injection): a sign at its start. A spreadsheet that splits at
# semicolons, tabs or bars, as where the comma is the decimal sign, makes further starts, also inside quotation marks.
FORMULA = re.compile(r"""^(?=[=+\-@\t\r\n])|[;\t|](?="*[=+\-@\t\r\n])""")

Report = Callable[[dict[str, Any]], None]
Found = TypeVar("Found")


@dataclass(frozen=True)
class Row:
    """One picture and what was answered.

    Attributes:
        name: its real name, in one line; of several sources with what its own is called before it.
        truth: the class that its folders say, if that is one of the model's.
        reply: the answer, or None and then a `problem`.
        folder: the folder that it lies in, as it is named, with those around it.
        elsewhere: it lies in folders, but none of them is a class.
    """

    name: str
    truth: str | None
    reply: Reply | None
    problem: str = ""
    folder: str = ""
    elsewhere: bool = False


@dataclass(frozen=True)
class _Photo:
    """A picture to be answered: its name, the folders around it, whether any was found inside a source, its content."""

    name: str
    folders: tuple[str, ...]
    inside: bool
    read: Callable[[], bytes]

    def row(self, truth: str | None, answer: Reply | UserError) -> Row:
        """What is known of it with its answer."""
        where, lost = one_line("/".join(self.folders)), self.inside and truth is None
        reply, problem = (answer, "") if isinstance(answer, Reply) else (None, answer.message)
        return Row(self.name, truth, reply, problem, where, lost)


@dataclass(frozen=True)
class Batch:
    """Answers for many pictures.

    Attributes:
        accuracy: over the pictures whose folders name one of the model's classes; None without any.
        class_names: the model's classes.
    """

    rows: tuple[Row, ...]
    accuracy: Accuracy | None
    class_names: tuple[str, ...] = ()


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
    judged = _judged(rows)
    right = sum(truth == answer for truth, answer in judged)
    return Batch(tuple(rows), accuracy_interval(right, len(judged)) if judged else None, model.class_names)


def _judged(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """The class by the folder and the answer, for every photo that has both."""
    return [(row.truth, row.reply.ranked[0].class_name) for row in rows if row.reply and row.truth]


def _nobody(_: dict[str, Any]) -> None:
    """Nobody wants to know how far it is."""


def _collect(sources: Sequence[Path], inside_only: bool) -> tuple[list[_Photo], list[Skipped]]:
    """All pictures of the sources, and what is none. A file that is named itself is tried whatever its ending is."""
    photos, skipped = list[_Photo](), list[Skipped]()
    for source, called in zip(sources, _called(sources, inside_only), strict=True):
        if source.is_dir() or source.suffix.lower() == ".zip":
            own = _own_name(source) if source.is_dir() and not inside_only else ()
            found, refused = files_of(source)
            skipped += [Skipped(one_line("/".join((*called, s.name))), s.reason) for s in refused]
            for file in found:
                name, reasons = one_line("/".join((*called, *file.parts))), list[Skipped]()
                folders = file.parts[:-1]
                photos += [_Photo(name, (*own, *folders), bool(folders), f.read) for f in pictures_of([file], reasons)]
                skipped += [Skipped(name, why.reason) for why in reasons]
        else:
            name = one_line(source.name if inside_only else str(source))
            photos.append(_Photo(name, () if inside_only else _around(source), False, partial(read_file, source)))
    return photos, skipped


def _called(sources: Sequence[Path], inside_only: bool) -> list[tuple[str, ...]]:
    """What tells photos of equal names in several folders and ZIPs apart; nothing where there is one source."""
    names = [source.name if inside_only else str(source) for source in sources]
    if len(names) == 1:
        return [()]
    seen, called = Counter[str](), list[tuple[str, ...]]()
    for name in names:
        seen[name] += 1
        called.append((f"{name} ({seen[name]})" if seen[name] > 1 else name,))
    return called


def _own_name(folder: Path) -> tuple[str, ...]:
    """What a folder is called, also where a person wrote it as a dot."""
    return (folder.name if folder.name not in ("", "..") else folder.resolve().name,)


def _around(file: Path) -> tuple[str, ...]:
    """The folders around a file as a person named them; of a whole path only the last, because the others tell of the machine."""
    named = () if file.is_absolute() else file.parts[:-1]
    return named if named and ".." not in named else _own_name(file.parent)


def _answered(model: Model, photos: Sequence[_Photo], report: Report) -> Iterator[Row]:
    folders = Folders(model.class_names)
    for start in range(0, len(photos), AT_ONCE):
        part = photos[start : start + AT_ONCE]
        for photo, reply in zip(part, _replies(model, [_content(photo) for photo in part]), strict=True):
            yield photo.row(folders.say(photo.folders), reply)
        report({"what": "Looking at the photos", "done": min(start + AT_ONCE, len(photos)), "total": len(photos)})


def _content(photo: _Photo) -> bytes | UserError:
    return _tried(photo.read)


def _replies(model: Model, contents: Sequence[bytes | UserError]) -> list[Reply | UserError]:
    """A reply or a problem for each; a picture that cannot be read does not hold up the others."""
    readable = [content for content in contents if isinstance(content, bytes)]
    try:
        replies = iter(model.answers(readable))
        return [content if isinstance(content, UserError) else next(replies) for content in contents]
    except (UserError, MemoryError, RuntimeError):  # one of them cannot be decoded, or is too much; each for itself tells which
        return [content if isinstance(content, UserError) else _tried(partial(model.answer, content)) for content in contents]


def _tried(work: Callable[[], Found]) -> Found | UserError:
    """What comes of it, or why nothing does for this one picture."""
    try:
        return work()
    except UserError as error:
        return error
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return UserError("OUT_OF_MEMORY", "It needs more memory than there is.", "Save it smaller.")


def as_rows(batch: Batch) -> list[dict[str, Any]]:
    """The answers as plain data: image, its folder and the class which that says, ranked answers and verdict, or the error."""
    return [
        {"image": row.name, "error": row.problem}
        if row.reply is None
        else {
            "image": row.name,
            "folder": row.folder,
            "folder_says": row.truth,
            "answers": [{"class_name": a.class_name, "probability": a.probability} for a in row.reply.ranked],
            "verdict": row.reply.verdict,
            "strangeness": row.reply.strangeness,
        }
        for row in batch.rows
    ]


def as_numbers(batch: Batch) -> dict[str, Any]:
    """How many were answered how, how many lie in folders of other names, and how good they are if folders say what is right."""
    verdicts = [row.reply.verdict for row in batch.rows if row.reply]
    counts = {f"n_{verdict}": verdicts.count(verdict) for verdict in VERDICTS}
    others = Counter(row.folder for row in batch.rows if row.reply and row.elsewhere)
    named = [folder for folder, _ in others.most_common(MOST_NAMED)]
    numbers: dict[str, Any] = {"n": len(verdicts), "n_broken": len(batch.rows) - len(verdicts), **counts}
    numbers |= {"n_in_other_folders": others.total(), "other_folders": named}
    return numbers | _how_good(batch) if batch.accuracy else numbers


def _how_good(batch: Batch) -> dict[str, Any]:
    """The accuracy and what it takes to judge it, over the photos whose folders say what is right."""
    place = {name: n for n, name in enumerate(batch.class_names)}
    labels, answers = zip(*((place[truth], place[answer]) for truth, answer in _judged(batch.rows)), strict=True)
    found = how_good(labels, answers, batch.class_names)
    return {"n_judged": found.pop("n"), "n_familiar": _familiar(batch.rows), **found}


def _familiar(rows: Sequence[Row]) -> int:
    """How many of the judged photos are, to the network's eyes, photos that it learned from."""
    near = [row.reply.neighbors[0].similarity for row in rows if row.truth and row.reply and row.reply.neighbors]
    return sum(similarity >= SAME for similarity in near)


def as_text(batch: Batch) -> str:
    """The answers for a terminal, a line each, and the accuracy if there is one."""
    lines = [f"{shown(row.name)}: {_words(row.reply) if row.reply else row.problem}" for row in batch.rows]
    found = as_numbers(batch)
    lines += [evaluation_text({**found, "n": found["n_judged"]})] if batch.accuracy else []
    lines += [familiar_words(found["n_familiar"])] if found.get("n_familiar") else []
    lost = elsewhere(found, shown)
    return "\n".join([*lines, lost] if lost else lines)


def _words(reply: Reply) -> str:
    ranked = ", ".join(f"{a.class_name} {share(a.probability, 1)}" for a in reply.ranked[:3])
    return f"{ranked} ({how_sure(reply.verdict, reply.ranked[0].probability)})"


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
        cells: list[str] = [row.name, row.folder, row.truth or ""]
        if row.reply:
            first, second = row.reply.ranked[:2]
            cells += [first.class_name, f"{first.probability:.4f}", how_sure(row.reply.verdict, first.probability)]
            cells += [second.class_name, f"{second.probability:.4f}", ""]
        else:
            cells += ["", "", "", "", "", row.problem]
        writer.writerow([harmless(cell) for cell in cells])
    return out.getvalue()


def harmless(cell: str) -> str:
    """A cell that a spreadsheet takes for text, also where it splits it."""
    return FORMULA.sub(r"\g<0>'", cell)
