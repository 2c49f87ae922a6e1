"""Every backbone as a list of named stages: the one place that looks inside a model.

`build_backbone(name, weights)` gives ``nn.Sequential(stem=…, stage1=…, …, pool=…)`` whose output is a flat feature vector.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from transferui.backbones.catalogue import Backbone, get_backbone
from transferui.backbones.efficientnet_lite import efficientnet_lite0, load_by_order
from transferui.backbones.weights import load_state
from transferui.errors import UserError

Stages = OrderedDict[str, nn.Module]
Cut = tuple[Stages, nn.Module]


def build_backbone(  # noqa: PLR0913 - keyword-only after the first two
    name: str,
    weights: str = "imagenet",
    *,
    data_dir: Path | None = None,
    image_size: int | None = None,
    seed: int = 0,
    report: Callable[[dict[str, Any]], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[nn.Sequential, nn.Module]:
    """Build a network as named stages.

    Args:
        weights: ``imagenet`` (downloaded when they are missing) or ``random``.
        image_size: side of the pictures, in pixels; the network's own when not given.
        seed: of random weights.

    Returns:
        stages: pictures (N, 3, S, S) to features (N, feature_width).
        classifier: torchvision's own last layers; they take the features, except SqueezeNet's, which take the output of the
            stage before ``pool`` (see `imagenet_logits`).

    Raises:
        UserError: ``UNKNOWN_BACKBONE``, ``BAD_IMAGE_SIZE``, and what `load_state` raises.
    """
    backbone = get_backbone(name)
    check_size(backbone, image_size)
    state = None if weights == "random" else load_state(backbone, data_dir, report=report, should_stop=should_stop)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if backbone.bundled:
            stages, classifier = efficientnet_lite0()
            if state is not None:
                load_by_order(nn.ModuleList([stages, classifier]), state)
            return stages, classifier
        model = _torchvision_model(backbone, state, image_size)
    named, last = CUTS[name.rstrip("0123456789") if name.startswith("resnet") else name](model)
    return nn.Sequential(named), last


def _torchvision_model(backbone: Backbone, state: dict[str, Tensor] | None, image_size: int | None) -> nn.Module:
    """The whole network as torchvision builds it, with these weights or random ones."""
    options = {"init_weights": True} if backbone.name == "vgg16" else {}
    model: nn.Module = torchvision.models.get_model(backbone.name, weights=None, **options)
    if state is not None:
        model.load_state_dict(state)
    if backbone.name == "vit_b_16" and image_size not in (None, backbone.image_size):
        model = _resized_vit(model, int(image_size or 0))
    return model


def imagenet_logits(stages: nn.Sequential, classifier: nn.Module, pictures: Tensor) -> Tensor:
    """What the original network says about normalized pictures: logits (N, 1000)."""
    takes_map = isinstance(classifier, nn.Sequential)  # SqueezeNet classifies every place of the map before it pools
    logits: Tensor = classifier(stages[:-1](pictures) if takes_map else stages(pictures))
    return logits


def check_size(backbone: Backbone, image_size: int | None) -> None:
    """Refuse sizes at which a network has no output: too small, or not a multiple of a transformer's patches."""
    if image_size is None:
        return
    if image_size < backbone.min_size or image_size % backbone.size_step:
        step = f" and a multiple of {backbone.size_step}" if backbone.size_step > 1 else ""
        raise UserError(
            "BAD_IMAGE_SIZE",
            f"{backbone.title} needs a picture size of at least {backbone.min_size}{step}, but it was {image_size}.",
            "Set it to 0 to take the network's own size.",
            "image_size",
        )


def _sequence(*modules: nn.Module) -> nn.Sequential:
    """Modules in a row."""
    return nn.Sequential(*modules)


def _groups(layers: nn.Sequential, cuts: list[int]) -> list[nn.Sequential]:
    """A sequence cut before the given indices."""
    bounds = [0, *cuts, len(layers)]
    return [layers[a:b] for a, b in pairwise(bounds)]


def _named(groups: list[Any], *, stem: bool = True) -> Stages:
    """stem, stage1, stage2 …; or stage1, stage2 … for networks without a stem."""
    return OrderedDict((f"stage{n}" if n else "stem", group) for n, group in enumerate(groups, start=0 if stem else 1))


def _fully_connected(model: Any, cuts: list[int]) -> Cut:
    """AlexNet and VGG: convolution stages up to each max pooling, then two large linear layers."""
    stages = _named(_groups(model.features, cuts), stem=False)
    stages["pool"] = _sequence(model.avgpool, nn.Flatten())
    linear = [i for i, layer in enumerate(model.classifier) if isinstance(layer, nn.Linear)]
    stages["fc6"] = model.classifier[: linear[1]]
    stages["fc7"] = model.classifier[linear[1] : linear[2]]
    return stages, model.classifier[linear[2]]


def _alexnet(model: Any) -> Cut:
    return _fully_connected(model, [3, 6, 8, 10])


def _vgg16(model: Any) -> Cut:
    return _fully_connected(model, [5, 10, 17, 24])


def _resnet(model: Any) -> Cut:
    stages = _named([
        _sequence(model.conv1, model.bn1, model.relu, model.maxpool), model.layer1, model.layer2, model.layer3, model.layer4,
    ])  # fmt: skip
    stages["pool"] = _sequence(model.avgpool, nn.Flatten())
    return stages, model.fc


