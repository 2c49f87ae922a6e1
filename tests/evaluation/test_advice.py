"""What is proposed to try: settings that can be set as they are, or words where there is nothing to set."""

from __future__ import annotations

from typing import Any

import pytest

from transferui.config import TrainConfig, make_config
from transferui.evaluation.advice import LADDER, Facts, copies, for_class, ladder, longer, smaller_steps, stronger
from transferui.evaluation.headline import Headline

ME = Headline(0.6, 0.5, 0.7, 100, 0.5, "of 100 photos", cross_validated=False, worth=100.0)


def facts(settings: dict[str, Any] | None = None, **results: Any) -> Facts:
    return Facts(ME, {"trainable": [], "classes": ["cat", "dog"], **results}, [], TrainConfig(**settings or {}).model_dump())


@pytest.mark.parametrize("step", [1, -1])
def test_a_step_on_the_ladder_is_another_preset_of_freezing_and_at_its_end_there_is_none(step: int) -> None:
    found = ladder(facts(trainable=["stage8"]), step)
    assert found is not None and found[1]["trainable"] in LADDER
    end = [f"stage{n}" for n in range(40)] if step > 0 else []
    assert ladder(facts(trainable=end), step) is None
    unknown = facts(trainable=["stage8"])
    assert ladder(Facts(ME, unknown.results, [], {"backbone": "of another version"}), step) is None


def test_what_is_proposed_can_be_set_also_at_the_limits_of_a_setting() -> None:
    most = {"epochs": 1000, "finetune_steps": 100_000, "head_learning_rate": 1e-7}
    for _, change in (longer(facts(most), False), longer(facts(most), True), smaller_steps(facts(most), "head"), copies(facts())):
        make_config({**most, **change})


def test_where_every_block_learns_already_more_time_is_proposed() -> None:
    every = [f"stage{n}" for n in range(40)]
    assert stronger(facts({"finetune_epochs": 4}, trainable=every)) == ("more epochs: 8", {"finetune_epochs": 8})


def test_a_class_gets_weights_only_where_they_would_change_something() -> None:
    counts = [100, 40]
    assert for_class(facts(train_counts=counts, class_weighted=False), 1) == (
        "let every class count the same (class weights)",
        {"class_weights": "balanced"},
    )
    for known in ({"train_counts": counts, "class_weighted": True}, {"train_counts": [50, 50], "class_weighted": False}, {}):
        assert "More photos of “dog”" in for_class(facts(**known), 1)
