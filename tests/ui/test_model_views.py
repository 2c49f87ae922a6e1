"""What step 2 shows: recipes with the proposed one, changed copies with pictures, the finder's curves."""

import contextlib
import re

import gradio as gr
import pytest

from tests.conftest import draw_photo
from transferui.config import SETTINGS
from transferui.data.edits import add_pictures
from transferui.presets import PRESETS
from transferui.runs.engine import Engine
from transferui.runs.questions import Answers
from transferui.runs.queue import RunQueue
from transferui.runs.store import Store, hash_owner
from transferui.ui import model_step
from transferui.ui.copies_view import copies
from transferui.ui.desk import Server, desk_of, update
from transferui.ui.model_events import ModelEvents
from transferui.ui.rate_view import rates, trial_key
from transferui.ui.recipe_view import CARDS, OWN, recipe_for, recipe_of, recipes

OWNER = "somebody-with-a-token-of-22"


@pytest.fixture
def server(data_dir):
    with contextlib.closing(Engine(data_dir, helpers=1)) as engine:
        store = Store(data_dir)
        queue = RunQueue(store, warm=False)
        yield Server(store, queue, engine, data_dir)
        queue.close()


def give(server, tmp_path, names, n=4):
    dataset = None
    for k, name in enumerate(names):
        files = [draw_photo(tmp_path / f"{name}{i}.jpg", "red", i + 10 * k) for i in range(n)]
        dataset = add_pictures(dataset, server.data_dir, name, files, owner=hash_owner(OWNER))
    return update(server, OWNER, dataset=dataset.id)


def chosen(html):
    return re.findall(r'data-pick="([^"]+)" aria-checked="true"', html)


def test_a_newcomer_starts_with_a_quick_look_and_sees_why_it_is_proposed(server, tmp_path):
    html = recipes(give(server, tmp_path, ["<b>ants", "bees"]))
    assert chosen(html) == ["quick"] and html.count("proposed for your photos") == 1
    assert "Why Quick look?" in html and "has 4 photos" in html and "<b>ants" not in html
    assert len(re.findall(r"about <strong>", html)) == len(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_chosen_recipe_is_recognized_and_a_changed_setting_makes_it_custom(server, tmp_path, name):
    desk = give(server, tmp_path, ["ants", "bees"])
    values = recipe_for(desk, name)
    events = Choosing(server)
    desk = events.recipe(name)
    assert recipe_of(desk) == name and set(desk.settings) == {
        k for k, v in values.items() if k != "trainable" and v != SETTINGS[k].default
    }
    update(server, OWNER, settings={**desk.settings, "epochs": 7})
    assert recipe_of(desk_of(server, OWNER)) == OWN
    update(server, OWNER, settings=desk.settings)
    assert recipe_of(desk_of(server, OWNER)) == name
    assert recipe_of(events.recipe(OWN)) == OWN and events.recipe(name).settings == desk.settings


class Choosing:
    """The handlers of step 2 as the page has them: no choice is refused, every output gets a value, and the desk is read."""

    def __init__(self, server):
        self.server = server
        with gr.Blocks():
            self.step = model_step.layout(server)
        self.events = ModelEvents(server, self.step)

    def recipe(self, name):
        _, _, message, *shown = self.events.choose_recipe(OWNER, gr.EventData(None, {"pick": name}))
        return self.desk(message, shown)

    def network(self, name):
        message, *shown = self.events.choose_network(OWNER, gr.EventData(None, {"pick": name}))
        return self.desk(message, shown)

    def desk(self, message, shown):
        desk = desk_of(self.server, OWNER)
        values = {component.elem_id: value for component, value in zip(self.step.out, shown, strict=True)}
        assert message == "" and values["recipe"] == recipes(desk) and values["augmentation"] == copies(desk)
        return desk


def test_another_network_keeps_the_recipe_and_starts_own_blocks_anew(server, tmp_path):
    give(server, tmp_path, ["ants", "bees"])
    events = Choosing(server)
    events.recipe("best")
    desk = events.network("squeezenet1_1")
    assert recipe_of(desk) == "best" and desk.trainable and set(desk.trainable) <= {s.name for s in desk.backbone.stages}
    update(server, OWNER, trainable=desk.trainable[:1])
    assert events.network("efficientnet_lite0").trainable == []


def test_digits_are_not_mirrored_by_any_recipe_and_the_page_says_why(server, tmp_path):
    desk = give(server, tmp_path, ["1", "2"])
    for name in PRESETS:
        assert recipe_for(desk, name).get("augmentation", "none") not in ("flip", "crops")
    html = copies(desk)
    assert "a mirrored 2 is no 2" in html and html.count("suggested: no mirror") == 1
    mirrored = copies(update(server, OWNER, settings={"augmentation": "flip"}))
    assert "You have chosen mirrored copies" in mirrored and chosen(mirrored) == ["flip"]


def test_every_choice_of_copies_shows_what_it_makes_of_two_photos(server, tmp_path):
    from transferui.data.preprocessing import VIEWS

    desk = give(server, tmp_path, ["ants", "bees"])
    assert "background-image" not in copies(desk)
    Answers(server.data_dir, print).copies(OWNER, desk.dataset.id, desk.backbone.name)
    html = copies(desk)
    for choice, card in zip(SETTINGS["augmentation"].choices, re.findall(r"<button.*?</button>", html), strict=True):
        assert card.count("<i style") == 2 * len(VIEWS[choice]), choice
    pictures = dict(re.findall(r"--v0-(\w+):url\((data:image/jpeg;base64,[^)]+)\)", html))
    assert len(set(pictures.values())) == len(pictures) >= 4


def test_the_finder_shows_its_curve_only_for_the_settings_it_was_made_with(server, tmp_path):
    desk = give(server, tmp_path, ["ants", "bees"])
    one = {
        "setting": "head_learning_rate",
        "rates": [1e-4, 1e-3, 1e-2],
        "losses": [1.0, 0.5, 2.0],
        "suggestion": 1e-3,
        "flat": False,
    }
    found = {"key": trial_key(desk), "sweeps": [one], "photos": 8, "seconds": 2.0}
    desk = update(server, OWNER, rates=found)
    html = rates(desk)
    assert 'data-pick="head_learning_rate:0.001"' in html and "Use 0.001" in html and html.count("<path") == 2
    assert "in use" in rates(update(server, OWNER, settings={"head_learning_rate": 1e-3}))
    assert rates(update(server, OWNER, settings={"batch_size": 8})) == ""


def test_the_cards_name_every_recipe():
    assert set(CARDS) == {*PRESETS, OWN}
