import errno

import pytest

from tests.runs.conftest import ME, OTHER
from transferui.runs.questions import Answers, _answer


@pytest.fixture
def answers(store):
    return Answers(store.data_dir, lambda row: None)


def ask(answers, question, **arguments):
    return _answer(answers, {"question": question, "arguments": arguments})


def test_an_answer_is_plain_data(answers, dataset):
    made = ask(answers, "rename_class", owner=ME, dataset_id=dataset.id, class_name="red", new_name="rot")
    assert set(made["result"]) == {"dataset_id"} and made["result"]["dataset_id"] != dataset.id


def test_somebody_elses_photos_do_not_exist(answers, dataset):
    for question, more in (("remove_class", {"class_name": "red"}), ("rename_class", {"class_name": "red", "new_name": "x"})):
        assert ask(answers, question, owner=OTHER, dataset_id=dataset.id, **more)["error"]["code"] == "NOT_FOUND"


def test_what_the_person_can_mend_is_a_sentence(answers, tmp_path):
    (tmp_path / "x.zip").write_text("only text")
    assert "ZIP" in ask(answers, "import_zip", owner=ME, path=str(tmp_path / "x.zip"), name="x")["error"]["message"]


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (ZeroDivisionError("secret"), "INTERNAL"),
        (MemoryError(), "OUT_OF_MEMORY"),
        (OSError(errno.ENOSPC, "No space left"), "DISK_FULL"),
    ],
)
def test_a_bug_short_memory_and_a_full_disk_do_not_end_the_child(answers, monkeypatch, capsys, problem, code):
    def broken(*_, **__):
        raise problem

    monkeypatch.setattr(Answers, "open_sample", broken)
    error = ask(answers, "open_sample", owner=ME, key="signs")["error"]
    assert error["code"] == code and "secret" not in error["message"] + error["hint"]
    assert ("secret" in capsys.readouterr().err) == (code == "INTERNAL")


def test_a_question_that_there_is_not_is_an_internal_error(answers):
    assert ask(answers, "nonsense")["error"]["code"] == "INTERNAL"
