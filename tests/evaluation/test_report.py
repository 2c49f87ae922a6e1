"""The report: all in one file, nothing in it that runs or that asks anybody, nothing said that is not known."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.ui.conftest import answers, curve_rows
from transferui.config import TrainConfig
from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.errors import UserError
from transferui.evaluation.answers import answers_of
from transferui.evaluation.metrics import classification_report
from transferui.evaluation.report import report_html
from transferui.evaluation.report_parts import per_class
from transferui.evaluation.shown import ShownRun

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def shown(results=None, **settings):
    return ShownRun("Run 1", results or answers(100, 20), curve_rows(), TrainConfig(**settings).model_dump(), 1.0, "garden")


@pytest.fixture(scope="module")
def plain():
    """The report of the plain run, which many tests look at."""
    return report_html(shown())


class Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_it_says_how_good_and_how_sure(plain):
    assert "83\u00a0%" in plain and "40\u00a0% to 95\u00a0%" in plain and "of 120 validation photos" in plain
    assert "20 of 120 photos of <bdi>ants</bdi> were answered <bdi>bees</bdi>" in plain


def test_every_other_accuracy_and_whether_classes_were_weighted_stand_in_it_as_on_the_page():
    crossed = {"accuracy": 0.84, "low": 0.72, "high": 0.91, "n": 150, "folds": 5, "repeats": 3, "majority_accuracy": 0.52}
    probe = {"head_val_accuracy": 0.7, "head_val_accuracy_low": 0.6, "head_val_accuracy_high": 0.78, "trainable": ["stage7"]}
    uneven = {"imbalance": 5.0, "class_weighted": True, "train_counts": [40, 8]}
    html = report_html(shown({**answers(100, 20), **probe, **uneven, "cv": crossed, "headline": "val"})).replace("\u00a0", " ")
    assert "<em>(linear probe)</em>: 70 % of 120 photos (95 % interval 60 % to 78 %)." in html
    assert "84 % of 150 photos (95 % interval 72 % to 91 %); always guessing the largest class gets 52 %." in html
    assert "Classes were weighted <em>(class weights)</em>, because" in html


def test_it_needs_nobody_and_runs_nothing(plain):
    tags = Tags(plain).found
    assert not {"script", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in tags}
    for _, attributes in tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/jpeg"))
    assert (
        "meta",
        {"http-equiv": "Content-Security-Policy", "content": "default-src 'none'; img-src data:; style-src 'unsafe-inline'"},
    ) in tags


def test_names_and_notes_from_people_stay_text():
    results = {**answers(100, 20, (EVIL, "bees")), "notes": [EVIL], "backbone": EVIL, "device": EVIL,
               "diagnosis": {"kind": EVIL, "words": EVIL, "evidence": EVIL, "try": {EVIL: EVIL}}}  # fmt: skip
    run = replace(shown(results), name=EVIL, dataset_name=EVIL, settings={EVIL: EVIL})
    html = report_html(run, with_photos=True)
    tags = Tags(html).found
    assert not [tag for tag, _ in tags if tag in ("script", "img")] and "alert(1)" in html
    assert html.count("<main>") == 1


def test_a_diagnosis_stands_in_it_with_what_to_try():
    said = {"kind": "overfitting", "words": "It learns by heart.", "evidence": "Train 0.1, val 0.9."}
    html = report_html(
        shown({**answers(100, 20), "diagnosis": {**said, "try": {"trainable": "none"}, "try_words": "freeze more"}})
    )
    assert "It learns by heart." in html and "Train 0.1, val 0.9." in html and "<b>To try next:</b> freeze more" in html
    advice = report_html(shown({**answers(100, 20), "diagnosis": {**said, "try": None, "try_words": "Add photos."}}))
    assert "<p>Add photos.</p>" in advice


def test_changed_settings_and_the_code_to_do_it_again_are_in_it(plain):
    html = report_html(shown(epochs=7, trainable="last"))
    assert "epochs=7" in html and "--trainable last" in html and "Passes over the photos (epochs)" in html
    assert "None: this is the standard recipe." in plain


def test_ids_of_two_figures_never_meet(plain):
    ids = re.findall(r'\bid="([^"]*)"', plain)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]*)', plain)) <= set(ids)


def test_photos_are_in_it_only_when_asked_for(photos, data_dir):
    dataset = create_dataset(scan(photos), data_dir, "drawn")
    results = answers(4, 2, dataset.class_names)
    without, with_them = report_html(shown(results), dataset), report_html(shown(results), dataset, with_photos=True)
    assert "<img" not in without and "No photo is in this file" in without and ">10</td>" in without
    # Four of each of three classes, and the two mistakes.
    assert with_them.count("<img") == 14 and "share it with care" in with_them and "Worst mistakes" in with_them


def test_a_dash_means_never_named_and_a_class_that_was_always_named_wrongly_has_no_percent_right():
    labels, named = [0] * 40 + [1] * 5, [0] * 31 + [1] * 5 + [2] * 4 + [0] * 5
    names = ("ants", "bees", "flies", "moths")
    results = answers(31, 14, names) | classification_report(labels, named, names)
    cells = [re.findall(r'<td class="num">([^<]*)</td>', row) for row in per_class(shown(results)).split("<tr>")[3:]]
    assert [row[-2:] for row in cells] == [["0\u00a0%", "0.00"], ["0\u00a0%", "–"], ["–", "–"]]
    assert answers_of(results).precisions[1:] == ["0\u00a0%", "0\u00a0%", "–"]


def test_where_cross_validation_is_the_judge_matrix_pairs_and_table_are_of_its_photos():
    items = [{"sample": n, "true": n % 2, "predicted": int(n < 3 or n % 2), "probability": 0.9} for n in range(40)]
    counted = classification_report([item["true"] for item in items], [item["predicted"] for item in items], ("ants", "bees"))
    cv = {**counted, "items": items, "n": 40, "accuracy": 0.95, "low": 0.8, "high": 0.99, "folds": 5, "repeats": 3,
          "majority_accuracy": 0.5}  # fmt: skip
    html = report_html(shown({**answers(7, 1), "cv": cv, "headline": "cv"}))
    assert html.count("All 40 photos, each answered by a head that had not seen it.") == 2 and "38 of all 40 photos" in html
    assert "2 of 20 photos of <bdi>ants</bdi> were answered <bdi>bees</bdi>" in html and "The 8 validation photos" not in html


def test_a_matrix_that_nobody_could_read_is_replaced_by_words():
    html = report_html(shown(answers(100, 20, [f"class {n}" for n in range(70)])))
    assert "A matrix of 70 classes would be too large" in html and "Most confused" in html


def test_photos_that_are_gone_are_said_to_be():
    html = report_html(shown(), None, with_photos=True)
    assert "<img" not in html and "not here any more" in html and "is not known" in html
    counted = report_html(shown({**answers(100, 20), "train_counts": [61, 19]}), None)
    assert ">61</td>" in counted and "is not known" not in counted


def test_a_run_without_results_has_no_report():
    with pytest.raises(UserError, match="no"):
        report_html(replace(shown(), results={}))


def test_colors_follow_light_and_dark(plain):
    figures = "".join(re.findall(r"<svg.*?</svg>", plain, re.DOTALL))
    assert "var(--accent)" in figures and "#0f7a5e" not in figures and "#ffffff" not in figures
