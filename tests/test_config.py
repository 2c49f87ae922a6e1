import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transferui.config import SETTINGS, TrainConfig, make_config, parse_setting
from transferui.errors import UserError
from transferui.presets import PRESETS

NUMBERS = [s for s in SETTINGS.values() if s.kind in ("int", "float")]


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda s: s.name)
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, True, "3", [3], None, {}, -1e9, 1e30, pytest.param(10**5000, id="huge")]
)
def test_a_wrong_number_is_refused_with_field_and_range(setting, value):
    with pytest.raises(UserError) as caught:
        make_config({setting.name: value})
    assert caught.value.code == "BAD_SETTING"
    assert caught.value.field == setting.name
    assert setting.allowed in caught.value.message


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda s: s.name)
def test_both_ends_of_a_range_are_allowed(setting):
    for value in (setting.low, setting.high):
        typed = int(value) if setting.kind == "int" else float(value)
        assert getattr(make_config({setting.name: typed}), setting.name) == typed


@pytest.mark.parametrize("setting", [s for s in SETTINGS.values() if s.kind == "choice"], ids=lambda s: s.name)
def test_a_choice_takes_its_words_and_nothing_else(setting):
    for word in setting.choices:
        assert getattr(make_config({setting.name: word}), setting.name) == word
    for wrong in ("", "nonsense", [setting.choices[0]], 1, None):
        with pytest.raises(UserError, match=setting.choices[0]):
            make_config({setting.name: wrong})


@pytest.mark.parametrize("name", ["backbone", "trainable"])
@pytest.mark.parametrize(
    "wrong", ["x" * 501, "\ud800", 10**5000, None, b"stem"], ids=["long", "no text", "huge", "none", "bytes"]
)
def test_a_text_that_is_none_or_too_long_is_refused(name, wrong):
    with pytest.raises(UserError, match="at most 500 characters") as caught:
        make_config({name: wrong})
    assert caught.value.field == name and caught.value.message.encode()


def test_an_unknown_setting_is_named():
    with pytest.raises(UserError, match="no setting named 'epoch'"):
        make_config({"epoch": 3})


@given(
    st.dictionaries(
        st.sampled_from(sorted(SETTINGS)),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    )
)
def test_anything_ends_in_a_config_or_a_sentence(values):
    try:
        assert isinstance(make_config(values), TrainConfig)
    except UserError as error:
        assert error.message


def test_text_from_the_command_line_becomes_the_settings_type():
    assert parse_setting("epochs", "7") == 7
    assert parse_setting("weight_decay", "1e-3") == 0.001
    assert parse_setting("optimizer", "sgd") == "sgd"
    with pytest.raises(UserError, match="epochs"):
        parse_setting("epochs", "2.5")


@pytest.mark.parametrize("name", PRESETS)
def test_every_recipe_is_valid(name):
    assert make_config(PRESETS[name])


def test_every_setting_explains_itself():
    for setting in SETTINGS.values():
        assert setting.label and len(setting.help) > 20


def test_passes_go_by_a_budget_of_steps_which_few_photos_do_not_fill():
    passes = {n: TrainConfig().finetune_passes(n) for n in (1, 100, 800, 1600, 20_000, 10**6)}
    steps = {n: count * -(-n // 32) for n, count in passes.items()}
    assert all(150 <= steps[n] <= 600 for n in (1, 100, 800, 1600)) and steps[800] < steps[1600]
    assert passes[10**6] == 1 and steps[20_000] <= 1.1 * 600
    assert TrainConfig(finetune_epochs=7).finetune_passes(100) == 7
    assert TrainConfig(finetune_steps=1500).finetune_passes(800) > passes[800]
