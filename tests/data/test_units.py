from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from transferui.data.dataset import Dataset, Sample
from transferui.data.units import ACROSS_CLASSES, EQUAL_FILES, WITHIN_CLASS, class_of, in_order, units_of


def dataset(rows):
    """A stored dataset of two classes from rows of label, file and group."""
    samples = tuple(Sample(Path("x"), label, None, file, f"{n}.jpg", group) for n, (label, file, group) in enumerate(rows))
    return Dataset("id", "name", ("a", "b"), samples, folder=Path("stored"))


# Two series that are tied by a file that lies in both classes, and a single photo that comes twice.
TIED = dataset([(0, "a0", 1), (0, "both", 1), (1, "both", 1), (1, "b0", 1), (1, "twice", None), (1, "twice", None)])


def test_near_copies_of_two_classes_are_one_unit_and_equal_files_are_as_well():
    assert units_of(TIED, range(6), [ACROSS_CLASSES] * 2) == [(0, 1, 2, 3), (4, 5)]


def test_a_class_that_holds_together_within_itself_is_not_tied_to_another_by_a_file_in_both():
    assert units_of(TIED, range(6), [WITHIN_CLASS] * 2) == [(0, 1), (2, 3), (4, 5)]
    assert units_of(TIED, range(6), [WITHIN_CLASS, ACROSS_CLASSES]) == [(0, 1), (2, 3), (4, 5)]


def test_equal_files_alone_hold_together_across_classes():
    assert units_of(TIED, range(6), [EQUAL_FILES] * 2) == [(0,), (1, 2), (3,), (4, 5)]


def test_a_unit_counts_for_the_class_of_most_of_its_pictures():
    assert class_of(TIED, (0, 2, 3)) == 1 and class_of(TIED, (0, 1, 2, 3)) == 0


ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30).map(str), st.none() | st.integers(0, 5)), min_size=1, max_size=30)
LEVELS = st.tuples(*[st.sampled_from([ACROSS_CLASSES, WITHIN_CLASS, EQUAL_FILES])] * 2)


@given(ROWS, LEVELS)
def test_every_picture_is_in_one_unit(rows, levels):
    assert sorted(i for unit in units_of(dataset(rows), range(len(rows)), levels) for i in unit) == list(range(len(rows)))


@given(st.integers(0, 100), st.integers(1, 5))
def test_pictures_that_are_added_behind_leave_the_order_as_it_is(seed, copies):
    rows = [(0, f"file {i}", i // 3) for i in range(12)]
    fewer, more = dataset(rows), dataset([*rows, *((0, f"copy {i}", i) for i in range(copies) if i < 4)])
    placed = [
        [d.samples[u[0]].group for u in in_order(d, units_of(d, range(len(d.samples)), [0, 0]), seed)] for d in (fewer, more)
    ]
    assert placed[0] == placed[1]
