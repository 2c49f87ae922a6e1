"""Figures and reports of runs in their folders, asked for as the page does."""

import zipfile

import pytest

from tests.ui.conftest import answers, curve_rows, entry  # noqa: F401 - a fixture
from transferui.config import TrainConfig
from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.errors import UserError
from transferui.files import write_json
from transferui.runs.questions import Answers
from transferui.runs.saved import save_figures, save_report
from transferui.runs.store import Store, hash_owner

ME, OTHER = "me-0123456789abcdef", "other-0123456789abcdef"


def test_a_run_without_anything_says_what_is_missing(entry, tmp_path):  # noqa: F811
    run, _, _ = entry(rows=[])
    with pytest.raises(UserError, match="nothing to draw yet"):
        save_figures((run, "Run 1"), [], tmp_path / "f.zip")
    with pytest.raises(UserError, match="none yet"):
        save_report(run, "Run 1", tmp_path / "r.html")
    assert not list(tmp_path.glob("*.zip")) and not list(tmp_path.glob("*.html"))


def test_a_report_is_written_when_the_photos_are_gone(entry, tmp_path):  # noqa: F811
    run, _, _ = entry(answers(90, 10), rows=curve_rows(2))
    html = save_report(run, "Run <7>", tmp_path / "r.html", with_photos=True).read_text()
    assert "Run &lt;7&gt;" in html and "not here any more" in html


def test_the_engine_writes_for_the_owner_of_a_run_only(data_dir, photos, tmp_path):
    store = Store(data_dir)
    dataset = create_dataset(scan(photos), data_dir, "drawn", hash_owner(ME))
    run = store.create_run(ME, dataset.folder, TrainConfig())
    write_json(run.folder / "results.json", answers(4, 2, dataset.class_names))
    engine = Answers(data_dir, print)
    engine.save_figures(ME, (run.id, "Run 1"), [], str(tmp_path / "deep" / "figures.zip"))
    assert "confusion-matrix.svg" in zipfile.ZipFile(tmp_path / "deep" / "figures.zip").namelist()
    engine.save_report(ME, (run.id, "Run 1"), str(tmp_path / "report.html"), with_photos=True)
    assert "data:image/jpeg" in (tmp_path / "report.html").read_text()
    with pytest.raises(UserError) as caught:
        engine.save_report(OTHER, (run.id, "Run 1"), str(tmp_path / "theirs.html"), with_photos=True)
    assert caught.value.code == "NOT_FOUND" and not (tmp_path / "theirs.html").exists()
