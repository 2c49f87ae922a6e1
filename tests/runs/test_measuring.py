"""Questions about photos, answered by a process of its own."""

import json

import pytest

from tests.conftest import draw_photo
from tests.runs.conftest import ME, OTHER
from tests.runs.test_queue import state, wait_for
from transferui.config import TrainConfig
from transferui.data.dataset import load_dataset
from transferui.errors import UserError
from transferui.insight import arms
from transferui.insight.features import Watch
from transferui.insight.parts import ALWAYS, check_parts
from transferui.runs import measuring
from transferui.runs.measuring import Wish, measure_all
from transferui.runs.queue import RunQueue
from transferui.runs.worker import train, train_folder

NET = TrainConfig()


def test_every_question_is_answered_and_the_answers_are_plain(store, dataset, monkeypatch):
    monkeypatch.setattr(measuring, "TRIAL_S", 0.5)
    for name, value in {"SCRATCH_EPOCHS": 2, "SCRATCH_STEPS": 2, "PRETRAINED_EPOCHS": 1}.items():
        monkeypatch.setattr(arms, name, value)
    monkeypatch.setattr(measuring, "SHORT_EFFORT", {"image_size": 64, "photos": 24, "seeds": 1})
    kept, told = [], []
    watch = Watch(told.append)
    found = measure_all(
        load_dataset(dataset.folder), Wish(ALWAYS, "efficientnet_lite0", 1.0), store.data_dir, watch, {}, kept.append
    )
    assert tuple(found) == ("rank", "unusual", "probe", "curve", "labels", "map", "gain") == ALWAYS and len(kept) == 7
    assert json.loads(json.dumps(found))["rank"]["rows"][0]["name"] == "efficientnet_lite0"
    assert len(found["map"]["before"]["places"]) == 30 and found["map"]["sprite"]["uri"].startswith("data:image/jpeg;base64,")
    assert found["gain"]["verdict"] in ("positive", "negative", "no_clear_difference")
    assert {row["part"] for row in told} == set(ALWAYS) and all(row["parts"] == 7 for row in told)


def test_a_stopped_measurement_keeps_what_was_finished_and_does_not_replace_what_was_known(store, dataset):
    told = [{}]
    watch = Watch(told.append, lambda: told[-1].get("part") == "probe")
    known, wish = {"probe": {"sentence": "of yesterday"}}, Wish(("probe", "gain"), "efficientnet_lite0")
    found = measure_all(load_dataset(dataset.folder), wish, store.data_dir, watch, known, len)
    assert found["probe"] == known["probe"] and "gain" not in found
    assert [row["part"] for row in told if row.get("part") == "gain"] == []


def test_what_nobody_can_measure_is_refused():
    assert check_parts(["gain", "rank", "rank"]) == ("rank", "gain")
    for wrong in ([], ["weather"], ["rank", "../etc"]):
        with pytest.raises(UserError) as caught:
            check_parts(wrong)
        assert caught.value.code == "UNKNOWN_PART"


def test_a_measurement_waits_in_the_line_and_is_no_run(store, dataset):
    wanted = {"parts": ["curve", "labels"], "minutes": 1.0, "run": ""}
    line = RunQueue(store, max_parallel=0, warm=False)
    job = line.submit_measurement(ME, dataset.id, NET, wanted)
    assert line.status(job) == {"state": "queued", "place": 1, "length": 1}
    assert line.submit_measurement(ME, dataset.id, NET, wanted).id == job.id
    with pytest.raises(UserError, match="still going on"):
        line.submit_measurement(ME, dataset.id, NET, {**wanted, "parts": ["rank"]})
    line.close()
    assert train_folder(job.folder) == 0 and job.status()["state"] == "finished"
    assert list(job.results()) == wanted["parts"]
    assert store.list_runs(ME) == [] and [one.id for one in store.list_measurements(ME)] == [job.id]
    assert store.find_measurement(ME, dataset.id).id == job.id


def test_a_new_measurement_begins_with_the_old_answers_and_takes_its_place(store, dataset):
    wanted = {"parts": ["curve"], "minutes": 1.0, "run": ""}
    first = store.create_measurement(ME, dataset.folder, NET, wanted)
    assert train_folder(first.folder) == 0
    second = store.create_measurement(ME, dataset.folder, NET, {**wanted, "parts": ["labels"]})
    assert train_folder(second.folder) == 0
    assert set(second.results()) == {"curve", "labels"} and not first.folder.exists()


