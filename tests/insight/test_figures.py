"""Figures of a measurement: every answer has its own, and the page has them made."""

import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile

import gradio as gr
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tests.insight import lesson_samples as made
from tests.ui.test_data_events import Slow
from transferui.config import TrainConfig
from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.errors import UserError
from transferui.evaluation import figures as drawing
from transferui.evaluation.figures import draw
from transferui.files import write_json
from transferui.insight.figure_learning import COLORS
from transferui.insight.figures import insight_views
from transferui.insight.lesson.page import STYLE
from transferui.insight.parts import ALWAYS
from transferui.runs.store import Store, hash_owner
from transferui.ui.desk import Server, update
from transferui.ui.saving import Saving

ME, OTHER = "me-0123456789abcdef", "other-0123456789abcdef"
NAMES = {
    "rank": ["networks-ranked"],
    "unusual": ["how-unusual", "how-unusual-by-block", "right-by-neighbors"],
    "probe": ["where-to-freeze", "one-block-trained"],
    "curve": ["learning-curve"],
    "labels": [],
    "map": ["photo-map-before", "photo-map-before-main-directions", "photo-map-after", "photo-map-after-main-directions"],
    "gain": ["transfer-gain", "transfer-gain-in-points"],
    "chain": ["own-model-gain", "own-model-gain-in-points"],
}


def drawn(results, name):
    return draw(next(view for view in insight_views(results) if view.name == name))


def names(results):
    return [view.name for view in insight_views(results)]


def test_every_answer_has_its_figures_in_the_order_of_the_questions():
    assert names(made.everything()) == [name for part in NAMES for name in NAMES[part]]
    assert names({}) == []


@pytest.mark.parametrize("part", NAMES)
def test_questions_that_were_not_asked_have_no_figure(part):
    assert names({part: made.everything()[part]}) == NAMES[part]


@pytest.mark.parametrize(
    "stopped",
    [
        {
            "rank": {"rows": []},
            "unusual": {"n_images": 0},
            "probe": {"stages": []},
            "curve": {"points": []},
            "gain": {"seeds": []},
        },
        {"map": {"before": {**made.photo_map(), "places": []}, "after": None}},
    ],
)
def test_an_answer_that_was_stopped_before_it_had_anything_has_no_figure(stopped):
    assert names(stopped) == []


def test_a_half_answered_question_has_only_what_was_finished():
    map_only = {"before": {**made.photo_map(), "method": "pca"}, "after": None}
    unknown = made.unusual("", typical=None, far=None)
    assert names({"map": map_only, "probe": {**made.probes(), "trials": []}}) == ["where-to-freeze", "photo-map-before"]
    assert names({"unusual": {**unknown, "layers": []}}) == ["right-by-neighbors"]


def test_every_figure_is_a_picture_and_a_drawing_that_needs_nothing_else_and_tells_what_it_shows():
    for view in insight_views(made.everything()):
        figure = draw(view)
        root = ET.fromstring(figure.svg)
        assert root[0].text == view.title and root[1].text == figure.words and len(figure.words) > 30, view.name
        assert re.findall(r'(?:href|src)="(?!#)[^"]*"|url\((?!#)', figure.svg) == [] and "DOCTYPE" not in figure.svg
        assert Image.open(io.BytesIO(figure.png)).width > 1000 and drawn(made.everything(), view.name) == figure


def inside(box, around):
    return around.x0 - 1 <= box.x0 and box.x1 <= around.x1 + 1 and around.y0 - 1 <= box.y0 and box.y1 <= around.y1 + 1


def hard(name):
    """Answers in which everything that has a name has this one."""
    return {"rank": made.ranking(name), "map": {"before": made.photo_map([name, *"abc"] * 7, n=60), "after": None}}


@pytest.mark.parametrize("results", [made.everything(), hard("_a very long name of a kind of bumblebee, $queen_1$")])
def test_everything_that_is_written_stands_inside_and_the_rows_do_not_touch(results, monkeypatch):
    figures = []
    monkeypatch.setattr(drawing, "Figure", lambda **how: figures.append(Figure(**how)) or figures[-1])
    for view in insight_views(results):
        draw(view, as_png=False)
        figure, axes = figures[-1], figures[-1].axes[0]
        figure.draw_without_rendering()
        legend = axes.get_legend().get_texts() if axes.get_legend() else []
        written = [*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label, figure._suptitle, *legend]
        boxes = {text: text.get_window_extent() for text in written if text.get_text() and text.get_visible()}
        assert all(inside(box, figure.bbox) for box in boxes.values()), view.name
        for labels in (axes.get_xticklabels(), axes.get_yticklabels(), axes.texts, legend):
            mine = [boxes[label] for label in labels if label in boxes and label.get_rotation() == 0]
            assert not any(a.overlaps(b) for n, a in enumerate(mine) for b in mine[:n]), view.name


