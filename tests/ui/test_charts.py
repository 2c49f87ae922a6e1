import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from tests.ui.conftest import curve_rows
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
