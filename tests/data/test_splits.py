from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transferui.data import splits
from transferui.data.dataset import Dataset, Sample, open_dataset
from transferui.data.splits import split_dataset
from transferui.errors import UserError

settings.register_profile("splits", deadline=None)  # a busy machine is no failure
settings.load_profile("splits")
STORED = Path("stored")  # groups of stored photos come from their manifest; nothing is opened


def dataset(counts, split=None):
    samples = [Sample(Path("x"), label, split, f"{label}-{n}", "x") for label, count in enumerate(counts) for n in range(count)]
    return Dataset("id", "name", tuple(str(i) for i in range(len(counts))), tuple(samples), folder=STORED)


def in_groups(sizes):
    """A dataset whose class k consists of groups of the sizes ``sizes[k]``; names number the frames of each class."""
    samples, group = [], 0
    for label, groups in enumerate(sizes):
        for size in groups:
            group += 1
            for _ in range(size):
                n = len(samples)
                samples.append(Sample(Path("x"), label, None, f"sha-{n}", f"{label}/{n}.jpg", group if size > 1 else None))
    return Dataset("id", "name", tuple(str(i) for i in range(len(sizes))), tuple(samples), folder=STORED)


def tied(data, pairs):
    """The dataset with a copy of picture i among those like picture j, for each pair (i, j): they all become one group."""
    samples = list(data.samples)
    for i, j in pairs:
        copy = replace(samples[j], sha256=samples[i].sha256, name=samples[j].name.replace(".jpg", " copy.jpg"))
        ties = {samples[i].group, samples[j].group} - {None}
        group = min(ties, default=1000 + len(samples))
        samples = [replace(s, group=group) if n in (i, j) or s.group in ties else s for n, s in enumerate(samples)]
        samples.append(replace(copy, group=group))
    return replace(data, samples=tuple(samples))


def on_both_sides(data, split):
    """Classes with a picture of which another one of the same group is on the other side."""
    groups = {data.samples[i].group for i in split.train} & {data.samples[i].group for i in split.val} - {None}
    return {data.samples[i].label for i in split.train + split.val if data.samples[i].group in groups}


SIZES = st.lists(st.lists(st.integers(1, 12), min_size=2, max_size=12), min_size=2, max_size=4)


def share(groups, fraction):
    """How many pictures validation wants of a class, and how many half of its groups, without the largest, have at least."""
    some = len(groups) // 2 - max(1, round(len(groups) * fraction))  # so many can be chosen, the longest first
    return max(1, round(sum(groups) * fraction)), sum(sorted(groups)[:-1][-some:] if some > 0 else [])


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


@given(SIZES, st.floats(0.05, 0.5), st.integers(0, 1000))
def test_a_group_is_never_divided_unless_half_of_the_others_of_its_class_are_next_to_nothing(sizes, fraction, seed):
    data = in_groups(sizes)
    split = split_dataset(data, fraction, seed)
    assert sorted(split.train + split.val + split.left_out) == list(range(len(data.samples)))
    for part in (split.train, split.val):
        assert {data.samples[i].label for i in part} == set(range(len(sizes)))
    learned = {data.samples[i].group for i in split.train} - {None}
    divided = {data.samples[i].label for i in split.val if data.samples[i].group in learned}
    for label in divided:
        wanted, some = share(sizes[label], fraction)
        assert max(some, *sorted(sizes[label])[:-1]) < max(1, 0.25 * wanted) and any(f"‘{label}’" in note for note in split.notes)


@given(SIZES, st.integers(0, 1000), st.integers(1, 10))
def test_new_single_pictures_do_not_tear_groups_apart_nor_stir_other_classes(sizes, seed, more):
    small = in_groups(sizes)
    new = tuple(Sample(Path("x"), 0, None, f"new-{n}", f"0/new{n}.jpg") for n in range(more))
    large = replace(small, samples=small.samples + new)
    old, now = split_dataset(small, 0.2, seed), split_dataset(large, 0.2, seed)
    for label in range(1, len(sizes)):
        assert [i for i in old.val if small.samples[i].label == label] == [i for i in now.val if large.samples[i].label == label]


def test_a_picture_that_joins_a_group_goes_to_its_side():
    data = in_groups([[3] * 10, [1] * 30])
    before = split_dataset(data, 0.3, 0)
    for i in (before.val[0], before.train[0]):
        twin = replace(data.samples[i], sha256="twin", name="0/twin.jpg")
        after = split_dataset(replace(data, samples=(*data.samples, twin)), 0.3, 0)
        assert (i in after.val) == (len(data.samples) in after.val)


