"""Taking a model home, and leaving nothing behind."""

from types import SimpleNamespace

import pytest

from tests.ui.conftest import answers
from tests.ui.test_data_events import ME, Person, Picked, Slow
from transferui.errors import UserError
from transferui.runs.store import Store
from transferui.ui.desk import Server, desk_of, update
from transferui.ui.home_step import HomeEvents, model_card


def test_before_a_run_the_card_says_when_it_will_be_written():
    class Empty:
        run = None

    assert "when a run is over" in model_card(Empty())


def test_the_card_tells_what_guessing_and_the_linear_probe_get(entry):
    probe = {"head_val_accuracy": 0.7, "head_val_accuracy_low": 0.6, "head_val_accuracy_high": 0.78, "trainable": ["stage7"]}
    run, _, _ = entry({**answers(100, 20), **probe, "imbalance": 5.0, "class_weighted": True})
    text = model_card(SimpleNamespace(run=run)).replace("\u00a0", " ")
    for words in (
        "83 % of 120 validation photos",
        "40 % to 95 %",
        "largest class gets 50 %",
        "70 % of 120 photos",
        "Balanced accuracy",
        "were weighted",
    ):
        assert words in text


@pytest.fixture
def server(data_dir):
    (data_dir / "uploads").mkdir()
    return Server(Store(data_dir), None, Slow(data_dir), data_dir / "uploads")


def test_an_import_that_ends_after_everything_was_erased_leaves_nothing(server):
    person = Person(server)
    gate = server.engine.hold("open_sample")
    rows = person.does("open_sample", ME, Picked("signs"))
    HomeEvents(server, None).erase(ME)
    gate.set()
    person.waits()
    assert "was erased" in rows[-1][0] and person.counts == {}
    assert not list((server.data_dir / "datasets").iterdir()) and not list((server.data_dir / "desks").iterdir())


def test_a_second_tab_of_somebody_who_has_erased_everything_writes_nothing_any_more(server):
    update(server, ME, step=3)
    HomeEvents(server, None).erase(ME)
    with pytest.raises(UserError, match="Reload the page to begin anew"):
        update(server, ME, step=3)
    assert desk_of(server, ME).values == {}


def test_the_bundle_that_was_made_to_be_downloaded_is_erased_too(server):
    folder = server.uploads / ("a" * 32)
    folder.mkdir()
    (folder / "model.zip").write_bytes(b"x")
    update(server, ME, bundle={"folder": folder.name})
    HomeEvents(server, None).erase(ME)
    assert not folder.exists()
