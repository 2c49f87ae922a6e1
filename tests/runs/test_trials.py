"""A trial of learning rates in the engine: it can be stopped, its child ends with it, and it looks at one's own photos only."""

import contextlib

import pytest

from tests.conftest import draw_photo
from transferui.data.edits import add_pictures
from transferui.errors import UserError
from transferui.runs.engine import RATE_STOP, Engine
from transferui.runs.questions import Answers
from transferui.runs.store import hash_owner

OWNER = "somebody-with-a-token-of-22"


@pytest.fixture
def engine(data_dir):
    with contextlib.closing(Engine(data_dir, helpers=1)) as engine:
        yield engine


def test_a_trial_is_stopped_by_its_file_and_leaves_no_process(engine, data_dir, tmp_path):
    dataset = None
    for k, name in enumerate(("ants", "bees")):
        files = [draw_photo(tmp_path / f"{name}{n}.jpg", "red", n + 10 * k) for n in range(3)]
        dataset = add_pictures(dataset, data_dir, name, files, owner=hash_owner(OWNER))
    dataset_id = dataset.id
    (data_dir / "datasets" / dataset_id / RATE_STOP).touch()
    with pytest.raises(UserError) as stopped:
        engine.ask("find_rates", owner=OWNER, dataset_id=dataset_id, settings={"image_size": 64})
    assert stopped.value.code == "STOPPED"
    (trial,) = engine._children["trial"]
    assert trial._process is None
    with pytest.raises(UserError) as strange:
        Answers(data_dir, print).copies("another-one-with-a-token", dataset_id, "efficientnet_lite0")
    assert strange.value.code == "NOT_FOUND"
