import io
import math

import numpy as np
import pytest
import torchvision
import torchvision.transforms.v2 as T
from PIL import Image

from transferui.backbones.catalogue import get_backbone
from transferui.config import SETTINGS
from transferui.data import preprocessing
from transferui.data.preprocessing import VIEWS, Preprocessing, picture_array, picture_views

P = Preprocessing(64, 72, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def photo(width, height):
    rng = np.random.default_rng(width)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("size", [(90, 120), (121, 77), (72, 72), (20, 30), (300, 65)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_the_original_view_is_torchvisions_resize_and_center_crop(size, interpolation):
    content = photo(*size)
    p = Preprocessing(64, 72, interpolation, P.mean, P.std)
    pipeline = T.Compose([T.Resize(72, interpolation=T.InterpolationMode(interpolation)), T.CenterCrop(64)])
    expected = np.asarray(pipeline(Image.open(io.BytesIO(content))))
    assert np.array_equal(picture_array(content, p), expected)


@pytest.mark.parametrize("size", [(9, 200), (2000, 130), (40, 3000), (500, 7)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_the_middle_of_a_very_long_picture_is_what_it_would_be_of_the_whole(size, interpolation, monkeypatch):
    content, p = photo(*size), Preprocessing(64, 72, interpolation, P.mean, P.std)
    quick = picture_array(content, p).astype(int)
    monkeypatch.setattr(preprocessing, "LONGEST", math.inf)
    assert np.abs(quick - picture_array(content, p)).max() <= 1


def test_a_picture_of_one_by_twenty_thousand_pixels_costs_no_more_than_another(monkeypatch):
    made, resize = [], Image.Image.resize
    monkeypatch.setattr(
        Image.Image, "resize", lambda image, size, *how, **more: made.append(size) or resize(image, size, *how, **more)
    )
    assert picture_array(photo(1, 20000), P).shape == (64, 64, 3)
    assert picture_array(photo(20000, 1), P).shape == (64, 64, 3)
    assert made == [(64, 64), (64, 64)]


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0", "convnext_tiny", "swin_t", "efficientnet_v2_s"])
@pytest.mark.parametrize("size", [(500, 375), (333, 501), (100, 80)])
def test_a_networks_input_is_what_its_weights_record_asks_for(name, size):
    b, content = get_backbone(name), photo(*size)
    pixels = picture_array(content, Preprocessing(b.image_size, b.resize_size, b.interpolation, b.mean, b.std))
    record = torchvision.models.get_model_weights(name)[b.weights_tag].transforms(mean=(0, 0, 0), std=(1, 1, 1))
    expected = (record(Image.open(io.BytesIO(content))) * 255).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(pixels, expected)


def test_views_are_what_they_are_called_and_always_the_same():
    content = photo(90, 120)
    original, flip, cut1, cut2 = picture_views(content, P, ["original", "flip", "cut1", "cut2"], "one")
    assert np.array_equal(flip, original[:, ::-1])
    assert not np.array_equal(cut1, cut2) and cut1.shape == original.shape
    assert np.array_equal(cut1, picture_views(content, P, ["cut1"], "one")[0])


def test_every_choice_of_augmentation_has_views_and_begins_with_the_picture_as_it_is():
    assert set(VIEWS) == set(SETTINGS["augmentation"].choices) and VIEWS["none"] == ("original",)
    assert all(first == "original" for first, *_ in VIEWS.values())


def test_every_picture_is_cut_elsewhere():
    content = photo(90, 120)
    one, other = (picture_views(content, P, ["cut2"], seed)[0] for seed in ("one", "other"))
    assert not np.array_equal(one, other)


def test_it_travels_as_plain_data():
    assert Preprocessing.from_dict(P.as_dict()) == P
    assert P.resized(128).resize_size == 144 and P.resized(128).key != P.key
    for broken in (
        {},
        {**P.as_dict(), "image_size": 0},
        {**P.as_dict(), "interpolation": "magic"},
        {**P.as_dict(), "std": [0, 1, 1]},
    ):
        with pytest.raises((KeyError, ValueError)):
            Preprocessing.from_dict(broken)
