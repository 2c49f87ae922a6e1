"""Every measurement's picture: the numbers are in it, in words too, and nothing that a person wrote becomes markup."""

import re

import pytest

from tests.insight import lesson_samples as made
from transferui.insight.doubts import doubts_in_words
from transferui.insight.lesson.curve_view import curve_card
from transferui.insight.lesson.gain_view import OWN_MODEL, gain_card, mean_curve, reached
from transferui.insight.lesson.labels_view import FIRST, labels_card
from transferui.insight.lesson.map_view import map_card
from transferui.insight.lesson.probe_view import probe_card
from transferui.insight.lesson.rank_view import rank_card
from transferui.insight.lesson.unusual_view import by_stage, unusual_card

CARDS = [rank_card, probe_card, unusual_card, curve_card, gain_card, map_card]


def picks(html):
    return re.findall(r'data-pick="([^"]*)"', html)


def text(html):
    return re.sub(r"<[^>]*>", "", html).replace("\u00a0", " ")


def test_a_ranking_marks_the_recommended_network_and_calls_a_tie_a_tie():
    html = rank_card(made.ranking(), buttons=True)
    assert picks(html) == ["use:efficientnet_lite0", "use:mobilenet_v2", "use:run:7"]
    said = text(html)
    assert said.count("recommended") == 1 and "tie for the best" in said and "tie with the best" in said
    assert "clearly less: 20.0 points (10.0 to 30.0)" in said and "9.5 ms" in said and "14 MB" in said
    assert "ants has few photos." in said and "gets 90 % of 100" in said
    assert "LogME" in html.split("<details")[1] and "LogME" not in html.split("<details")[0]


def test_buttons_are_only_there_when_asked_for():
    assert picks(rank_card(made.ranking()) + probe_card(made.probes()) + labels_card(made.labels(), str, buttons=False)) == []


def test_a_probe_is_drawn_on_the_network_with_ice_up_to_where_to_freeze():
    html = probe_card(made.probes(), buttons=True)
    assert picks(html) == ["freeze"]
    assert html.count('class="ls-block ice"') == 3 and html.count('class="ls-block warm"') == 2  # pool, and the head
    assert "after stem 60\u00a0%" in html and "Best after stage2. 3 of 4 blocks frozen." in html
    assert "freeze up to stage2" in text(html) and html.count("<u>best</u>") == 1


def test_a_trial_says_whether_it_is_more_than_chance():
    said = text(probe_card(made.probes()))
    assert said.index("0.110 lower (± 0.060)") < said.index("not lower") and "worth training" in said
    assert "inf" not in said.split("Training one block")[1]


def test_a_network_that_is_not_in_the_catalogue_is_drawn_too():
    assert 'class="ls-net"' in probe_card({**made.probes(), "backbone": "something_else"})


def test_how_unusual_stands_on_a_scale_beside_the_number_that_decides():
    html = unusual_card(made.unusual())
    assert "unusual: 0.30 (0.28 to 0.33); unusual begins at 0.25, very unusual at 0.45" in html
    assert re.findall(r'class="z\d on"[^>]*><b>([a-z ]+)', html) == ["unusual"]
    assert "80 %" in text(html) and "not a forecast" in html
    at = [
        float(x) for x in re.findall(r'class="pointer" style="left:([\d.]+)%|<span style="left:([\d.]+)%', html) for x in x if x
    ]
    assert at[1] < at[0] < at[2]  # the pointer is between the two borders


@pytest.mark.parametrize(("value", "low", "high"), [(0.0, 0.0, 0.0), (1e-4, 1e-5, 2e-4), (90.0, 80.0, 100.0), (-3.0, -4.0, -2.0)])
def test_the_pointer_stays_on_the_scale(value, low, high):
    html = unusual_card({**made.unusual(), "value": value, "low": low, "high": high})
    assert all(0 <= float(x) <= 100 for x in re.findall(r"left:(-?[\d.]+)%", html))


def test_without_references_there_is_neither_word_nor_scale():
    html = unusual_card(made.unusual(word="", typical=None, far=None))
    assert "ls-scale" not in html and "very unusual" not in html and "80 %" in text(html)


def test_a_stage_has_the_mean_of_its_layers_on_a_logarithmic_scale():
    assert by_stage(made.unusual()["layers"]) == [("stem", pytest.approx(0.4)), ("stage1", pytest.approx(0.3))]


