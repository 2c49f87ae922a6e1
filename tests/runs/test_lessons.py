import pytest

from tests.runs.conftest import ME
from transferui.config import TrainConfig
from transferui.data.dataset import load_dataset
from transferui.errors import UserError
from transferui.runs.lessons import lesson_of, picture_of, save_lesson
from transferui.runs.worker import train_folder

WANTED = {"parts": ["curve", "labels"], "minutes": 1.0, "run": ""}


def test_a_lesson_tells_of_the_run_and_of_what_was_measured(store, dataset, tmp_path):
    measured = store.create_measurement(ME, dataset.folder, TrainConfig(), WANTED)
    run = store.create_run(ME, dataset.folder, TrainConfig(epochs=3, image_size=64))
    assert train_folder(measured.folder) == train_folder(run.folder) == 0
    page = save_lesson(measured, run, tmp_path / "lesson.html").read_text(encoding="utf-8")
    assert "<script" not in page and "drawn" in page and "not measured yet" in page
    lesson = lesson_of(load_dataset(dataset.folder), measured.results(), "efficientnet_lite0", run)
    assert lesson.accuracy["value"] == pytest.approx(run.results()["cv"]["accuracy"]) and lesson.seconds > 0
    assert lesson.trainable == () and set(lesson.results) == {"curve", "labels"}


def test_a_lesson_without_a_measurement_is_refused(store, dataset, tmp_path):
    measured = store.create_measurement(ME, dataset.folder, TrainConfig(), WANTED)
    with pytest.raises(UserError, match="Nothing has been measured"):
        save_lesson(measured, None, tmp_path / "lesson.html")


def test_a_photo_that_is_not_there_has_no_picture(dataset):
    assert (
        picture_of(dataset, 0).startswith("data:image/jpeg;base64,") and picture_of(dataset, 30) == picture_of(dataset, -1) == ""
    )
