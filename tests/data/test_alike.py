import pytest
from PIL import Image

from tests.data.test_similar import frame, save, scene
from transferui.data import edits
from transferui.data.archive import scan
from transferui.data.dataset import open_dataset
from transferui.data.findings import find_action, load_findings
from transferui.data.health import findings_of
from transferui.data.storage import create_dataset


@pytest.fixture
def folder(tmp_path):
    """Two classes of six different photos."""
    for n in range(6):
        save(scene(n), tmp_path / "p" / "cat" / f"{n}.jpg", quality=95)
        save(scene(100 + n), tmp_path / "p" / "dog" / f"{n}.jpg", quality=95)
    return tmp_path / "p"


def stored(folder, data_dir):
    return create_dataset(scan(folder), data_dir, "test")


def found(dataset, kind):
    return next((f for f in findings_of(dataset) if f.kind == kind), None)


def test_photos_that_all_differ_have_no_findings_about_copies(folder, data_dir):
    assert [f.kind for f in findings_of(open_dataset(folder, data_dir))] == ["few"]


def test_a_photo_in_two_classes_is_a_conflict_until_somebody_says_what_it_shows(folder, data_dir):
    save(scene(0), folder / "dog" / "copy.jpg", quality=80)
    dataset = stored(folder, data_dir)
    conflict = load_findings(dataset)[0]
    assert conflict.kind == "conflict" and conflict.severity == "bad"
    assert [a.words for a in conflict.cases[0].actions] == ["It is cat", "It is dog", "Drop"]
    chosen = find_action(dataset, conflict.id, 0, 0)
    settled = edits.move_samples(dataset, data_dir, chosen.samples, chosen.label)
    assert settled.counts == {"cat": 7, "dog": 6} and found(settled, "conflict") is None
    assert found(settled, "copies")  # in one class it is merely a copy
    chosen = find_action(dataset, conflict.id, 0, 2)
    assert edits.drop_samples(dataset, data_dir, chosen.samples).counts == {"cat": 5, "dog": 6}


def test_of_copies_the_largest_is_kept(folder, data_dir):
    save(scene(0).resize((60, 45)), folder / "cat" / "_small.jpg", quality=80)
    dataset = stored(folder, data_dir)
    (action,) = found(dataset, "copies").actions
    assert [dataset.samples[i].name for i in action.samples] == ["cat/_small.jpg"]


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_copy_in_a_given_check_folder_is_a_leak_and_goes_from_train(tmp_path, data_dir, part):
    for n in range(5):
        for name, seed in (("cat", n), ("dog", 100 + n)):
            save(scene(seed), tmp_path / "p" / "train" / name / f"{n}.jpg")
            save(scene(seed + 50), tmp_path / "p" / part / name / f"{n}.jpg")
    save(scene(53), tmp_path / "p" / "train" / "cat" / "again.jpg", quality=60)
    dataset = stored(tmp_path / "p", data_dir)
    leak = load_findings(dataset)[0]
    assert leak.kind == "leak" and leak.title == f"1 photo of ‘{part}’ has a near-copy in ‘train’"
    fixed = edits.drop_samples(dataset, data_dir, leak.actions[0].samples)
    assert not any("again" in s.name for s in fixed.samples) and found(fixed, "leak") is None
    assert [s.split for s in fixed.samples].count(part) == 10


