import os

import pytest

from tests.conftest import draw_photo
from transferui.data import edits, layout
from transferui.data.archive import scan
from transferui.data.dataset import load_dataset, open_dataset
from transferui.data.storage import create_dataset
from transferui.errors import UserError


@pytest.fixture
def stored(photos, data_dir):
    return create_dataset(scan(photos), data_dir, "test")


def test_a_first_photo_makes_a_dataset(data_dir, tmp_path):
    first = edits.add_pictures(None, data_dir, "cats", [draw_photo(tmp_path / "1.jpg", "red", 1)], owner="me")
    assert first.counts == {"cats": 1} and load_dataset(first.folder) == first


def test_photos_that_are_all_unreadable_leave_no_dataset_behind(data_dir, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    with pytest.raises(UserError, match="None of the 1"):
        edits.add_pictures(None, data_dir, "cats", [tmp_path / "bad.jpg"])
    assert list((data_dir / "datasets").iterdir()) == []


def test_an_unreadable_photo_among_good_ones_is_named(stored, data_dir, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    more = edits.add_pictures(stored, data_dir, "red", [tmp_path / "bad.jpg", draw_photo(tmp_path / "ok.jpg", "red", 999)])
    assert more.counts["red"] == 11 and [s.name for s in more.skipped] == ["bad.jpg"]


def test_a_file_name_that_is_no_text_does_no_harm(data_dir, tmp_path):
    file = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    try:
        draw_photo(file, "red", 1)
    except OSError:
        pytest.skip("this file system only takes names that are text")
    assert edits.add_pictures(None, data_dir, "cats", [file]).samples[0].name == "caf�.jpg"


def test_a_note_about_two_classes_goes_when_the_photo_goes(photos, data_dir):
    (photos / "blue" / "same.jpg").write_bytes((photos / "red" / "1.jpg").read_bytes())
    both = create_dataset(scan(photos), data_dir, "test")
    assert any("two classes" in note for note in both.notes)
    assert not any("two classes" in note for note in edits.remove_class(both, data_dir, "red").notes)


def test_photos_that_are_used_where_they_lie_are_never_changed(photos, data_dir):
    with pytest.raises(UserError) as caught:
        edits.remove_class(open_dataset(photos), data_dir, "red")
    assert caught.value.code == "READ_ONLY" and len(list((photos / "red").iterdir())) == 10


@pytest.mark.parametrize("index", [-1, 30])
def test_a_photo_that_is_not_there_cannot_be_removed(stored, data_dir, index):
    with pytest.raises(UserError, match="does not exist"):
        edits.drop_samples(stored, data_dir, [index])


def test_there_is_an_end_to_the_number_of_classes(data_dir, stored, monkeypatch, tmp_path):
    monkeypatch.setattr(layout, "MAX_CLASSES", 3)
    with pytest.raises(UserError, match="At most 3"):
        edits.add_pictures(stored, data_dir, "fourth", [draw_photo(tmp_path / "1.jpg", "red", 1)])