def test_a_curve_goes_on_dashed_to_its_forecast():
    html = curve_card(made.curve())
    assert "60\u00a0% with 4, 70\u00a0% with 10, 80\u00a0% with 20; probably 86\u00a0% (82\u00a0% to 90\u00a0%) with 35" in html
    assert 'class="dash"' in html and 'class="pt then"' in html and "photos per class" in html
    xs = [float(x) for x in re.findall(r'class="pt[^"]*" style="left:([\d.]+)%', html)]
    assert xs == sorted(xs) and xs[1] - xs[0] > xs[2] - xs[1]  # logarithmic: 4 to 10 is further than 10 to 20


def test_a_curve_without_a_forecast_ends_where_it_was_measured():
    html = curve_card({**made.curve("too_few"), "more_per_class": 0, "fit": None})
    assert "dash" not in html and "then" not in html


def test_suspects_have_three_answers_each_and_the_rest_is_folded_away():
    html = labels_card(made.labels(14), lambda sample: f"/photo/{sample}")
    first = f"{0:064x}:ants:bees"
    assert len(picks(html)) == 42 and picks(html)[:3] == [f"label:move:{first}", f"label:keep:{first}", f"label:drop:{first}"]
    shown, folded = html.split("<details")
    assert shown.count("<img") == FIRST and folded.count("<img") == 2 and "2 more" in folded
    assert 'src="/photo/10"' in html and "labeled ants" in text(html) and "looks like bees" in text(html)


def test_photos_that_are_merely_hard_are_folded_away_and_nobody_is_asked_to_change_their_label():
    found = made.labels(3)
    found["suspects"][2]["strong"] = False
    shown, folded = labels_card(found, str).split("<details")
    assert shown.count("label:move:") == 2 and "label:move:" not in folded and "label:keep:" in folded and "1 more" in folded
    none = labels_card(made.labels(3, strong=False), str)
    assert "label:move:" not in none and none.index("<details") < none.index("label:keep:") and "3, mostly just hard" in none


def test_doubts_are_told_with_how_often_the_network_agreed_with_the_labels():
    found = made.labels(30, strong=False)["suspects"]
    words = doubts_in_words(found, 30, 90, 120)
    assert "30 photos look" in words and "none stands out" in words and "90 of 120 labels (75\u00a0%)" in words
    found[0]["strong"] = True
    assert "1 of them stands out: begin with ants/0.jpg" in doubts_in_words(found, 30, 90, 120)
    assert "The other 29 may be merely hard" in doubts_in_words(found, 30, 90, 120)
    assert "merely hard" not in doubts_in_words(found[:1], 1, 119, 120) and "network" not in doubts_in_words(found, 30, 0, 0)


def test_a_suspect_without_a_picture_keeps_its_words():
    html = labels_card(made.labels(1), lambda _: "")
    assert "<img" not in html and "Photo ants/0.jpg: labeled ants, looks like bees" in html


@pytest.mark.parametrize(("verdict", "gap", "word", "css"), [
    ("positive", 0.3, "Positive transfer", "plus"), ("negative", -0.3, "Negative transfer", "minus"),
    ("no_clear_difference", 0.02, "No clear difference", ""), ("unknown", 0.0, "Not known", ""),
])  # fmt: skip
def test_the_verdict_is_a_word_and_a_bar_against_zero(verdict, gap, word, css):
    html = gain_card(made.gain(verdict, gap))
    assert f"<b>{word}</b>" in html and html.count(f'class="ls-gap {css}"') == 2
    assert "Until it stops improving" in html and "In the same time" in html and "1,234 photos" in html


def test_both_starts_are_in_one_picture_each_with_its_last_value():
    html = gain_card(made.gain(), OWN_MODEL)
    assert "from your own model 90\u00a0% after 4.0\u00a0s; from ImageNet 60\u00a0% after 20\u00a0s" in html
    assert html.count('class="pre thin"') == 2 and html.count('class="none strong"') == 1


def test_the_mean_curve_goes_as_far_as_all_curves_go():
    assert mean_curve([[(1, 0.5), (2, 0.6)], [(3, 0.7)], []]) == [(2, pytest.approx(0.6))]


def test_the_time_to_catch_the_twin_is_read_off_the_curve():
    assert reached(made.gain()["seeds"]) == 1.0
    slow = [{**seed, "scratch": 0.99} for seed in made.gain()["seeds"]]
    assert reached(slow) is None


def test_a_map_rings_mistakes_and_shows_photos_out_of_one_sheet():
    html = map_card({"before": made.photo_map(), "after": made.photo_map(), "after_title": "Run 3", "sprite": made.SHEET})
    assert html.count(" wrong") == 2 and html.count('tabindex="0"') == 2 and html.count(made.SHEET["uri"]) == 1
    assert "background-position:-112px -0px" in html and "After: Run 3" in html and "bees, looks like ants" in html


