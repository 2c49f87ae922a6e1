"""What a run starts from, as a person chooses it: own models only, remembered, and honest when one is gone."""

import json
import shutil

import gradio as gr
import pytest

from tests.ui.conftest import answers
from tests.ui.test_model_views import OWNER, chosen, give, server  # noqa: F401 - a fixture
from transferui.config import TrainConfig
from transferui.errors import UserError
from transferui.presets import PRESETS
from transferui.runs.store import hash_owner
from transferui.ui.desk import desk_of, update
from transferui.ui.insight_events import InsightEvents
from transferui.ui.model_events import ModelEvents
from transferui.ui.recipe_view import recipe_of
from transferui.ui.start_events import StartEvents
from transferui.ui.start_view import starts


@pytest.fixture
def pick(server):  # noqa: F811
    """Picks a card and gives what is said about it."""
    events = StartEvents.__new__(StartEvents)
    events.server = server
    return lambda key: events.choose_start(OWNER, gr.EventData(None, {"pick": key}))[0]


def finished(server, n, *, owner=OWNER, kept="finetune", backbone="efficientnet_lite0", name="<i>garden"):  # noqa: F811
    """The folder of a run that is over."""
    folder = server.store.data_dir / "runs" / f"20260101-0000{n:02d}-{n:016d}"
    folder.mkdir()
    trainable = ["pool"] if backbone == "efficientnet_lite0" else ["stage7"]
    settings = TrainConfig(backbone=backbone, trainable=",".join(trainable)).model_dump()
    facts = {"settings": settings, "dataset_id": "none", "dataset_name": name, "dataset_folder": "", "owner": hash_owner(owner),
             "created": 1.0}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(facts))
    results = answers(9, 1) | {"final": True, "kept_phase": kept, "trainable": trainable, "backbone": backbone}
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "status.json").write_text(json.dumps({"state": "finished"}))
    return folder.name


def test_a_newcomer_starts_from_imagenet_and_learns_what_is_possible(server):  # noqa: F811
    html = starts(desk_of(server, OWNER))
    assert chosen(html) == ["imagenet"] and "once some of its blocks have learned" in html and "run:" not in html


def test_own_models_are_offered_and_those_whose_head_alone_has_learned_are_not(server):  # noqa: F811
    mine, head, theirs = finished(server, 1), finished(server, 2, kept="head"), finished(server, 3, owner="x" * 22)
    html = starts(desk_of(server, OWNER))
    assert f"run:{mine}" in html and head not in html and theirs not in html
    assert "One of your runs cannot be a start" in html and "<i>garden" not in html and "your Run 1" in html


def test_many_models_are_a_click_away_and_the_chosen_one_is_always_in_sight(server, pick):  # noqa: F811
    made = [finished(server, n) for n in range(8)]
    pick(f"run:{made[0]}")
    html = starts(desk_of(server, OWNER))
    before, _, after = html.partition("<details")
    assert f"run:{made[0]}" in before and "4 older models" in after and html.count('data-pick="run:') == 8


def test_an_own_model_brings_its_network_and_is_remembered(server, pick):  # noqa: F811
    run = finished(server, 1, backbone="mobilenet_v2")
    assert pick(f"run:{run}") == ""
    desk = desk_of(server, OWNER)
    assert (desk.backbone.name, desk.config.start_from, desk.config.weights) == ("mobilenet_v2", run, "imagenet")
    pick("random")
    assert desk_of(server, OWNER).config.weights == "random" and not desk_of(server, OWNER).config.start_from
    pick("imagenet")
    assert desk_of(server, OWNER).settings == {}


def test_what_is_nobodys_or_somebody_elses_cannot_be_chosen(server, pick):  # noqa: F811
    theirs, head = finished(server, 1, owner="x" * 22), finished(server, 2, kept="head")
    for key in (f"run:{theirs}", f"run:{head}", "run:../../etc", "run:", "", "/etc/passwd"):
        assert 'role="alert"' in pick(key)
    assert desk_of(server, OWNER).settings == {}


def test_a_deleted_model_gives_way_to_imagenet_and_it_is_said(server, pick):  # noqa: F811
    run = finished(server, 1)
    pick(f"run:{run}")
    shutil.rmtree(server.store.data_dir / "runs" / run)
    desk = desk_of(server, OWNER)
    assert desk.config.start_from == "" and chosen(starts(desk)) == ["imagenet"] and "was deleted" in starts(desk)
    pick("imagenet")
    assert "was deleted" not in starts(desk_of(server, OWNER))


def test_another_network_lets_go_of_the_model_and_a_recipe_keeps_it(server, pick, tmp_path):  # noqa: F811
    give(server, tmp_path, ["ants", "bees"])
    run = finished(server, 1)
    pick(f"run:{run}")
    events = ModelEvents.__new__(ModelEvents)
    events.server, events.n_out = server, 0
    for name in PRESETS:
        events.choose_recipe(OWNER, gr.EventData(None, {"pick": name}))
        assert desk_of(server, OWNER).config.start_from == run and recipe_of(desk_of(server, OWNER)) == name
    events.choose_network(OWNER, gr.EventData(None, {"pick": "squeezenet1_1"}))
    desk = desk_of(server, OWNER)
    assert desk.backbone.name == "squeezenet1_1" and not desk.config.start_from and not desk.lost_start
    update(server, OWNER, backbone="efficientnet_lite0")
    assert not desk_of(server, OWNER).config.start_from


def test_a_ranked_model_becomes_the_start_and_a_ranked_network_lets_go_of_it(server, tmp_path):  # noqa: F811
    desk = give(server, tmp_path, ["ants", "bees"])
    run = finished(server, 1, backbone="mobilenet_v2")
    measured = server.store.create_measurement(OWNER, desk.dataset.folder, TrainConfig(), {"parts": ["rank"]})
    rows = [{"name": "mobilenet_v2", "start_from": run}, {"name": "mobilenet_v2", "start_from": ""}]
    (measured.folder / "results.json").write_text(json.dumps({"rank": {"rows": rows}}))
    events = InsightEvents.__new__(InsightEvents)
    events.server = server
    desk, said = events._take(OWNER, "start", run)
    assert (desk.backbone.name, desk.config.start_from) == ("mobilenet_v2", run) and "Run 1" in said
    assert events._take(OWNER, "use", "mobilenet_v2")[0].config.start_from == ""
    for what in ("../etc", finished(server, 2)):
        with pytest.raises(UserError):
            events._take(OWNER, "start", what)
