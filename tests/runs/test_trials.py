"""A trial of learning rates in the engine: it can be stopped, its child ends with it, and it looks at one's own photos only."""

import contextlib

import pytest

from tests.conftest import draw_photo
from transferui.errors import UserError
from transferui.runs.engine import RATE_STOP, Engine

OWNER = "somebody-with-a-token-of-22"


@pytest.fixture
def engine(data_dir):
    with contextlib.closing(Engine(data_dir, helpers=1)) as engine:
        yield engine


def test_a_trial_is_stopped_by_its_file_and_leaves_no_process(engine, data_dir, tmp_path):
    dataset_id = None
    for name in ("ants", "bees"):
        files = [str(draw_photo(tmp_path / f"{name}{n}.jpg", "red", n + len(name) * (name == "bees"))) for n in range(3)]
        asked = {"owner": OWNER, "dataset_id": dataset_id, "class_name": name, "files": files}
        dataset_id = engine.ask("add_pictures", **asked)["dataset_id"]
    (data_dir / "datasets" / dataset_id / RATE_STOP).touch()
    with pytest.raises(UserError) as stopped:
        engine.ask("find_rates", owner=OWNER, dataset_id=dataset_id, settings={"image_size": 64})
    assert stopped.value.code == "STOPPED"
    (trial,) = engine._children["trial"]
    assert trial._process is None
    with pytest.raises(UserError) as strange:
        engine.ask("copies", owner="another-one-with-a-token", dataset_id=dataset_id, backbone="efficientnet_lite0")
    assert strange.value.code == "NOT_FOUND"
