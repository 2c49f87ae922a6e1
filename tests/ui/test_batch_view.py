"""What step 4 shows of many photos."""

from transferui.ui import batch_view


def row(image="a.jpg"):
    ranked = [{"class_name": "red", "probability": 0.9}, {"class_name": "blue", "probability": 0.1}]
    return {"image": image, "folder_says": "red", "answers": ranked, "verdict": "sure"}


def found(sizes, recalls, **more):
    names = ["red", "blue", "green"]
    per_class = [{"class_name": c, "n": n, "recall": r} for c, n, r in zip(names, sizes, recalls, strict=False)]
    there = [n for n in sizes if n]
    return {"rows": [row()], "n_not_sure": 0, "n_unknown": 0, "n_judged": sum(sizes), "accuracy": 0.9, "accuracy_low": 0.7, "accuracy_high": 0.97,
            "majority_accuracy": max(sizes) / sum(sizes), "balanced_accuracy": sum(recalls) / len(there), "imbalance": max(there) / min(there),
            "per_class": per_class, **more}  # fmt: skip


def test_the_accuracy_stands_beside_what_one_answer_for_all_would_get():
    html = batch_view.answers(found([10, 10, 0], [0.9, 0.9, 0]))
    assert "90\u00a0% right</b> of 20 photos" in html and "Always naming the largest class: 50\u00a0%" in html
    assert "balanced accuracy" not in html


def test_uneven_folders_show_every_class_that_is_there_on_its_own():
    html = batch_view.answers(found([18, 2, 0], [1, 0, 0]))
    assert "<em>(balanced accuracy)</em> it gets <b>50\u00a0%</b>" in html and "9.0 times" in html
    assert "100\u00a0% of 18" in html and "0\u00a0% of 2<" in html and "green" not in html


def test_photos_of_one_class_are_not_compared_with_guessing():
    html = batch_view.answers(found([12], [0.9]))
    assert "All are <bdi>red</bdi>, so" in html and "largest class" not in html


def test_folders_that_are_no_class_are_named_with_or_without_an_accuracy():
    other = {"n_in_other_folders": 2, "other_folders": ["<i>", "b" * 60 + "end"]}
    html = batch_view.answers(found([10, 10], [1, 0.8], **other))
    assert (
        "2 photos lie in folders that are none of its classes (<bdi>&lt;i&gt;</bdi>, <bdi>bbb" in html and "bend</bdi>)" in html
    )
    alone = batch_view.answers({"rows": [row()], "n_not_sure": 0, "n_unknown": 0, **other})
    assert "No folder is named like one of its classes" in alone and "right</b>" not in alone


def test_a_long_name_is_cut_in_the_middle_and_whole_in_its_title():
    name = "d" * 100 + "/cat1.png"
    html = batch_view.answers({"rows": [row(name)], "n_not_sure": 0, "n_unknown": 0})
    assert f'title="{name}"' in html and "…" in html and "d/cat1.png</bdi>" in html
