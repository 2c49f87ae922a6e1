"""Training on drawn photos: frozen means frozen, cached equals uncached, the best state is kept, Stop is heard."""

import pytest
import torch

from tests.conftest import draw_photo
from transferui.config import TrainConfig
from transferui.data.dataset import open_dataset
from transferui.errors import UserError
from transferui.training import cache, features, phases, prefix, train
from transferui.training.choose import Choice
from transferui.training.features import StoppedError
from transferui.training.mirror import Mirror
from transferui.training.state import Hooks
from transferui.training.train import train_model


def run(photos, data_dir, should_stop=lambda: False, **settings):
    rows, kept = [], []
    hooks = Hooks(rows.append, should_stop, kept.append)
    settings = {"epochs": 4, "finetune_epochs": 2, "batch_size": 8, "image_size": 64, **settings}
    trained = train_model(open_dataset(photos), TrainConfig(**settings), data_dir, hooks)
    return trained, [row["row"] for row in rows if "row" in row]


def test_the_head_learns_drawn_photos_from_frozen_features(photos, data_dir):
    trained, rows = run(photos, data_dir, epochs=15)
    assert rows[-1]["val_accuracy"] == 1.0 and rows[0]["train_loss"] > rows[-1]["train_loss"]
    assert [row["epoch_total"] for row in rows] == list(range(1, len(rows) + 1))
    assert trained.frozen_unchanged and trained.work.prefix_images == 30 and len(trained.val_logits) == 6


def test_a_second_run_computes_nothing_twice(photos, data_dir):
    run(photos, data_dir)
    again, _ = run(photos, data_dir, head_learning_rate=0.01)
    assert again.work.prefix_images == 0 and again.work.cached_images == 30


def test_every_row_says_which_epoch_of_its_phase_is_kept_so_far(photos, data_dir):
    trained, rows = run(photos, data_dir, epochs=6, trainable="last", early_stopping=0)
    for name, ended in ((phase["name"], phase["best_epoch"]) for phase in trained.phases):
        told = [row["best_epoch"] for row in rows if row["phase"] == name]
        assert told == sorted(told) and told[-1] == ended and all(best <= n for n, best in enumerate(told, start=1))
        assert all(
            row["val_change_since"] == before
            for row, before in zip([r for r in rows if r["phase"] == name], [0, *told[:-1]], strict=True)
        )


def test_weights_from_between_head_and_fine_tuning_are_told_as_such(photos, data_dir, monkeypatch):
    def halfway(phase, probe, probe_logits, tuned_logits):
        return Choice(0.5, tuned_logits, 0.1, 0.01)

    monkeypatch.setattr(phases, "choose", halfway)
    mixed, _ = run(photos, data_dir, trainable="last")
    assert mixed.kept_phase == "finetune" and mixed.kept_share == 0.5


@pytest.mark.parametrize("trainable", ["last", "stage3", "all"])
def test_what_learns_changes_and_the_rest_is_proved_unchanged(photos, data_dir, trainable):
    trained, rows = run(photos, data_dir, trainable=trainable)
    assert {row["phase"] for row in rows} == {"head", "finetune"}
    assert trained.frozen_unchanged
    assert trained.boundary == {"last": 8, "stage3": 3, "all": 0}[trainable]


def test_cached_and_uncached_training_have_the_same_losses(photos, data_dir, monkeypatch):
    # Plain SGD, because Adam blows the rounding of the folded BatchNorm up.
    settings = {"trainable": "stage7", "precision": "float32", "finetune_epochs": 3, "early_stopping": 0, "optimizer": "sgd"}
    _, cached = run(photos, data_dir, **settings)
    monkeypatch.setattr(prefix, "LARGEST_ROWS", 0)  # nothing fits: the frozen stages run again in every epoch
    trained, uncached = run(photos, data_dir, **settings)
    assert trained.boundary == 0 and trained.notes
    for a, b in zip(cached, uncached, strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], abs=1e-4)
        assert a["val_loss"] == pytest.approx(b["val_loss"], abs=1e-4)


def test_the_same_seed_gives_the_same_run(photos, data_dir):
    first, second = (run(photos, data_dir, augmentation="flip", seed=3)[1] for _ in range(2))
    assert [r["train_loss"] for r in first] == [r["train_loss"] for r in second]


def test_random_weights_train_from_nothing(photos, data_dir):
    trained, rows = run(photos, data_dir, weights="random", trainable="all", head_start="random", finetune_epochs=2)
    assert [row["phase"] for row in rows] == ["finetune", "finetune"] and trained.kept_phase == "finetune"


def test_a_damaged_photo_is_left_out_and_said(photos, data_dir):
    bad = photos / "red" / "bad.jpg"
    bad.write_bytes((photos / "red" / "0.jpg").read_bytes()[:-300])
    trained, _ = run(photos, data_dir)
    assert len(trained.work.broken) == 1 and len(trained.split.train) + len(trained.split.val) == 30


