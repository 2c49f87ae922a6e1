"""What can be kept of runs besides the model: figures and a report, written from the run's folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from transferui.data.dataset import Dataset, load_dataset
from transferui.errors import UserError
from transferui.evaluation.shown import ShownRun
from transferui.files import read_json, replacing
from transferui.runs.store import Run

# `training.start.SEEN`, which a page cannot import: it loads torch.
SEEN = "seen.json"


def learned_from(run: Run) -> frozenset[str]:
    """Content of all photos that a run and the models before it have learned from, as far as its folder tells."""
    seen = (read_json(run.folder / SEEN) or {}).get("photos")
    return frozenset(map(str, seen)) if isinstance(seen, list) else frozenset()


def shown_run(run: Run, name: str) -> ShownRun:
    """A run as figures and reports show it.

    Args:
        name: what it is called there, for instance ``Run 3``.
    """
    facts = run.facts
    settings = facts.get("settings")
    return ShownRun(
        name=name,
        results=run.results() or {},
        rows=run.metrics(),
        settings=settings if isinstance(settings, dict) else {},
        created=float(facts.get("created", 0.0)),
        dataset_name=str(facts.get("dataset_name", "")),
        learned=learned_from(run),
    )


def save_figures(run: tuple[Run, str], together: Sequence[tuple[Run, str]], to: Path) -> list[str]:
    """Write the figures of a run, and those of several runs together if there are two or more; return the file names.

    Args:
        run: the run and its name.
        together: runs to compare and their names.
        to: a folder, or a path that ends in ``.zip``.

    Raises:
        UserError: ``NO_RESULTS`` when there is nothing to draw yet.
    """
    from transferui.evaluation.figures import comparison_views, run_views, write_figures  # noqa: PLC0415 - slow to import

    views = [*run_views(shown_run(*run)), *comparison_views([shown_run(*each) for each in together])]
    if not views:
        raise UserError("NO_RESULTS", "There is nothing to draw yet.", "Wait until the run has its first epoch behind it.")
    return write_figures(views, to)


def save_report(run: Run, name: str, to: Path, *, with_photos: bool = False) -> Path:
    """Write the report of a run as one HTML file and return its path.

    Raises:
        UserError: ``NO_RESULTS`` when the run has none.
    """
    from transferui.evaluation.report import report_html  # noqa: PLC0415 - slow to import

    photos = photos_of(run)
    there = photos is None or photos.folder is not None  # of photos that lie elsewhere there is nothing to show
    html = report_html(shown_run(run, name), photos, with_photos=with_photos and there)
    with replacing(to) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return to


def photos_of(run: Run) -> Dataset | None:
    """The stored photos that a run learned from, or None when they were deleted.

    Of photos that were used where they lie, outside the data folder, a run keeps no place: a dataset without folder and pictures
    stands for them.
    """
    folder = run.facts.get("dataset_folder")
    if not folder:
        return Dataset("", str(run.facts.get("dataset_name", "")), tuple((run.results() or {}).get("classes", ())), ())
    try:
        return load_dataset(Path(str(folder)))
    except UserError:
        return None


def check_target(to: Path, *, folder: bool = False) -> None:
    """Look at where something is to be written, before there is any work.

    Args:
        folder: a folder is to be written and not a file.

    Raises:
        UserError: ``BAD_TARGET``, when something of another kind is in the way or nothing may be written there.
    """
    wanted, other = ("folder", "file") if folder else ("file", "folder")
    there = next(place for place in (to.absolute(), *to.absolute().parents) if place.exists())
    if to.exists() and to.is_dir() != folder:
        found, hint = f"{to} is a {other}", f"Name a {wanted}" + (", or a file that ends in .zip." if folder else ".")
    elif not to.exists() and not there.is_dir():
        found, hint = f"{there} is a file, so nothing can lie in it", "Name another place."
    elif not os.access(there if there.is_dir() else there.parent, os.W_OK):
        found, hint = f"nothing may be written to {there}", "Name another place."
    else:
        return
    raise UserError("BAD_TARGET", f"A {wanted} to write to was expected, but {found}.", hint)


def save_findings(folder: Path, kind: str, to: Path, *, with_photos: bool = False) -> None:
    """Write the ``report`` or the ``figures`` of a run folder.

    Raises:
        UserError: ``NOT_A_RUN`` for any other path, ``NO_RESULTS`` as above.
    """
    if not (folder / "config.json").is_file():
        raise UserError(
            "NOT_A_RUN", f"A report and figures need a run folder, and {folder} is none.", "Name a folder under runs/."
        )
    to.absolute().parent.mkdir(parents=True, exist_ok=True)
    run = Run(folder.name, folder)
    if kind == "figures":
        save_figures((run, "This run"), [], to)
    else:
        save_report(run, "This run", to, with_photos=with_photos)
