"""Given parts are checked for what leaks from one into another."""

from dataclasses import replace

import pytest

from tests.data.test_splits import dataset
from transferui.data.given import without_leaks
from transferui.data.splits import split_dataset


def given(parts, same=(), groups=()):
    """Eight photos of two classes in these parts; `same` names pairs of equal files, `groups` pairs that look alike."""
    data = dataset([4, 4])
    samples = [replace(s, split=part) for s, part in zip(data.samples, parts, strict=True)]
    for first, second in same:
        samples[second] = replace(samples[second], sha256=samples[first].sha256)
    for number, pair in enumerate(groups):
        for i in pair:
            samples[i] = replace(samples[i], group=number)
    return replace(data, samples=tuple(samples))


PARTS = ["train", "train", "val", "test"] * 2


def test_parts_that_share_nothing_are_left_as_they_are_without_a_word():
    split = split_dataset(given(PARTS), 0.2, 0)
    assert (split.train, split.left_out, split.notes) == ((0, 1, 4, 5), (), ())


@pytest.mark.parametrize("check", [2, 3])
def test_a_file_that_checks_is_not_learned_from(check):
    split = split_dataset(given(PARTS, same=[(0, check)]), 0.2, 0)
    assert split.train == (1, 4, 5) and split.left_out == (0,) and check in split.val + split.test
    assert split.notes == ("1 photo is left out: the same file is there to check with.",)


def test_a_given_test_part_alone_is_checked_too():
    split = split_dataset(given(["train", "train", "train", "test"] * 2, same=[(0, 3)]), 0.2, 0)
    assert 0 in split.left_out and "left out" in split.notes[0]


def test_near_copies_stay_in_their_parts_and_are_counted():
    split = split_dataset(given(PARTS, groups=[(0, 2), (1, 3), (6, 7)]), 0.2, 0)
    assert split.train == (0, 1, 4, 5)
    val, test = split.notes
    assert val.startswith("1 of the 2 photos in ‘val’ looks almost the same as one in ‘train’")
    assert test.startswith("2 of the 2 photos in ‘test’ look almost the same as photos in ‘train’ or ‘val’")


def test_a_class_that_has_nothing_else_keeps_its_copies_and_they_are_counted():
    data = given(PARTS, same=[(0, 2), (0, 1)])
    learned, left_out, notes = without_leaks(data, (0, 1, 4, 5), (2, 6), (3, 7))
    assert learned == [0, 1, 4, 5] and left_out == ()
    assert notes[0].startswith("1 of the 2 photos in ‘val’ looks almost the same")
