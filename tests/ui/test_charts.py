import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from tests.ui.conftest import curve_rows
from transferui.evaluation.kept_epoch import Mark
from transferui.ui.charts import MAX_POINTS, chart, overlay, spread


def points(html, css):
    path = re.search(rf'<path class="{css}" d="M([^"]*)"', html)[1]
    return [tuple(map(float, point.split())) for point in path.split(" L")]


def test_the_lines_end_where_the_last_values_are():
    html = chart(curve_rows(4, top=0.8), "accuracy", 4)
    assert points(html, "val")[-1] == (100, 20) and "80\u00a0%" in html
    assert "after epoch 4" in html


def test_a_chart_without_rows_says_that_the_curve_will_come():
    assert "appears here" in chart([], "loss", 30) and "appears here" in overlay([("Run 1", [])], "loss")


def test_a_loss_that_is_no_number_is_drawn_at_the_top_and_named():
    rows = [*curve_rows(2), {**curve_rows(3)[-1], "val_loss": math.nan, "train_loss": None}]
    html = chart(rows, "loss", 3)
    assert points(html, "val")[-1][1] == 0 and "no number" in html


def test_a_thousand_epochs_are_thinned_and_keep_their_last():
    html = chart(curve_rows(1000), "accuracy", 1000)
    assert len(points(html, "val")) <= MAX_POINTS + 1 and points(html, "val")[-1][0] == 100


def test_fine_tuning_begins_at_a_marked_border():
    rows = [{**row, "phase": "finetune" if row["epoch_total"] > 2 else "head"} for row in curve_rows(4)]
    assert "blocks learn too" in chart(rows, "loss", 4) and "blocks learn too" not in chart(curve_rows(4), "loss", 4)


def dots(html):
    """Where dots lie in the area: left and bottom in percent."""
    return [
        tuple(map(float, at)) for at in re.findall(r'<i class="kept-dot[^"]*" style="left:([\d.]+)%;bottom:([\d.]+)%"></i>', html)
    ]


def label(html):
    return html.split('aria-label="')[1].split('"')[0]


@pytest.mark.parametrize("epochs", [4, 1000])
def test_the_kept_epoch_is_a_dot_on_the_validation_line_with_words_to_see_and_to_hear(epochs):
    rows = curve_rows(epochs, top=0.8)
    row = rows[epochs // 2]
    html = chart(rows, "accuracy", epochs, Mark("kept: epoch 3", row["val_accuracy"], row))
    left, bottom = dots(html)[0]
    assert any(abs(x - left) < 0.06 and abs(100 - y - bottom) < 0.06 for x, y in points(html, "val"))
    said = f"kept: epoch 3 · {100 * row['val_accuracy']:.0f}\u00a0%"
    assert label(html).endswith(said) and f"</i> {said}</p>" in html


def test_what_no_epoch_was_is_said_without_a_dot():
    html = chart(curve_rows(), "accuracy", 3, Mark("kept: a mix", 0.93))
    assert "kept-dot" not in html and "kept: a mix · 93\u00a0%</p>" in html and "kept: a mix" in label(html)


def test_each_compared_run_has_its_dot_in_its_own_color():
    rows = curve_rows()
    html = overlay([("A", rows), ("B", []), ("C", rows)], "loss", [None, None, Mark("kept: epoch 2", 0.6, rows[1])])
    assert len(dots(html)) == 1 and 'class="kept-dot c2"' in html and "C 0.40 (kept: epoch 2 · 0.60)" in label(html)


def test_compared_curves_differ_in_color_and_dashes_and_are_named_at_their_ends():
    html = overlay([(f"Run {n}", curve_rows(n + 1)) for n in range(1, 4)], "accuracy")
    assert [f'class="val c{n}"' in html for n in range(4)] == [True, True, True, False]
    assert all(f'<span class="n">Run {n}</span>' in html for n in range(1, 4))
    assert "Run 2 90\u00a0%" in html.split('aria-label="')[1].split('"')[0]
    ET.fromstring(html.replace("&nbsp;", " "))


def test_a_run_without_rows_keeps_the_colors_of_the_others():
    html = overlay([("Run 1", []), ("Run 2", curve_rows())], "loss")
    assert "val c1" in html and "val c0" not in html


def test_the_axis_of_compared_accuracies_starts_below_all_values():
    rows = [{**row, "train_accuracy": 0.97, "val_accuracy": 0.92} for row in curve_rows()]
    assert "75\u00a0%" in overlay([("A", rows)], "accuracy") and "50\u00a0%" not in overlay([("A", rows)], "accuracy")
    rows[0]["val_accuracy"] = 0.1
    assert ">0\u00a0%<" in overlay([("A", rows)], "accuracy")


def test_a_name_with_markup_stays_text():
    assert "<script>" not in overlay([("<script>", curve_rows())], "loss")


@pytest.mark.parametrize("heights", [[0.5, 0.5, 0.5], [0.99, 1.0, 0.98, 0.2], [0.0, 0.0], [0.3], [], [1.0] * 12])
def test_labels_keep_apart_and_stay_inside(heights):
    placed = spread(heights, 0.1)
    gap = min(0.1, 1 / max(1, len(heights) - 1))
    ordered = sorted(placed)
    assert all(-1e-6 <= at <= 1 + 1e-6 for at in placed)
    assert all(b - a >= gap - 0.03 for a, b in pairwise(ordered))
