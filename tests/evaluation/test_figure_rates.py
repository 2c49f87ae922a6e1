"""The learning-rate finder's curves to keep."""

import zipfile

import gradio as gr
import pytest

from tests.ui.test_data_events import ME, Slow
from transferui.evaluation.figure_rates import rate_views
from transferui.evaluation.figures import draw
from transferui.runs.store import Store
from transferui.ui.desk import Server
from transferui.ui.saving import Saving

SWEEPS = [
    {"setting": "head_learning_rate", "rates": [0.001, 0.01, 0.1, 1.0], "losses": [1.1, 0.9, 0.4, 2.5], "suggestion": 0.05, "flat": False},
    {"setting": "backbone_learning_rate", "rates": [], "losses": [], "suggestion": 0.001, "flat": True},
]  # fmt: skip


def test_every_setting_that_was_tried_has_a_figure_with_its_suggestion():
    head, blocks = (draw(view) for view in rate_views(SWEEPS))
    assert "suggested: 0.05" in head.svg and head.words == "4 step sizes from 0.001 to 1 were tried. Suggested: 0.05."
    assert ">0.01</text>" in head.svg and "mathdefault" not in head.svg + blocks.svg
    assert "for the blocks?" in blocks.svg and blocks.words == "Suggested: 0.001."


@pytest.fixture
def saving(data_dir):
    (data_dir / "uploads").mkdir()
    return Saving(Server(Store(data_dir), None, Slow(data_dir), data_dir / "uploads"))


def test_the_page_has_what_was_found_drawn(saving):
    *_, last = saving.make_rate_figures(lambda desk: {"sweeps": SWEEPS}, ME)
    with zipfile.ZipFile(last[1].value["path"] if isinstance(last[1].value, dict) else last[1].value) as archive:
        names = [f"learning-rate-{what}.{kind}" for what in ("blocks", "head") for kind in ("png", "svg")]
        assert sorted(archive.namelist()) == names


def test_without_a_trial_the_page_says_what_to_press(saving):
    (only,) = saving.make_rate_figures(lambda desk: None, ME)
    assert "Try step sizes" in only[0] and isinstance(only[1], gr.DownloadButton)
