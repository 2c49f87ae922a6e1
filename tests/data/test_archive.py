import io
import stat
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from transferui.data.archive import scan, scan_files
from transferui.data.dataset import open_dataset
from transferui.data.layout import clean_class_name
from transferui.errors import UserError


def picture(color="red"):
    buffer = io.BytesIO()
    Image.new("RGB", (12, 12), color).save(buffer, "JPEG")
    return buffer.getvalue()


def make_zip(path, names, content=None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content or picture())
    return path


def classes(found):
    return {entry.class_name for entry in found.entries}


def test_class_folders_are_classes(tmp_path):
    found = scan(make_zip(tmp_path / "a.zip", ["cats/1.jpg", "dogs/2.jpg"]))
    assert classes(found) == {"cats", "dogs"} and found.skipped == ()


def test_wrapping_folders_are_opened_and_said(tmp_path):
    found = scan(make_zip(tmp_path / "a.zip", ["my set/photos/cats/1.jpg", "my set/photos/dogs/2.jpg"]))
    assert classes(found) == {"cats", "dogs"} and "my set" in found.notes[0]


def test_given_parts_are_recognized(tmp_path):
    found = scan(
        make_zip(tmp_path / "a.zip", ["x/Train/cats/1.jpg", "x/validation/cats/2.jpg", "x/test/dogs/3.jpg", "x/Train/dogs/4.jpg"])
    )
    assert {entry.split for entry in found.entries} == {"train", "val", "test"} and classes(found) == {"cats", "dogs"}


def test_junk_is_ignored_without_a_word(tmp_path):
    junk = ["__MACOSX/cats/._1.jpg", "cats/._1.jpg", "cats/.DS_Store", "cats/Thumbs.db", "dogs/desktop.ini"]
    found = scan(make_zip(tmp_path / "a.zip", ["cats/1.jpg", "dogs/2.jpg", *junk]))
    assert len(found.entries) == 2 and found.skipped == ()


@pytest.mark.parametrize("name", ["../../evil.jpg", "/abs/evil.jpg", "C:/win/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg"])
def test_names_that_lead_out_are_skipped_and_nothing_is_written(tmp_path, data_dir, name):
    box = tmp_path / "box"
    box.mkdir()
    path = make_zip(box / "a.zip", ["cats/1.jpg", "cats/2.jpg", "dogs/2.jpg", name])
    dataset = open_dataset(path, data_dir)
    assert any("leads out" in s.reason for s in dataset.skipped)
    assert not list(tmp_path.rglob("*evil*"))


