from pathlib import Path

import matplotlib
import pytest
import torch

from transferui.backbones.catalogue import get_backbone
from transferui.backbones.efficientnet_lite import SamePad
from transferui.backbones.stages import build_backbone, imagenet_logits
from transferui.data.preprocessing import Preprocessing, picture_array
from transferui.training.features import normalize

GOWN, MORTARBOARD, UNIFORM = 400, 667, 652


def grace_hopper(name):
    """Probabilities of the ImageNet classes that a network sees in matplotlib's sample photo."""
    b = get_backbone(name)
    stages, classifier = build_backbone(name)
    p = Preprocessing(b.image_size, b.resize_size, b.interpolation, b.mean, b.std)
    pixels = picture_array(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg", p)
    with torch.inference_mode():
        stages.eval()
        classifier.eval()
        logits = imagenet_logits(stages, classifier, normalize(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None], p))
    return torch.softmax(logits, 1)[0]


def test_the_bundled_network_sees_what_it_should(data_dir):
    seen = grace_hopper("efficientnet_lite0")
    assert [round(float(seen[i]), 3) for i in (GOWN, MORTARBOARD, UNIFORM)] == [0.242, 0.209, 0.181]


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [1, 2, 7, 8, 15, 224, 225])
def test_a_step_of_two_halves_any_size_and_rounds_up(kernel, size):
    padded = SamePad(kernel, 2)(torch.zeros(1, 1, size, size + 1))
    out = torch.nn.functional.conv2d(padded, torch.zeros(1, 1, kernel, kernel), stride=2)
    assert out.shape[2:] == (-(-size // 2), -(-(size + 1) // 2))
