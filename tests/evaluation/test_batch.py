import csv
import io
import zipfile
from pathlib import Path
from unittest.mock import Mock

import pytest

import transferui as tui
from transferui.errors import UserError
from transferui.evaluation import batch, predict
from transferui.evaluation.batch import as_csv, as_numbers, as_rows, as_text, classify, harmless
from transferui.evaluation.shown import how_sure


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
    assert numbers["n_in_other_folders"] == 1 and numbers["other_folders"] == ["wrapped"]
    assert [r["image"] for r in as_rows(found) if "error" in r] == ["wrapped/red/broken.jpg", "wrapped/red/notes.txt"]
    assert rows[-1]["done"] == rows[-1]["total"] == 32


def copied(photos, names, root):
    """Copies of one red photo at these paths."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((photos / "red" / "0.jpg").read_bytes())
    return root


def test_folders_inside_a_class_folder_belong_to_the_class_and_others_are_told(model, photos, tmp_path):
    names = ["red/garden/1.jpg", "red/garden/shade/2.jpg", "blue/red/3.jpg", "BLUE/4.jpg", "misc/5.jpg", "misc/6.jpg", "7.jpg"]
    found = classify(model, [copied(photos, names, tmp_path / "test")])
    assert {row.name: row.truth for row in found.rows} == dict(
        zip(names, ["red", "red", "red", "blue", None, None, None], strict=True)
    )
    assert as_numbers(found)["n_in_other_folders"] == 2 and as_numbers(found)["other_folders"] == ["test/misc"]
    assert "2 photos lie in folders that are none of its classes (test/misc)" in as_text(found)
    table = {row["photo"]: row["folder"] for row in csv.DictReader(io.StringIO(as_csv(found)))}
    assert table["red/garden/shade/2.jpg"] == "test/red/garden/shade" and table["7.jpg"] == "test"


def test_a_folder_that_is_named_itself_says_the_class(model, photos, tmp_path, monkeypatch):
    copied(photos, ["red/garden/1.jpg", "red/2.jpg"], tmp_path)
    monkeypatch.chdir(tmp_path / "red")
    for source in (tmp_path / "red", Path(), Path("garden/..")):
        assert [row.truth for row in classify(model, [source]).rows] == ["red", "red"]
    files = [tmp_path / "red" / "2.jpg", Path("2.jpg"), Path("../red/garden/1.jpg")]
    found = classify(model, files)
    assert [row.truth for row in found.rows] == ["red", "red", None] and as_numbers(found)["n_in_other_folders"] == 0
    assert str(tmp_path) not in "".join(row.folder for row in found.rows)
    monkeypatch.chdir(tmp_path)
    assert classify(model, [Path("red/garden/1.jpg")]).rows[0].truth == "red"
    assert classify(model, [tmp_path / "red"], inside_only=True).accuracy is None


def test_photos_of_equal_names_in_several_sources_can_be_told_apart(model, photos, tmp_path):
    days = [tmp_path / "day1.zip", tmp_path / "day2.zip", tmp_path / "again" / "day2.zip"]
    days[2].parent.mkdir()
    for day in days:
        with zipfile.ZipFile(day, "w") as archive:
            archive.write(photos / "red" / "0.jpg", "IMG_1.jpg")
            archive.writestr("notes.txt", b"hello")
    uploaded = [row.name for row in classify(model, days, inside_only=True).rows]
    folders = ["day1.zip", "day2.zip", "day2.zip (2)"]
    assert uploaded == [f"{day}/{name}" for name in ("IMG_1.jpg", "notes.txt") for day in folders]
    assert [row.name for row in classify(model, days).rows][:3] == [f"{day}/IMG_1.jpg" for day in days]
    assert [row.name for row in classify(model, days[:1]).rows] == ["IMG_1.jpg", "notes.txt"]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_a_photo_that_needs_too_much_memory_is_its_own_problem_alone(model, photos, monkeypatch, error):
    files = sorted((photos / "red").iterdir())[:3]
    real, large = predict.picture_array, files[1].read_bytes()

    def short(picture, how):
        if picture == large:
            raise error
        return real(picture, how)

    monkeypatch.setattr(predict, "picture_array", short)
    assert [row.problem for row in classify(model, files).rows] == ["", "It needs more memory than there is.", ""]


def test_an_error_of_another_kind_is_not_taken_for_a_lack_of_memory(model, photos, monkeypatch):
    monkeypatch.setattr(predict, "normalize", Mock(side_effect=RuntimeError("another bug")))
    with pytest.raises(RuntimeError, match="another bug"):
        classify(model, [photos / "red" / "0.jpg"])


def test_uneven_photos_are_judged_class_by_class(model, photos, tmp_path):
    found = classify(model, [copied(photos, [*(f"red/{n}.jpg" for n in range(9)), "blue/wrong.jpg"], tmp_path / "uneven")])
    numbers = as_numbers(found)
    recall = {row["class_name"]: row["recall"] for row in numbers["per_class"] if row["n"]}
    assert numbers["majority_accuracy"] == 0.9 and numbers["imbalance"] == 9 and recall == {"red": 1, "blue": 0}
    assert numbers["accuracy"] == 0.9 and numbers["balanced_accuracy"] == 0.5
    assert "largest class gets 90.0 %" in as_text(found) and "red: 100.0 % of 9" in as_text(found)


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


@pytest.mark.parametrize(
    ("name", "safe"),
    [("x;=cmd|'/c calc'!A1;.png", "x;'=cmd|'/c calc'!A1;.png"), ("a;@SUM(1+1);b", "a;'@SUM(1+1);b"), ("a|-b", "a|'-b"), ("a\t+1", "a\t'+1"),
     ('a;""=1', "a;'\"\"=1"), ("\t=1", "'\t'=1")],
)  # fmt: skip
def test_no_part_of_a_cell_becomes_a_formula_where_a_spreadsheet_splits_it(name, safe):
    assert harmless(name) == safe


@pytest.mark.parametrize("name", ["a; y=1.jpg", "cat;dog|bee.png", "x - y + z @ home.png", '"=quoted".jpg', "1;2.jpg", ""])
def test_a_harmless_name_stays_as_it_is(name):
    assert harmless(name) == name


def test_tables_and_programs_get_the_real_name(model, photos, tmp_path):
    names = ["Screenshot 10.00\u202fAM.png", "写真\u3000一.png", "d" * 190 + "/cat1.png", "d" * 190 + "/a much longer name.png", "two\nlines.png",
             "e" * 210 + "/note.txt"]  # fmt: skip
    with zipfile.ZipFile(tmp_path / "names.zip", "w") as archive:
        for name in names:
            archive.writestr(name, (photos / "red" / "0.jpg").read_bytes())
    found = classify(model, [tmp_path / "names.zip"], inside_only=True)
    wanted = [name.replace("\n", "\ufffd") for name in names]
    assert [row["image"] for row in as_rows(found)] == wanted
    assert [row["photo"] for row in csv.DictReader(io.StringIO(as_csv(found)))] == wanted
    assert "10.00 AM.png: " in as_text(found)


def test_the_csv_survives_names_with_quotes_commas_and_formulas(model, photos, tmp_path):
    names = ['=cmd|"calc".jpg', "a,b.jpg", '"quoted".jpg', "日本.jpg"]
    for name in names:
        (tmp_path / name).write_bytes((photos / "red" / "0.jpg").read_bytes())
    found = classify(model, [tmp_path / name for name in names], inside_only=True)
    rows = list(csv.DictReader(io.StringIO(as_csv(found), newline="")))
    assert [row["photo"] for row in rows] == [f"'{names[0]}", *names[1:]]
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)
    assert [row["how sure"] for row in rows] == [how_sure(r.reply.verdict, r.reply.ranked[0].probability) for r in found.rows]
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
