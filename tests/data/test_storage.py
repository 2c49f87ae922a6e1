import shutil

import pytest

from tests.conftest import draw_photo
from transferui.data import edits
from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.errors import UserError


@pytest.fixture
def parts(tmp_path):
    """Given parts of two classes, each with photos of its own."""
    for k, part in enumerate(("train", "val", "test")):
        for c, name in enumerate(("a", "b")):
            for n in range(4):
                draw_photo(tmp_path / "set" / part / name / f"{part}{n}.jpg", "red", 100 * k + 10 * c + n)
    return tmp_path / "set"


def copy(parts, source, target):
    shutil.copy(parts / source, parts / target)


def numbers(dataset):
    return {part: sum(s.split == part for s in dataset.samples) for part in ("train", "val", "test")}


def test_photos_that_lay_in_two_parts_are_counted_and_told(parts, data_dir):
    for n in range(3):
        copy(parts, f"val/a/val{n}.jpg", f"train/a/again{n}.jpg")
    copy(parts, "test/b/test0.jpg", "train/b/again.jpg")
    dataset = create_dataset(scan(parts), data_dir, "test")
    assert numbers(dataset) == {"train": 8, "val": 8, "test": 8}
    assert (
        "3 photos lay in both ‘train’ and ‘val’: they were taken out of ‘train’, so that they are checked honestly."
        in dataset.notes
    )
    assert "1 photo lay in both ‘train’ and ‘test’: it was taken out of ‘train’, so that it is checked honestly." in dataset.notes
    assert not any("twice" in note for note in dataset.notes)


def test_a_photo_of_val_and_test_is_taken_out_of_val_which_chooses_the_model(parts, data_dir):
    copy(parts, "test/a/test0.jpg", "val/a/again.jpg")
    dataset = create_dataset(scan(parts), data_dir, "test")
    assert numbers(dataset) == {"train": 8, "val": 8, "test": 8}
    assert any(note.startswith("1 photo lay in both ‘val’ and ‘test’") for note in dataset.notes)


def test_a_photo_that_comes_twice_in_one_part_is_counted_apart_from_one_in_two_parts(parts, data_dir):
    for name in ("one", "two"):
        copy(parts, "val/a/val0.jpg", f"train/a/{name}.jpg")
    dataset = create_dataset(scan(parts), data_dir, "test")
    assert numbers(dataset)["train"] == 8
    assert sum(note.startswith("1 photo") for note in dataset.notes) == 2 and any("twice" in note for note in dataset.notes)


def test_a_photo_that_is_added_to_train_although_val_has_it_is_left_out_and_told(parts, data_dir):
    dataset = create_dataset(scan(parts), data_dir, "test")
    more = edits.add_pictures(dataset, data_dir, "a", [parts / "val" / "a" / "val0.jpg"])
    assert more.counts == dataset.counts and any("both ‘train’ and ‘val’" in note for note in more.notes)


def test_what_several_imports_left_out_is_told_as_one_sum(parts, data_dir):
    copy(parts, "val/a/val0.jpg", "val/a/again.jpg")
    first = create_dataset(scan(parts), data_dir, "test")
    more = edits.add_pictures(first, data_dir, "a", [parts / "val" / "a" / "val0.jpg"] * 2)
    again = edits.add_pictures(more, data_dir, "a", [parts / "train" / "a" / "train0.jpg"])
    assert sum("twice" in note for note in again.notes) == 1 and sum("lay in both" in note for note in again.notes) == 1
    renamed = edits.rename_class(again, data_dir, "a", "z")
    assert sorted(renamed.notes) == sorted(again.notes)
    assert any(note.startswith("3 photos came twice") for note in again.notes), again.notes


def test_photos_that_cannot_be_used_are_explained_by_the_photos_and_not_by_what_lies_beside_them(tmp_path, data_dir):
    for name in ("train/a/1.jpg", "train/b/2.jpg", "test/3.jpg", "readme.txt"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(b"nothing")
    with pytest.raises(UserError, match="None of the 2 photos could be used") as caught:
        create_dataset(scan(tmp_path / "set"), data_dir, "test")
    assert "unknown content" in caught.value.message
