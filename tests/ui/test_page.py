"""How the page is put together: what is dropped while an answer is pending, and what is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from transferui.runs.engine import Engine
from transferui.runs.queue import RunQueue
from transferui.runs.store import Store
from transferui.ui import page
from transferui.ui.desk import Server


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gr.Blocks]:
    home: Path = tmp_path_factory.mktemp("home")
    store = Store(home)
    queue = RunQueue(store, warm=False)
    yield page.build(Server(store, queue, Engine(home), home / "uploads"), "only you")
    queue.close()


def modes(built: gr.Blocks, name: str) -> set[str]:
    found = {str(fn.trigger_mode) for fn in built.fns.values() if str(fn.api_name).rstrip("0123456789_") == name}
    assert found, name
    return found


@pytest.mark.parametrize("name", ["choose_run", "try_validation", "open_cell", "try_many"])
def test_a_second_choice_is_not_dropped_while_the_first_is_answered(built: gr.Blocks, name: str) -> None:
    assert modes(built, name) == {"multiple"}


def test_examples_of_the_network_chosen_last_are_made_wherever_it_was_chosen(built: gr.Blocks) -> None:
    assert modes(built, "show_copies") == {"always_last"}
    names = {fn._id: str(fn.api_name).rstrip("0123456789_") for fn in built.fns.values()}
    before = {names[fn.trigger_after] for fn in built.fns.values() if names[fn._id] == "show_copies"}
    assert before >= {"choose_network", "choose_start", "try_next", "to_model", "prepare_if_open"}
