import pytest

from tests.data.test_similar import save, scene
from transferui.data.archive import scan
from transferui.data.dataset import load_dataset
from transferui.data.findings import HEALTH, load_findings
from transferui.data.storage import create_dataset
from transferui.errors import UserError
from transferui.ui.data_view import summary
from transferui.ui.health_view import health

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def dataset(tmp_path, data_dir):
    """One photo in two classes, one of which has a name that is markup."""
    for n in range(10):
        save(scene(n), tmp_path / "p" / "cat" / f"{n}.jpg")
        save(scene(100 + n), tmp_path / "p" / EVIL / f"{n}.jpg")
    save(scene(0), tmp_path / "p" / EVIL / "<b>copy.jpg", quality=80)
    return create_dataset(scan(tmp_path / "p"), data_dir, "test")


def test_a_conflict_shows_both_photos_side_by_side_with_a_button_for_each_class(dataset):
    html = health(dataset, None, ())
    name = load_findings(dataset)[0].id
    assert html.count('class="case"') == 1 and html.count("<img") == 2
    assert [f'data-pick="act|{name}|0|{n}"' in html for n in range(4)] == [True, True, True, False]
    assert "(conflicting labels)" in html


def test_names_of_classes_and_files_are_shown_as_they_are(dataset):
    html = summary(dataset, 0.2, 0)
    assert EVIL not in html and "<b>copy" not in html and "&lt;b&gt;copy" in html


def test_what_is_ignored_is_not_shown_and_can_be_shown_again(dataset):
    html = health(dataset, None, [load_findings(dataset)[0].id])
    assert "conflicting" not in html and "1 finding is ignored" in html and "show-again" in html


def test_what_stands_in_the_way_comes_first(dataset):
    html = health(dataset, UserError("X", "Something is missing.", "Add it."), ())
    assert html.index("Something is missing.") < html.index("conflicting labels") < html.index("could be opened")


def test_photos_of_an_earlier_version_offer_to_be_looked_at(dataset):
    (dataset.folder / HEALTH).unlink()
    assert 'data-pick="recheck"' in health(load_dataset(dataset.folder), None, ())


def test_healthy_photos_are_told_so(tmp_path, data_dir):
    for n in range(12):
        save(scene(n), tmp_path / "q" / "cat" / f"{n}.jpg")
        save(scene(100 + n), tmp_path / "q" / "dog" / f"{n}.jpg")
    html = health(create_dataset(scan(tmp_path / "q"), data_dir, "test"), None, ())
    assert "No near-copies" in html and "data-pick" not in html
