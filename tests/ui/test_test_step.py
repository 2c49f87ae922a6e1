"""Step 4 shows the answer for the photo that was chosen last, and says so when it takes no more photos."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from transferui.config import TrainConfig
from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.errors import UserError
from transferui.files import write_json
from transferui.runs.store import Store, hash_owner, write_run_folder
from transferui.ui import test_step
from transferui.ui.desk import Server, desk_of, update

ME = "me-0123456789abcdef"


class SlowEngine:
    """Tells at once that it works, and answers when it may."""

    def __init__(self) -> None:
        self.may_answer, self.was_asked = threading.Event(), threading.Event()
        self.near: list[Any] = []

    def busy(self) -> bool:
        return False

    def ask(self, question: str, report: Callable[[Any], object] | None = None, **arguments: Any) -> Any:
        self.was_asked.set()
        if report:
            report({"what": "Looking"})
        assert self.may_answer.wait(30)
        if question == "batch":
            return {"rows": [], "n_not_sure": 0, "n_unknown": 0}
        name = Path(arguments.get("picture", "frame")).stem
        ranked = [{"class_name": name, "probability": 0.9}, {"class_name": "other", "probability": 0.1}]
        return {"ranked": ranked, "verdict": "sure", "thumbnail": "", "neighbors": self.near}


@pytest.fixture
def dataset(photos: Path, data_dir: Path) -> Any:
    return create_dataset(scan(photos), data_dir, "drawn", "somebody")


@pytest.fixture
def events(data_dir: Path) -> Any:
    store = Store(data_dir)
    folder = data_dir / "runs" / "20260101-000000-0123456789abcdef"
    write_run_folder(folder, {"settings": TrainConfig().model_dump(), "dataset_id": "none", "dataset_name": "drawn", "dataset_folder": "",
                              "owner": hash_owner(ME), "created": 1.0})  # fmt: skip
    write_json(folder / "results.json", {"val_items": []})
    uploads = data_dir / "uploads"
    uploads.mkdir()
    for name in ("first", "second"):
        (uploads / f"{name}.jpg").write_bytes(b"photo")
    server = Server(store, SimpleNamespace(), SlowEngine(), uploads)  # type: ignore[arg-type]
    update(server, ME, run=folder.name)
    with gr.Blocks():
        return test_step.TestEvents(server, test_step.layout())


def photo(events: Any, name: str) -> dict[str, str]:
    return {"path": str(events.server.uploads / f"{name}.jpg")}


def texts(rows: Iterator[list[Any]]) -> str:
    return " ".join(str(value) for row in rows for value in row if isinstance(value, str))


def test_the_answer_for_a_photo_chosen_earlier_is_not_shown_any_more(events: Any) -> None:
    first, second = (events.try_upload(ME, photo(events, name)) for name in ("first", "second"))
    assert "Looking" in str(next(first)) and "Looking" in str(next(second))
    events.server.engine.may_answer.set()
    late = list(first)
    assert texts(iter(late)) == "" and late[-1] == [gr.skip(), gr.skip()]
    assert "second" in texts(second)


def test_the_words_beside_validation_photos_and_neighbors_follow_from_the_run(
    events: Any, dataset: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(test_step, "run_dataset", lambda desk: dataset)
    monkeypatch.setattr(test_step.confusion_view, "per_class", lambda results: "")
    found = {"n_train": 5000, "classes": ["blue", "red"], "confusion": [[1, 0], [0, 0]], "n_val": 1, "per_class": [],
             "val_items": [{"sample": 0, "true": 0, "predicted": 0, "probability": 1.0, "true_probability": 1.0}]}  # fmt: skip
    desk = desk_of(events.server, ME)
    for lineage, words in (([], "has not learned from"), ([{"name": "before"}], "may have learned from")):
        write_json(desk.run.folder / "results.json", {**found, "lineage": lineage})
        assert words in test_step.view(desk)[1]
    events.server.engine.may_answer.set()
    events.server.engine.near = [{"sample": 0, "class_name": "red"}]
    assert "2,000 of its 5,000" in texts(events.try_upload(ME, photo(events, "first")))


def test_a_mistake_among_the_training_photos_can_be_tried_and_no_other_photo_of_the_set(
    events: Any, dataset: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(test_step, "run_dataset", lambda desk: dataset)
    items = [{"sample": n, "true": 0, "predicted": n % 2, "probability": 0.9} for n in range(4)]
    cv = {"items": items, "confusion": [[2, 2], [0, 0]], "per_class": [], "n": 4}
    write_json(desk_of(events.server, ME).run.folder / "results.json",
               {"headline": "cv", "cv": cv, "val_items": items[:2], "n_train": 2, "classes": ["blue", "red"]})  # fmt: skip
    events.server.engine.may_answer.set()
    said = [texts(events.try_validation(ME, gr.EventData(None, {"pick": str(n)}))) for n in range(4)]
    assert ["has learned from this photo" in text for text in said] == [False, False, False, True]
    assert ["does not exist" in text for text in said] == [False, False, True, False]


def test_a_photo_that_was_taken_away_gets_no_answer(events: Any) -> None:
    first = events.try_upload(ME, photo(events, "first"))
    next(first)
    assert "Choose a photo" in texts(events.try_upload(ME, None))
    events.server.engine.may_answer.set()
    assert texts(first) == ""


def test_somebody_elses_photo_changes_nothing(events: Any) -> None:
    first = events.try_upload(ME, photo(events, "first"))
    next(first)
    list(events.try_upload("you-0123456789abcdef", photo(events, "second")))
    events.server.engine.may_answer.set()
    assert "first" in texts(first)


def test_a_frame_on_its_way_does_not_cover_the_photo_chosen_meanwhile(events: Any) -> None:
    event, out = gr.EventData(None, {"frame": 1, "jpeg": "x"}), []
    frame = threading.Thread(target=lambda: out.append(events.look(ME, event)))
    frame.start()
    assert events.server.engine.was_asked.wait(30)
    chosen = events.try_upload(ME, photo(events, "first"))
    next(chosen)
    events.server.engine.may_answer.set()
    frame.join()
    assert out == [[gr.skip(), gr.skip()]] and "first" in texts(chosen)


def test_a_second_batch_is_refused_aloud_and_the_next_one_is_taken(events: Any) -> None:
    going_on = events.try_many(ME, [photo(events, "first")])
    next(going_on)
    (refused,) = events.try_many(ME, [photo(events, "second")])
    assert 'role="alert"' in refused[1] and "still being looked at" in refused[1] and refused[2] == gr.skip()
    assert "still being looked at" not in texts(events.try_many("you-0123456789abcdef", []))
    events.server.engine.may_answer.set()
    list(going_on)
    assert "still being looked at" not in texts(events.try_many(ME, [photo(events, "second")]))


def test_a_batch_whose_page_was_closed_is_not_waited_for(events: Any) -> None:
    going_on = events.try_many(ME, [photo(events, "first")])
    next(going_on)
    going_on.close()
    events.server.engine.may_answer.set()
    assert "still being looked at" not in texts(events.try_many(ME, [photo(events, "second")]))


def test_nobody_is_told_to_reload(events: Any) -> None:
    for rows in (events.try_upload(None, photo(events, "first")), events.try_many(None, []), events.try_upload("short", None)):
        assert "Reload the page" in texts(rows)
    with pytest.raises(UserError):
        events.asked.begin("short")
