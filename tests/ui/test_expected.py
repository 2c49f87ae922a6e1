"""What is said to be remembered is still there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from tests.conftest import draw_photo
from transferui.config import TrainConfig
from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.runs.store import Store, hash_owner
from transferui.ui import model_step, train_step
from transferui.ui.desk import Server, update
from transferui.ui.expected import expected, remembered, time_of
from transferui.ui.forget_events import ForgetEvents

ME = "me-0123456789abcdef"
SAID = "remembered from an earlier run"


@pytest.fixture
def desk(photos: Path, data_dir: Path) -> Any:
    store = Store(data_dir)
    dataset = create_dataset(scan(photos), data_dir, "drawn", hash_owner(ME))
    assert dataset.folder
    remember(data_dir, "mine")
    store.create_run(ME, dataset.folder, TrainConfig()).write_status(state="finished")
    server = Server(store, SimpleNamespace(), SimpleNamespace(), data_dir / "uploads")  # type: ignore[arg-type]
    return update(server, ME, dataset=dataset.id)


def remember(data_dir: Path, key: str, later_s: float = -1.0) -> None:
    shard = data_dir / "features" / key / "0.safetensors"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(b"rows")
    os.utime(shard, (shard.stat().st_mtime + later_s,) * 2)


def test_features_of_a_finished_run_are_remembered(desk: Any) -> None:
    assert SAID in expected(desk)


def test_photos_that_are_the_same_in_another_dataset_are_remembered_too(desk: Any, photos: Path, tmp_path: Path) -> None:
    before = time_of(desk, TrainConfig(), remembered(desk))
    more = Path(shutil.copytree(photos, tmp_path / "more"))
    (more / "red").rename(more / "fire")
    for n in range(5):
        draw_photo(more / "green" / f"new{n}.jpg", (10, 200, 10), 900 + n)
    changed = create_dataset(scan(more), desk.server.data_dir, "drawn", hash_owner(ME))
    desk = update(desk.server, ME, dataset=changed.id)
    n = len(changed.samples)
    assert f"{n - 5} of {n} photos are {SAID}" in expected(desk)
    times = [time_of(desk, TrainConfig(), known) for known in (remembered(desk), {})]
    assert before < times[0] < times[1]


def test_forgotten_features_are_not_claimed_and_step_two_hears_of_it(desk: Any) -> None:
    with gr.Blocks():
        events = ForgetEvents(desk.server, train_step.layout(), model_step.layout(desk.server))
    message, status, kept, recipes, words = events.forget(ME)
    assert message == "" and "About" in status and "nothing yet" in kept and "everybody" in kept and "recipes" in recipes
    assert SAID not in words and SAID not in expected(desk)
    assert len(events.forget("nobody")) == len(events.out)


def test_what_somebody_else_remembers_afterwards_is_not_taken_for_ones_own(desk: Any) -> None:
    desk.server.store.forget_features()
    remember(desk.server.data_dir, "theirs", later_s=5.0)
    assert SAID not in expected(desk)
