import csv
import io
import zipfile

import pytest

import transferui as tui
from transferui.errors import UserError
from transferui.evaluation import batch
from transferui.evaluation.batch import as_csv, as_numbers, as_rows, as_text, classify, harmless


@pytest.fixture(scope="module")
def model(head_run):
    return tui.load_model(head_run.bundle)


def packed(photos, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(photos.rglob("*.jpg")):
            archive.write(file, f"wrapped/{file.relative_to(photos)}")
        archive.writestr("wrapped/loose.jpg", (photos / "red" / "0.jpg").read_bytes())
        archive.writestr("wrapped/red/broken.jpg", b"no picture")
        archive.writestr("wrapped/red/notes.txt", b"hello")
    return path


def test_class_folders_in_a_zip_give_an_accuracy_and_bad_files_their_reasons(model, photos, tmp_path):
    rows = []
    found = classify(model, [packed(photos, tmp_path / "many.zip")], rows.append, inside_only=True)
    numbers = as_numbers(found)
    assert numbers["n"] == 31 and numbers["n_judged"] == 30 and numbers["n_broken"] == 2
    assert numbers["accuracy_low"] <= numbers["accuracy"] <= numbers["accuracy_high"]
    right = sum(r["answers"][0]["class_name"] == r["folder_says"] for r in as_rows(found) if r.get("folder_says"))
    assert numbers["accuracy"] == pytest.approx(right / 30)
    assert [r["image"] for r in as_rows(found) if "error" in r] == ["wrapped/red/broken.jpg", "wrapped/red/notes.txt"]
    assert rows[-1]["done"] == rows[-1]["total"] == 32


def test_loose_photos_are_answered_without_an_accuracy(model, photos):
    found = classify(model, [photos / "red" / "0.jpg", photos / "blue" / "1.jpg"], inside_only=True)
    assert found.accuracy is None and [row.name for row in found.rows] == ["0.jpg", "1.jpg"]
    assert as_text(found).count("\n") == 1


def test_answers_in_a_batch_are_the_answers_one_by_one(model, photos):
    files = sorted(photos.rglob("*.jpg"))[:11]
    for row, file in zip(classify(model, files).rows, files, strict=True):
        alone = model.answer(file)
        assert row.reply.verdict == alone.verdict
        assert row.reply.ranked[0].probability == pytest.approx(alone.ranked[0].probability, abs=1e-5)


@pytest.mark.parametrize("cell", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1"])
def test_no_cell_can_become_a_formula(cell):
    assert harmless(cell) == f"'{cell}" and harmless(f"a{cell}") == f"a{cell}"


def test_the_csv_survives_names_with_quotes_commas_and_formulas(model, photos, tmp_path):
    names = ['=cmd|"calc".jpg', "a,b.jpg", '"quoted".jpg', "日本.jpg"]
    for name in names:
        (tmp_path / name).write_bytes((photos / "red" / "0.jpg").read_bytes())
    found = classify(model, [tmp_path / name for name in names], inside_only=True)
    rows = list(csv.DictReader(io.StringIO(as_csv(found), newline="")))
    assert [row["photo"] for row in rows] == [f"'{names[0]}", *names[1:]]
    assert all(0 <= float(row["probability"]) <= 1 and row["verdict"] in ("sure", "not_sure", "unknown") for row in rows)
    assert as_csv(found).count("\r\n") == 5


def test_nothing_and_too_much_are_explained(model, photos, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("a.txt", b"hello")
    with pytest.raises(UserError) as caught:
        classify(model, [tmp_path / "none.zip"])
    assert caught.value.code == "EMPTY_BATCH" and "not a picture" in caught.value.message
    monkeypatch.setattr(batch, "MOST", 5)
    with pytest.raises(UserError) as caught:
        classify(model, [photos])
    assert caught.value.code == "BATCH_TOO_LARGE" and "30" in caught.value.message
