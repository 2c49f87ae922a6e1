"""What step 4 shows, as HTML."""

import re
from types import SimpleNamespace

import pytest

from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.training import kept
from transferui.ui import batch_view, confusion_view, test_live, test_view

EVIL = "<script>alert(1)</script>"
PHOTO = "data:image/jpeg;base64,AAAA"


@pytest.fixture
def dataset(photos, data_dir):
    return create_dataset(scan(photos), data_dir, "drawn", "somebody")


def answer(verdict="sure", best=0.9, near=("red", "red", "blue"), name="red"):
    return {
        "ranked": [{"class_name": name, "probability": best}, {"class_name": "blue", "probability": 1 - best}],
        "verdict": verdict, "strangeness": 0.5, "thumbnail": PHOTO, "heat": PHOTO,
        "neighbors": [{"sample": i, "class_name": label, "similarity": 0.9} for i, label in enumerate(near)],
    }  # fmt: skip


def item(sample, true, predicted, probability, true_probability):
    return {
        "sample": sample,
        "true": true,
        "predicted": predicted,
        "probability": probability,
        "true_probability": true_probability,
    }


def results():
    return {
        "classes": ["blue", "green", "red"], "confusion": [[3, 1, 2], [0, 4, 0], [1, 0, 5]], "n_val": 16,
        "val_items": [item(0, 0, 1, 0.6, 0.3), item(1, 0, 2, 0.99, 0.001), item(2, 0, 2, 0.7, 0.2), item(20, 2, 0, 0.5, 0.4), item(21, 2, 2, 0.9, 0.9)],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "said"), [("sure", "quite sure"), ("not_sure", "Not sure."), ("unknown", "Like nothing I was shown.")]
)
def test_each_verdict_has_its_words(verdict, said):
    html = test_view.prediction(answer(verdict))
    assert said in html and "Where it looked" in html and 'class="heat"' in html


def test_neighbors_that_speak_against_the_answer_are_told(dataset):
    assert "Only 2 of these 3 photos are labeled" in test_view.prediction(answer(), None, dataset)
    assert "Only 1 of these 3 photos is labeled" in test_view.prediction(answer(near=("red", "blue", "blue")), None, dataset)
    assert "This photo is not labeled" in test_view.prediction(answer(near=("blue",)), None, dataset)
    assert "None of these 3 photos is labeled" in test_view.prediction(answer(near=("blue", "blue", "blue")), None, dataset)
    assert "careful" not in test_view.prediction(answer(near=("red", "red", "red")), None, dataset)
    assert "training photos" not in test_view.prediction(answer(), None, None)


def test_neighbors_say_among_how_many_photos_they_were_looked_for(dataset):
    assert test_view.MOST_KEPT == kept.MOST
    assert "among 2,000 of its 5,000 training photos" in test_view.prediction(answer(), None, dataset, 5000)
    assert "among" not in test_view.prediction(answer(), None, dataset, 2000) + test_view.prediction(answer(), None, dataset)


def test_after_an_own_start_nobody_says_that_a_validation_photo_is_new_to_the_model(dataset):
    new = "one it has not learned from"
    assert new in test_view.tries(dataset, results()["val_items"], "")
    words = test_view.tries(dataset, results()["val_items"], "", own_start=True)
    assert new not in words and "may have learned from it" in words


def test_class_names_cannot_become_markup(dataset):
    html = test_view.prediction(answer("unknown", name=EVIL), EVIL, dataset) + test_view.live(answer("not_sure", name=EVIL), 3)
    assert EVIL not in html and 'data-frame="3"' in html
    html = batch_view.answers({"rows": [{"image": EVIL, "error": EVIL}], "n_not_sure": 0, "n_unknown": 0})
    assert EVIL not in html


def test_the_most_confused_pairs_come_first_and_open_their_photos():
    html = confusion_view.confusion(results(), None, None)
    pairs = html[html.index("tu-pairs") : html.index("</ol>")]
    assert pairs.index('data-pick="0,2"') < pairs.index('data-pick="2,0"') and "2 of 6 photos" in pairs
    assert 'data-pick="1,0"' not in pairs


def test_the_worst_mistake_is_the_one_with_the_highest_loss(dataset):
    html = confusion_view.mistakes(results(), dataset)
    order = [html.index(f'data-pick="{i}"') for i in (1, 2, 0, 20)]
    assert order == sorted(order) and 'data-pick="21"' not in html
    old = results()
    old["val_items"] = [{k: v for k, v in i.items() if k != "true_probability"} for i in old["val_items"]]
    assert confusion_view.mistakes(old, dataset).index('data-pick="1"') < confusion_view.mistakes(old, dataset).index(
        'data-pick="20"'
    )


def test_every_photo_to_try_has_a_name_of_its_own(dataset):
    html = test_view.tries(dataset, results()["val_items"], "")
    names = re.findall(r'alt="(validation photo [^"]+)"', html)
    assert names == [f"validation photo {n} of 5" for n in range(1, 6)]


def test_without_mistakes_there_is_no_gallery(dataset):
    right = {**results(), "val_items": [item(21, 2, 2, 0.9, 0.9)]}
    assert confusion_view.mistakes(right, dataset) == "" == confusion_view.mistakes(None, dataset)


def test_a_batch_table_says_accuracy_only_with_class_folders():
    row = {"image": "a.jpg", "folder_says": "red", "answers": answer()["ranked"], "verdict": "unknown"}
    found = {"rows": [row, {"image": "b.txt", "error": "not a picture"}], "n_not_sure": 0, "n_unknown": 1}
    assert "right</b> of" not in batch_view.answers(found) and "1 file could not be used" in batch_view.answers(found)
    judged = batch_view.answers({**found, "accuracy": 1.0, "accuracy_low": 0.2, "accuracy_high": 1.0, "n_judged": 1})
    assert "100\u00a0% right" in judged and "✓ right" in judged and "like nothing I was shown" in judged


def test_a_long_batch_shows_its_first_rows_and_names_the_file():
    row = SimpleNamespace(image="a.jpg")
    rows = [{"image": row.image, "folder_says": None, "answers": answer()["ranked"], "verdict": "sure"}] * 150
    html = batch_view.answers({"rows": rows, "n_not_sure": 0, "n_unknown": 0})
    assert html.count("a.jpg</bdi>") == batch_view.ROWS and "150 photos" in html


@pytest.mark.parametrize("values", [{}, {"frame": "1", "jpeg": "x"}, {"frame": 1, "jpeg": 5}])
def test_a_frame_that_our_script_did_not_send_is_empty(values):
    assert test_live.frame_of(values) == (0, "")
    assert test_live.frame_of({"frame": 2, "jpeg": "x"}) == (2, "x")
