import errno
import shutil
from collections import namedtuple

import pytest
from safetensors import SafetensorError

from transferui.errors import UserError
from transferui.files import data_uri, disk_full, empty_folder, folder_bytes, read_json, replacing, write_json

Disk = namedtuple("Disk", "free")


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert read_json(path) == {"a": 1} and [p.name for p in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00", '{"a": '])
def test_a_damaged_json_file_is_none(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    assert read_json(tmp_path / "x.json") is None and read_json(tmp_path / "missing.json") is None


def test_a_number_that_is_none_is_never_written(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_a_sentence_and_the_old_file_stays(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    with pytest.raises(UserError, match="disk is full"), replacing(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), replacing(path):
        raise PermissionError(errno.EACCES, "not allowed")
    assert read_json(path) == {"a": 1}


def test_little_space_explains_the_errors_of_other_libraries(tmp_path, monkeypatch):
    strange = [SafetensorError("I/O error"), RuntimeError("unexpected pos"), OSError("write failed")]
    assert [disk_full(error, tmp_path) for error in strange] == [None] * 3
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(free=1_000_000))
    assert [disk_full(error, tmp_path).code for error in strange] == ["DISK_FULL"] * 3
    assert disk_full(ValueError("a bug"), tmp_path) is None


def test_a_folder_is_measured_and_emptied(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x").write_bytes(bytes(10))
    (tmp_path / "y").write_bytes(bytes(5))
    assert folder_bytes(tmp_path) == 15
    empty_folder(tmp_path)
    empty_folder(tmp_path / "missing")
    assert tmp_path.is_dir() and folder_bytes(tmp_path) == 0 and not list(tmp_path.iterdir())


def test_a_picture_that_is_gone_is_an_empty_address(tmp_path):
    (tmp_path / "a.png").write_bytes(b"png")
    assert data_uri(tmp_path / "a.png").startswith("data:image/png;base64,") and data_uri(tmp_path / "b.jpg") == ""
