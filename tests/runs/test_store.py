from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.runs.conftest import ME, OTHER
from transferui.config import TrainConfig
from transferui.errors import UserError
from transferui.files import write_json
from transferui.runs.store import number_runs

QUICK = TrainConfig(epochs=3, image_size=64)


@pytest.mark.parametrize("name", ["get_run", "delete_run", "find_dataset"])
@pytest.mark.parametrize("foreign", ["theirs", "../../etc", "", "x" * 500, None, 7])
def test_what_belongs_to_somebody_else_does_not_exist(store, dataset, name, foreign):
    run = store.create_run(OTHER, dataset.folder, QUICK)
    wanted = run.id if foreign == "theirs" and name != "find_dataset" else foreign
    owner = OTHER if name == "find_dataset" and foreign == "theirs" else ME
    wanted = dataset.id if name == "find_dataset" and foreign == "theirs" else wanted
    with pytest.raises((UserError, TypeError)) as caught:
        getattr(store, name)(owner, wanted)
    assert getattr(caught.value, "code", "NOT_FOUND") == "NOT_FOUND"


def test_a_torn_last_line_of_metrics_is_ignored(store, dataset):
    run = store.create_run(ME, dataset.folder, QUICK)
    (run.folder / "metrics.jsonl").write_bytes(b'{"epoch": 1}\n{"epoch": 2}\n{"epo')
    assert run.metrics() == [{"epoch": 1}, {"epoch": 2}]


def test_a_desk_is_remembered_and_erased(store, dataset):
    store.update_desk(ME, dataset=dataset.id, step=3)
    assert store.update_desk(ME, step=4) == {"dataset": dataset.id, "step": 4} and store.desk(OTHER) == {}
    run = store.create_run(ME, dataset.folder, QUICK)
    with pytest.raises(UserError, match="still going on"):
        store.delete_run(ME, run.id)
    store.erase_owner(ME)
    assert store.desk(ME) == {} and store.list_runs(ME) == [] and not dataset.folder.exists()


def test_changes_of_a_desk_at_the_same_moment_are_all_kept(store):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.update_desk(ME, **{f"value{n}": n}), range(60)))
    assert len(store.desk(ME)) == 60


def test_a_run_keeps_its_number_and_none_is_given_twice(store, dataset):
    made = [store.create_run(ME, dataset.folder, QUICK) for _ in range(3)]
    assert [run.facts["number"] for run in made] == [1, 2, 3]
    for run in (made[0], made[2]):
        run.write_status(state="stopped")
        store.delete_run(ME, run.id)
    later = store.create_run(ME, dataset.folder, QUICK)
    assert number_runs(store.list_runs(ME)) == {made[1].id: 2, later.id: 4}
    assert store.create_run(OTHER, dataset.folder, QUICK).facts["number"] == 1


def test_runs_of_earlier_versions_are_counted_and_new_ones_go_on_from_there(store, dataset):
    old = [store.create_run(ME, dataset.folder, QUICK) for _ in range(2)]
    for run in old:
        write_json(run.folder / "config.json", {k: v for k, v in run.facts.items() if k != "number"})
    store.update_desk(ME, last_number=0)
    assert sorted(number_runs(store.list_runs(ME)).values()) == [1, 2]
    assert store.create_run(ME, dataset.folder, QUICK).facts["number"] == 3
