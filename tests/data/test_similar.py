import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from tests.conftest import draw_photo
from transferui.data.dataset import open_dataset
from transferui.data.looks import LOOK, look, read_looks, write_looks
from transferui.data.similar import groups_of, kin_of, natural, scenes_of


def scene(seed):
    """A soft picture with structure of its own, as a photo has."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (9, 12, 3), dtype=np.uint8)).resize((120, 90), Image.Resampling.BICUBIC)


def frame(background, n):
    """Frame `n` of a film: a disk that moves a little over a scene."""
    image = background.copy()
    ImageDraw.Draw(image).ellipse((10 + 3 * n, 30, 34 + 3 * n, 54), fill=(230, 190, 160))
    return image


def save(image, path, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **how)
    return path


def kin(folder, data_dir):
    dataset = open_dataset(folder, data_dir)
    found = kin_of(dataset)
    return [s.name for s in dataset.samples], found


def test_photos_that_were_taken_one_by_one_are_alone(photos, data_dir):
    _, found = kin(photos, data_dir)
    assert len(found.near) == 0 and set(found.groups) == {None}


def test_a_copy_that_was_scaled_and_saved_again_is_found(tmp_path, data_dir):
    for n in range(4):
        save(scene(n), tmp_path / "p" / "a" / f"{n}.png")
    save(scene(0).resize((70, 52)), tmp_path / "p" / "b" / "copy.jpg", quality=60)
    names, found = kin(tmp_path / "p", data_dir)
    assert {names[i] for i in found.near.reshape(-1)} == {"a/0.png", "b/copy.jpg"}


def test_a_mirrored_picture_goes_with_its_own_class_only_and_a_recolored_one_is_another(tmp_path, data_dir):
    mirrored = scene(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    save(scene(1), tmp_path / "p" / "a" / "1.png")
    save(mirrored, tmp_path / "p" / "a" / "2.jpg", quality=90)
    save(mirrored.resize((70, 52)), tmp_path / "p" / "b" / "1.png")
    red, green, blue = scene(1).split()
    save(Image.merge("RGB", (blue, green, red)), tmp_path / "p" / "b" / "2.png")
    names, found = kin(tmp_path / "p", data_dir)
    assert [[names[i] for i in pair] for pair in found.turned] == [["a/1.png", "a/2.jpg"]]
    assert [[names[i] for i in pair] for pair in found.near] == [["a/2.jpg", "b/1.png"]]
    assert found.groups[names.index("a/1.png")] == found.groups[names.index("a/2.jpg")] is not None
    assert found.groups[names.index("b/2.png")] is None


@pytest.mark.parametrize("turn", [t for t in Image.Transpose if "ROTATE" in t.name or "TRANS" in t.name or "FLIP" in t.name])
def test_however_a_copy_was_turned_it_is_found(tmp_path, data_dir, turn):
    for n in range(4):
        save(scene(n), tmp_path / "p" / "a" / f"{n}.png")
    save(scene(2).transpose(turn), tmp_path / "p" / "a" / "turned.jpg", quality=80)
    names, found = kin(tmp_path / "p", data_dir)
    assert [[names[i] for i in pair] for pair in found.turned] == [["a/2.png", "a/turned.jpg"]]


@pytest.mark.parametrize("change", [ImageEnhance.Brightness, ImageEnhance.Contrast])
@pytest.mark.parametrize("factor", [0.75, 0.9, 1.1, 1.2])
def test_a_copy_that_was_made_brighter_darker_or_harder_is_found(tmp_path, data_dir, change, factor):
    soft = [Image.blend(scene(n), Image.new("RGB", (120, 90), (128, 128, 128)), 0.4) for n in range(4)]
    for n in range(4):
        save(soft[n], tmp_path / "p" / "a" / f"{n}.png")
    save(change(soft[2]).enhance(factor), tmp_path / "p" / "a" / "adjusted.jpg", quality=80)
    names, found = kin(tmp_path / "p", data_dir)
    assert [[names[i] for i in pair] for pair in found.near] == [["a/2.png", "a/adjusted.jpg"]]


def test_frames_of_a_film_are_one_series_by_number_and_two_films_are_two(tmp_path, data_dir):
    for film in range(2):
        for n in range(12):
            save(frame(scene(film), n), tmp_path / "p" / "a" / f"{film}" / f"shot {n}.jpg")
    save(scene(9), tmp_path / "p" / "b" / "1.jpg")
    names, found = kin(tmp_path / "p", data_dir)
    groups = dict(zip(names, found.groups, strict=True))
    assert len({group for name, group in groups.items() if "/0/" in name}) == 1
    assert len(set(groups.values())) == 3 and groups["b/1.jpg"] is None


def test_a_series_is_one_scene(tmp_path, data_dir):
    for n in range(12):
        save(frame(scene(1), n / 3), tmp_path / "p" / "a" / f"film {n}.png")
        save(scene(50 + n), tmp_path / "p" / "b" / f"{n}.png")
    assert scenes_of(open_dataset(tmp_path / "p", data_dir)) == {"a": 1, "b": 12}


def test_numbers_in_names_are_numbers():
    assert sorted(["f10.jpg", "f2.jpg", "f1.jpg", "a.jpg"], key=natural) == ["a.jpg", "f1.jpg", "f2.jpg", "f10.jpg"]


def test_blank_pictures_are_no_copies_of_one_another(tmp_path, data_dir):
    for n in range(6):
        save(Image.new("RGB", (50, 50), (n, n, n)), tmp_path / "p" / "a" / f"{n}.png")
    save(scene(1), tmp_path / "p" / "b" / "1.png")
    _, found = kin(tmp_path / "p", data_dir)
    assert len(found.near) == 0 and np.nanmin(found.contrast) < 1


def test_a_long_film_is_one_group_whatever_the_limit_on_neighbors(tmp_path, data_dir):
    background = scene(3)
    for n in range(90):
        image = background.copy()
        image.putpixel((n, 5), (255, 0, 0))
        save(image, tmp_path / "p" / "a" / f"{n * 7919 % 1000}.png")
    save(scene(1), tmp_path / "p" / "b" / "1.png")
    _, found = kin(tmp_path / "p", data_dir)
    assert len(set(found.groups)) == 2


def test_a_look_is_kept_and_a_damaged_file_of_looks_is_made_again(photos, data_dir, tmp_path):
    dataset = open_dataset(photos, data_dir)
    before = groups_of(dataset)
    assert len(read_looks(dataset.looks)) == 30
    dataset.looks.write_bytes(b"nothing")
    kin_of.cache_clear()
    assert read_looks(dataset.looks) == {} and groups_of(dataset) == before and len(read_looks(dataset.looks)) == 30


def test_a_look_hardly_changes_with_size_and_compression(tmp_path):
    image = scene(5).filter(ImageFilter.GaussianBlur(1))
    small = save(image.resize((60, 45)), tmp_path / "small.jpg", quality=70)
    one, other = look(image, "a"), look(Image.open(small), "b")
    assert np.abs(one["gray"].astype(int) - other["gray"]).mean() < 5
    write_looks(tmp_path / "looks.npy", [one, other])
    assert set(read_looks(tmp_path / "looks.npy")) == {"a", "b"} and one.dtype == LOOK


def test_a_picture_that_cannot_be_read_has_no_kin(photos, data_dir):
    broken = photos / "red" / "0.jpg"
    broken.write_bytes(broken.read_bytes()[:-400])
    names, found = kin(photos, data_dir)
    assert np.isnan(found.contrast[names.index("red/0.jpg")]) and set(found.groups) == {None}


REAL = {"hymenoptera": (0, 0), "mnist_png": (0, 0), "plant_apple": (1, 2), "flowers5_tiny": (8, 16)}


@pytest.mark.parametrize("name", REAL)
def test_photos_of_the_world_raise_no_false_alarm(shared_data, data_dir, name):
    pairs, together = REAL[name]
    found = kin_of(open_dataset(shared_data / "data" / name, data_dir))
    assert len(found.near) == pairs and sum(group is not None for group in found.groups) == together


def test_the_bursts_of_a_webcam_are_found(shared_data, data_dir):
    dataset = open_dataset(shared_data / "data" / "rps_webcam", data_dir)
    sizes = {}
    for group in kin_of(dataset).groups:
        sizes[group] = sizes.get(group, 0) + 1
    assert sum(n for group, n in sizes.items() if group is not None and n >= 5) > 0.9 * len(dataset.samples)


def test_a_drawn_photo_of_the_tests_has_a_look_of_its_own(tmp_path, data_dir):
    for n in range(3):
        draw_photo(tmp_path / "p" / "a" / f"{n}.jpg", "red", n)
    assert kin(tmp_path / "p", data_dir)[1].groups == (None, None, None)
