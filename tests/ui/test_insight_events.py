"""Doubted labels, clicked through in a hurry and in two tabs."""

import gradio as gr
import pytest

from tests.ui.test_data_events import ME, Person, Picked, Slow
from transferui.config import TrainConfig
from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.files import write_json
from transferui.insight.lesson.labels_view import suspect_key
from transferui.runs.store import Store, hash_owner
from transferui.ui import insight_events
from transferui.ui.desk import Server, desk_of, update
from transferui.ui.insight_events import InsightEvents
from transferui.ui.insight_view import suspects_now


class Reader(Person):
    """Somebody at step 6, with three doubted labels."""

    def __init__(self, server):
        super().__init__(server)
        data, self.events = self.events, InsightEvents.__new__(InsightEvents)
        self.events.server, self.events.data, self.events.out, self.events.after = server, data, [], []
        self.events.refresh = lambda desk: []

    def told(self, *arguments):
        return arguments

    def picks(self, action):
        return [f"label:{action}:{suspect_key(one)}" for one in suspects_now(desk_of(self.server, ME))]

    def click(self, pick):
        return self.does("choose_answer", ME, Picked(pick))


@pytest.fixture
def reader(photos, data_dir, monkeypatch):
    monkeypatch.setattr(insight_events, "view", lambda desk: [])
    dataset = create_dataset(scan(photos), data_dir, "drawn", hash_owner(ME))
    store = Store(data_dir)
    measured = store.create_measurement(ME, dataset.folder, TrainConfig(), {"parts": ["labels"]})
    facts = [(0, "blue", "red"), (1, "blue", "green"), (2, "blue", "red")]
    suspects = [
        {"sample": i, "sha256": dataset.samples[i].sha256, "name": "x", "given": given, "rather": rather, "doubt": 0.9}
        for i, given, rather in facts
    ]
    write_json(measured.folder / "results.json", {"labels": {"suspects": suspects, "sentence": "", "notes": [], "n_images": 30}})
    server = Server(store, None, Slow(data_dir), data_dir / "uploads")
    update(server, ME, dataset=dataset.id)
    return Reader(server)


def test_clicks_in_a_row_are_all_done_each_to_its_own_photo(reader):
    gate = reader.server.engine.hold("drop_samples")
    first, second, third = reader.picks("drop")
    rows = [reader.click(first), reader.click(second), reader.click(third.replace("drop", "move"))]
    gate.set()
    reader.waits()
    assert reader.counts == {"blue": 7, "green": 10, "red": 11} and all('role="status"' in row[-1][0] for row in rows)
    assert reader.picks("drop") == []


def test_a_click_in_a_tab_that_shows_a_photo_that_is_gone_is_refused_in_words(reader):
    first = reader.picks("drop")[0]
    for _ in range(2):
        rows = reader.click(first)
        reader.waits()
    assert reader.counts["blue"] == 9 and 'role="alert"' in rows[-1][0] and "any more" in rows[-1][0]


def test_a_double_click_leaves_one_photo_out_and_says_so_once(reader):
    gate = reader.server.engine.hold("drop_samples")
    first = reader.picks("drop")[0]
    rows, again = reader.click(first), reader.click(first)
    gate.set()
    reader.waits()
    assert reader.counts["blue"] == 9 and "left out" in rows[-1][0] and again[-1][0] == gr.skip()


def test_labels_called_right_at_the_same_time_are_all_remembered(reader):
    for pick in reader.picks("keep"):
        reader.click(pick)
    reader.waits()
    assert len(desk_of(reader.server, ME).values["labels_right"]) == 3
