"""Figures to keep: what is in them, and names that would break a careless drawing."""

import io
import math
import re
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import replace

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tests.ui.conftest import answers, curve_rows
from transferui.evaluation import figures
from transferui.evaluation.figure_together import RUNS
from transferui.evaluation.figure_views import reliability, shortened
from transferui.evaluation.figures import comparison_views, draw, run_views, write_figures
from transferui.evaluation.headline import calibration_words, headline
from transferui.evaluation.shown import ShownRun

HARD = ["a$b_c$", r"\frac{", "<script>alert(1)</script>", "🐶 dog", "日本語", "x" * 300, "line\nbreak", "", "&amp;"]


def shown(classes=("ants", "bees"), n=120):
    return ShownRun("Run 1", answers(n - 20, 20, classes), curve_rows())


def drawn(run, name):
    return draw(next(view for view in run_views(run) if view.name == name))


def test_every_view_of_a_run_has_a_figure():
    assert [view.name for view in run_views(shown())] == ["accuracy-curve", "loss-curve", "result", "confusion-matrix", "class-recall",
                                                          "reliability"]  # fmt: skip


def test_few_validation_photos_have_no_reliability_diagram():
    assert "reliability" not in [view.name for view in run_views(shown(n=99))]


def in_series(run, worth, size):
    """The same run, with photos in series of this size that are worth so many single ones."""
    items = [{**item, "group": n // size} for n, item in enumerate(run.results["val_items"])]
    return replace(run, results={**run.results, "val_items": items, "val_worth": worth, "calibration_error_by_chance": 0.008})


def test_many_photos_of_few_scenes_have_no_reliability_diagram_and_say_why_the_gap_says_little():
    few, many = in_series(shown(n=172), 4.0, 43), in_series(shown(n=1200), 120.0, 10)
    assert "reliability" not in [view.name for view in run_views(few)] and "reliability" in [
        view.name for view in run_views(many)
    ]
    words = calibration_words(few.results)
    assert "172 photos come in series and count like about 4" in words and "chance" not in words
    assert "chance" in calibration_words(many.results)


def test_intervals_of_the_reliability_diagram_count_photos_of_a_series_as_what_they_are_worth():
    lengths = []
    for run in (shown(n=1200), in_series(shown(n=1200), 120.0, 10)):
        axes = Figure().add_subplot()
        reliability(axes, run.results)
        bars = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 2][1:]
        lengths.append(max(high - low for low, high in bars))
    assert lengths[1] > 2.5 * lengths[0]


def test_a_run_without_results_has_its_curves_only():
    assert [view.name for view in run_views(replace(shown(), results={}))] == ["accuracy-curve", "loss-curve"]
    assert run_views(ShownRun("Run 1", {}, [])) == []


@pytest.mark.parametrize("name", ["confusion-matrix", "class-recall"])
def test_hard_names_are_drawn_as_they_are(name):
    figure = drawn(shown(HARD), name)
    text = "".join(ET.fromstring(figure.svg).itertext())
    assert "a$b_c$" in text and "<script>" in text and "🐶 dog" in text and "日本語" in text and "<script>" not in figure.svg
    assert Image.open(io.BytesIO(figure.png)).width > 500


def test_long_names_are_cut_in_the_middle_and_stay_different():
    same = "a very long name of a kind of bumblebee, "
    short, long, first, second = shortened(["bee", "x" * 30 + "y" * 30, f"{same}queen", f"{same}worker"])
    assert short == "bee" and len(long) == 24 and long.startswith("xxx") and long.endswith("yyy")
    assert first != second and first.endswith("queen") and second.endswith("worker")
    middle = [f"Bombus terrestris {part} subspecies audax" for part in ("queens", "worker")]
    cut = shortened(middle)
    assert cut[0] != cut[1] and "(" not in cut[0]


def test_names_that_no_cut_can_tell_apart_are_numbered():
    hopeless = [f"{'x' * 100}{n}{'y' * 100}" for n in range(3)]
    assert [name[24:] for name in shortened(hopeless)] == [" (1)", " (2)", " (3)"]
    assert shortened(["a b", "a\nb", "a b (1)"]) == ["a b (2)", "a b (3)", "a b (1)"]


def test_a_run_keeps_its_color_when_one_before_it_has_no_results():
    runs = [replace(shown(), name=f"Run {n}") for n in range(1, 4)]
    runs[0] = replace(runs[0], results={})
    svgs = {view.name: draw(view).svg for view in comparison_views(runs)}
    assert all(RUNS[2] in svg for svg in svgs.values()) and RUNS[1] in svgs["compared-results"]
    assert RUNS[0] in svgs["compared-accuracy"] and RUNS[0] not in svgs["compared-results"]


def kept(accuracy):
    """A run whose second epoch has an accuracy of 0.6, and that kept it if it has the same."""
    return replace(shown(), results=answers(72, 48) | {"val_accuracy": accuracy})


def test_the_kept_epoch_is_told_in_curves_and_comparison_and_only_where_it_is_known():
    assert drawn(kept(0.6), "accuracy-curve").words.endswith("validation 90\u00a0%. Kept: epoch 2 · 60\u00a0%.")
    assert "Kept" not in drawn(kept(0.7), "accuracy-curve").words
    both = [
        draw(view) for view in comparison_views([kept(0.6), replace(kept(0.7), name="Run 2")]) if view.name == "compared-loss"
    ]
    assert both[0].words == "At the end: Run 1 0.40 (kept: epoch 2 · 0.60), Run 2 0.40."
    assert "the epoch that was kept" in both[0].svg


def test_other_scripts_are_drawn_with_the_fonts_that_are_installed(monkeypatch):
    monkeypatch.setattr(figures.font_manager, "get_font_names", lambda: ["Yu Gothic", "Somebody's own", "Noto Sans CJK SC"])
    assert figures.fonts() == ["DejaVu Sans", "Noto Sans CJK SC", "Yu Gothic"]


def test_an_svg_needs_nothing_else_and_tells_what_it_shows():
    figure = drawn(shown(), "confusion-matrix")
    root = ET.fromstring(figure.svg)
    title, words = root[0], root[1]
    assert title.text == "Run 1: who is taken for whom" and words.text.startswith("100 of 120") and root.get("role") == "img"
    outside = re.findall(r'(?:href|src)="(?!#)[^"]*"|url\((?!#)', figure.svg)
    assert outside == [] and "DOCTYPE" not in figure.svg


@pytest.mark.parametrize("n", [2, 25, 26, 80])
def test_many_classes_lose_numbers_first_and_names_later(n):
    figure = drawn(shown([f"class {i}" for i in range(n)]), "confusion-matrix")
    assert (">100<" in figure.svg) == (n <= 25) and (">class 1<" in figure.svg) == (n <= 60)
    assert Image.open(io.BytesIO(figure.png)).width < 3200


PLANTS = ["Taraxacum officinale", "Bellis perennis", "Tulipa gesneriana", "Ranunculus acris"]


@pytest.mark.parametrize("names", [PLANTS[:2], PLANTS[:3], PLANTS, ["ants", "bees"], ["WWWWWW", "Apple___Apple_scab"] * 6])
def test_the_matrix_has_its_names_apart_and_its_title_inside(names, monkeypatch):
    made = []
    monkeypatch.setattr(figures, "Figure", lambda **how: made.append(Figure(**how)) or made[-1])
    drawn(replace(shown(names), name="This run"), "confusion-matrix")
    figure = made[0]
    figure.draw_without_rendering()
    labels, title = figure.axes[0].get_xticklabels(), figure._suptitle.get_window_extent()
    assert all(inside(label.get_window_extent(), figure.bbox) for label in [*labels, *figure.axes[0].get_yticklabels()])
    assert inside(title, figure.bbox) and title.y0 > figure.axes[0].get_window_extent().y1
    boxes = [label.get_window_extent() for label in labels]
    flat = all(label.get_rotation() == 0 for label in labels)
    assert flat == (names[0] == "ants") and (not flat or boxes[0].x1 < boxes[1].x0)


def inside(box, around):
    return around.x0 <= box.x0 and box.x1 <= around.x1 and around.y0 <= box.y0 and box.y1 <= around.y1


def test_a_loss_that_is_no_number_leaves_a_gap():
    rows = [*curve_rows(3), {**curve_rows(4)[-1], "val_loss": math.nan, "train_loss": None}]
    assert "validation no number" in drawn(replace(shown(), rows=rows), "loss-curve").words


def test_a_run_of_one_epoch_is_drawn():
    assert "After epoch 1" in drawn(replace(shown(), rows=curve_rows(1)), "accuracy-curve").words


def test_several_runs_share_their_figures():
    runs = [replace(shown(), name=f"Run {n}", rows=curve_rows(n + 1)) for n in range(1, 4)]
    views = comparison_views(runs)
    assert [view.name for view in views] == ["compared-accuracy", "compared-loss", "compared-results", "compared-differences"]
    assert all(f"Run {n}" in draw(view).svg for n in range(1, 4) for view in views)
    assert comparison_views(runs[:1]) == []


def compared(runs, what):
    return draw(next(view for view in comparison_views(runs) if view.name == f"compared-{what}"))


def test_the_differences_say_which_run_is_better_by_how_much_and_by_which_photos():
    one = replace(shown(), name="Run 1")
    items = [{**item, "predicted": item["true"]} for item in one.results["val_items"]]
    two = replace(one, name="Run 2", results={**one.results, "val_items": items})
    figure = compared([one, two], "differences")
    assert figure.words.startswith("Run 2 is better. Asked photo by photo on the 120 validation photos")
    assert "Run 2 against Run 1: +16.7 points" in figure.words and "20 against 0 photos, p < 0.001" in figure.words
    taught = frozenset(str(item["photo"]) for item in items[:60] if "photo" in item)
    alike = compared([one, replace(one, name="Run 2", learned=taught)], "differences").words
    assert alike.startswith("No clear difference.") and ("without" in alike) == bool(taught)


def test_results_are_compared_in_the_same_kind_of_accuracy_and_say_of_how_many_photos():
    cv = {"accuracy": 0.7, "low": 0.6, "high": 0.8, "n": 150, "folds": 5, "repeats": 3, "majority_accuracy": 0.5}
    one = replace(shown(), name="Run 1", results={**shown().results, "cv": cv, "headline": "cv"})
    two = replace(shown(), name="Run 2")
    mixed, both = (compared(runs, "results") for runs in ([one, two], [one, replace(one, name="Run 2")]))
    assert mixed.words == "Accuracy: Run 1 83.3\u00a0% of 120 validation photos; Run 2 83.3\u00a0% of 120 validation photos."
    assert (
        both.words
        == "Accuracy: Run 1 70.0\u00a0% of 150 photos, cross-validated; Run 2 70.0\u00a0% of 150 photos, cross-validated."
    )
    assert mixed.svg.count(">of 120 validation photos<") == 2 and both.svg.count(">of 150 photos, cross-validated<") == 2


def test_runs_that_were_checked_with_other_photos_are_left_out_of_the_compared_results():
    runs = [replace(shown(), name=f"Run {n}") for n in range(1, 4)]
    runs[1] = replace(runs[1], results={**shown().results, "dataset_fingerprint": "another"})
    figure = compared(runs, "results")
    assert "Left out, because checked with other photos or classes: Run\u00a02." in figure.words and RUNS[1] not in figure.svg
    assert "compared-results" not in [view.name for view in comparison_views(runs[:2])]


def test_figures_go_into_a_folder_or_a_zip_and_leave_matplotlib_as_it_was(tmp_path):
    before = dict(mpl.rcParams)
    views = run_views(shown())[:2]
    names = write_figures(views, tmp_path / "figures.zip")
    assert names == ["accuracy-curve.png", "accuracy-curve.svg", "loss-curve.png", "loss-curve.svg"]
    assert sorted(zipfile.ZipFile(tmp_path / "figures.zip").namelist()) == names
    write_figures(views, tmp_path / "folder")
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == names and dict(mpl.rcParams) == before


def test_the_same_run_gives_the_same_bytes():
    assert drawn(shown(), "result") == drawn(shown(), "result")


def test_a_cross_validated_run_is_headed_by_that_number():
    cv = {"accuracy": 0.7, "low": 0.6, "high": 0.8, "n": 150, "folds": 5, "repeats": 3, "majority_accuracy": 0.5}
    results = {**shown().results, "cv": cv, "headline": "cv"}
    assert headline(results).accuracy == 0.7 and "5-fold" in headline(results).where
    assert headline({**results, "headline": "val"}).accuracy == pytest.approx(100 / 120)
    assert "70\u00a0%" in drawn(replace(shown(), results=results), "result").words
