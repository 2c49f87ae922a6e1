import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from transferui.data.dataset import open_dataset
from transferui.data.preprocessing import Preprocessing, picture_array
from transferui.training import features
from transferui.training.cache import FeatureCache
from transferui.training.features import Extractor, Work

SMALL = Preprocessing(32, 36, "bilinear", (0.5,) * 3, (0.5,) * 3)


def test_normalization_is_torchvisions():
    p = Preprocessing(8, 8, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    pictures = torch.from_numpy(np.arange(3 * 64, dtype=np.uint8).reshape(1, 3, 8, 8))
    import torchvision.transforms.v2.functional as F

    expected = F.normalize(pictures.float() / 255, list(p.mean), list(p.std))
    assert torch.allclose(features.normalize(pictures, p), expected, atol=1e-6) and math.isfinite(float(expected.sum()))


@pytest.fixture
def samples(photos):
    return open_dataset(photos).samples


def extractor(folder, dtype=torch.float32):
    torch.manual_seed(0)
    stage = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, 2), torch.nn.BatchNorm2d(4), torch.nn.ReLU())
    stage[1].running_mean.uniform_(-1, 1)
    return Extractor(torch.nn.Sequential(stage).eval(), SMALL, torch.device("cpu"), dtype, FeatureCache(folder))


def rows_of(one, samples, views=("original",)):
    work, told = Work(), []
    rows = one.rows(samples, views, work, told.append, lambda: False)
    return rows, work, told


def test_folded_rows_are_those_of_the_plain_network(tmp_path, samples):
    one = extractor(tmp_path)
    rows, _, _ = rows_of(one, samples)
    pictures = torch.stack([torch.tensor(picture_array(s.path, SMALL)) for s in samples]).permute(0, 3, 1, 2)
    with torch.inference_mode():
        plain = one.stages(features.normalize(pictures, SMALL))
    assert torch.allclose(rows[:, 0], plain, atol=1e-5)


def test_what_is_remembered_is_not_computed_again_and_the_share_is_told(tmp_path, samples):
    rows_of(extractor(tmp_path), samples[:10])
    rows, work, told = rows_of(extractor(tmp_path), samples)
    assert (work.prefix_images, work.cached_images) == (20, 10)
    assert {row["cached"] for row in told} == {10} and told[-1]["done"] == told[-1]["total"] == 30
    assert torch.equal(rows, rows_of(extractor(tmp_path / "other"), samples)[0])


def test_another_precision_or_view_is_not_taken_for_the_same(tmp_path, samples):
    rows_of(extractor(tmp_path), samples)
    assert rows_of(extractor(tmp_path, torch.bfloat16), samples)[1].cached_images == 0
    rows, work, _ = rows_of(extractor(tmp_path), samples, ("flip", "original"))
    assert (work.prefix_images, work.cached_images) == (30, 30)
    assert torch.equal(rows, rows_of(extractor(tmp_path / "other"), samples, ("flip", "original"))[0])


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" * len(b), lambda b: b.replace(b"sha256", b"sha255")]
)
def test_a_damaged_shard_is_computed_again_and_never_trusted(tmp_path, samples, damage):
    rows, _, _ = rows_of(extractor(tmp_path), samples)
    for shard in tmp_path.rglob("*.safetensors"):
        shard.write_bytes(damage(shard.read_bytes()))
    again, work, _ = rows_of(extractor(tmp_path), samples)
    assert work.prefix_images == 30 and torch.equal(again, rows)


def test_two_runs_that_want_the_same_at_once_are_both_right(tmp_path, samples):
    expected, _, _ = rows_of(extractor(tmp_path / "alone"), samples)
    with ThreadPoolExecutor(2) as pool:
        both = [job.result()[0] for job in [pool.submit(rows_of, extractor(tmp_path / "both"), samples) for _ in range(2)]]
    assert all(torch.allclose(rows, expected, atol=1e-6) for rows in both)
    assert rows_of(extractor(tmp_path / "both"), samples)[1].prefix_images == 0