def test_a_map_can_be_laid_along_its_principal_axes_where_they_are_known():
    new = made.photo_map()
    html = map_card({"before": new})
    assert "<details" in html and "--px:27.0%;--py:50.0%" in html and "shows 40\u00a0%" in html
    old = {**new, "places": [{k: v for k, v in place.items() if not k.startswith("pca")} for place in new["places"]]}
    assert "<details" not in map_card({"before": old}) and "--px" not in map_card({"before": old})


def test_a_map_says_its_own_sentence_or_that_of_the_latest_map():
    found = {"before": made.photo_map(), "after": None}
    assert (
        "4 photos; 1 lies" in map_card(found)
        and "4 photos" not in map_card({**found, "sentence": "Seen from afar."}).split("legend")[0]
    )
    assert "ls-lead" not in map_card(found, lead=False)


def test_a_sheet_that_is_not_a_picture_in_the_file_itself_is_left_out():
    for uri in ("http://x/y.jpg", "data:image/svg+xml;base64,AA", "data:image/jpeg;base64,AA);background:url(http://x"):
        html = map_card({"before": made.photo_map(), "sprite": {**made.SHEET, "uri": uri}})
        assert "--sheet" not in html and "http" not in html and html.count('class="k0 f0') > 0


def test_sixty_classes_look_different_from_each_other():
    html = map_card({"before": made.photo_map([f"class {n}" for n in range(60)], n=120)})
    looks = re.findall(r'<li><i class="(k\d f\d)"></i><bdi>', html)
    assert len(looks) == 60 == len(set(looks))


def test_a_measurement_that_was_stopped_says_so_and_has_no_picture():
    for card in (*CARDS, lambda found: labels_card(found, str)):
        html = card({"sentence": "Nothing yet.", "stopped": True})
        assert "<svg" not in html and "ls-bar" not in html
    assert "Stopped: what was finished is shown." in rank_card({**made.ranking(), "stopped": True})
    assert "Stopped before" in unusual_card({"sentence": "Stopped before the photos were measured.", "stopped": True})


def test_names_stay_text_and_no_number_is_missing():
    evil = made.EVIL
    rank = made.ranking(evil)
    rank["rows"][0]["name"] = evil
    probe = {**made.probes(), "backbone": evil, "freeze_to": evil, "best": evil, "trainable": evil, "sentence": evil}
    probe["stages"][0]["name"] = probe["trials"][0]["stage"] = evil
    html = "".join([
        rank_card(rank, buttons=True), probe_card(probe, buttons=True), unusual_card({**made.unusual(word=evil), "sentence": evil}),
        curve_card({**made.curve(), "sentence": evil}), gain_card({**made.gain(evil), "sentence": evil, "notes": [evil]}),
        labels_card(made.labels(3, evil, "אבג"), lambda _: evil), map_card({"before": made.photo_map((evil, "אבג")), "after_title": evil}),
    ])  # fmt: skip
    assert "<script" not in html and "<img src=x" not in html and "alert(1)" in html
    assert "<bdi>אבג</bdi>" in html
    assert not re.search(r"\b(nan|inf|None)\b", text(html))


def test_numbers_that_are_none_or_not_finite_are_drawn_as_nothing():
    seeds = made.gain()["seeds"]
    seeds[0]["pretrained_curve"] = []
    seeds[1]["scratch_curve"][0]["accuracy"] = float("nan")
    html = gain_card({**made.gain(), "seeds": seeds, "gap_low": None, "gap": float("nan")})
    html += curve_card({**made.curve(), "fit": [float("nan")] * 3, "then": float("inf")})
    html += rank_card({**made.ranking(), "rows": [{**made.ranking()["rows"][0], "log_me": float("-inf")}]})
    assert not re.search(r"nan|inf[^o]", html.lower().replace("infinity", "inf "))


def test_an_own_model_is_a_row_of_its_own_beside_its_network():
    found = made.ranking()
    found["rows"][2] |= {"name": "efficientnet_lite0", "title": f"your model: {made.EVIL}", "start_from": "run-7"}
    html = rank_card(found | {"recommended": "efficientnet_lite0", "recommended_start": "run-7"}, buttons=True)
    assert {"use:efficientnet_lite0", "start:run-7"} <= set(picks(html)) and "<script>" not in html
    assert html.count(">recommended<") == 1 and "recommended" in html.partition("your model")[2]
