"""The button of the diagnosis sets the shown run's settings with its change; nothing else can be set by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from transferui.config import TrainConfig
from transferui.files import write_json
from transferui.runs.engine import Engine
from transferui.runs.queue import RunQueue
from transferui.runs.store import Store, hash_owner, write_run_folder
from transferui.ui import model_step, train_step
from transferui.ui.desk import Server, desk_of, update

ME = "me-0123456789abcdef"


@pytest.fixture
def events(data_dir: Path) -> Any:
    store = Store(data_dir)
    queue = RunQueue(store, warm=False)
    with gr.Blocks():
        made = train_step.TrainEvents(Server(store, queue, Engine(data_dir), data_dir / "uploads"), train_step.layout())
    made.model_view, made.n_model = model_step.view, len(model_step.view(desk_of(made.server, ME)))
    yield made
    queue.close()


def _shown_run(events: Any, data_dir: Path, change: dict[str, Any] | None) -> None:
    folder = data_dir / "runs" / "20260101-000000-0123456789abcdef"
    config = TrainConfig(epochs=12, trainable="pool", head_learning_rate=0.01)
    write_run_folder(folder, {"settings": config.model_dump(), "dataset_id": "none", "dataset_name": "drawn", "dataset_folder": "",
                              "owner": hash_owner(ME), "created": 1.0})  # fmt: skip
    write_json(folder / "status.json", {"state": "finished"})
    write_json(folder / "results.json", {"diagnosis": {"try": change, "try_words": "that"}})
    update(events.server, ME, run=folder.name, settings={"epochs": 99})


def _press(events: Any, pick: str = "try") -> list[Any]:
    return events.try_next(ME, gr.EventData(None, {"pick": pick}))  # type: ignore[no-any-return]


def test_the_runs_own_settings_are_set_with_the_change(events: Any, data_dir: Path) -> None:
    _shown_run(events, data_dir, {"head_learning_rate": 0.001})
    out = _press(events)
    assert "Set: that" in out[0] and "Train again" in out[0]
    assert desk_of(events.server, ME).config == TrainConfig(epochs=12, trainable="pool", head_learning_rate=0.001)


def test_a_preset_of_freezing_is_set_as_the_stages_that_it_names(events: Any, data_dir: Path) -> None:
    _shown_run(events, data_dir, {"trainable": "none"})
    _press(events)
    assert desk_of(events.server, ME).trainable == []


@pytest.mark.parametrize(("change", "pick"), [(None, "try"), ({"epochs": 1}, "else"), ({"epochs": -1}, "try")])
def test_nothing_else_can_be_set(events: Any, data_dir: Path, change: dict[str, Any] | None, pick: str) -> None:
    _shown_run(events, data_dir, change)
    assert 'role="alert"' in _press(events, pick)[0]
    assert desk_of(events.server, ME).settings == {"epochs": 99}
