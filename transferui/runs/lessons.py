"""The lesson of somebody's photos, put together from a measurement and a run, and figures of the answers. Never loads torch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from transferui.backbones.catalogue import get_backbone
from transferui.data.dataset import Dataset, load_dataset, thumbnail_path
from transferui.errors import UserError
from transferui.evaluation.headline import headline
from transferui.files import data_uri, replacing
from transferui.insight.lesson.facts import Lesson
from transferui.insight.lesson.page import lesson_html
from transferui.runs.store import Run
from transferui.training.lineage import learned_stages

# The refusal where there is no answer: its code, what is missing and what to do.
NOTHING = ("NO_RESULTS", "Nothing has been measured yet.", "Press “Measure everything” first.")


def lesson_of(dataset: Dataset, answers: Mapping[str, Any], backbone: str, run: Run | None = None) -> Lesson:
    """What the lesson tells of.

    Args:
        answers: of a measurement.
        backbone: name of the network that was asked.
        run: a run of these photos with results, if there is one.
    """
    common: dict[str, Any] = {
        "title": dataset.name, "classes": dataset.class_names, "n_photos": len(dataset.samples), "results": answers,
        "date": time.strftime("%d %B %Y"),
    }  # fmt: skip
    results = (run.results() if run else None) or {}
    if not results:
        return Lesson(backbone=get_backbone(backbone).title, **common)
    me = headline(results)
    accuracy = {"value": me.accuracy, "low": me.low, "high": me.high, "n": me.n}
    common["blank"] = bool(run and run.config.weights == "random")
    return Lesson(
        backbone=get_backbone(results["backbone"]).title, trainable=learned_stages(results), accuracy=accuracy, where=me.where,
        head_accuracy=results.get("head_val_accuracy"), seconds=(results.get("seconds") or {}).get("total"),
        relation=str(results.get("relation") or ""), parent=_parent(results), **common,
    )  # fmt: skip


def _parent(results: Mapping[str, Any]) -> str:
    """What the model that a run started from was trained on; empty without one."""
    before = results.get("lineage")
    return str(before[-1].get("dataset_name") or before[-1].get("name", "")) if before else ""


def save_lesson(measurement: Run, run: Run | None, to: Path, *, with_photos: bool = False) -> Path:
    """Write the lesson as one HTML file and return its path.

    Raises:
        UserError: ``NO_RESULTS`` when nothing was measured yet, ``NOT_FOUND`` when the photos were deleted.
    """
    answers = measurement.results()
    if not answers:
        raise UserError(*NOTHING)
    dataset = load_dataset(measurement.dataset_folder)
    same = run if run and run.dataset_id == dataset.id else None
    lesson = lesson_of(dataset, answers, measurement.config.backbone, same)
    return write_lesson(lesson, dataset, to, with_photos=with_photos)


def save_answer_figures(measurement: Run, to: Path) -> list[str]:
    """Write the figures of what was measured and return the file names.

    Args:
        to: a folder, or a path that ends in ``.zip``.

    Raises:
        UserError: ``NO_RESULTS`` when nothing that can be drawn was measured yet.
    """
    from transferui.evaluation.figures import write_figures  # noqa: PLC0415 - slow to import
    from transferui.insight.figures import insight_views  # noqa: PLC0415

    answers = measurement.results()
    if not answers:
        raise UserError(*NOTHING)
    views = insight_views(answers)
    if not views:
        raise UserError(
            "NO_RESULTS", "There is nothing to draw yet: doubted labels are photos.", "Measure another question, too."
        )
    return write_figures(views, to)


def write_lesson(lesson: Lesson, dataset: Dataset, to: Path, *, with_photos: bool = False) -> Path:
    """Write a lesson as one HTML file and return its path."""
    html = lesson_html(lesson, with_photos=with_photos, picture=partial(picture_of, dataset))
    to.absolute().parent.mkdir(parents=True, exist_ok=True)
    with replacing(to) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return to


def picture_of(dataset: Dataset, sample: int) -> str:
    """The ready-made thumbnail of a stored photo as a data URI; empty when there is none."""
    if not 0 <= sample < len(dataset.samples):
        return ""
    path = thumbnail_path(dataset, dataset.samples[sample])
    return data_uri(path) if path else ""