def _mobilenet_v2(model: Any) -> Cut:
    stages = _named(_groups(model.features, [1, 2, 4, 7, 11, 14, 17, 18]))
    head: Any = stages.popitem()[1]
    stages["pool"] = _sequence(*head, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return stages, model.classifier[-1]


def _mobilenet_v3(model: Any, cuts: list[int]) -> Cut:
    """The last convolution, pooling and the linear layer before the classifier are one stage, `pool`."""
    stages = _named(_groups(model.features, cuts))
    head: Any = stages.popitem()[1]
    stages["pool"] = _sequence(*head, model.avgpool, nn.Flatten(), *model.classifier[:-1])
    return stages, model.classifier[-1]


def _mobilenet_v3_small(model: Any) -> Cut:
    return _mobilenet_v3(model, [1, 2, 4, 9, 12])


def _mobilenet_v3_large(model: Any) -> Cut:
    return _mobilenet_v3(model, [1, 2, 4, 7, 13, 16])


def _efficientnet(model: Any) -> Cut:
    stages = _named(list(model.features))
    head: Any = stages.popitem()[1]
    stages["pool"] = _sequence(*head, model.avgpool, nn.Flatten())
    return stages, model.classifier[-1]


def _convnext_tiny(model: Any) -> Cut:
    """A downsampling layer belongs to the stage that follows it."""
    stages = _named(_groups(model.features, [1, 2, 4, 6]))
    stages["pool"] = _sequence(model.avgpool, *model.classifier[:-1])
    return stages, model.classifier[-1]


def _densenet121(model: Any) -> Cut:
    """A transition belongs to the block before it; the last norm and ReLU to `pool`."""
    f = model.features
    stages = _named([
        _sequence(f.conv0, f.norm0, f.relu0, f.pool0), _sequence(f.denseblock1, f.transition1),
        _sequence(f.denseblock2, f.transition2), _sequence(f.denseblock3, f.transition3), _sequence(f.denseblock4),
    ])  # fmt: skip
    stages["pool"] = _sequence(f.norm5, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return stages, model.classifier


def _regnet(model: Any) -> Cut:
    stages = _named([model.stem, *model.trunk_output])
    stages["pool"] = _sequence(model.avgpool, nn.Flatten())
    return stages, model.fc


def _shufflenet(model: Any) -> Cut:
    stages = _named([_sequence(*model.conv1, model.maxpool), model.stage2, model.stage3, model.stage4])
    stages["pool"] = _sequence(*model.conv5, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return stages, model.fc


def _squeezenet(model: Any) -> Cut:
    stages = _named(_groups(model.features, [3, 6, 9]))
    stages["pool"] = _sequence(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return stages, _sequence(*model.classifier, nn.Flatten())


class PatchTokens(nn.Module):
    """The front of a vision transformer: patches as tokens, the class token before them, positions added.

    Shapes: (N, 3, S, S) to (N, 1 + (S / p)^2, D).
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.conv_proj, self.class_token, self.pos_embedding = model.conv_proj, model.class_token, model.encoder.pos_embedding
        self.dropout = model.encoder.dropout

    def forward(self, x: Tensor) -> Tensor:
        """Tokens of pictures."""
        patches = self.conv_proj(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(x.shape[0], -1, -1), patches], dim=1)
        embedded: Tensor = self.dropout(tokens + self.pos_embedding)
        return embedded


class ClassToken(nn.Module):
    """The first token: (N, T, D) to (N, D)."""

    def forward(self, x: Tensor) -> Tensor:
        """Take it."""
        return x[:, 0]


def _vit(model: Any) -> Cut:
    """Twelve blocks in four stages of three, so that the drawing compares with the other networks'."""
    blocks = model.encoder.layers
    stages = _named([_sequence(PatchTokens(model)), *(blocks[i : i + 3] for i in (0, 3, 6, 9))])
    stages["pool"] = _sequence(model.encoder.ln, ClassToken())
    return stages, model.heads.head


def _resized_vit(model: Any, image_size: int) -> Any:
    """The same transformer for another picture size: positions interpolated by torchvision's own function."""
    state = torchvision.models.vision_transformer.interpolate_embeddings(image_size, 16, model.state_dict())
    resized: nn.Module = torchvision.models.vit_b_16(weights=None, image_size=image_size)
    resized.load_state_dict(state)
    return resized


def _swin(model: Any) -> Cut:
    """A patch merging belongs to the stage that follows it."""
    stages = _named(_groups(model.features, [1, 2, 4, 6]))
    stages["pool"] = _sequence(model.norm, model.permute, model.avgpool, model.flatten)
    return stages, model.head


CUTS: dict[str, Callable[[Any], Cut]] = {
    "alexnet": _alexnet,
    "vgg16": _vgg16,
    "resnet": _resnet,
    "mobilenet_v2": _mobilenet_v2,
    "mobilenet_v3_small": _mobilenet_v3_small,
    "mobilenet_v3_large": _mobilenet_v3_large,
    "efficientnet_b0": _efficientnet,
    "efficientnet_v2_s": _efficientnet,
    "convnext_tiny": _convnext_tiny,
    "densenet121": _densenet121,
    "regnet_y_400mf": _regnet,
    "shufflenet_v2_x1_0": _shufflenet,
    "squeezenet1_1": _squeezenet,
    "vit_b_16": _vit,
    "swin_t": _swin,
}
