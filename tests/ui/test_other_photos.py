"""What is shown says so when it is of other photos than those in step 1 now, and nothing learns from photos that no page shows."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import draw_photo
from transferui.config import TrainConfig
from transferui.data.archive import scan
from transferui.data.dataset import Dataset
from transferui.data.edits import drop_samples, remove_class, rename_class
from transferui.data.storage import create_dataset
from transferui.errors import UserError
from transferui.files import write_json
from transferui.runs.store import Store, hash_owner
from transferui.ui import ahead, test_step, train_step
from transferui.ui.desk import Desk, Server, desk_of, update
from transferui.ui.other_photos import other_photos, require_shown

ME = "me-0123456789abcdef"


@pytest.fixture
def dataset(photos: Path, data_dir: Path) -> Dataset:
    return create_dataset(scan(photos), data_dir, "drawn", hash_owner(ME))


@pytest.fixture
def desk(dataset: Dataset, data_dir: Path) -> Desk:
    """Somebody with a finished run of the photos in step 1."""
    store = Store(data_dir)
    assert dataset.folder
    run = store.create_run(ME, dataset.folder, TrainConfig())
    write_json(run.folder / "status.json", {"state": "finished", "updated": 1.0})
    write_json(run.folder / "results.json", {"val_items": []})
    queue = SimpleNamespace(status=lambda run: run.status())
    server = Server(store, queue, SimpleNamespace(), data_dir / "uploads")  # type: ignore[arg-type]
    return update(server, ME, dataset=dataset.id, run=run.id)


def shows(desk: Desk, dataset: Dataset) -> Desk:
    return update(desk.server, ME, dataset=dataset.id)


def other_set(tmp_path: Path, data_dir: Path) -> Dataset:
    for n in range(6):
        draw_photo(tmp_path / "mine" / ("dark", "light")[n % 2] / f"{n}.jpg", (20, 20, 20) if n % 2 else (230, 230, 230), 900 + n)
    return create_dataset(scan(tmp_path / "mine"), data_dir, "mine", hash_owner(ME))


def test_changed_photos_and_other_ones_are_told_from_the_same(
    desk: Desk, dataset: Dataset, data_dir: Path, tmp_path: Path
) -> None:
    assert other_photos(desk) == ""
    again = create_dataset(scan(tmp_path / "photos"), data_dir, "again", hash_owner(ME))
    assert again.id != dataset.id and other_photos(shows(desk, again)) == ""
    renamed, fewer = rename_class(dataset, data_dir, "red", "fire"), drop_samples(dataset, data_dir, [0])
    assert other_photos(shows(desk, renamed)) == "your photos when the classes had other names (blue, green, red)"
    assert other_photos(shows(desk, fewer)) == "your photos before you changed them (30 photos; blue, green, red)"
    new = shows(desk, other_set(tmp_path, data_dir))
    assert other_photos(new) == "other photos: drawn (30 photos; blue, green, red)"
    assert dataset.folder
    shutil.rmtree(dataset.folder)
    assert other_photos(new) == "other photos: drawn"


def test_step_three_offers_to_start_and_says_of_what_its_result_is(desk: Desk, dataset: Dataset, data_dir: Path) -> None:
    status, notice, go, _ = train_step.of_photos(desk)
    assert "Finished" in status and notice == "" and go.value == "Train again"
    status, notice, go, _ = train_step.of_photos(shows(desk, remove_class(dataset, data_dir, "red")))
    assert (
        "About" in status and "This result is of your photos before you changed them" in notice and go.value == "Start training"
    )
    assert "Press “Start training” to learn from drawn (20 photos; blue, green)" in notice
    one = remove_class(remove_class(dataset, data_dir, "red"), data_dir, "green")
    assert "At least two classes are needed" in train_step.of_photos(shows(desk, one))[1]


def test_a_run_that_goes_on_keeps_its_status_and_says_of_what_it_is(desk: Desk, dataset: Dataset, data_dir: Path) -> None:
    assert desk.run
    write_json(desk.run.folder / "status.json", {"state": "running", "what": "Learning"})
    status, notice, go, _ = train_step.of_photos(shows(desk, remove_class(dataset, data_dir, "red")))
    assert "Learning" in status and "The run that goes on is of" in notice and not go.interactive


def test_step_four_names_the_photos_of_a_run_but_asks_nothing_of_an_opened_model(
    desk: Desk, dataset: Dataset, data_dir: Path
) -> None:
    assert "It learned from" not in test_step.source(desk)
    changed = shows(desk, remove_class(dataset, data_dir, "red"))
    assert "It learned from your photos before you changed them" in test_step.source(changed)
    opened = update(desk.server, ME, model={"file": "x.zip", "name": "x", "class_names": ["a", "b"]})
    assert "It learned from" not in test_step.source(opened) and "the opened model x" in test_step.source(opened)


def test_only_photos_that_the_page_shows_are_learned_from(desk: Desk, dataset: Dataset, data_dir: Path) -> None:
    require_shown(desk, dataset.id)
    fewer = remove_class(dataset, data_dir, "red")
    with pytest.raises(UserError, match=r"this page shows drawn \(20 photos; blue, green\), now there are drawn \(30 photos"):
        require_shown(desk, fewer.id)
    with pytest.raises(UserError, match="this page shows others"):
        require_shown(desk, "")


def test_as_far_as_there_is_something_to_show_one_may_go(desk: Desk, dataset: Dataset, data_dir: Path) -> None:
    assert ahead.furthest(desk) == 6
    untrained = update(desk.server, ME, run=None)
    assert ahead.furthest(untrained) == 3
    one = remove_class(remove_class(dataset, data_dir, "red"), data_dir, "green")
    assert ahead.furthest(shows(untrained, one)) == 1
    assert ahead.furthest(desk_of(desk.server, "you-0123456789abcdef")) == 1


def test_what_is_set_now_is_told_why_it_has_to_wait_while_a_run_with_other_settings_goes_on(desk: Desk) -> None:
    assert desk.run
    write_json(desk.run.folder / "status.json", {"state": "running", "updated": 1.0})
    _, notice, go, _ = train_step.of_photos(desk)
    assert notice == "" and not go.interactive
    changed = update(desk.server, ME, settings={"epochs": 99})
    _, notice, go, _ = train_step.of_photos(changed)
    assert "Run 1 still goes on, with other settings" in notice and "press “Stop”" in notice and not go.interactive
    write_json(desk.run.folder / "status.json", {"state": "finished", "updated": 1.0})
    _, notice, go, _ = train_step.of_photos(changed)
    assert notice == "" and go.interactive