def test_a_class_of_one_series_is_cut_in_the_order_of_time_with_a_gap_and_it_is_said():
    data = in_groups([[100], [1] * 100])
    shuffled = replace(data, samples=(*reversed(data.samples[:100]), *data.samples[100:]))
    split = split_dataset(shuffled, 0.2, 0)
    frame = [int(s.name.split("/")[1].removesuffix(".jpg")) for s in shuffled.samples]
    train = [frame[i] for i in split.train if shuffled.samples[i].label == 0]
    val = [frame[i] for i in split.val if shuffled.samples[i].label == 0]
    assert sorted(train) == list(range(75)) and sorted(val) == list(range(80, 100)) and len(split.left_out) == 5
    assert "‘0’ are one long series" in split.notes[0]


def test_a_file_that_comes_twice_in_a_series_that_is_cut_is_on_one_side():
    data = in_groups([[50], [1] * 50])
    early = replace(data.samples[3], sha256=data.samples[48].sha256)
    data = replace(data, samples=(*data.samples[:3], early, *data.samples[4:]))
    split = split_dataset(data, 0.2, 0)
    assert 48 in split.val and 3 in split.left_out


def test_a_class_of_two_series_gives_one_to_each_side():
    split = split_dataset(in_groups([[90, 30], [1] * 100]), 0.2, 0)
    assert {i for i in split.val if i < 120} == set(range(90, 120)) and not split.left_out


@pytest.mark.parametrize("seed", range(3))
def test_one_file_in_two_classes_of_one_series_each_leaves_all_series_as_whole_as_they_were(seed):
    bursts = in_groups([[60], [60], [20] * 5])
    data = tied(bursts, [(30, 100)])
    split, before = split_dataset(data, 0.2, seed), split_dataset(bursts, 0.2, seed)
    assert on_both_sides(data, split) == {0, 1} and "‘0’, ‘1’ are one long series" in split.notes[0]
    for frames in (range(60), range(60, 120)):
        learned, checked = (set(frames) & set(part) for part in (split.train, split.val))
        assert len(learned) >= 45 and min(checked) - max(learned) == 4  # the last part checks, and a gap is between both
    assert {i for i in split.val if i >= 120} == {i for i in before.val if i >= 120}


def test_a_file_of_two_classes_that_are_cut_is_not_learned_from_where_it_checks():
    data = tied(in_groups([[60], [60], [1] * 20]), [(10, 119)])  # an early frame of one class is the last of the other
    split = split_dataset(data, 0.2, 0)
    assert 140 in split.val and 10 in split.left_out and any("1 photo is left out" in note for note in split.notes)


TIES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=6)


@given(SIZES, TIES, st.floats(0.05, 0.5), st.integers(0, 100))
def test_whatever_lies_in_two_classes_nothing_is_lost_and_a_note_names_the_classes_that_are_on_both_sides(
    sizes, ties, share, seed
):
    data = in_groups([[*groups, 1, 1, 1, 1] for groups in sizes])
    n = len(data.samples)
    data = tied(data, [(i % n, j % n) for i, j in ties])
    split = split_dataset(data, share, seed)
    assert sorted(split.train + split.val + split.left_out) == list(range(len(data.samples)))
    train, val = ({data.samples[i].sha256 for i in part} for part in (split.train, split.val))
    assert not train & val
    for part in (split.train, split.val):
        assert {data.samples[i].label for i in part} == set(range(len(sizes)))
    assert all(any(f"‘{label}’" in note for note in split.notes) for label in on_both_sides(data, split))


@given(SIZES, st.integers(0, 100))
def test_a_class_that_shares_nothing_is_split_the_same_whatever_others_share(sizes, seed):
    data = in_groups([*sizes, [5, 3, 4, 1, 1]])
    first, last = sum(sizes[0]), len(data.samples) - 14
    one, other = split_dataset(data, 0.2, seed), split_dataset(tied(data, [(0, first)]), 0.2, seed)
    assert [i for i in one.val if i >= last] == [i for i in other.val if last <= i < last + 14]


@settings(max_examples=40)
@given(st.integers(60, 200), st.integers(6, 40), st.floats(0.1, 0.5), st.integers(0, 20))
def test_single_photos_beside_a_long_series_are_learned_from_too(long, singles, fraction, seed):
    split = split_dataset(in_groups([[long] + [1] * singles, [1] * 40]), fraction, seed)
    val = [i for i in split.val if long <= i < long + singles]
    assert 1 <= len(val) <= max(1, (singles + 1) / 2)
    assert sum(long <= i < long + singles for i in split.train) == singles - len(val)


def test_where_a_few_single_photos_are_not_enough_to_check_the_long_series_is_cut_and_it_is_said():
    split = split_dataset(in_groups([[100] + [1] * 4, [1] * 40]), 0.2, 0)
    assert {i for i in split.val if i < 100} == set(range(80, 100)) and sum(100 <= i < 104 for i in split.val) == 1
    assert "‘0’ are one long series, or most of them are" in split.notes[0]


def test_a_class_that_is_learned_from_one_series_only_is_named():
    split = split_dataset(in_groups([[90, 30], [1] * 100]), 0.2, 0)
    assert len(split.notes) == 1 and "learned of ‘0’ comes from one series only" in split.notes[0]


