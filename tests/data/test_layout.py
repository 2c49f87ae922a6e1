import itertools

import pytest

from tests.conftest import draw_photo
from tests.data.test_archive import classes, make_zip
from transferui.data.archive import scan, scan_files
from transferui.data.dataset import open_dataset
from transferui.data.layout import shown
from transferui.data.splits import split_dataset
from transferui.errors import UserError

TRAIN = ["train/cats/1.jpg", "train/dogs/2.jpg"]
VAL = ["val/cats/3.jpg", "val/dogs/4.jpg"]


def as_zip(tmp_path, names):
    return scan(make_zip(tmp_path / "a.zip", names))


def as_sent(tmp_path, names):
    return scan_files([(name, tmp_path / name) for name in names])


def as_folder(tmp_path, names):
    for n, name in enumerate(names):
        draw_photo(tmp_path / "set" / name, "red", n)
    return scan(tmp_path / "set")


WAYS = pytest.mark.parametrize("found_in", [as_zip, as_sent, as_folder])


def told(found):
    return {s.name: s.reason for s in found.skipped}


@WAYS
@pytest.mark.parametrize(
    ("stray", "reason"),
    [
        ("train/overview.jpg", "it lies in no class folder"),
        ("val/overview.jpg", "it lies in no class folder"),
        ("overview.jpg", "it lies in no class folder"),
        ("samples/a/x.jpg", "outside the train, val and test folders"),
        ("samples/x.jpg", "outside the train, val and test folders"),
    ],
)
def test_a_stray_picture_does_not_turn_given_parts_into_classes(tmp_path, found_in, stray, reason):
    found = found_in(tmp_path, [*TRAIN, *VAL, stray])
    assert classes(found) == {"cats", "dogs"} and {e.split for e in found.entries} == {"train", "val"}
    assert told(found) == {stray: reason}


@WAYS
def test_a_test_folder_without_classes_is_left_out_in_one_line(tmp_path, found_in):
    found = found_in(tmp_path, [*TRAIN, *(f"test/{n}.jpg" for n in range(3))])
    assert classes(found) == {"cats", "dogs"} and {e.split for e in found.entries} == {"train"}
    assert told(found) == {"test (3 photos)": "its photos have no class"}
    assert found.notes == ("The folder train was taken as a given part.",)


def test_a_set_whose_test_folder_has_no_classes_can_be_trained(tmp_path):
    for seed, (folder, n) in enumerate(itertools.product(["train/cats", "train/dogs", "test"], range(4))):
        draw_photo(tmp_path / folder / f"{n}.jpg", "red", seed)
    split = split_dataset(open_dataset(tmp_path), 0.25, 0)
    assert (len(split.train), len(split.val), len(split.test)) == (6, 2, 0)


@pytest.mark.parametrize("found_in", [as_zip, as_sent])
@pytest.mark.parametrize("stray", ["pets/cover.jpg", "cover.jpg"])
@pytest.mark.parametrize("inner", ["pets/", "pets/photos/"])
def test_a_picture_beside_the_class_folders_does_not_turn_what_wraps_them_into_a_class(tmp_path, found_in, stray, inner):
    found = found_in(tmp_path, [stray, f"{inner}cats/1.jpg", f"{inner}dogs/2.jpg"])
    assert classes(found) == {"cats", "dogs"} and told(found) == {stray: "it lies in no class folder"}
    assert found.notes == (f"The folder {inner[:-1]!r} around the classes was opened.",)


@pytest.mark.parametrize("stray", ["set/readme.jpg", "set/train/overview.jpg", "cover.jpg"])
@pytest.mark.parametrize("files", [[*TRAIN, *VAL], TRAIN])
def test_wrapped_parts_with_a_stray_picture_are_still_parts(tmp_path, stray, files):
    found = as_zip(tmp_path, [stray, *(f"set/{name}" for name in files)])
    assert classes(found) == {"cats", "dogs"} and all(e.split for e in found.entries) and list(told(found)) == [stray]


@WAYS
def test_hidden_folders_and_thumbnails_of_network_disks_are_no_classes(tmp_path, found_in):
    hidden = [".ipynb_checkpoints/0-checkpoint.jpg", "cats/.trash/1.jpg", "@eaDir/1.jpg", "cats/@eaDir/SYNO.jpg"]
    found = found_in(tmp_path, ["cats/1.jpg", "dogs/2.jpg", *hidden])
    assert classes(found) == {"cats", "dogs"} and len(found.entries) == 2 and found.skipped == ()


@WAYS
@pytest.mark.parametrize(
    "files",
    [
        ["train/1.jpg", "bus/2.jpg"],
        ["train/1.jpg", "test/2.jpg"],
        ["train/steam/1.jpg", "train/diesel/2.jpg", "bus/3.jpg"],
        ["train/steam/1.jpg", "bus/red/2.jpg", "test/3.jpg"],
    ],
)
def test_a_class_may_be_called_train(tmp_path, found_in, files):
    found = found_in(tmp_path, files)
    assert classes(found) == {name.split("/")[0] for name in files} and {e.split for e in found.entries} == {None}


@WAYS
def test_folders_within_a_class_belong_to_it(tmp_path, found_in):
    found = found_in(tmp_path, ["cats/1.jpg", "cats/outdoor/2.jpg", "cats/indoor/3.jpg", "dogs/big/4.jpg", "dogs/5.jpg"])
    assert sorted(e.class_name for e in found.entries) == ["cats"] * 3 + ["dogs"] * 2 and found.skipped == ()


@WAYS
def test_one_class_with_one_folder_in_it_stays_one_class(tmp_path, found_in):
    found = found_in(tmp_path, ["cats/1.jpg", "cats/more/2.jpg"])
    assert [e.class_name for e in found.entries] == ["cats", "cats"]


@WAYS
def test_a_class_whose_name_differs_only_by_case_is_spelled_as_in_train(tmp_path, found_in):
    found = found_in(tmp_path, ["train/Cats/1.jpg", "train/dogs/2.jpg", "val/cats/3.jpg", "val/DOGS/4.jpg", "test/CATS/5.jpg"])
    assert classes(found) == {"Cats", "dogs"} and sum("one class" in note for note in found.notes) == 1


def test_classes_of_train_that_differ_by_case_stay_apart(tmp_path):
    found = as_zip(tmp_path, ["train/a/1.jpg", "train/A/2.jpg", "val/a/3.jpg", "val/A/4.jpg"])
    assert classes(found) == {"a", "A"}


def test_pictures_without_any_class_folder_are_still_refused(tmp_path):
    with pytest.raises(UserError) as caught:
        as_sent(tmp_path, ["1.jpg", "2.jpg"])
    assert caught.value.code == "NO_CLASS_FOLDERS"


def test_a_name_on_a_screen_hides_nothing_and_keeps_its_start_and_its_end():
    assert shown("10.00\u202fAM 写真\u3000一\u202egpj.👩🏽\u200d🌾") == "10.00 AM 写真 一�gpj.👩🏽\u200d🌾"
    cut = shown("d" * 300 + "/cat12.png", 28)
    assert len(cut) == 28 and cut.startswith("ddd") and cut.endswith("/cat12.png") and "…" in cut
    assert shown("a" * 28, 28) == "a" * 28
