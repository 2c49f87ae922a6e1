import threading

import pytest

from tests.runs.conftest import ME
from transferui.errors import UserError
from transferui.runs.engine import Engine


def test_the_engine_answers_explains_and_survives_its_children(store, photos, tmp_path):
    engine = Engine(store.data_dir, helpers=1)
    rows = []
    files = [(f"photos/{p.parent.name}/{p.name}", str(p)) for p in sorted(photos.rglob("*.jpg"))]
    answer = engine.ask("import_folder", rows.append, owner=ME, files=files, name="photos")
    assert (
        store.find_dataset(ME, answer["dataset_id"]).counts["red"] == 10
        and [row["done"] for row in rows if "done" in row][-1] == 30
    )
    with pytest.raises(UserError, match=r"no trained model"):
        engine.ask("predict", folder=str(tmp_path), picture=files[0][1])
    child = engine._children["pictures"][0]
    child._process.kill()
    child._process.wait()
    assert engine.ask("open_sample", owner=ME, key="digits")["dataset_id"]
    with pytest.raises(UserError, match="no sample set"):
        engine.ask("open_sample", owner=ME, key="../x")
    engine.close()


def test_a_question_says_that_it_waits_for_another_and_nothing_when_it_is_answered_at_once(store):
    engine, told = Engine(store.data_dir, helpers=1), []
    engine.ask("open_sample", told.append, owner=ME, key="signs")
    assert "Waiting for its turn" not in [row["what"] for row in told]
    lock = engine._children["pictures"][0]._lock
    lock.acquire()  # somebody else's question
    threading.Timer(1.0, lock.release).start()
    told.clear()
    engine.ask("open_sample", told.append, owner=ME, key="signs")
    assert told[0]["what"] == "Waiting for its turn"
    engine.close()
