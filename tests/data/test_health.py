import numpy as np
import pytest
from PIL import Image

from tests.data.test_similar import save, scene
from transferui.data import edits
from transferui.data.archive import scan
from transferui.data.dataset import load_manifest, open_dataset
from transferui.data.findings import HEALTH, find_action, load_findings
from transferui.data.health import findings_of, unreadable
from transferui.data.storage import create_dataset
from transferui.errors import UserError
from transferui.files import read_json, write_json


def make(folder, counts, **how):
    for k, (name, n) in enumerate(counts.items()):
        for i in range(n):
            save(scene(1000 * k + i), folder / name / f"{i}.{how.get(name, 'jpg')}")
    return folder


def kinds(source, data_dir):
    return [f.kind for f in findings_of(open_dataset(source, data_dir))]


def test_a_balanced_set_of_different_photos_is_healthy(tmp_path, data_dir):
    assert kinds(make(tmp_path / "p", {"a": 12, "b": 12}), data_dir) == []


def test_imbalance_and_too_few_photos_are_named(tmp_path, data_dir):
    found = findings_of(open_dataset(make(tmp_path / "p", {"many": 22, "some": 7}), data_dir))
    assert [f.kind for f in found] == ["imbalance", "few"]
    assert found[0].title == "‘many’ has 3 times the photos of ‘some’" and "‘some’" in found[1].title


def test_three_to_one_is_no_imbalance_yet(tmp_path, data_dir):
    assert kinds(make(tmp_path / "p", {"a": 30, "b": 10}), data_dir) == []


def make_parts(folder, **parts):
    """Given parts, each with so many photos of each class; no photo comes twice."""
    for k, (part, counts) in enumerate(parts.items()):
        for c, (name, n) in enumerate(counts.items()):
            for i in range(n):
                save(scene(10_000 * k + 1000 * c + i), folder / part / name / f"{part}{i}.jpg")
    return folder


def test_few_photos_to_learn_from_are_not_hidden_by_many_to_check_with(tmp_path, data_dir):
    folder = make_parts(tmp_path / "p", train={"a": 22, "b": 1}, val={"a": 2, "b": 21})
    found = {f.kind: f.title for f in findings_of(open_dataset(folder, data_dir))}
    assert found["imbalance"] == "‘a’ has 22 times the photos of ‘b’ in ‘train’"
    assert found["few"] == "‘b’ has fewer than 10 photos in ‘train’"


def test_uneven_parts_to_check_with_are_no_imbalance(tmp_path, data_dir):
    assert kinds(make_parts(tmp_path / "p", train={"a": 12, "b": 12}, val={"a": 30, "b": 2}), data_dir) == []


def test_a_class_that_a_given_check_does_not_have_is_named(tmp_path, data_dir):
    folder = make_parts(tmp_path / "p", train={"a": 12, "b": 12, "c": 12}, val={"a": 3, "b": 3})
    (finding,) = findings_of(open_dataset(folder, data_dir))
    assert finding.title == "‘c’ has no photo to check with" and finding.severity == "warn"


def test_without_a_given_val_folder_every_class_has_photos_to_check_with(tmp_path, data_dir):
    assert kinds(make_parts(tmp_path / "p", train={"a": 12, "b": 12}, test={"a": 3}), data_dir) == []


def test_a_file_format_that_gives_a_class_away_is_a_shortcut(tmp_path, data_dir):
    found = findings_of(open_dataset(make(tmp_path / "p", {"a": 12, "b": 12}, b="png"), data_dir))
    assert [f.kind for f in found] == ["shortcut"] and "‘b’: PNG files" in found[0].words


@pytest.mark.parametrize(("change", "said"), [(lambda i: i.resize((60, 60)), "60 × 60"), (lambda i: i.convert("L"), "gray")])
def test_size_and_color_mode_are_looked_at_as_the_file_came(tmp_path, data_dir, change, said):
    folder = make(tmp_path / "p", {"a": 12, "b": 12})
    for path in (folder / "b").iterdir():
        change(Image.open(path)).save(path)
    dataset = create_dataset(scan(folder), data_dir, "test")  # what is stored is RGB of another size
    (finding,) = load_findings(dataset)
    assert finding.kind == "shortcut" and said in finding.words


def test_one_odd_photo_in_another_class_does_not_hide_a_shortcut_and_a_mixture_is_none(tmp_path, data_dir):
    folder = make(tmp_path / "p", {"a": 24, "b": 24}, b="png")
    save(scene(77), folder / "a" / "odd.png")
    assert kinds(folder, data_dir) == ["shortcut"]
    for n in range(8):
        save(scene(500 + n), folder / "a" / f"more{n}.png")
    assert kinds(folder, data_dir) == []