def test_links_are_skipped(tmp_path):
    path = make_zip(tmp_path / "a.zip", ["cats/1.jpg", "dogs/2.jpg"])
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("cats/link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert [s.reason for s in scan(path).skipped] == ["links and devices are not allowed"]


def test_a_folder_of_nothing_but_links_says_that_links_are_not_followed(tmp_path):
    (tmp_path / "real.jpg").write_bytes(picture())
    (tmp_path / "set" / "cats").mkdir(parents=True)
    (tmp_path / "set" / "cats" / "1.jpg").symlink_to(tmp_path / "real.jpg")
    with pytest.raises(UserError, match=r"no picture in it\. cats/1\.jpg: links are not followed") as caught:
        scan(tmp_path / "set")
    assert caught.value.code == "EMPTY_DATASET"


def test_links_in_hidden_folders_are_not_worth_a_word(tmp_path):
    for name in ("cats", "dogs", ".venv"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(picture())
    (tmp_path / ".venv" / "2.jpg").symlink_to(tmp_path / "cats" / "1.jpg")
    assert scan(tmp_path).skipped == ()


def test_two_hundred_megabytes_of_zeros_are_refused_before_unpacking(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("cats/1.jpg", "w", force_zip64=True) as file:
        for _ in range(200):
            file.write(bytes(1_000_000))
    with pytest.raises(UserError) as caught:
        scan(path)
    assert caught.value.code == "ZIP_TOO_LARGE"


def test_a_cut_off_zip_is_named(tmp_path):
    path = make_zip(tmp_path / "a.zip", ["cats/1.jpg", "dogs/2.jpg"])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError) as caught:
        scan(path)
    assert caught.value.code == "ZIP_BROKEN"


@pytest.mark.parametrize("content", [b"just text", b"", b"Rar!\x1a\x07", b"7z\xbc\xaf", b"\x1f\x8b", b"\xff\xd8\xff"])
def test_a_file_that_is_only_called_zip_is_named(tmp_path, content):
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        scan(path)
    assert caught.value.code == "NOT_A_ZIP"


def test_photos_without_class_folders_get_the_layout_explained(tmp_path):
    with pytest.raises(UserError, match="photos/cats"):
        scan(make_zip(tmp_path / "a.zip", ["1.jpg", "2.jpg"]))


def test_more_classes_than_a_page_can_show_are_refused(tmp_path):
    with pytest.raises(UserError, match="At most 100 classes are possible, but there are 101"):
        scan(make_zip(tmp_path / "a.zip", [f"class{n}/1.jpg" for n in range(101)]))


def test_one_damaged_file_does_not_cost_the_others(tmp_path, data_dir):
    path = make_zip(tmp_path / "a.zip", ["cats/1.jpg", "dogs/2.jpg"])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("cats/broken.jpg", picture()[:200])
        archive.writestr("cats/notes.txt", "hello")
    dataset = open_dataset(path, data_dir)
    assert len(dataset.samples) == 2 and len(dataset.skipped) == 2


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\\b", "🐝 emoji", "x" * 500, "é", "=1+1", "CON"])
def test_odd_class_names_are_kept_readable(tmp_path, name):
    pairs = [(f"{name}/1.jpg", tmp_path / "1.jpg"), ("other/2.jpg", tmp_path / "2.jpg")]
    found = scan_files(pairs)
    assert len(classes(found)) == 2 and all(len(c) <= 100 for c in classes(found))


@given(st.text())
def test_any_text_becomes_a_class_name_or_a_sentence(text):
    try:
        name = clean_class_name(text)
        assert 0 < len(name) <= 100 and "\n" not in name and "\u202e" not in name and clean_class_name(name) == name
        name.encode()
    except UserError as error:
        assert error.code == "BAD_CLASS_NAME"


@given(st.binary(max_size=400), st.integers(0, 500))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_any_bytes_end_in_a_scan_or_a_sentence(tmp_path, noise, at):
    path = make_zip(tmp_path / "a.zip", ["cats/1.jpg", "dogs/2.jpg"], b"x" * 50)
    content = bytearray(path.read_bytes())
    content[at : at + len(noise)] = noise
    path.write_bytes(bytes(content))
    try:
        for entry in scan(path).entries:
            entry.read()
    except UserError as error:
        assert error.message


def raw_zip(path, name, method=zipfile.ZIP_DEFLATED):
    """A ZIP with an entry of exactly this name, which zipfile would tidy up."""
    make_zip(path, ["cats/1.jpg", "dogs/2.jpg"])
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("x")
        info.filename, info.compress_type = name, method
        archive.writestr(info, picture() * 20)
    return path


@pytest.mark.parametrize("name", ["", ".", "./.", "\0", "\0/x.jpg"])
def test_an_entry_without_a_name_does_not_cost_the_others(tmp_path, name):
    found = scan(raw_zip(tmp_path / "a.zip", name))
    assert len(found.entries) == 2 and [s.reason for s in found.skipped] == ["it has no name"]


def test_a_browser_file_without_a_name_does_not_cost_the_others(tmp_path):
    found = scan_files([("", tmp_path / "0.jpg"), ("a/1.jpg", tmp_path / "1.jpg")])
    assert len(found.entries) == 1 and found.skipped[0].reason == "it has no name"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_inside_any_kind_of_compression_is_named(tmp_path, method):
    path = raw_zip(tmp_path / "a.zip", "cats/3.jpg", method)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("cats/3.jpg")
    content = bytearray(path.read_bytes())
    start = info.header_offset + 30 + len("cats/3.jpg")
    for i in range(start + 9, start + info.compress_size):
        content[i] ^= 0xFF
    path.write_bytes(bytes(content))
    entry = next(e for e in scan(path).entries if e.name == "cats/3.jpg")
    with pytest.raises(UserError, match="damaged inside the ZIP"):
        entry.read()


def test_entries_that_overlap_are_refused(tmp_path):
    path = make_zip(tmp_path / "a.zip", ["cats/1.jpg", "dogs/2.jpg"])
    content = bytearray(path.read_bytes())
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = bytes(4)  # the second entry says that it lies where the first does
    path.write_bytes(bytes(content))
    with pytest.raises(UserError) as caught:
        scan(path)
    assert caught.value.code == "ZIP_BROKEN"


def test_a_password_is_named(tmp_path):
    path = make_zip(tmp_path / "a.zip", ["cats/1.jpg", "dogs/2.jpg"])
    content = path.read_bytes()
    path.write_bytes(content.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"))
    with pytest.raises(UserError) as caught:
        scan(path)
    assert caught.value.code == "ZIP_PASSWORD"


@pytest.mark.parametrize("text", ["\u200d", "\u200b", " \t\n", "\u202e"])
def test_a_name_that_nobody_could_see_is_refused(text):
    with pytest.raises(UserError, match="visible"):
        clean_class_name(text)


def test_the_same_name_is_the_same_however_it_was_typed():
    assert clean_class_name("e\u200b\u0301") == clean_class_name("\u00e9") == clean_class_name("e\u0301")


@given(st.binary(max_size=600))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_bytes_that_were_never_a_zip_end_in_a_sentence(tmp_path, noise):
    (tmp_path / "a.zip").write_bytes(noise)
    with pytest.raises(UserError):
        scan(tmp_path / "a.zip")


ZIPS = ["clean_two_classes", "flat_no_class_folders", "messy_mac", "one_image_class", "train_val_split", "zip_slip"]


@pytest.mark.parametrize("name", ZIPS)
def test_every_real_zip_ends_in_used_or_a_sentence(shared_data, data_dir, name):
    path = shared_data / "data" / "zips" / f"{name}.zip"
    try:
        dataset = open_dataset(path, data_dir)
    except UserError as error:
        assert (name, error.code) == ("flat_no_class_folders", "NO_CLASS_FOLDERS")
        return
    n_files = sum(not info.is_dir() for info in zipfile.ZipFile(path).infolist())
    assert 0 < len(dataset.samples) + len(dataset.skipped) <= n_files
    assert all(s.reason for s in dataset.skipped)