def test_a_class_that_a_given_val_folder_lacks_does_not_stop_a_run_because_of_another_damaged_photo(tmp_path, data_dir):
    for color in ("red", "blue", "green"):
        for n in range(6):
            part = "val" if n > 3 and color != "green" else "train"
            draw_photo(tmp_path / "p" / part / color / f"{n}.jpg", color, 10 * len(color) + n)
    bad = tmp_path / "p" / "train" / "red" / "0.jpg"
    bad.write_bytes(bad.read_bytes()[:-300])
    trained, _ = run(tmp_path / "p", data_dir)
    assert len(trained.work.broken) == 1 and len(trained.split.train) == 13 and len(trained.split.val) == 4


def test_stop_before_anything_is_there_to_keep(photos, data_dir):
    with pytest.raises(StoppedError):
        run(photos, data_dir, should_stop=lambda: True)


def test_stop_in_the_middle_keeps_the_best_state(photos, data_dir):
    calls = iter(range(10_000))
    trained, rows = run(
        photos, data_dir, should_stop=lambda: next(calls) > 25, trainable="last", finetune_epochs=500, early_stopping=0
    )
    assert trained.stopped and rows and trained.val_logits is not None


def test_the_head_has_learned_before_any_changed_copy_is_looked_at_and_is_kept_when_stopped_there(photos, data_dir):
    told, kept = [], []

    def among_copies():
        return bool(kept) and "changed copies" in told[-1].get("what", "")

    settings = {"epochs": 4, "batch_size": 8, "image_size": 64, "trainable": "last", "augmentation": "crops_no_flip"}
    trained = train_model(open_dataset(photos), TrainConfig(**settings), data_dir, Hooks(told.append, among_copies, kept.append))
    assert trained.stopped and trained.kept_phase == "head" and trained.val_logits is not None
    assert [row["row"]["phase"] for row in told if "row" in row] == ["head"] * 4


def test_mirrored_copies_that_would_be_mistaken_are_not_even_computed(photos, data_dir, monkeypatch):
    def harmful(features, mirrored, labels):
        assert len(features) == len(mirrored) == len(labels) == 24
        return Mirror(24, 24, 4, 0.0)

    monkeypatch.setattr(phases, "ask_mirror", harmful)
    trained, _ = run(photos, data_dir, trainable="last", augmentation="crops", precision="float32")
    assert trained.augmentation == "crops_no_flip" and any("Mirrored photos were mistaken" in note for note in trained.notes)
    assert trained.work.prefix_images == 30 + 24 + 2 * 24  # as they are, mirrored once to ask, two cuts of each


def test_what_a_run_asks_itself_first_is_neither_computed_twice_nor_called_remembered(photos, data_dir):
    first, again = (run(photos, data_dir, trainable="last", augmentation="crops")[0].work for _ in range(2))
    assert (first.prefix_images, first.cached_images) == (30 + 3 * 24, 0)
    assert again.prefix_images == 0 and again.cached_images >= 30 + 3 * 24


def test_photos_that_vanish_before_their_copies_are_made_are_learned_as_they_are(photos, data_dir):
    gone = []

    def report(row):
        if row.get("row", {}).get("phase") == "head" and not gone:
            gone.append(next((photos / "red").iterdir()))
            gone[0].unlink()

    settings = {
        "epochs": 4,
        "batch_size": 8,
        "image_size": 64,
        "trainable": "last",
        "augmentation": "crops_no_flip",
        "val_fraction": 0.05,
    }
    trained = train_model(open_dataset(photos), TrainConfig(**settings), data_dir, Hooks(report, lambda: False, lambda _: None))
    assert any("no changed copies" in note for note in trained.notes) and trained.phases[-1]["name"] == "finetune"


def test_one_class_and_empty_classes_are_refused(tmp_path, photos, data_dir):
    (photos / "one").mkdir()
    single = tmp_path / "single"
    single.mkdir()
    (photos / "red").rename(single / "red")
    with pytest.raises(UserError, match="two classes"):
        run(single, data_dir)


def cramped(x, *_):
    """Runs out of memory for more than four pictures at once, as a small machine would."""
    if len(x) > 4:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory")
    return x


class Cramped(torch.nn.Identity):
    def forward(self, x):
        return cramped(x)


def test_short_memory_halves_what_goes_through_at_once_and_changes_nothing(photos, data_dir, tmp_path, monkeypatch, caplog):
    settings = {"trainable": "stage7", "precision": "float32", "early_stopping": 0, "optimizer": "sgd"}
    _, roomy = run(photos, data_dir, **settings)
    build, normalize = train.build_backbone, features.normalize

    def on_a_small_machine(*args, **kwargs):
        stages, report = build(*args, **kwargs)
        stages.stage7.append(Cramped())
        return stages, report

    monkeypatch.setattr(train, "build_backbone", on_a_small_machine)
    monkeypatch.setattr(features, "normalize", lambda pictures, *rest: normalize(cramped(pictures), *rest))
    trained, small = run(photos, tmp_path / "other", **settings)
    assert sum("Memory was short" in note for note in trained.notes) == 2
    assert "going on with 4 photos at once" in caplog.text
    for a, b in zip(roomy, small, strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], abs=1e-4)


def test_a_full_disk_costs_the_memory_of_the_run_and_nothing_else(photos, data_dir, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "save_file", full)
    trained, rows = run(photos, data_dir)
    assert rows and any("not remembered" in note for note in trained.notes)
    assert run(photos, data_dir)[0].work.prefix_images == 30
