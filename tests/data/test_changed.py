import pytest

from transferui.data.archive import scan
from transferui.data.changed import mostly_same
from transferui.data.edits import drop_samples, rename_class
from transferui.data.storage import create_dataset


@pytest.fixture
def dataset(photos, data_dir):
    return create_dataset(scan(photos), data_dir, "drawn", "somebody")


def test_photos_that_were_renamed_left_out_or_added_are_still_mostly_the_same(dataset, data_dir):
    fewer = rename_class(drop_samples(dataset, data_dir, range(20)), data_dir, "red", "sun")
    assert mostly_same(fewer.folder, dataset.folder) and mostly_same(dataset.folder, fewer.folder)


def test_photos_of_which_few_are_shared_are_others(dataset, data_dir):
    one, other = (drop_samples(dataset, data_dir, range(*gone)) for gone in ((0, 16), (14, 30)))
    assert not mostly_same(one.folder, other.folder) and not mostly_same(dataset.folder, data_dir / "gone")
