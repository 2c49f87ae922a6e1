"""Which recipe is proposed, and when mirrored copies would lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transferui.config import SETTINGS, make_config
from transferui.presets import PRESETS, mirror_warning, propose, recipe


@given(st.dictionaries(st.text(max_size=20), st.integers(0, 10_000), max_size=12))
def test_there_is_always_a_known_recipe_and_a_sentence(counts):
    proposal = propose(counts)
    assert proposal.preset in PRESETS and proposal.why.strip().endswith((".", "!")) and len(proposal.why) > 20


@given(st.integers(1, 400), st.integers(0, 400))
def test_more_photos_never_propose_less(n, more):
    order = list(PRESETS)
    few, many = (propose({"a": k, "b": k + 10}) for k in (n, n + more))
    assert order.index(few.preset) <= order.index(many.preset)


@pytest.mark.parametrize(
    ("smallest", "other", "preset"),
    [(1, 500, "quick"), (19, 500, "quick"), (30, 40, "quick"), (30, 80, "balanced"), (60, 60, "balanced"), (200, 900, "best")],
)
def test_the_smallest_class_decides(smallest, other, preset):
    proposal = propose({"rare <b>": smallest, "common": other})
    assert proposal.preset == preset
    assert "rare <b>" in proposal.why or "in all" in proposal.why


def test_photos_of_a_series_propose_what_one_of_them_would():
    proposal = propose({"rock": 250, "paper": 250}, {"rock": 12, "paper": 250})
    assert proposal.preset == "quick" and "250 photos" in proposal.why and "like 12" in proposal.why


def test_few_photos_in_all_are_counted_as_step_1_counts_them_and_as_what_they_are_worth():
    series = propose({"a": 40, "b": 45}, {"a": 36, "b": 40})
    assert series.preset == "quick" and "85 photos" in series.why and "count like 76" in series.why
    assert propose({"a": 40, "b": 45}).why.startswith("85 photos in all are few")


def test_a_class_without_photos_is_no_demo():
    proposal = propose({"a": 30, "b": 0})
    assert proposal.preset == "quick" and "no photos of b" in proposal.why


@pytest.mark.parametrize(
    ("classes", "name"),
    [
        ("0 1 2", "x"),
        ("three four", "x"),
        ("a b", "x"),
        ("turn_left turn_right", "x"),
        ("turnLeft turnRight", "x"),
        ("stop yield", "Road signs"),
        ("7", "MNIST"),
        ("digit3 digit4", "x"),
        ("stop_sign tree", "street"),
        ("letterA letterB", "x"),
    ],
)
def test_a_mirror_is_warned_of_where_it_lies(classes, name):
    assert mirror_warning(classes.split(), name).endswith(".")


@pytest.mark.parametrize(
    ("classes", "name"), [("ants bees", "insects"), ("bright dark", "designs"), ("oak birch", "Leaves"), ("", ""),
     ("no_sign_of_disease scab", "leaves"), ("SignsOfRust clean", "no signs of wear"), ("signal digitalis", "x")],
)  # fmt: skip
def test_other_photos_may_be_mirrored(classes, name):
    assert mirror_warning(classes.split(), name) == ""


@pytest.mark.parametrize("name", PRESETS)
def test_recipes_are_valid_settings_and_show_digits_no_mirror_image(name):
    assert recipe(name, ["ants", "bees"]) == dict(PRESETS[name])
    values = recipe(name, ["0", "1"])
    assert make_config(values)
    assert values.get("augmentation", "none") in set(SETTINGS["augmentation"].choices) - {"flip", "crops"}
