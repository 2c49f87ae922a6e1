from collections import namedtuple

from transferui import doctor

Usage = namedtuple("Usage", "free")


def by_name(findings):
    return {finding["what"]: finding for finding in findings}


def test_a_good_installation_has_nothing_to_mend(tmp_path):
    found = by_name(doctor.examine(tmp_path / "new"))
    assert all(f["ok"] and not f["hint"] and f["found"] for name, f in found.items() if name != "free disk")
    assert "efficientnet_lite0" in found["networks that are ready"]["found"]


def test_what_is_wrong_comes_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Usage(free=1))
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10))
    monkeypatch.setattr(doctor, "is_ready", lambda *_: False)
    found = by_name(doctor.examine(tmp_path))
    for name in ("Python", "free disk", "networks that are ready"):
        assert not found[name]["ok"] and found[name]["hint"]


def test_a_library_that_cannot_be_loaded_and_a_folder_that_cannot_be_written_are_findings_too(tmp_path, monkeypatch):
    def broken(name):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    (tmp_path / "file").write_text("")
    found = by_name(doctor.examine(tmp_path / "file"))
    assert "nms" in found["torch and torchvision"]["found"] and found["torch and torchvision"]["hint"]
    assert not found["data folder"]["ok"]
