"""What step 4 shows, as HTML."""

import re
from types import SimpleNamespace

import pytest

from transferui.data.archive import scan
from transferui.data.storage import create_dataset
from transferui.evaluation.answers import MATRIX_CLASSES
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
        "classes": ["blue", "green", "red"], "confusion": [[3, 1, 2], [0, 4, 0], [1, 0, 5]], "n_val": 16, "per_class": [],
        "val_items": [item(0, 0, 1, 0.6, 0.3), item(1, 0, 2, 0.99, 0.001), item(2, 0, 2, 0.7, 0.2), item(20, 2, 0, 0.5, 0.4), item(21, 2, 2, 0.9, 0.9)],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "best", "said"),
    [("sure", 0.9, "quite sure"), ("sure", 0.7, "rather sure"), ("sure", 0.42, "its best guess"), ("not_sure", 0.9, "Not sure"),
     ("unknown", 0.9, "Like nothing it was shown")],
)  # fmt: skip
def test_each_verdict_has_its_words_and_the_same_ones_in_the_table_of_many(verdict, best, said):
    html = test_view.prediction(answer(verdict, best))
    assert f">{said}" in html and "Where it looked" in html and 'class="heat"' in html
    row = {"image": "a.jpg", "answers": answer(verdict, best)["ranked"], "verdict": verdict}
    assert f">{said.lower()}</span>" in batch_view.answers({"rows": [row], "n_not_sure": 0, "n_unknown": 0})


def test_neighbors_that_speak_against_the_answer_are_told(dataset):
    assert "Only 2 of these 3 photos are labeled" in test_view.prediction(answer(), None, dataset)
    assert "Only 1 of these 3 photos is labeled" in test_view.prediction(answer(near=("red", "blue", "blue")), None, dataset)
    assert "This photo is not labeled" in test_view.prediction(answer(near=("blue",)), None, dataset)
    assert "None of these 3 photos is labeled" in test_view.prediction(answer(near=("blue", "blue", "blue")), None, dataset)
    assert "careful" not in test_view.prediction(answer(near=("red", "red", "red")), None, dataset)
    assert "training photos" not in test_view.prediction(answer(), None, None)


def test_there_are_three_neighbors_also_beside_a_photo_that_is_itself_one_of_those_shown_in_training(dataset):
    four = answer(near=("red", "red", "blue", "blue"))
    assert "Only 2 of these 3 photos" in test_view.prediction(four, None, dataset)
    assert "Only 1 of these 3 photos" in test_view.prediction(four, None, dataset, learned=0)


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


def test_the_mistakes_that_it_was_surest_about_come_first_with_how_many_there_are(dataset):
    html = confusion_view.mistakes(results(), dataset)
    order = [html.index(f'data-pick="{i}"') for i in (1, 2, 0, 20)]
    assert order == sorted(order) and 'data-pick="21"' not in html
    assert "4 wrong answers of 16 validation photos, the surest first." in html


def test_where_all_photos_are_judged_a_cell_opens_training_photos_too_and_every_heading_says_so(dataset):
    items = [item(n, n // 10, 2 if n < 3 else n // 10, 0.9, 0.1) for n in range(30)]
    rows = [{"class_name": name, "n": 10, "recall": 0.7, "precision": 1.0, "f1": 0.8} for name in results()["classes"]]
    cv = {"items": items, "confusion": [[7, 0, 3], [0, 10, 0], [0, 0, 10]], "per_class": rows, "n": 30, "folds": 5, "repeats": 3,
          "accuracy": 0.9, "low": 0.7, "high": 0.97, "majority_accuracy": 0.4}  # fmt: skip
    crossed = {**results(), "cv": cv, "headline": "cv"}
    shown = [
        confusion_view.confusion(crossed, dataset, None),
        confusion_view.mistakes(crossed, dataset),
        confusion_view.per_class(crossed),
    ]
    assert all(re.search("ll 30 photos,? .?each answered by a head that had not seen it", html) for html in shown)
    assert shown[0].count("<figure><img") == 3 and "3 photos: <bdi>blue, answered red" in shown[0]
    assert "90\u00a0% of all 30 photos" in shown[2] and "<b>70\u00a0%</b>" in shown[2]


@pytest.mark.parametrize("n", [25, 26, MATRIX_CLASSES, MATRIX_CLASSES + 1])
def test_many_classes_lose_their_numbers_first_then_the_matrix_and_always_open_their_photos(dataset, n):
    counts = [[0] * n for _ in range(n)]
    counts[0][1], counts[2][2] = 4, 1
    many = {**results(), "classes": [f"c{i}" for i in range(n)], "confusion": counts, "val_items": [item(0, 0, 1, 0.6, 0.3)]}
    html = confusion_view.confusion(many, dataset, (0, 1))
    assert ("<table>" in html) == (n <= MATRIX_CLASSES) and (">4</button>" in html) == (n <= 25)
    assert (
        ("would be too large" in html) == (n > MATRIX_CLASSES) and 'data-pick="0,1"' in html and html.count("<figure><img") == 1
    )
    assert n == 25 or len(html) < 100_000


def test_a_photo_that_the_network_learned_from_is_not_called_new(dataset):
    html = test_view.prediction(answer(), "red", dataset, 30, learned=1)
    assert "A training photo" in html and "has learned from this photo" in html and html.count('alt="training photo"') == 2
    assert "A validation photo" in test_view.prediction(answer(), "red", dataset, 30)


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
    assert "100\u00a0% right" in judged and "✓ right" in judged and "like nothing it was shown" in judged


def test_a_long_batch_shows_its_first_rows_and_names_the_file():
    row = SimpleNamespace(image="a.jpg")
    rows = [{"image": row.image, "folder_says": None, "answers": answer()["ranked"], "verdict": "sure"}] * 150
    html = batch_view.answers({"rows": rows, "n_not_sure": 0, "n_unknown": 0})
    assert html.count("a.jpg</bdi>") == batch_view.ROWS and "150 photos" in html


@pytest.mark.parametrize("values", [{}, {"frame": "1", "jpeg": "x"}, {"frame": 1, "jpeg": 5}])
def test_a_frame_that_our_script_did_not_send_is_empty(values):
    assert test_live.frame_of(values) == (0, "")
    assert test_live.frame_of({"frame": 2, "jpeg": "x"}) == (2, "x")