def test_a_second_series_is_never_cut_where_a_whole_one_can_check():
    for seed in range(10):
        split = split_dataset(in_groups([[92, 38, 36, 32, 1, 1], [1] * 100]), 0.2, seed)
        assert not split.notes and 32 <= sum(i < 200 for i in split.val) <= 40


@pytest.mark.parametrize("seed", range(5))
def test_a_test_part_leaves_single_photos_to_learn_from_beside_a_long_series(seed):
    split = split_dataset(in_groups([[100] + [1] * 40, [1] * 1000]), 0.2, seed)
    assert split.test and sum(100 <= i < 140 for i in split.train) >= 20


@given(st.integers(0, 50))
def test_near_copies_that_are_added_behind_move_no_other_photo_of_a_large_set(seed):
    data = in_groups([[1] * 100, [1] * 100])
    copied = [replace(s, group=1000 + i) if i % 20 == 0 else s for i, s in enumerate(data.samples)]
    copies = [replace(s, sha256=f"copy of {s.sha256}") for s in copied if s.group and s.group >= 1000]
    more = replace(data, samples=(*copied, *copies))
    old, new = ({d.samples[i].sha256 for i in split_dataset(d, 0.2, seed).val} for d in (data, more))
    assert len(old - new) <= 0.2 * len(old)


def test_a_random_split_puts_series_on_both_sides():
    data = in_groups([[20] * 5, [20] * 5])
    leaky = split_dataset(data, 0.2, 0, grouped=False)
    assert {data.samples[i].group for i in leaky.train} & {data.samples[i].group for i in leaky.val}
    apart = split_dataset(data, 0.2, 0)
    assert not {data.samples[i].group for i in apart.train} & {data.samples[i].group for i in apart.val}


def test_near_copies_across_classes_stay_together_as_long_as_each_class_has_both_sides():
    data = in_groups([[1] * 20, [1] * 20])
    samples = [replace(s, group=1) if i in (0, 25) else s for i, s in enumerate(data.samples)]
    split = split_dataset(replace(data, samples=tuple(samples)), 0.3, 0)
    assert (0 in split.val) == (25 in split.val)
    joined = [replace(s, group=1 if s.label else i + 100) for i, s in enumerate(samples)]
    joined[0] = replace(joined[0], group=1)  # the whole second class is tied to one picture of the first
    split = split_dataset(replace(data, samples=tuple(joined)), 0.3, 0)
    assert {data.samples[i].label for i in split.val} == {data.samples[i].label for i in split.train} == {0, 1}


@pytest.mark.parametrize(
    ("counts", "expected"), [([400, 300, 299], 0), ([960, 49], 0), ([700, 300], 150), ([823, 138, 311, 315], 236)]
)
def test_a_test_part_is_set_aside_when_there_is_enough(counts, expected, monkeypatch):
    data = dataset(counts)
    split = split_dataset(data, 0.2, 0)
    assert len(split.test) == expected and sorted(split.train + split.val + split.test) == list(range(sum(counts)))
    monkeypatch.setattr(splits, "TEST_FROM", 10**9)
    assert split.val == split_dataset(data, 0.2, 0).val  # validation is the same with and without a test part
    for label in range(len(counts)) if expected else ():
        assert sum(data.samples[i].label == label for i in split.val) >= 10


@given(st.lists(st.integers(50, 300), min_size=4, max_size=6), st.lists(st.integers(1, 20), max_size=30), st.integers(0, 50))
def test_a_test_part_holds_whole_groups_only(counts, groups, seed):
    sizes = [[1] * n for n in counts]
    sizes[0] += groups
    data = in_groups(sizes)
    split = split_dataset(data, 0.2, seed)
    aside = {data.samples[i].group for i in split.test} - {None}
    assert not aside & {data.samples[i].group for i in split.train + split.val}
    assert not set(split.test) & set(split.val) and len(split.test) <= 0.15 * len(data.samples)


def test_no_test_part_is_cut_where_a_class_would_be_missing_from_it_and_none_is_spoken_of():
    data = in_groups([[1] * 900, [60] * 3])  # the second class is three long series
    split = split_dataset(data, 0.2, 0)
    assert split.test == () and not any("set aside" in note for note in split.notes)


def test_given_folders_are_kept_whatever_the_groups_and_no_test_part_is_cut_from_them():
    data = in_groups([[4] * 200, [4] * 200])
    parts = tuple(replace(s, split="val" if i % 2 else "train") for i, s in enumerate(data.samples))
    split = split_dataset(replace(data, samples=parts), 0.2, 0)
    assert split.val == tuple(range(1, 1600, 2)) and split.test == () and split.left_out == ()


def test_the_given_parts_of_real_photos_are_untouched(shared_data, data_dir):
    split = split_dataset(open_dataset(shared_data / "data" / "hymenoptera", data_dir), 0.2, 0)
    assert (len(split.train), len(split.val), len(split.test)) == (245, 153, 0)
