import json
import os
import threading

import pytest

from transferui.config import SETTINGS
from transferui.errors import UserError
from transferui.runs.store import Store
from transferui.ui import desk as desks
from transferui.ui.desk import Server, ask, changed_settings, desk_of, installation_secret, new_owner, update, uploaded


class Answering:
    """An engine whose answer is known."""

    def __init__(self, answer):
        self.answer = answer

    def ask(self, question, report, **arguments):
        report({"what": "Looking", "done": 1, "total": 2})
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def server(data_dir):
    (data_dir / "uploads").mkdir()
    return Server(Store(data_dir), None, Answering({"n": 1}), data_dir / "uploads")


def test_a_newcomer_finds_a_desk_that_works(server):
    desk = desk_of(server, new_owner())
    assert desk.dataset is desk.former is desk.run is desk.model_path is None
    assert desk.config.backbone == desk.backbone.name and desk.trainable == []


@pytest.mark.parametrize("owner", ["", None, 5, "short", "\ud800" * 20, "é" * 20])
def test_nobody_has_no_desk(server, owner):
    with pytest.raises(UserError, match="Reload the page"):
        desk_of(server, owner)


def test_what_another_version_left_on_the_desk_is_left_out(server):
    owner = new_owner()
    values = {
        "backbone": "gone",
        "trainable": ["stage7", "gone"],
        "settings": {"epochs": 7, "gone": 1, "seed": "x"},
        "run": "gone",
        "dataset": 5,
    }
    desk = update(server, owner, **values)
    assert desk.trainable == ["stage7"] and desk.settings == {"epochs": 7} and desk.config.epochs == 7
    assert desk.run is None and desk.dataset is None


def test_a_damaged_desk_is_an_empty_one(server):
    owner = new_owner()
    update(server, owner, step=3)
    next((server.data_dir / "desks").iterdir()).write_text("{")
    assert desk_of(server, owner).values == {}


def test_only_files_that_were_uploaded_here_are_taken(server, tmp_path):
    mine, outside = server.uploads / "a.jpg", tmp_path / "b.jpg"
    for file in (mine, outside):
        file.write_bytes(b"x")
    assert uploaded(server, None) == [] and uploaded(server, {"path": str(mine)}) == [mine.resolve()]
    (server.uploads / "link.jpg").symlink_to(outside)
    for bad in (str(outside), str(server.uploads / ".." / ".." / "b.jpg"), str(server.uploads / "link.jpg"), "data:image/png;base64,x", 5, {"path": None},
                str(server.uploads / "missing")):  # fmt: skip
        with pytest.raises(UserError, match="uploaded here"):
            uploaded(server, bad)


def test_only_settings_that_were_changed_are_kept():
    defaults = {name: setting.default for name, setting in SETTINGS.items()}
    assert changed_settings(defaults) == {} and changed_settings({"epochs": 30.0, "seed": 3.0}) == {"seed": 3}
    assert changed_settings({"epochs": None, "seed": False}) == {"epochs": None, "seed": False}  # for make_config to refuse


def test_a_question_tells_its_progress_and_then_what_came_of_it(server):
    taken = []
    told = list(ask(server, "any", taken.append))
    assert "Looking" in told[0] and told[-1] is None and taken == [{"n": 1}]


@pytest.mark.parametrize("problem", [UserError("X", "The ZIP is damaged."), RuntimeError("secret path")])
def test_a_question_that_fails_ends_in_a_sentence(server, problem, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)  # the trace of a bug goes to the server's log
    broken = Server(server.store, server.queue, Answering(problem), server.uploads)
    last = list(ask(broken, "any", print))[-1]
    assert 'role="alert"' in last and "secret" not in last


def test_the_key_of_an_installation_is_made_once_and_private(tmp_path):
    first = installation_secret(tmp_path / "new")
    assert installation_secret(tmp_path / "new") == first and len(first) == 32
    assert os.name == "nt" or (tmp_path / "new" / "secret.txt").stat().st_mode & 0o077 == 0


def test_a_new_server_wipes_what_a_former_one_left_in_uploads(data_dir, monkeypatch):
    monkeypatch.setattr(desks, "RunQueue", lambda *_: None)
    (data_dir / "uploads").mkdir()
    (data_dir / "uploads" / "old.jpg").write_bytes(b"x")
    monkeypatch.setenv("GRADIO_TEMP_DIR", "before")
    server = desks.start_server(data_dir)
    assert list(server.uploads.iterdir()) == [] and os.environ["GRADIO_TEMP_DIR"] == str(server.uploads)
    assert json.dumps(desk_of(server, new_owner()).values) == "{}"
