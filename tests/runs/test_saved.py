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
from transferui.runs.saved import SEEN, learned_from, save_figures, save_report
from transferui.runs.store import Run, Store, hash_owner

ME, OTHER = "me-0123456789abcdef", "other-0123456789abcdef"


def test_a_run_without_anything_says_what_is_missing(entry, tmp_path):  # noqa: F811
    run, _, _ = entry(rows=[])
    with pytest.raises(UserError, match="nothing to draw yet"):
        save_figures((run, "Run 1"), [], tmp_path / "f.zip")
    with pytest.raises(UserError, match="none yet"):
        save_report(run, "Run 1", tmp_path / "r.html")
    assert not list(tmp_path.glob("*.zip")) and not list(tmp_path.glob("*.html"))


def test_what_a_run_has_learned_from_is_read_where_training_has_written_it(head_run):
    from transferui.training.start import SEEN as WRITTEN

    run = Run(head_run.result.run_dir.name, head_run.result.run_dir)
    assert SEEN == WRITTEN and len(learned_from(run)) == head_run.result.values["n_train"]
    assert learned_from(Run("gone", run.folder / "gone")) == frozenset()


def test_a_report_is_written_when_the_photos_are_gone(entry, tmp_path):  # noqa: F811
    run, _, _ = entry(answers(90, 10), rows=curve_rows(2))
    write_json(run.folder / "config.json", {**run.facts, "dataset_folder": str(tmp_path / "deleted")})
    html = save_report(run, "Run <7>", tmp_path / "r.html", with_photos=True).read_text()
    assert "Run &lt;7&gt;" in html and "not here any more" in html


def test_a_report_on_photos_that_lie_elsewhere_says_so_and_counts_them_all_the_same(entry, tmp_path):  # noqa: F811
    run, _, _ = entry({**answers(90, 10), "train_counts": [61, 19]}, rows=curve_rows(2))
    html = save_report(run, "Run 7", tmp_path / "r.html", with_photos=True).read_text()
    assert "outside the app’s folder" in html and ">61</td>" in html and ">19</td>" in html
    assert "not here any more" not in html and "is not known" not in html and "No photo is in this file" in html


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
