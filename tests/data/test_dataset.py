import pytest

from tests.conftest import draw_photo
from transferui.data import edits
from transferui.data.archive import scan
from transferui.data.dataset import MANIFEST, load_dataset, load_manifest, open_dataset, owner_of, thumbnail_path
from transferui.data.storage import create_dataset
from transferui.errors import UserError
from transferui.files import write_json


def stored(photos, data_dir):
    return create_dataset(scan(photos), data_dir, "test", owner="me")


def test_a_folder_is_used_where_it_lies(photos, data_dir):
    dataset = open_dataset(photos)
    assert dataset.counts == {"blue": 10, "green": 10, "red": 10}
    assert dataset.samples[0].path.is_relative_to(photos) and not list((data_dir).rglob("*.jpg"))


def test_a_stored_dataset_is_found_again_as_it_was(photos, data_dir):
    dataset = stored(photos, data_dir)
    again = load_dataset(dataset.folder)
    assert again == dataset and owner_of(dataset.folder) == "me"
    assert all(sample.path.is_file() and thumbnail_path(again, sample) for sample in again.samples)


@pytest.mark.parametrize(
    "damage",
    [{"samples": None}, {"class_names": ["other"]}, {"format": 99}, {"samples": [{"file": "../../x", "class": "red"}]}],
)
def test_a_stored_dataset_that_was_damaged_is_called_so(photos, data_dir, damage):
    folder = stored(photos, data_dir).folder
    write_json(folder / MANIFEST, {**load_manifest(folder), **damage})
    with pytest.raises(UserError) as caught:
        open_dataset(folder)
    assert caught.value.code == "DATASET_BROKEN"


def test_a_photo_path_never_leads_out_of_the_dataset(photos, data_dir):
    folder = stored(photos, data_dir).folder
    manifest = load_manifest(folder)
    manifest["samples"][0]["file"] = "../../secret.jpg"
    write_json(folder / MANIFEST, manifest)
    with pytest.raises(UserError, match="cannot be opened"):
        load_dataset(folder)


def test_the_same_photos_have_the_same_fingerprint(photos, data_dir):
    assert stored(photos, data_dir).fingerprint == stored(photos, data_dir).fingerprint


def test_a_repeated_photo_is_kept_once_and_a_photo_in_two_classes_is_said(photos, data_dir):
    (photos / "red" / "again.jpg").write_bytes((photos / "red" / "0.jpg").read_bytes())
    (photos / "blue" / "other.jpg").write_bytes((photos / "red" / "1.jpg").read_bytes())
    dataset = stored(photos, data_dir)
    assert dataset.counts == {"blue": 11, "green": 10, "red": 10}
    assert any("twice" in note for note in dataset.notes) and any("two classes" in note for note in dataset.notes)


def test_what_cannot_be_trained_is_explained(tmp_path, photos):
    one = draw_photo(tmp_path / "one" / "only" / "1.jpg", "red", 1).parents[1]
    with pytest.raises(UserError, match="'only'"):
        open_dataset(one).require_trainable()
    draw_photo(photos / "single" / "1.jpg", "red", 1)
    with pytest.raises(UserError, match="'single' has one photo"):
        open_dataset(photos).require_trainable()


def test_a_set_of_broken_photos_is_refused(tmp_path, data_dir):
    for name in ("a", "b"):
        (tmp_path / "bad" / name).mkdir(parents=True)
        (tmp_path / "bad" / name / "1.jpg").write_bytes(b"nothing")
    with pytest.raises(UserError, match="None of the 2"):
        create_dataset(scan(tmp_path / "bad"), data_dir, "bad")
    assert not list((data_dir / "datasets").iterdir())


def test_classes_are_added_renamed_and_removed_in_new_datasets(photos, data_dir, tmp_path):
    first = stored(photos, data_dir)
    more = edits.add_pictures(first, data_dir, " new  class ", [draw_photo(tmp_path / "n.jpg", "white", 7)])
    assert more.counts["new class"] == 1 and first.counts == load_dataset(first.folder).counts
    renamed = edits.rename_class(more, data_dir, "new class", "<b>")
    gone = edits.remove_class(renamed, data_dir, "red")
    assert list(gone.counts) == ["blue", "green", "<b>"] and owner_of(gone.folder) == "me"
    assert edits.drop_samples(gone, data_dir, [0]).counts["blue"] == 9
    with pytest.raises(UserError, match="already a class"):
        edits.rename_class(more, data_dir, "red", "blue")
    with pytest.raises(UserError, match="no class named"):
        edits.remove_class(more, data_dir, "purple")


def test_an_edit_keeps_the_old_dataset_usable(photos, data_dir):
    import shutil

    first = stored(photos, data_dir)
    second = edits.remove_class(first, data_dir, "red")
    shutil.rmtree(first.folder)
    assert all(sample.path.is_file() for sample in second.samples)


def test_the_sample_sets_are_small_together():
    from transferui.data.samples import ASSETS

    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) <= 4_000_000


def test_a_sample_picture_is_drawn_the_same_every_time():
    import subprocess
    import sys
    import zipfile

    from transferui.data.samples import ASSETS

    code = "import sys; sys.path.insert(0, 'assets'); import draw_samples as d; sys.stdout.buffer.write(d.jpeg(d.picture('signs', 0, 0)))"
    drawn = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ASSETS.parents[1]).stdout
    with zipfile.ZipFile(ASSETS / "signs.zip") as archive:
        first = archive.read(archive.namelist()[0])
    # Another libjpeg may round differently, so pixels and not bytes are compared.
    import io

    import numpy as np
    from PIL import Image

    a, b = (np.asarray(Image.open(io.BytesIO(content)), float) for content in (drawn, first))
    assert a.shape == b.shape and np.abs(a - b).mean() < 2


def test_an_unknown_sample_set_is_named(data_dir):
    with pytest.raises(UserError, match="signs"):
        open_dataset("sample:nonsense", data_dir)
