"""How long a phase waits for improvement."""

from dataclasses import replace

import pytest

from tests.training.test_choose import phase  # noqa: F401 - a fixture
from transferui.config import TrainConfig


@pytest.mark.parametrize(
    ("epochs", "asked", "patience"), [(9, 10, 4), (36, 10, 12), (150, 10, 50), (36, 30, 36), (36, 1, 4), (36, 0, 0)]
)
def test_fine_tuning_by_steps_waits_for_the_same_share_of_its_epochs_as_the_head(phase, epochs, asked, patience):  # noqa: F811
    config = TrainConfig(epochs=30, early_stopping=asked)
    assert replace(phase, epochs=epochs, config=config).patience == patience


def test_a_phase_of_so_many_epochs_waits_as_long_as_was_asked(phase):  # noqa: F811
    config = TrainConfig(early_stopping=3, finetune_epochs=50)
    assert replace(phase, epochs=50, config=config).patience == 3
    assert replace(phase, name="head", epochs=30, config=config).patience == 3
