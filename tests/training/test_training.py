"""Training on drawn photos: frozen means frozen, cached equals uncached, the best state is kept, Stop is heard."""

import math

import numpy as np
import pytest
import torch

from transferui.config import TrainConfig
from transferui.data.dataset import open_dataset
from transferui.errors import UserError
from transferui.training import cache, features, prefix, train
from transferui.training.cache import FeatureCache, cache_key, empty_rows
from transferui.training.features import StoppedError
from transferui.training.recipe import augment, class_weights, make_optimizer, make_schedule, views_for
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


def test_stop_before_anything_is_there_to_keep(photos, data_dir):
    with pytest.raises(StoppedError):
        run(photos, data_dir, should_stop=lambda: True)


def test_stop_in_the_middle_keeps_the_best_state(photos, data_dir):
    calls = iter(range(10_000))
    trained, rows = run(
        photos, data_dir, should_stop=lambda: next(calls) > 25, trainable="last", finetune_epochs=500, early_stopping=0
    )
    assert trained.stopped and rows and trained.val_logits is not None


def test_a_step_size_that_is_far_too_large_is_explained(photos, data_dir):
    trained, _ = run(
        photos,
        data_dir,
        trainable="last",
        backbone_learning_rate=1.0,
        head_learning_rate=10.0,
        optimizer="sgd",
        finetune_epochs=8,
    )
    assert torch.isfinite(trained.val_logits).all()
    ended = [phase["ended"] for phase in trained.phases]
    assert "diverged" not in ended or any("step size is too large" in note for note in trained.notes)


def test_one_class_and_empty_classes_are_refused(tmp_path, photos, data_dir):
    (photos / "one").mkdir()
    single = tmp_path / "single"
    single.mkdir()
    (photos / "red").rename(single / "red")
    with pytest.raises(UserError, match="two classes"):
        run(single, data_dir)


def test_a_missing_device_is_named(photos, data_dir):
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="no cuda"):
            run(photos, data_dir, device="cuda")


def test_the_cache_forgets_the_least_recently_used_and_survives_damage(tmp_path):
    kept = FeatureCache(tmp_path, budget=10_000)
    rows = torch.ones(10, 100)
    names = [str(i) for i in range(10)]
    for key in ("a", "b", "c"):
        assert kept.save(key, names, rows)
    assert kept.size() <= 10_000 and not kept.load("a", names) and len(kept.load("c", names)) == 10
    for shard in tmp_path.glob("c/*.safetensors"):
        shard.write_bytes(shard.read_bytes()[:50])
    assert kept.load("c", names) == {}
    assert not kept.save("d", names, torch.ones(10, 10_000))
    kept.clear()
    assert kept.size() == 0


def test_rows_that_do_not_fit_in_memory_lie_in_a_file_that_nobody_sees(tmp_path):
    rows = empty_rows((100, 50), torch.float32, budget=10, folder=tmp_path)
    rows.fill_(2.0)
    assert float(rows.sum()) == 10_000 and not list(tmp_path.iterdir())
    assert cache_key("a", "b") != cache_key("ab")


def test_schedules_begin_and_end_where_they_should():
    layer = torch.nn.Linear(2, 2)
    for kind, end in (("cosine", 0.0), ("linear", 0.0), ("constant", 1.0)):
        config = TrainConfig(schedule=kind, head_learning_rate=1.0)
        optimizer = make_optimizer(layer, torch.nn.Sequential(), config)
        schedule = make_schedule(optimizer, config, 100, warm_up=True)
        rates = []
        for _ in range(100):
            rates.append(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
        assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0) and rates[-1] == pytest.approx(end, abs=0.05)


def test_earlier_stages_learn_more_slowly_and_frozen_ones_not_at_all():
    stages = torch.nn.Sequential(*(torch.nn.Sequential(torch.nn.Conv2d(2, 2, 1), torch.nn.BatchNorm2d(2)) for _ in range(3)))
    stages[0].requires_grad_(False)
    groups = make_optimizer(torch.nn.Linear(2, 2), stages, TrainConfig(), fine=True).param_groups
    rate = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert not any(id(p) in rate for p in stages[0].parameters())
    assert rate[id(stages[2][0].weight)] == 1e-3 and 0 < rate[id(stages[1][0].weight)] < 1e-3
    assert all(group["weight_decay"] == 0 for group in groups if group["params"][0].ndim == 1)
    plain = make_optimizer(torch.nn.Linear(2, 2), torch.nn.Sequential(torch.nn.Linear(2, 2)), TrainConfig()).param_groups
    assert plain[-1]["lr"] == pytest.approx(1e-4)


def test_small_classes_weigh_more_when_they_should():
    assert class_weights([10, 20], "auto") is None and class_weights([10, 99], "off") is None
    weights = class_weights([10, 90], "auto")
    assert weights.tolist() == pytest.approx([5.0, 100 / 180])
    assert sum(w * n for w, n in zip(weights.tolist(), [10, 90], strict=True)) == pytest.approx(100)


def test_augmentation_keeps_shape_and_range():
    pictures = torch.randint(0, 255, (16, 3, 32, 32), dtype=torch.uint8)
    generator = torch.Generator().manual_seed(0)
    assert augment(pictures, "none", generator) is pictures
    flipped = augment(pictures, "flip", generator)
    same = (flipped == pictures).flatten(1).all(1)
    assert 0 < same.sum() < 16
    crops = augment(pictures, "crops", generator)
    assert crops.shape == pictures.shape and crops.dtype == torch.uint8
    straight = augment(torch.arange(32, dtype=torch.uint8).expand(16, 3, 32, 32), "crops_no_flip", generator).float()
    assert (straight[..., -1] > straight[..., 0]).all()
    assert views_for("none") == ("original",) and "flip" in views_for("flip") and len(views_for("crops")) == 8


def test_normalization_is_torchvisions():
    from transferui.data.preprocessing import Preprocessing

    p = Preprocessing(8, 8, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    pictures = torch.from_numpy(np.arange(3 * 64, dtype=np.uint8).reshape(1, 3, 8, 8))
    import torchvision.transforms.v2.functional as F

    expected = F.normalize(pictures.float() / 255, list(p.mean), list(p.std))
    assert torch.allclose(features.normalize(pictures, p), expected, atol=1e-6) and math.isfinite(float(expected.sum()))


def test_a_feature_that_hardly_varies_is_not_blown_up():
    from transferui.training.model import Head

    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    features[:, 3] = 1e-7 * features[:, 3] + 5
    head = Head(4, 2)
    head.standardize(features)
    scaled = (features - head.shift) * head.scale
    assert scaled[:, :3].std() == pytest.approx(1, abs=0.1) and float(scaled[:, 3].abs().max()) < 1e-4
    head.standardize(torch.ones(5, 4))
    assert torch.isfinite(head.scale).all()


def cramped(x, *_):
    """Runs out of memory for more than four pictures at once, as a small machine would."""
    if len(x) > 4:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory")
    return x


class Cramped(torch.nn.Identity):
    def forward(self, x):
        return cramped(x)


def test_short_memory_halves_what_goes_through_at_once_and_changes_nothing(photos, data_dir, tmp_path, monkeypatch):
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
    for a, b in zip(roomy, small, strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], abs=1e-4)


def test_a_full_disk_costs_the_memory_of_the_run_and_nothing_else(photos, data_dir, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "save_file", full)
    trained, rows = run(photos, data_dir)
    assert rows and any("not remembered" in note for note in trained.notes)
    assert run(photos, data_dir)[0].work.prefix_images == 30
