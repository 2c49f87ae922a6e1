import pytest

from transferui.errors import UserError
from transferui.ui import html

EVIL = "<script>alert(1)</script>\"'"


def test_every_text_is_escaped():
    pieces = [
        html.notice(EVIL),
        html.notice(UserError("X", EVIL, EVIL)),
        html.working(EVIL),
        html.img(EVIL, EVIL),
        html.header(EVIL),
    ]
    pieces += [html.radio_card(EVIL, True, ""), html.radio_group([], EVIL, "css")]
    for piece in pieces:
        assert "<script>" not in piece and "script" in piece


def test_nothing_wrong_is_nothing_on_the_page():
    assert html.notice() == "" and html.notice("") == ""


def test_a_problem_is_an_alert_and_work_is_a_status():
    assert 'role="alert"' in html.notice("no") and 'role="status"' in html.notice("done", "ok")
    assert 'aria-valuenow="3"' in html.working("Looking", 3, 10) and "progressbar" not in html.working("Looking")


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0\u00a0s"), (89.4, "89\u00a0s"), (125, "2\u00a0min 5\u00a0s"), (-3, "0\u00a0s")]
)
def test_durations_are_words(value, said):
    assert html.seconds(value) == said


def test_shares_and_counts_are_words():
    assert html.percent(0.945) == "94\u00a0%" and html.percent(0.945, 1) == "94.5\u00a0%"
    assert (html.photos(1), html.photos(2_000)) == ("1 photo", "2,000 photos")


def test_tab_reaches_the_chosen_card_or_else_the_first():
    cards = [html.radio_card(key, key == "b", key) for key in "abc"]
    assert html.radio_group(cards, "x", "css").count('tabindex="0"') == 1
    none = [html.radio_card(key, False, key) for key in "abc"]
    assert html.radio_group(none, "x", "css").index('tabindex="0"') < html.radio_group(none, "x", "css").index('data-pick="b"')


def test_a_cell_carries_its_columns_name_for_phones():
    assert '<td data-name="Found (recall)">1</td>' in html.table(["Class", "Found <em>(recall)</em>"], [["cat", "1"]])


@pytest.mark.parametrize("data", [None, 5, [], {}, {"pick": 3}, {"pick": None}])
def test_an_event_that_is_not_ours_picks_nothing(data):
    import gradio as gr

    assert html.picked(gr.EventData(None, data)) == ""
