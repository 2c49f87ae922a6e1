from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transferui.data.dataset import Dataset, Sample
from transferui.data.splits import split_dataset
from transferui.errors import UserError


def dataset(counts, split=None):
    samples = [Sample(Path("x"), label, split, f"{label}-{n}", "x") for label, count in enumerate(counts) for n in range(count)]
    return Dataset("id", "name", tuple(str(i) for i in range(len(counts))), tuple(samples))


@given(st.lists(st.integers(2, 40), min_size=2, max_size=6), st.floats(0.05, 0.5), st.integers(0, 1000))
def test_parts_are_disjoint_complete_and_hold_every_class(counts, fraction, seed):
    data = dataset(counts)
    split = split_dataset(data, fraction, seed)
    assert sorted(split.train + split.val) == list(range(len(data.samples)))
    for part in (split.train, split.val):
        assert {data.samples[i].label for i in part} == set(range(len(counts)))
    assert split == split_dataset(data, fraction, seed)


def test_another_seed_gives_another_split():
    assert split_dataset(dataset([30, 30]), 0.2, 0) != split_dataset(dataset([30, 30]), 0.2, 1)


def test_equal_pictures_stay_on_one_side():
    data = dataset([20, 20])
    doubled = replace(data, samples=data.samples + data.samples[:10])
    split = split_dataset(doubled, 0.3, 0)
    train, val = ({doubled.samples[i].sha256 for i in part} for part in (split.train, split.val))
    assert not train & val


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), max_size=60), st.integers(0, 1000))
def test_equal_pictures_never_lie_on_both_sides(copies, seed):
    data = dataset([20, 20, 20])
    more = tuple(replace(data.samples[label * 20], sha256=f"{(label + n) % 3}-{n % 10}") for n, label in copies)
    doubled = replace(data, samples=data.samples + more)
    split = split_dataset(doubled, 0.3, seed)
    train, val = ({doubled.samples[i].sha256 for i in part} for part in (split.train, split.val))
    assert not train & val and sorted(split.train + split.val) == list(range(len(doubled.samples)))


@given(st.integers(5, 60), st.integers(0, 20), st.floats(0.05, 0.5), st.integers(0, 100))
def test_a_picture_leaves_validation_only_for_a_new_one(n, more, fraction, seed):
    small, large = dataset([n, n]), dataset([n + more, n])
    old = {small.samples[i].sha256 for i in split_dataset(small, fraction, seed).val}
    new = {large.samples[i].sha256 for i in split_dataset(large, fraction, seed).val}
    known = {s.sha256 for s in small.samples}
    assert len(old - new) <= len(new - known)
    assert {sha for sha in old if sha.startswith("1-")} == {sha for sha in new if sha.startswith("1-")}


def test_adding_pictures_moves_few_others():
    small, large = dataset([100, 100]), dataset([105, 105])
    old = {small.samples[i].sha256 for i in split_dataset(small, 0.2, 0).val}
    new = {large.samples[i].sha256 for i in split_dataset(large, 0.2, 0).val}
    assert len(old - new) <= 4


def test_given_parts_are_kept():
    data = dataset([4, 4])
    parts = ["train", "train", "val", "test"] * 2
    given = replace(data, samples=tuple(replace(s, split=p) for s, p in zip(data.samples, parts, strict=True)))
    split = split_dataset(given, 0.2, 0)
    assert split.val == (2, 6) and split.test == (3, 7) and split.train == (0, 1, 4, 5)


def test_a_test_folder_alone_leaves_validation_to_be_cut_from_train():
    data = dataset([10, 10])
    given = replace(data, samples=tuple(replace(s, split="test" if n % 5 == 0 else "train") for n, s in enumerate(data.samples)))
    split = split_dataset(given, 0.25, 0)
    assert len(split.test) == 4 and len(split.val) == 4


def test_a_class_that_is_only_in_val_is_named():
    data = dataset([4, 4])
    given = replace(data, samples=tuple(replace(s, split="val" if s.label else "train") for s in data.samples))
    with pytest.raises(UserError, match="'1' has no photo in the train folder"):
        split_dataset(given, 0.2, 0)
