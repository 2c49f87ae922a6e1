import math

import numpy as np
import torch

from transferui.training import features


def test_normalization_is_torchvisions():
    from transferui.data.preprocessing import Preprocessing

    p = Preprocessing(8, 8, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    pictures = torch.from_numpy(np.arange(3 * 64, dtype=np.uint8).reshape(1, 3, 8, 8))
    import torchvision.transforms.v2.functional as F

    expected = F.normalize(pictures.float() / 255, list(p.mean), list(p.std))
    assert torch.allclose(features.normalize(pictures, p), expected, atol=1e-6) and math.isfinite(float(expected.sum()))
