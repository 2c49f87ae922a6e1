import pytest

from tests.conftest import draw_photo
from tests.insight.lesson_samples import everything
from transferui.config import TrainConfig
from transferui.data.archive import scan
from transferui.data.edits import drop_samples
from transferui.data.storage import create_dataset
from transferui.files import write_json
from transferui.insight.parts import ALWAYS
from transferui.runs.store import Store, hash_owner
from transferui.ui import insight_view
from transferui.ui.desk import Server, desk_of, forget_dataset, update

ME = "me-0123456789abcdef"


@pytest.fixture
def desk(photos, data_dir):
    dataset = create_dataset(scan(photos), data_dir, "drawn", hash_owner(ME))
    store = Store(data_dir)
    measured = store.create_measurement(ME, dataset.folder, TrainConfig(), {"parts": ["labels"]})
    first = dataset.samples[0]
    suspect = {
        "sample": 7,
        "sha256": first.sha256,
        "name": first.name,
        "given": "blue",
        "rather": "<b>red</b>",
        "doubt": 0.9,
        "strong": True,
    }
    write_json(measured.folder / "results.json", {"labels": {"suspects": [suspect], "sentence": "", "notes": [], "n_images": 30}})
    server = Server(store, None, None, data_dir / "uploads")
    return update(server, ME, dataset=dataset.id)


def test_photos_that_are_being_measured_are_not_deleted_by_an_edit(desk):
    update(desk.server, ME, dataset="another")
    forget_dataset(desk_of(desk.server, ME), desk.dataset.id)
    assert desk.dataset.folder.exists()


def test_nothing_measured_yet_is_said_with_what_it_takes(desk):
    html = insight_view.answers(desk, {}, live=False)
    assert html.count("Not measured yet") == len(ALWAYS) and html.count('data-pick="measure:') == len(ALWAYS)
    assert "disabled" not in html and html.replace("aria-disabled", "").count("disabled") == 0
    assert insight_view.answers(desk, {}, live=True).count(" disabled") == len(ALWAYS)


def test_a_suspicious_photo_is_found_again_by_its_content_and_can_be_called_right(desk):
    assert [one["sample"] for one in insight_view.suspects_now(desk)] == [0]
    html = insight_view.answers(desk, desk.measurement.results(), live=False)
    key = f"{desk.dataset.samples[0].sha256}:blue:&lt;b&gt;red&lt;/b&gt;"
    assert f'data-pick="label:move:{key}"' in html and "&lt;b&gt;red" in html and "<b>red" not in html
    right = update(desk.server, ME, labels_right=[desk.dataset.samples[0].sha256])
    assert insight_view.suspects_now(right) == []


def test_every_kind_of_answer_has_a_picture(desk):
    html = insight_view.answers(desk, everything(), live=False)
    assert html.count("<section") >= len(ALWAYS) and "Not measured yet" not in html
    assert "Transfer learning, on your photos" in insight_view.lesson(desk, everything())


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, "three minutes"),
        ({"state": "queued", "place": 2, "length": 3}, "number 2 of 3"),
        ({"state": "preparing"}, "Getting ready"),
        ({"state": "running", "part": "probe", "number": 3, "parts": 7, "done": 4, "total": 9}, "3 of 7: Probing every stage"),
        ({"state": "failed", "message": "The disk is full.", "hint": "Free some."}, "The disk is full."),
        ({"state": "stopped"}, "Stopped. 2 of 7"),
        ({"state": "finished"}, "2 of 7 questions"),
    ],
)
def test_the_status_is_a_sentence(state, said):
    assert said in insight_view.status(state, 2, changed=False)


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "running"])
def test_photos_that_were_changed_since_are_named(state):
    assert "changed the photos" in insight_view.status({"state": state}, 7, changed=True)


def test_a_lesson_of_photos_that_were_changed_says_so_and_is_about_those_that_were_measured(desk, data_dir):
    fewer = drop_samples(desk.dataset, data_dir, [1, 2, 3])
    changed = update(desk.server, ME, dataset=fewer.id)
    assert "changed the photos" not in insight_view.lesson(desk, everything())
    html = insight_view.lesson(changed, everything())
    assert html.index("changed the photos") < html.index("Transfer learning, on your photos")
    assert html.endswith(insight_view.lesson(desk, everything()))


def test_other_photos_of_the_same_name_do_not_get_the_answers(desk, tmp_path, data_dir):
    for label, color in enumerate(((10, 200, 200), (200, 10, 200))):
        for n in range(3):
            draw_photo(tmp_path / "others" / f"class {label}" / f"{n}.jpg", color, 900 + 10 * label + n)
    others = create_dataset(scan(tmp_path / "others"), data_dir, "drawn", hash_owner(ME))
    assert desk.measurement and update(desk.server, ME, dataset=others.id).measurement is None