def test_stop_ends_a_measurement_soon_and_keeps_its_answers(line, dataset):
    job = line.submit_measurement(ME, dataset.id, NET, {"parts": ["curve", "gain"], "minutes": 20.0, "run": ""})
    wait_for(lambda: "curve" in (job.results() or {}) and job.status().get("part") == "gain")
    line.stop(ME, job.id)
    state(line, job, "stopped")
    assert "curve" in job.results() and "kept" in job.status()["message"]


def test_the_map_shows_a_fine_tuned_run_beside_the_pretrained_network(store, dataset):
    photos = load_dataset(dataset.folder)
    for trainable in ("last", "none"):
        learned = trainable != "none"  # blocks that have learned are kept for certain when the head has learned only with them
        settings = {"head_start": "random", "epochs": 2, "finetune_epochs": 1, "image_size": 64, "trainable": trainable}
        run = store.create_run(ME, dataset.folder, TrainConfig(**settings))
        assert train_folder(run.folder) == 0 and run.results()["kept_phase"] == ("finetune" if learned else "head")
        wish = Wish(["map"], "efficientnet_lite0", 1.0, run.folder)
        found = measure_all(photos, wish, store.data_dir, Watch(), {}, len)["map"]
        assert bool(found["after"]) == learned and len(found["before"]["places"]) == 30
        assert ("before fine-tuning" in found["sentence"], "only taught the head" in found["sentence"]) == (learned, not learned)


def test_photos_that_cannot_be_measured_leave_a_sentence(store, dataset, offline):
    job = store.create_measurement(ME, dataset.folder, TrainConfig(backbone="resnet18"), {"parts": ["curve"]})
    assert train_folder(job.folder) == 2
    assert (job.status()["state"], job.status()["code"]) == ("failed", "NO_NETWORK")


def test_the_gain_of_a_chain_is_measured_for_a_run_that_started_from_an_own_model(store, dataset, tmp_path):
    quick = {"epochs": 2, "image_size": 64, "finetune_epochs": 1}
    for k, name in enumerate(("yellow", "purple")):
        for n in range(6):
            draw_photo(tmp_path / "others" / name / f"{n}.jpg", name, 900 + 100 * k + n)
    old = train(tmp_path / "others", TrainConfig(trainable="last", head_start="random", **quick), data_dir=store.data_dir)
    run = store.create_run(ME, dataset.folder, TrainConfig(start_from=old.run_dir.name, **quick))
    photos = load_dataset(dataset.folder)
    wish = Wish(("chain",), "efficientnet_lite0", 0.0001, run.folder)
    found = measure_all(photos, wish, store.data_dir, Watch(), {}, len)["chain"]
    assert (found["start"], found["own_model"], found["relation"]) == ("own_model", "others", "vertical")
    plain = store.create_run(ME, dataset.folder, TrainConfig(**quick))
    with pytest.raises(UserError, match="did not start from a model of yours"):
        measure_all(photos, Wish(("chain",), "efficientnet_lite0", 1.0, plain.folder), store.data_dir, Watch(), {}, len)


def test_only_models_of_the_same_person_that_have_learned_other_photos_are_ranked_too(store, dataset):
    measurement = store.create_measurement(ME, dataset.folder, NET, {"parts": ["rank"]})
    kept = {
        "other": ("finetune", ME, "x"),
        "head": ("head", ME, "x"),
        "theirs": ("finetune", OTHER, "x"),
        "same": ("finetune", ME, ""),
        "unfinished": ("finetune", ME, "x"),
    }
    runs = {}
    for name, (phase, owner, photos) in kept.items():
        runs[name] = store.create_run(owner, dataset.folder, NET)
        facts = runs[name].facts | {"dataset_id": photos or dataset.id}
        (runs[name].folder / "config.json").write_text(json.dumps(facts))
        (runs[name].folder / "results.json").write_text(
            json.dumps({"kept_phase": phase, "trainable": ["pool"], "final": name != "unfinished"})
        )
    assert measuring._own_models(measurement, store.data_dir) == [runs["other"].id]