def test_names_are_drawn_as_they_are_and_harm_nothing():
    for view in insight_views(
        {"rank": made.ranking(made.EVIL[:25]), "map": {"before": made.photo_map(("_ants", "<b>")), "after": None}}
    ):
        text = "".join(ET.fromstring(draw(view).svg).itertext())
        assert ("<script>" in text or "_ants" in text) and "<script>" not in draw(view).svg and "<b>" not in draw(view).svg


def test_the_words_hold_the_numbers_and_what_makes_them_uncertain():
    results = made.everything()
    words = {view.name: draw(view, as_png=False).words for view in insight_views(results)}
    assert "Run 7 70\u00a0% (60 to 78), clearly less: 20.0 points (10.0 to 30.0)" in words["networks-ranked"]
    assert (
        words["networks-ranked"].startswith("EfficientNet-Lite0 gets 90\u00a0% of 100")
        and "ants has few photos." in words["networks-ranked"]
    )
    assert "Unusual: 0.30 (0.28 to 0.33)" in words["how-unusual"] and "stem 0.40, stage1 0.30" in words["how-unusual-by-block"]
    assert "Best after stage2. Advice: freeze up to stage2; pool and the head may learn." in words["where-to-freeze"]
    assert "stage2 0.110 lower (± 0.060), more than chance, worth training; pool not lower, no help" in words["one-block-trained"]
    assert "probably 86\u00a0% (82\u00a0% to 90\u00a0%) with 35" in words["learning-curve"]
    assert "1 of 4 photos among another class" in words["photo-map-after"]
    assert "from pretrained weights 90\u00a0% after 4.0\u00a0s; from nothing 60\u00a0%" in words["transfer-gain"]
    assert (
        "+30.0 points (+20.0 to +40.0)" in words["transfer-gain-in-points"] and "from your own model" in words["own-model-gain"]
    )


def test_a_difference_that_may_be_chance_is_hollow():
    clear, unclear = (drawn({"gain": made.gain("x", gap)}, "transfer-gain-in-points").svg for gap in (0.3, 0.0))
    assert clear.count("fill: #ffffff; stroke") < unclear.count("fill: #ffffff; stroke")


def test_the_map_has_the_colors_of_the_page():
    style = STYLE.read_text(encoding="utf-8")
    for n, color in enumerate(COLORS):
        base = re.search(rf"--c-{n}: (#\w+)", style)[1].ljust(7, "6")  # the last is written #666
        part = int(re.search(rf"\.k{n} {{ --c: color-mix\(in srgb, var\(--c-{n}\) (\d+)%", style)[1]) / 100
        channels = [(int(base[i : i + 2], 16), int("#17211d"[i : i + 2], 16)) for i in (1, 3, 5)]
        assert color == "#" + "".join(f"{round(own * part + ink * (1 - part)):02x}" for own, ink in channels)


def test_drawing_loads_no_torch_and_no_page():
    code = "import sys; import transferui.insight.figures; sys.exit(bool({'torch', 'gradio'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def measured(photos, data_dir):
    """A server, and a measurement without an answer yet."""
    dataset = create_dataset(scan(photos), data_dir, "drawn", hash_owner(ME))
    server = Server(Store(data_dir), None, Slow(data_dir), data_dir / "uploads")
    run = server.store.create_measurement(ME, dataset.folder, TrainConfig(), {"parts": list(ALWAYS)})
    update(server, ME, dataset=dataset.id)
    return server, run


def test_the_page_gives_the_figures_of_what_was_measured(measured):
    server, run = measured
    write_json(run.folder / "results.json", {"curve": made.curve()})
    message, file = list(Saving(server).make_answer_figures(ME))[-1]
    assert message == "" and file.visible and file.value["orig_name"] == "transfer-learning-figures.zip"
    assert zipfile.ZipFile(file.value["path"]).namelist() == ["learning-curve.svg", "learning-curve.png"]


def test_figures_of_nothing_are_refused_in_the_words_of_the_lesson(measured):
    server, run = measured
    refused = [
        list(getattr(Saving(server), make)(ME, *more))[-1]
        for make, more in (("make_answer_figures", ()), ("make_lesson", (False,)))
    ]
    assert refused[0][0] == refused[1][0] and "Nothing has been measured yet" in refused[0][0] and not refused[0][1].visible
    write_json(run.folder / "results.json", {"labels": made.labels()})
    message, file = list(Saving(server).make_answer_figures(ME))[-1]
    assert 'role="alert"' in message and "doubted labels are photos" in message and isinstance(file, gr.DownloadButton)


def test_the_engine_draws_for_the_owner_only(measured, tmp_path):
    server, run = measured
    write_json(run.folder / "results.json", {"curve": made.curve()})
    with pytest.raises(UserError) as caught:
        server.engine.answers.save_answer_figures(OTHER, run.id, str(tmp_path / "theirs.zip"))
    assert caught.value.code == "NOT_FOUND" and not (tmp_path / "theirs.zip").exists()