def test_mirrored_copies_are_named_and_in_given_folders_they_are_a_leak(folder, tmp_path, data_dir):
    mirrored = scene(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    save(mirrored, folder / "cat" / "mirrored.jpg", quality=90)
    copies = found(stored(folder, data_dir), "copies")
    assert copies.title == "1 photo is a near-copy of another" and copies.cases[0].caption == "cat: mirrored or turned"
    for n in range(5):
        for part, extra in (("train", 0), ("val", 50)):
            save(scene(n + extra), tmp_path / "q" / part / "cat" / f"{n}.jpg")
            save(scene(100 + n + extra), tmp_path / "q" / part / "dog" / f"{n}.jpg")
    save(mirrored, tmp_path / "q" / "val" / "cat" / "again.jpg")
    assert found(stored(tmp_path / "q", data_dir), "leak").n_cases == 1


def test_a_series_is_shown_in_the_order_of_time_and_can_be_thinned(folder, data_dir):
    for n in range(30):
        save(frame(scene(7), n / 3), folder / "cat" / f"film {n}.jpg")
    dataset = stored(folder, data_dir)
    series = found(dataset, "series")
    assert series.title == "30 photos belong to 1 series" and "random split" in series.words
    names = [dataset.samples[i].name for i in series.cases[0].samples]
    assert names[0] == "cat/film 0.jpg" and names[-1] == "cat/film 29.jpg"
    thinner = edits.drop_samples(dataset, data_dir, series.actions[0].samples)
    assert 6 + 10 <= thinner.counts["cat"] < 36 and thinner.counts["dog"] == 6


def test_of_the_very_same_file_in_train_and_a_given_check_folder_the_one_in_train_goes(tmp_path, data_dir):
    for n in range(4):
        for part, extra in (("train", 0), ("val", 50)):
            save(scene(n + extra), tmp_path / "p" / part / "cat" / f"{n}.png")
            save(scene(100 + n + extra), tmp_path / "p" / part / "dog" / f"{n}.png")
    save(scene(51), tmp_path / "p" / "train" / "cat" / "again.png")
    dataset = stored(tmp_path / "p", data_dir)
    assert [s.split for s in dataset.samples].count("val") == 8 and found(dataset, "leak") is None


def test_a_series_that_lies_in_two_classes_is_named_but_not_moved_with_one_click(folder, data_dir):
    for n in range(8):
        save(frame(scene(7), n / 3), folder / ("cat" if n % 2 else "dog") / f"film {n}.jpg")
    conflict = found(stored(folder, data_dir), "conflict")
    assert conflict.title == "8 photos of different classes look nearly the same" and conflict.severity == "warn"
    assert conflict.actions == () and conflict.cases[0].actions == ()


def given_folders(root, parts):
    """Four photos a class and part, none like another."""
    for n in range(4):
        for k, part in enumerate(parts):
            save(scene(n + 50 * k), root / part / "cat" / f"{n}.jpg")
            save(scene(1000 + n + 50 * k), root / part / "dog" / f"{n}.jpg")


def test_a_copy_of_a_test_photo_in_val_is_a_leak_and_goes_from_val(tmp_path, data_dir):
    given_folders(tmp_path / "p", ("train", "val", "test"))
    save(scene(101), tmp_path / "p" / "val" / "cat" / "again.jpg", quality=60)
    leak = found(stored(tmp_path / "p", data_dir), "leak")
    assert leak.title == "1 photo of ‘test’ has a near-copy in ‘val’" and leak.actions[0].words == "Drop 1 photo from val"


def test_a_copy_of_a_val_photo_among_photos_that_were_added_later_is_a_leak(tmp_path, data_dir):
    given_folders(tmp_path / "p", ("train", "val"))
    added = save(scene(51), tmp_path / "again.jpg", quality=60)
    dataset = edits.add_pictures(stored(tmp_path / "p", data_dir), data_dir, "cat", [added])
    assert found(dataset, "leak").title == "1 photo of ‘val’ has a near-copy in ‘train’"


def test_the_same_file_in_two_classes_has_its_buttons_also_beside_a_series(folder, data_dir):
    for n in range(8):
        save(frame(scene(7), n / 3), folder / "cat" / f"film {n}.jpg", quality=95)
    (folder / "dog" / "again.jpg").write_bytes((folder / "cat" / "film 3.jpg").read_bytes())
    conflict = found(stored(folder, data_dir), "conflict")
    assert conflict.title == "1 picture lies in more than one class (2 files)"
    assert [a.words for a in conflict.cases[0].actions] == ["It is cat", "It is dog", "Drop"]


def test_pictures_of_two_and_of_three_classes_are_counted_as_pictures_and_as_files(folder, data_dir):
    for n, others in ((0, ("dog", "fox")), (1, ("dog",)), (2, ("fox",))):
        for other in others:
            (folder / other).mkdir(exist_ok=True)
            (folder / other / f"again {n}.jpg").write_bytes((folder / "cat" / f"{n}.jpg").read_bytes())
    conflict = found(stored(folder, data_dir), "conflict")
    assert conflict.title == "3 pictures lie in more than one class (7 files)"
    assert conflict.cases[0].caption.endswith("and ‘fox’") and [a.words for a in conflict.actions] == ["Drop all 7 files"]


def test_a_series_that_was_dealt_out_to_train_and_val_is_a_leak(tmp_path, data_dir):
    given_folders(tmp_path / "p", ("train", "val"))
    for n in range(12):
        part = "val" if n % 4 == 1 else "train"
        save(frame(scene(7), n), tmp_path / "p" / part / "cat" / f"film {n}.jpg", quality=95)
    leak = found(stored(tmp_path / "p", data_dir), "leak")
    assert leak.n_cases == 3 and "a series goes on there" in leak.title
    assert leak.actions == () and "split them for you" in leak.words  # dropping the series would leave too little


def test_thinning_a_series_leaves_what_checks_alone_and_thins_each_class_for_itself(tmp_path, data_dir):
    given_folders(tmp_path / "p", ("train", "val"))
    for n in range(40):
        for name, part, background in (("cat", "train", 7), ("cat", "val", 8), ("dog", "train", 7)):
            save(frame(scene(background), n / 3), tmp_path / "p" / part / name / f"film {n}.jpg", quality=95)
    dataset = stored(tmp_path / "p", data_dir)
    dropped = [dataset.samples[i] for i in found(dataset, "series").actions[0].samples]
    assert {s.split for s in dropped} == {"train"} and {s.label for s in dropped} == {0, 1}
    assert all(sum(s.label == k for s in dropped) <= 30 for k in (0, 1))


def test_a_photo_that_was_saved_in_many_sizes_is_no_series(folder, data_dir):
    for n in range(6):
        save(scene(0).resize((100 - 5 * n, 75 - 4 * n)), folder / "cat" / f"copy {n}.jpg", quality=90)
    dataset = stored(folder, data_dir)
    assert found(dataset, "series") is None
    assert len(found(dataset, "copies").actions[0].samples) == 6
