"""Step 1 in a hurry: what comes while another change is on its way is neither lost nor written over."""

import shutil
import threading
import time
from contextlib import contextmanager

import gradio as gr
import pytest

from tests.conftest import draw_photo
from transferui.data.findings import load_findings
from transferui.runs.questions import Answers
from transferui.runs.store import Store
from transferui.ui import data_events, data_step
from transferui.ui.data_events import DataEvents
from transferui.ui.desk import Server, desk_of, update

ME = "me-0123456789abcdef"


class Slow:
    """The engine's answers, worked out here; a question in `held` waits for its gate."""

    def __init__(self, data_dir):
        self.answers, self.held, self.asked = Answers(data_dir, print), {}, []

    def ask(self, question, report, **arguments):
        self.asked.append((question, arguments))
        if gate := self.held.pop(question, None):
            assert gate.wait(20)
        return getattr(self.answers, question)(**arguments)

    def hold(self, question):
        return self.held.setdefault(question, threading.Event())


class Picked:
    def __init__(self, pick):
        self._data = {"pick": pick}


class Person:
    """Somebody at step 1; `does` begins something and does not wait for its end."""

    def __init__(self, server):
        with gr.Blocks():
            self.events = DataEvents(server, data_step.layout(gr.Textbox()))
        self.events.refresh, self.events.n_after, self.server = lambda desk: [], 0, server
        self.busy = []

    def does(self, what, *arguments):
        rows, before = [], len(self.server.engine.asked)
        told = self.told(*arguments)
        thread = threading.Thread(target=lambda: rows.extend(getattr(self.events, what)(*told)))
        thread.start()
        self.busy.append(thread)
        end = time.monotonic() + 0.3  # until it is asked or waits in line
        while time.monotonic() < end and len(self.server.engine.asked) == before and thread.is_alive():
            time.sleep(0.01)
        return rows

    def told(self, *arguments):
        """What the page sends along: behind whose it is, what this tab shows."""
        place = arguments.index(ME) + 1
        return (*arguments[:place], self.shown, *arguments[place:])

    @property
    def shown(self):
        """The dataset that this person's tab shows, with no answer on its way."""
        return desk_of(self.server, ME).values.get("dataset") or ""

    def waits(self):
        for thread in self.busy:
            thread.join(20)
            assert not thread.is_alive()

    @contextmanager
    def asking(self, question):
        """What is begun in here comes while a question of this kind is on its way; at the end all of it is over."""
        gate = self.server.engine.hold(question)
        try:
            yield
        finally:
            gate.set()
            self.waits()

    @property
    def counts(self):
        dataset = desk_of(self.server, ME).dataset
        return dataset.counts if dataset else {}


@pytest.fixture
def person(data_dir):
    (data_dir / "uploads").mkdir()
    return Person(Server(Store(data_dir), None, Slow(data_dir), data_dir / "uploads"))


@pytest.fixture
def files(person):
    def draw(color, n):
        first = 100 * ("red", "blue", "green").index(color)
        return [str(draw_photo(person.server.uploads / f"{color}{i}.jpg", color, first + i)) for i in range(n)]

    return draw


@pytest.fixture
def two_classes(person, files):
    for i, color in enumerate(("red", "blue")):
        person.does("add_photos", i, ME, color, files(color, 2))
        person.waits()
    return person


def boxes(rows):
    """The names of the cards in the last row of updates."""
    return [rows[-1][1 + 4 + 5 * i + 1] for i in range(data_step.MAX_CARDS)]


def findings(person):
    return load_findings(desk_of(person.server, ME).dataset)


def test_photos_given_to_two_cards_at_once_are_both_there(person, files):
    with person.asking("add_pictures"):
        update(person.server, ME, drafts=["red", "blue"])
        person.does("add_photos", 0, ME, "red", files("red", 3))
        rows = person.does("add_photos", 1, ME, "blue", files("blue", 2))
    assert person.counts == {"red": 3, "blue": 2} and boxes(rows)[:2] == [gr.skip()] * 2  # they hold their names
    assert data_step.view(desk_of(person.server, ME))[5:11:5] == ["red", "blue"]


def test_two_quick_renames_both_hold(two_classes):
    with two_classes.asking("rename_class"):
        two_classes.does("rename", 0, ME, "fire")
        two_classes.does("rename", 1, ME, "sea")
    assert list(two_classes.counts) == ["fire", "sea"]


def test_a_zip_that_a_newer_choice_has_overtaken_is_not_taken_and_leaves_nothing(person, photos, tmp_path):
    archive = shutil.make_archive(str(person.server.uploads / "slow"), "zip", photos)
    with person.asking("import_zip"):
        person.does("import_zip", ME, archive)
        person.does("open_sample", ME, Picked("signs"))
    desk = desk_of(person.server, ME)
    assert desk.values["sample"] == "signs" and desk.former is None
    assert [folder.name for folder in (person.server.data_dir / "datasets").iterdir()] == [desk.dataset.id]


