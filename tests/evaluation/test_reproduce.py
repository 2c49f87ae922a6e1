import ast
import shlex

import pytest

from transferui import cli
from transferui.config import TrainConfig
from transferui.evaluation.reproduce import python_code, shell_code

CHANGED = TrainConfig(backbone="resnet18", trainable="layer4", epochs=5, augmentation="flip")


@pytest.mark.parametrize("config", [TrainConfig(), CHANGED])
def test_the_code_that_is_shown_says_the_same_settings(config):
    call = next(
        n
        for n in ast.walk(ast.parse(python_code(config.model_dump())))
        if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "TrainConfig"
    )
    assert TrainConfig(**{k.arg: ast.literal_eval(k.value) for k in call.keywords}) == config


@pytest.mark.parametrize("config", [TrainConfig(), CHANGED])
def test_the_commands_that_are_shown_are_the_command_lines_own(config):
    for line in shell_code(config.model_dump()).splitlines():
        words = shlex.split(line)
        assert words[:3] == ["python", "-m", "transferui"]
        cli.make_parser().parse_args(words[3:])
    options = cli.make_parser().parse_args(shlex.split(shell_code(config.model_dump()).splitlines()[0])[3:])
    assert TrainConfig(**cli._settings(options)) == config
