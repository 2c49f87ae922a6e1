"""The code that is shown runs, whatever the settings are."""

import shlex

from transferui.config import TrainConfig, make_config
from transferui.evaluation.reproduce import python_code, shell_code


def test_the_standard_recipe_needs_no_settings():
    settings = TrainConfig().model_dump()
    assert "TrainConfig()" in python_code(settings) and "--set" not in shell_code(settings)


def test_the_python_code_makes_the_same_config():
    settings = TrainConfig(epochs=7, trainable="stage6,pool", weight_decay=0.0).model_dump()
    line = python_code(settings).split("config = tui.")[1].split("\nresult")[0]
    assert eval(line, {"TrainConfig": lambda **values: make_config(values)}).model_dump() == settings


def test_no_setting_can_become_a_second_command():
    words = shlex.split(shell_code({"trainable": "x; rm -rf /", "schedule": "$(reboot)"}).splitlines()[0])
    assert "x; rm -rf /" in words and "schedule=$(reboot)" in words and "rm" not in words