def test_blank_and_tiny_pictures_are_found_and_dropped(tmp_path, data_dir):
    folder = make(tmp_path / "p", {"a": 12, "b": 12})
    save(Image.new("RGB", (90, 90), (40, 40, 44)), folder / "a" / "cap.jpg")
    save(scene(78).resize((20, 16)), folder / "b" / "tiny.jpg")
    dataset = create_dataset(scan(folder), data_dir, "test")
    found = {f.kind: f for f in load_findings(dataset)}
    assert found.keys() == {"blank", "tiny"}
    gone = [*found["blank"].actions[0].samples, *found["tiny"].actions[0].samples]
    assert edits.drop_samples(dataset, data_dir, gone).counts == {"a": 12, "b": 12}


def test_a_fine_weave_and_colors_of_the_same_gray_are_not_blank(tmp_path, data_dir):
    folder = make(tmp_path / "p", {"a": 12, "b": 12})
    noise = np.random.default_rng(0).normal(128, 35, (384, 384, 1)).clip(0, 255).astype(np.uint8)
    save(Image.fromarray(np.repeat(noise, 3, axis=2)), folder / "a" / "felt.png")
    field = Image.new("RGB", (128, 128), (255, 0, 0))
    field.paste((0, 130, 0), (30, 30, 90, 90))
    save(field, folder / "b" / "square.png")
    assert "blank" not in kinds(folder, data_dir)


def test_a_set_of_nothing_but_tiny_pictures_is_told_once_and_keeps_them(tmp_path, data_dir):
    folder = make(tmp_path / "p", {"a": 12, "b": 12})
    for path in folder.rglob("*.jpg"):
        Image.open(path).resize((28, 28)).save(path)
    (finding,) = findings_of(open_dataset(folder, data_dir))
    assert finding.kind == "tiny" and finding.severity == "info" and finding.actions == ()


def test_a_finding_keeps_its_name_in_an_edited_set_while_it_is_about_the_same_photos(tmp_path, data_dir):
    folder = make(tmp_path / "p", {"a": 12, "b": 12})
    save(Image.new("RGB", (90, 90)), folder / "a" / "cap.jpg")
    first = create_dataset(scan(folder), data_dir, "test")
    second = edits.drop_samples(first, data_dir, [3])
    third = edits.add_pictures(second, data_dir, "b", [save(Image.new("RGB", (80, 80), "white"), tmp_path / "w.jpg")])
    ids = [[f.id for f in load_findings(d) if f.kind == "blank"] for d in (first, second, third)]
    assert ids[0] == ids[1] != ids[2]


def test_a_click_that_means_nothing_is_refused(tmp_path, data_dir):
    folder = make(tmp_path / "p", {"a": 12, "b": 12})
    save(Image.new("RGB", (90, 90)), folder / "a" / "cap.jpg")
    dataset = create_dataset(scan(folder), data_dir, "test")
    name = load_findings(dataset)[0].id
    assert find_action(dataset, name, -1, 0).do == "drop"
    for place in [(name, 0, 0), (name, 9, 0), (name, -2, 0), (name, -1, 1), (name, -1, -1), ("blank-0", -1, 0)]:
        with pytest.raises(UserError, match="does not exist"):
            find_action(dataset, *place)


@pytest.mark.parametrize("damage", [{"version": 99}, {"findings": [{}]}, {"findings": None}, None])
def test_findings_that_were_damaged_count_as_not_looked_for(tmp_path, data_dir, damage):
    folder = make(tmp_path / "p", {"a": 12, "b": 12})
    save(Image.new("RGB", (90, 90)), folder / "a" / "cap.jpg")
    dataset = create_dataset(scan(folder), data_dir, "test")
    file = dataset.folder / HEALTH
    if damage is None:
        content = read_json(file)
        content["findings"][0]["samples"] = [99]
        write_json(file, content)
    else:
        write_json(file, {**read_json(file), **damage})
    assert load_findings(dataset) is None
    assert [f.kind for f in load_findings(edits.examine_again(dataset, data_dir))] == ["blank"]


def test_a_dataset_of_an_earlier_version_opens_and_can_be_looked_at(tmp_path, data_dir):
    folder = make(tmp_path / "p", {"a": 12, "b": 12})
    save(scene(3).resize((60, 45)), folder / "a" / "copy.jpg")
    dataset = create_dataset(scan(folder), data_dir, "test")
    manifest = load_manifest(dataset.folder)
    manifest["samples"] = [{k: v for k, v in row.items() if k not in ("group", "original")} for row in manifest["samples"]]
    write_json(dataset.folder / "manifest.json", manifest)
    for name in (HEALTH, "looks.npy"):
        (dataset.folder / name).unlink()
    old = open_dataset(dataset.folder)
    assert old.samples[0].group is None and old.samples[0].original is None and load_findings(old) is None
    new = edits.examine_again(old, data_dir)
    assert [f.kind for f in load_findings(new)] == ["copies"] and old.fingerprint == new.fingerprint


def test_a_picture_with_a_sound_header_and_broken_pixels_is_named(photos, data_dir):
    broken = photos / "red" / "0.jpg"
    broken.write_bytes(broken.read_bytes()[:-400])
    assert [s.name for s in unreadable(open_dataset(photos, data_dir))] == ["red/0.jpg"]
