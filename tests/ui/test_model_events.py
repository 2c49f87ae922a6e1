"""What a choice in step 2 changes elsewhere on the page."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.runs.store import Store, hash_owner
from transferui.ui import model_step
from transferui.ui.desk import Server, desk_of, update
from transferui.ui.model_events import SPLITTING, ModelEvents
from transferui.ui.rate_view import trial_key

ME = "me-0123456789abcdef"


@pytest.fixture
def events(data_dir: Path) -> Any:
    server = Server(Store(data_dir), SimpleNamespace(), SimpleNamespace(), data_dir / "uploads")  # type: ignore[arg-type]
    with gr.Blocks():
        return ModelEvents(server, model_step.layout(server))


def test_a_typed_rate_is_held_against_the_one_that_was_found(events: Any) -> None:
    desk = desk_of(events.server, ME)
    sweep = {"setting": "head_learning_rate", "suggestion": 0.02, "flat": False, "rates": [0.01, 0.1], "losses": [1.0, 0.5]}
    update(events.server, ME, rates={"key": trial_key(desk), "photos": 20, "seconds": 3.0, "sweeps": [sweep]})
    found = events.set_value(ME, 0.005, name="head_learning_rate")[3]
    assert "now 0.005" in found and "Use 0.02" in found
    picture = found[found.index('role="img"') : found.index('<div class="x">')]
    assert found.count('role="img"') == 1 and "<button" not in picture  # a button in a picture would be none
    assert "in use: 0.02" in events.set_value(ME, 0.02, name="head_learning_rate")[3]
    assert events.set_value(ME, 8, name="batch_size")[3] == ""  # what was found for other batches is old


def test_the_split_is_told_anew_when_its_settings_change(events: Any, photos: Path, data_dir: Path) -> None:
    update(events.server, ME, dataset=create_dataset(scan(photos), data_dir, "drawn", hash_owner(ME)).id)
    assert ">15 to learn from" in events.set_value(ME, 0.5, name="val_fraction")[-1]
    assert "to learn from" in events.set_value(ME, 7, name="seed")[-1]
    assert ">24 to learn from" in events.choose_recipe(ME, gr.EventData(None, {"pick": "quick"}))[1]


@pytest.mark.parametrize("name", [*SPLITTING, "epochs"])
def test_a_refused_setting_answers_for_all_that_it_would_change(events: Any, name: str) -> None:
    n = len(events.set_value(ME, 1, name="epochs")) + (name in SPLITTING)
    refused = events.set_value(ME, -1, name=name)
    assert 'role="alert"' in refused[0] and len(refused) == n
    assert len(events.set_value("nobody", 1, name=name)) == n
