"""Wrong labels are found."""

from __future__ import annotations

import dataclasses
import json

import numpy as np

import transferui as tui
from transferui.insight.labels import find_label_errors


def flipped(dataset, share, seed):
    """The dataset with some labels wrong, and which."""
    rng = np.random.default_rng(seed)
    pool = [i for i, sample in enumerate(dataset.samples)]
    wrong = set(rng.permutation(pool)[: round(share * len(pool))].tolist())
    classes = len(dataset.class_names)
    samples = tuple(
        dataclasses.replace(sample, label=(sample.label + int(rng.integers(1, classes))) % classes) if i in wrong else sample
        for i, sample in enumerate(dataset.samples)
    )
    return dataclasses.replace(dataset, samples=samples), wrong


def test_a_wrong_label_leads_the_list_and_right_ones_make_none(photos, data_dir):
    dataset, wrong = flipped(tui.open_dataset(photos), 1 / 30, 0)
    found = find_label_errors(dataset)
    assert found.suspects[0].sample in wrong
    assert found.suspects[0].given != found.suspects[0].rather
    assert found.suspects[0].strong and found.suspects[0].name in found.sentence
    assert found.n_doubts == len(found.suspects) and "of 30 labels" in found.sentence
    assert sorted(found.order) == list(range(30))
    assert json.loads(json.dumps(found.as_dict()))["suspects"][0]["doubt"] > 0
    clean = find_label_errors(photos)
    assert clean.prefix_images == 0
    assert "None of the 30" in clean.sentence


def test_a_stop_is_a_sentence(photos, data_dir):
    assert "Stopped" in find_label_errors(photos, should_stop=lambda: True).sentence


def test_most_flipped_labels_of_real_photos_are_in_the_first_tenth(shared_data, ants_home):
    dataset = tui.open_dataset(shared_data / "data" / "hymenoptera")
    for seed in range(3):
        changed, wrong = flipped(dataset, 0.05, seed)
        found = find_label_errors(changed)
        assert len(wrong & set(found.order[: len(found.order) // 10])) >= 0.7 * len(wrong)
        strong = {one.sample for one in found.suspects if one.strong}
        assert len(wrong & strong) >= max(0.4 * len(wrong), 0.8 * len(strong))  # measured: 0.5 to 0.8 of them, and no right label