def test_photos_reach_their_class_although_its_card_has_moved_meanwhile(two_classes, files):
    with two_classes.asking("remove_class"):
        two_classes.does("remove", 0, ME, "red")
        two_classes.does("add_photos", 1, ME, "blue", files("green", 2))
    assert two_classes.counts == {"blue": 4}


def test_photos_reach_a_class_that_is_being_renamed(two_classes, files):
    with two_classes.asking("rename_class"):
        two_classes.does("rename", 1, ME, "sea")
        two_classes.does("add_photos", 1, ME, "sea", files("green", 2))
    assert two_classes.counts == {"red": 2, "sea": 4}


def test_remove_on_a_card_that_shows_another_class_by_now_removes_nothing(two_classes):
    two_classes.does("remove", 0, ME, "red")
    two_classes.waits()
    rows = two_classes.does("remove", 0, ME, "red")
    two_classes.waits()
    assert two_classes.counts == {"blue": 2} and "have changed meanwhile" in rows[-1][0]


def test_undo_does_not_take_back_what_is_still_on_its_way(two_classes, files, monkeypatch):
    monkeypatch.setattr(data_events, "UNDO_S", 0.01)
    with two_classes.asking("add_pictures"):
        two_classes.does("add_photos", 0, ME, "red", files("green", 2))
        assert "just being changed" in two_classes.events.undo(ME, two_classes.shown)[0]
    assert two_classes.counts == {"red": 4, "blue": 2}
    two_classes.events.undo(ME, two_classes.shown)
    assert two_classes.counts == {"red": 2, "blue": 2}


def test_a_name_that_is_being_typed_is_not_written_over_by_what_happens_on_another_card(person, files):
    with person.asking("add_pictures"):
        rows = person.does("add_photos", 0, ME, "red", files("red", 2))
        person.events.type_name(1, ME, "blu")
    assert boxes(rows)[0] == "red" and boxes(rows)[1] == gr.skip()
    assert data_step.view(desk_of(person.server, ME))[4 + 5 + 1] == "blu"  # and a refresh finds it
    list(person.events.rename(1, ME, person.shown, "blue"))
    assert data_step.view(desk_of(person.server, ME))[4 + 5 + 1] == "blue"


def test_what_is_typed_while_photos_come_for_another_card_is_left_alone_although_no_letter_has_been_told(person, files):
    rows = person.does("add_photos", 0, ME, "red", files("red", 2))
    person.waits()
    assert boxes(rows)[0] == "red" and boxes(rows)[1:] == [gr.skip()] * (data_step.MAX_CARDS - 1)
    rows = person.does("add_photos", 0, ME, "red", files("blue", 1))  # and the class's own name is left alone, too
    person.waits()
    assert boxes(rows) == [gr.skip()] * data_step.MAX_CARDS


def test_a_tab_that_shows_other_photos_is_told_every_name_that_it_lacks(two_classes, files):
    rows = list(two_classes.events.add_photos(2, ME, "", "green", files("green", 2)))
    assert boxes(rows)[:3] == ["red", "blue", "green"] and boxes(rows)[3:] == [gr.skip()] * (data_step.MAX_CARDS - 3)
    rows = list(two_classes.events.add_photos(0, ME, "gone", "red", files("red", 3)))
    assert boxes(rows)[:4] == ["red", "blue", "green", ""]


def test_a_name_that_was_refused_is_put_back(two_classes):
    two_classes.events.type_name(1, ME, "red")
    rows = list(two_classes.events.rename(1, ME, two_classes.shown, "red"))
    assert 'role="alert"' in rows[-1][0] and boxes(rows)[1] == "blue"


def test_clicks_on_two_cases_of_a_finding_are_both_done_and_a_double_click_counts_once(person, files):
    for i, name in enumerate(("a", "b")):
        person.does("add_photos", i, ME, name, files("red", 1) + files("blue", 1))
        person.waits()
    finding = next(f for f in findings(person) if f.kind == "conflict")
    assert len(finding.cases) == 2
    with person.asking("move_samples"):
        for case in (0, 0, 1):
            person.does("on_finding", ME, Picked(f"act|{finding.id}|{case}|0"))
    assert [question for question, _ in person.server.engine.asked].count("move_samples") == 2
    assert not [f for f in findings(person) if f.kind == "conflict"]


def test_nothing_that_comes_while_another_change_is_on_its_way_is_dropped_by_the_page(person):
    with gr.Blocks() as page:
        step = data_step.layout(gr.Textbox())
        DataEvents(person.server, step).wire(gr.BrowserState(""), [], lambda desk: [])
    modes = {target: fn.trigger_mode for fn in page.fns.values() for target in fn.targets}
    card = step.cards[0]
    wanted = [(step.samples, "pick"), (step.zip_file, "upload"), (step.folder, "folder"), (step.summary, "pick")]
    wanted += [(card.add, "upload"), (card.shot, "input")]
    assert {modes[part._id, event] for part, event in wanted} == {"multiple"}
    assert {modes[card.name._id, event] for event in ("input", "blur", "submit")} == {"always_last"}
