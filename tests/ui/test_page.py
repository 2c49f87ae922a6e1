"""How the page is put together: what is dropped while an answer is pending, and what is not."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
import pytest

from transferui.runs.engine import Engine
from transferui.runs.queue import RunQueue
from transferui.runs.store import Store
from transferui.ui import page
from transferui.ui.desk import Server

ME = "me-0123456789abcdef"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def built(store: Store) -> Iterator[gr.Blocks]:
    queue = RunQueue(store, warm=False)
    yield page.build(Server(store, queue, Engine(store.data_dir), store.data_dir / "uploads"), "only you")
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


@pytest.mark.parametrize("name", ["to_model", "go_ahead"])
def test_opening_step_two_brings_all_that_is_drawn_there(built: gr.Blocks, name: str) -> None:
    """Outputs that a change of photos skips lose it before the step is open."""
    (opens,) = (fn for fn in built.fns.values() if str(fn.api_name).startswith(name))
    assert opens.fn is not None
    answer = opens.fn(ME, *([gr.EventData(None, {"step": 2})] if name == "go_ahead" else []))
    network = [c.elem_id for c in opens.outputs].index("network")
    assert len(answer) == len(opens.outputs) and answer[network].props["stages"]


@pytest.mark.parametrize("name", ["val_fraction", "seed"])
def test_step_one_hears_of_the_settings_that_split_its_photos(built: gr.Blocks, name: str) -> None:
    (set_value,) = (fn for fn in built.fns.values() if [c.elem_id for c in fn.inputs[1:]] == [f"set-{name}"])
    assert "dataset-summary" in [c.elem_id for c in set_value.outputs]


def test_a_step_that_cannot_be_shown_keeps_nobody_from_the_others(
    built: gr.Blocks, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(desk: object) -> list[object]:
        raise IndexError(desk)

    (load,) = (fn for fn in built.fns.values() if "load" in [event for _, event in fn.targets] and fn.name == "open")
    monkeypatch.setattr(page.insight_step, "view", broken)
    assert load.fn is not None
    rows = load.fn(ME)
    assert len(rows) == len(load.outputs) and "could not be shown" in rows[-1] and "IndexError" in capsys.readouterr().err
    monkeypatch.undo()
    assert load.fn(ME)[-1] == ""


@pytest.mark.parametrize(("sent", "kept"), [({"id": 2}, 2), ({"id": 99}, 4), ({"id": "2"}, 4), (None, 4)])
def test_a_step_that_was_opened_at_the_top_is_remembered(built: gr.Blocks, store: Store, sent: object, kept: int) -> None:
    (select,) = (fn for fn in built.fns.values() if ("select" in [event for _, event in fn.targets]))
    store.update_desk(ME, step=4)
    assert select.fn is not None
    select.fn(ME, gr.EventData(None, sent))
    assert store.desk(ME)["step"] == kept


def test_a_step_ahead_is_opened_only_as_far_as_there_is_something_to_show(built: gr.Blocks, store: Store) -> None:
    (ahead,) = (fn for fn in built.fns.values() if str(fn.api_name).startswith("go_ahead"))
    store.update_desk(ME, step=1)
    assert ahead.fn is not None
    for sent in (2, 6, 99, "2", None, [], -1):
        ahead.fn(ME, gr.EventData(None, {"step": sent}))
    assert store.desk(ME)["step"] == 1
