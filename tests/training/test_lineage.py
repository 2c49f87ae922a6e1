"""How tasks are related, and what is remembered of the models before."""

import pytest

from transferui.training.lineage import Ancestor, as_ancestor, family_words, relation


@pytest.mark.parametrize(
    ("before", "n_before", "now", "n_now", "found"),
    [
        (["ants", "bees"], 100, ["cats", "dogs"], 100, "lateral"),
        (["ants", "bees", "wasps"], 100, ["cats", "dogs"], 60, "lateral"),
        (["ants", "bees"], 100, ["ants", "cats"], 199, "lateral"),
        (["ants", "bees"], 100, ["ants", "bees", "wasps"], 90, "vertical"),
        (["ants", "bees"], 100, ["a", "b", "c"], 20, "vertical"),
        (["ants", "bees"], 100, ["cats", "dogs"], 200, "vertical"),
        (["ants", "bees"], 100, ["ants", "bees"], 200, "vertical"),
        (["ants", "bees"], 100, ["bees", "ants"], 100, "continued"),
        (["ants", "bees"], 100, ["ants", "bees"], 150, "continued"),
        (["ants", "bees"], 0, ["cats", "dogs"], 2, "vertical"),
    ],
)
def test_more_classes_or_twice_the_photos_are_vertical_and_other_classes_lateral(before, n_before, now, n_now, found):
    assert relation(before, n_before, now, n_now) == found


def test_a_run_and_its_bundle_become_the_same_ancestor():
    common = {"n_train": 8, "n_val": 2, "backbone": "resnet18", "val_accuracy": 0.5, "weights": "imagenet"}
    run = {**common, "classes": ["a", "b"], "dataset_name": "set", "dataset_fingerprint": "f"}
    bundle = {**common, "class_names": ["a", "b"], "dataset": {"name": "set", "fingerprint": "f"}}
    made = [as_ancestor("run-1", facts, trainable=["layer4"], fingerprint="x") for facts in (run, bundle)]
    assert made[0] == made[1] and made[0].n_photos == 10 and made[0].start == "imagenet"
    later = as_ancestor("run-2", {**run, "lineage": [made[0].model_dump()], "relation": "lateral"}, trainable=[], fingerprint="y")
    assert later.start == "" and later.relation == "lateral"


def test_an_accuracy_and_a_relation_that_cannot_be_are_not_taken_over():
    odd = as_ancestor("run", {"val_accuracy": 7, "relation": "<b>", "weights": "random"}, trainable=[], fingerprint="")
    assert odd.val_accuracy is None and odd.relation == "" and odd.start == "random"


def test_the_steps_are_told_in_words_from_the_first_to_the_last():
    first = Ancestor(name="run-1", dataset_name="insects", class_names=("ants", "bees"), n_photos=398, trainable=("pool",),
                     val_accuracy=0.948, start="imagenet")  # fmt: skip
    second = Ancestor(name="run-2", class_names=("x", "y", "z"), relation="vertical")
    said = family_words([first.model_dump(), second], "lateral")
    assert "insects: ants, bees; 398 photos, 94.8% right in validation; learned: pool, head. It started from ImageNet." in said[0]
    assert "Next: vertical transfer" in said[0] and "run-2" in said[1] and "Next: lateral transfer" in said[1]
