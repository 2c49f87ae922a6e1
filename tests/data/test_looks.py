"""Small copies of pictures, kept beside each other."""

import os

import numpy as np
from PIL import Image

from transferui.data import looks
from transferui.data.looks import look, read_looks, write_looks


def test_what_was_written_is_read_and_a_damaged_file_is_nothing(tmp_path):
    row = look(Image.new("RGB", (40, 30), (10, 200, 30)), "a" * 64)
    write_looks(tmp_path / "looks" / "one.npy", [row])
    found = read_looks(tmp_path / "looks" / "one.npy")
    assert list(found) == ["a" * 64] and np.array_equal(found["a" * 64], row)
    (tmp_path / "bad.npy").write_bytes(b"no array")
    assert read_looks(tmp_path / "bad.npy") == read_looks(tmp_path / "gone.npy") == read_looks(None) == {}


def test_files_of_folders_not_looked_at_for_long_go(tmp_path, monkeypatch):
    monkeypatch.setattr(looks, "KEPT", 3)
    for n in range(5):
        write_looks(tmp_path / f"{n}.npy", [])
        os.utime(tmp_path / f"{n}.npy", (n, n))
    write_looks(tmp_path / "new.npy", [])
    assert {path.stem for path in tmp_path.iterdir()} == {"3", "4", "new"}
