import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from transferui.backbones.catalogue import CATALOGUE, get_backbone
from transferui.backbones.stages import build_backbone
from transferui.data.preprocessing import Preprocessing
from transferui.evaluation import explain
from transferui.evaluation.explain import SIDE, heat_map
from transferui.training.features import normalize
from transferui.training.model import Classifier

COLORS = ((205, 60, 45), (50, 165, 75), (60, 80, 205))


def preprocessing(name, size):
    b = get_backbone(name)
    return Preprocessing(size, size, b.interpolation, b.mean, b.std)


def picture(seed, label, size):
    """One disk of a class's color at a random place on noise, and its box."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(90, 160, (size, size, 3), dtype=np.uint8))
    side = 2 * size // 7
    x, y = (int(v) for v in rng.integers(2, size - side - 2, 2))
    ImageDraw.Draw(image).ellipse((x, y, x + side, y + side), fill=COLORS[label])
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None], (x, y, x + side, y + side)


def trained(name, size, n=18):
    """A classifier whose head has learned to tell the colors from features of the untouched network."""
    weights = "imagenet" if get_backbone(name).bundled else "random"
    stages, _ = build_backbone(name, weights, image_size=size)
    model = Classifier(stages, get_backbone(name).feature_width, 3).eval()
    pictures = torch.cat([normalize(picture(i, i % 3, size)[0], preprocessing(name, size)) for i in range(n)])
    labels = torch.arange(n) % 3
    with torch.no_grad():
        features = torch.cat([stages(part) for part in pictures.split(9)])
    model.head.standardize(features)
    inputs = (features - model.head.shift) * model.head.scale
    optimizer = torch.optim.LBFGS(model.head.linear.parameters(), max_iter=100)

    def loss():
        optimizer.zero_grad()
        value = torch.nn.functional.cross_entropy(model.head.linear(inputs), labels)
        value = value + 1e-3 * model.head.linear.weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return model


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_network_gives_a_map_of_the_same_form(name):
    size = max(64, get_backbone(name).min_size)
    size += -size % get_backbone(name).size_step
    stages, _ = build_backbone(name, "random", image_size=size)
    model = Classifier(stages, get_backbone(name).feature_width, 3)
    torch.nn.init.normal_(model.head.linear.weight, generator=torch.Generator().manual_seed(0))
    heat = heat_map(model, normalize(picture(0, 1, size)[0], preprocessing(name, size)), 1)
    assert heat.shape == (SIDE, SIDE) and bool(torch.isfinite(heat).all())
    assert float(heat.min()) >= 0 and float(heat.max()) == pytest.approx(1)
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("name", CATALOGUE)
def test_where_the_channels_lie_is_what_the_catalogue_says(name):
    model = Classifier(build_backbone(name, "random")[0], get_backbone(name).feature_width, 3)
    maps = [stage.output for stage in get_backbone(name).stages if len(stage.output) == 3]
    assert all((high == wide != channels) == explain._channels_last(model) for high, wide, channels in maps)


@pytest.mark.parametrize("size", [224, 384])
def test_places_stay_places_where_a_map_has_as_many_of_them_as_channels(size):
    model = Classifier(build_backbone("swin_t", "random", image_size=size)[0], 768, 2).eval()
    picture = torch.zeros(1, 3, size, size)
    picture[:, :, : size // 4, size // 2 :] = 2
    with torch.no_grad():
        first, rows = explain._first(model, picture)
        same = explain._walk(model, first, explain._alike(rows))[0]
        maps = explain._walk(model, first, rows)[0]
    assert [tuple(m.shape[1:]) for m in maps[:2]] == [(96, size // 4, size // 4)] * 2
    assert torch.allclose(same[0][0, :, 0, 0], rows[0].mean(dim=(1, 2))) and bool((same[0] == same[0][..., :1, :1]).all())
    stands_out = explain._places(maps[0] - same[0]).square().sum(dim=-1)
    y, x = divmod(int(stands_out.argmax()), size // 4)
    assert y <= size // 16 and x >= size // 8 - 1


@pytest.mark.parametrize(("name", "size"), [("efficientnet_lite0", 160), ("vit_b_16", 96), ("swin_t", 128)])
def test_the_warmest_place_lies_on_the_object(name, size):
    model, hits, right = trained(name, size), 0, 0
    for n in range(5):
        pixels, (left, top, r, bottom) = picture(1000 + n, n % 3, size)
        batch = normalize(pixels, preprocessing(name, size))
        with torch.no_grad():
            answer = int(model(batch).argmax())
        if answer != n % 3:
            continue
        y, x = divmod(int(heat_map(model, batch, answer).argmax()), SIDE)
        x, y = (x + 0.5) * size / SIDE, (y + 0.5) * size / SIDE
        right, hits = right + 1, hits + (left <= x <= r and top <= y <= bottom)
    assert right >= 4, "the head has not learned the colors"
    assert hits >= 0.9 * right
