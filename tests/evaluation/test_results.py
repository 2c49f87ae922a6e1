"""results.json of real runs on drawn photos."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.conftest import COLORS, draw_photo
from transferui.config import TrainConfig
from transferui.data.dataset import open_dataset
from transferui.evaluation.cross_validation import cross_validate_run, group_ids
from transferui.evaluation.metrics import accuracy_interval
from transferui.evaluation.results import describe
from transferui.evaluation.summary import summary
from transferui.training.state import Hooks
from transferui.training.train import train_model


@pytest.fixture
def short_run(photos, data_dir):
    hooks = Hooks(lambda row: None, lambda: False, lambda run: None)
    return train_model(open_dataset(photos), TrainConfig(epochs=3, image_size=64, trainable="pool"), data_dir, hooks)


def test_results_are_plain_data_and_agree_with_themselves(short_run):
    values = json.loads(json.dumps(describe(short_run, final=True), allow_nan=False))
    right = sum(item["true"] == item["predicted"] for item in values["val_items"])
    assert values["val_accuracy"] == pytest.approx(right / values["n_val"])
    assert values["val_accuracy_low"] <= values["val_accuracy"] <= values["val_accuracy_high"]
    assert values["n_train"] + values["n_val"] == 30 and sum(sum(row) for row in values["confusion"]) == values["n_val"]
    assert values["majority_accuracy"] == pytest.approx(1 / 3) and values["final"] and values["frozen_unchanged"]
    assert values["kept_share"] == 1
    assert values["seconds"]["total"] > 0 and values["prefix_images"] == 30


def test_before_the_end_nothing_is_claimed_that_only_the_end_shows(short_run):
    values = describe(short_run, final=False)
    assert not values["final"] and "frozen_unchanged" not in values and "seconds" not in values


def test_a_photo_that_could_not_be_read_is_named_with_its_reason(short_run):
    sample = short_run.dataset.samples[0]
    short_run.work.broken[sample.sha256] = "It is damaged."
    assert describe(short_run, final=True)["skipped"] == [[sample.name, "It is damaged."]]


def test_a_head_that_learned_nothing_is_not_judged_by_others_that_did(short_run):
    assert cross_validate_run(short_run) is not None
    head = next(phase for phase in short_run.phases if phase["name"] == "head")
    head["best_epoch"] = 0
    assert cross_validate_run(short_run) is None


def test_what_learned_is_told_of_the_model_that_was_kept(short_run):
    short_run.kept_phase = "finetune"
    tuned = describe(short_run, final=False)
    short_run.kept_phase = "head"
    values = describe(short_run, final=False)
    assert values["learned_parameters"] == 3 * 1280 + 3 < tuned["learned_parameters"] == tuned["trainable_parameters"]


def test_a_val_folder_of_one_class_is_no_judge_of_telling_classes_apart(tmp_path, data_dir):
    for n in range(12):
        draw_photo(tmp_path / "p" / "train" / ("red", "blue")[n % 2] / f"{n}.jpg", ("red", "blue")[n % 2], n)
        draw_photo(tmp_path / "p" / "val" / "red" / f"{n}.jpg", "red", 100 + n)
    values = describe(run(tmp_path / "p", data_dir), final=True)
    assert not values["guessing"] and any("All photos to check with are “red”" in note for note in values["notes"])


def test_without_validation_there_is_nothing_to_describe(short_run):
    short_run.val_logits = None
    with pytest.raises(RuntimeError):
        describe(short_run, final=True)


def run(folder, data_dir, **settings):
    settings = {"epochs": 8, "finetune_epochs": 1, "batch_size": 8, "image_size": 64, **settings}
    hooks = Hooks(lambda row: None, lambda: False, lambda trained: None)
    return train_model(open_dataset(folder), TrainConfig(**settings), data_dir, hooks)


def test_few_photos_are_judged_out_of_fold(photos, data_dir):
    values = describe(run(photos, data_dir), final=True)
    crossed = values["cv"]
    assert values["headline"] == "cv" and (crossed["n"], crossed["folds"], crossed["repeats"]) == (30, 5, 3)
    assert values["n_val"] == 6 and crossed["high"] - crossed["low"] < values["val_accuracy_high"] - values["val_accuracy_low"]
    assert values["temperature_from"] == "cross_validation" and 0.5 <= values["temperature"] <= 5
    assert not values["guessing"] and values["train_accuracy"] > 0.9 and values["train_loss"] < 1
    again = describe(run(photos, data_dir), final=True)
    assert again["cv"] == crossed


def test_every_photo_that_the_headline_counts_can_be_looked_at(photos, data_dir):
    values = describe(run(photos, data_dir), final=True)
    items, counts = values["cv"]["items"], np.zeros((3, 3), int)
    np.add.at(counts, ([item["true"] for item in items], [item["predicted"] for item in items]), 1)
    assert sorted(item["sample"] for item in items) == list(range(30)) and counts.tolist() == values["cv"]["confusion"]
    assert np.trace(counts) == round(30 * values["cv"]["accuracy"]) and items[0].keys() == values["val_items"][0].keys()


def test_many_photos_of_few_scenes_make_it_no_surer(tmp_path, data_dir):
    for label, (name, color) in enumerate(COLORS.items()):
        for part, scenes in (("train", 6), ("val", 20)):
            for n in range(scenes):
                draw_photo(tmp_path / "set" / part / name / f"{n}.jpg", color, 100 * label + n + 50 * (part == "val"))
    trained = run(tmp_path / "set", data_dir, epochs=2)
    alone = describe(trained, final=False)
    trained.groups = lambda: [i // 30 for i in range(len(trained.dataset.samples))]
    together = describe(trained, final=False)
    assert alone["temperature"] < 1 <= together["temperature"] and together["val_worth"] < 10 < alone["n_val"]


def test_while_it_goes_on_nothing_is_cross_validated(photos, data_dir):
    values = describe(run(photos, data_dir), final=False)
    assert (values["headline"], values["cv"], values["temperature_from"]) == ("val", None, "none")


def test_a_fine_tuned_model_is_not_given_the_probes_number(photos, data_dir):
    trained = run(photos, data_dir, trainable="last")
    trained.kept_phase = "finetune"
    values = describe(trained, final=True)
    assert values["headline"] == "val" and values["cv"]["n"] == 30 and values["temperature_from"] == "none"
    assert "items" not in values["cv"]


def test_a_val_folder_of_ones_own_stays_the_judge(tmp_path, data_dir):
    for label, (name, color) in enumerate(COLORS.items()):
        for n in range(8):
            draw_photo(tmp_path / "set" / ("val" if n < 2 else "train") / name / f"{n}.jpg", color, 100 * label + n)
    values = describe(run(tmp_path / "set", data_dir), final=True)
    assert values["headline"] == "val" and values["cv"]["n"] == 24


def test_two_photos_per_class_make_no_trouble(tmp_path, data_dir):
    for label, (name, color) in enumerate(COLORS.items()):
        for n in range(2):
            draw_photo(tmp_path / "set" / name / f"{n}.jpg", color, 100 * label + n)
    values = describe(run(tmp_path / "set", data_dir), final=True)
    assert values["cv"]["folds"] == 2 and values["guessing"] in (True, False)


def test_equal_files_stay_in_one_fold(photos, data_dir):
    for n in range(5):
        (photos / "blue" / f"copy{n}.jpg").write_bytes((photos / "blue" / "0.jpg").read_bytes())
    trained = run(photos, data_dir)
    picks = [*trained.split.train, *trained.split.val]
    groups = group_ids(trained, picks)
    same = [g for g, i in zip(groups, picks, strict=True) if trained.dataset.samples[i].name.endswith(("copy0.jpg", "copy1.jpg"))]
    assert len(set(same)) <= 1 and len(set(groups.tolist())) == 30
    assert cross_validate_run(trained) is not None


def test_uneven_classes_are_weighted_and_it_is_said(tmp_path, data_dir):
    for label, (name, color) in enumerate(COLORS.items()):
        for n in range(20 if label else 4):
            draw_photo(tmp_path / "set" / name / f"{n}.jpg", color, 100 * label + n)
    values = describe(run(tmp_path / "set", data_dir), final=True)
    assert values["class_weighted"] and values["imbalance"] == pytest.approx(16 / 3) and values["train_counts"] == [3, 16, 16]
    assert np.mean([row["recall"] for row in values["cv"]["per_class"]]) == pytest.approx(values["cv"]["balanced_accuracy"])


def test_the_summary_names_both_numbers(photos, data_dir):
    values = describe(run(photos, data_dir), final=True) | {"run_dir": "somewhere"}
    values["diagnosis"] = {"words": "Good.", "evidence": "So it is.", "try_words": "more"}
    text = summary(values)
    assert "of 6 photos" in text and "of all 30 photos" in text and "Diagnosis: Good. So it is." in text
    assert "guessing, as far" not in text and "as far as 30 photos" in summary(values | {"guessing": True})


def test_the_summary_tells_each_accuracy_with_what_guessing_gets_of_its_photos(photos, data_dir):
    values = describe(run(photos, data_dir), final=True) | {"run_dir": "somewhere", "trainable": ["stage8"]}
    probe = {"head_val_accuracy": 0.7, "head_val_accuracy_low": 0.5, "head_val_accuracy_high": 0.8}
    test = {"n_test": 40, "test_accuracy": 0.9996, "test_accuracy_low": 0.6, "test_accuracy_high": 1.0}
    lines = summary({**values, **probe, **test}).splitlines()
    assert [line for line in lines[:4] if "guessing the largest class gets 33.3 %" in line] == lines[:3]
    assert "Linear probe" in lines[2] and "70.0 %" in lines[2] and "99.9 % of 40 photos" in lines[3]


def test_the_summary_goes_class_by_class_where_classes_are_uneven(photos, data_dir):
    values = describe(run(photos, data_dir), final=True) | {"run_dir": "somewhere"}
    assert "recall" not in summary(values)
    uneven = summary({**values, "imbalance": 4.0})
    assert (
        "classes were not weighted" in uneven and "balanced accuracy" in uneven and "\n  blue: " in uneven and "of 10" in uneven
    )
    many = [{"class_name": f"c{n}", "n": 5, "recall": n / 20} for n in range(20)]
    worst = summary({**values, "imbalance": 4.0, "cv": None, "headline": "val", "per_class": many})
    assert "12 classes that are found least" in worst and "  c0: 0.0 %" in worst and "c12:" not in worst


def test_photos_in_the_wrong_folders_are_no_better_than_guessing(tmp_path, data_dir):
    for n in range(30):  # the color says nothing about the folder
        draw_photo(tmp_path / "set" / f"class{n % 2}" / f"{n}.jpg", list(COLORS.values())[n // 2 % 3], n)
    values = describe(run(tmp_path / "set", data_dir), final=True)
    assert values["guessing"]


def test_near_copies_stay_in_one_fold_also_where_the_photos_are_used_where_they_lie(photos, data_dir):
    original = Image.open(photos / "blue" / "0.jpg")
    for quality in (60, 75, 90):
        original.save(photos / "blue" / f"copy{quality}.jpg", quality=quality)
    trained = run(photos, data_dir)
    picks = [*trained.split.train, *trained.split.val]
    names = [trained.dataset.samples[i].name for i in picks]
    groups = dict(zip(names, group_ids(trained, picks).tolist(), strict=True))
    copies = {group for name, group in groups.items() if "copy" in name}
    assert copies == {next(group for name, group in groups.items() if name.endswith("blue/0.jpg"))}
    assert len(set(groups.values())) == 30


def test_a_small_class_that_is_found_is_not_called_guessing(tmp_path, data_dir):
    for label, (name, color) in enumerate(list(COLORS.items())[:2]):
        for n in range(60 if label else 6):
            draw_photo(tmp_path / "set" / name / f"{n}.jpg", color, 100 * label + n)
    values = describe(run(tmp_path / "set", data_dir, epochs=30), final=True)
    assert values["headline"] == "cv" and values["cv"]["majority_accuracy"] > 0.9
    assert values["cv"]["balanced_accuracy"] > 0.9 and not values["guessing"]


def test_a_burst_counts_as_the_few_photos_that_it_is(photos, data_dir):
    for folder in photos.iterdir():
        for start in range(10):
            original = Image.open(folder / f"{start}.jpg")
            for n in range(4):
                original.save(folder / f"burst{start}_{n}.jpg", quality=60 + 7 * n)
    values = describe(run(photos, data_dir, val_fraction=0.4), final=True)
    alone = accuracy_interval(values["val_accuracy"] * values["n_val"], values["n_val"])
    assert values["val_worth"] < 0.8 * values["n_val"] and values["val_accuracy_low"] < alone.low
    assert any("say as much as about" in note for note in values["notes"])
