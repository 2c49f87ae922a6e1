"""EfficientNet-Lite0: the network that comes with the app.

Source: R. Liu, 2020, Higher accuracy on vision models with EfficientNet-Lite (TensorFlow blog): EfficientNet-B0 without
squeeze-and-excitation, with ReLU6, and with stem and head of fixed width.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

# Per stage: expansion, kernel, stride of its first block, output channels, number of blocks (EfficientNet-B0's table).
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
_STEM, _FEATURES, _CLASSES = 32, 1280, 1000
# TensorFlow's values; the weights were trained with them.
_EPS, _MOMENTUM = 1e-3, 0.01


class SamePad(nn.Module):
    """Zero padding as TensorFlow's "same" does it: at stride 2 one more on the right and bottom than on the left and top.

    Shapes: (N, C, H, W) to (N, C, H + k - s, W + k - s) where s divides H and W, else one row or column more.
    """

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """Pad so that the convolution gives ceil(size / stride)."""
        return nn.functional.pad(x, (*self._around(x.shape[-1]), *self._around(x.shape[-2])))

    def _around(self, size: int) -> tuple[int, int]:
        total = self.kernel - self.stride + -size % self.stride  # no branch on the size, so that torch.fx can trace it
        return total // 2, total - total // 2


class ConvNorm(nn.Sequential):
    """Convolution, BatchNorm and, unless it is a projection, ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, *, depthwise: bool = False, act: bool = True
    ) -> None:
        same = stride == 1
        layers: list[nn.Module] = [] if same else [SamePad(kernel, stride)]
        padding = kernel // 2 if same else 0
        layers.append(nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=inputs if depthwise else 1, bias=False))
        layers.append(nn.BatchNorm2d(outputs, eps=_EPS, momentum=_MOMENTUM))
        if act:
            layers.append(nn.ReLU6(inplace=True))
        super().__init__(*layers)


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; with a shortcut where input and output have the same shape.

    Source: M. Sandler et al., 2018, MobileNetV2.
    """

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        width = inputs * expansion
        layers = [ConvNorm(inputs, width)] if expansion > 1 else []
        layers += [ConvNorm(width, width, kernel, stride, depthwise=True), ConvNorm(width, outputs, act=False)]
        self.layers = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y: Tensor = self.layers(x)
        return x + y if self.shortcut else y


def efficientnet_lite0() -> tuple[nn.Sequential, nn.Linear]:
    """The network as named stages and its ImageNet classifier, with random weights."""
    stages: OrderedDict[str, nn.Module] = OrderedDict(stem=ConvNorm(3, _STEM, 3, 2))
    inputs = _STEM
    for n, (expansion, kernel, stride, outputs, depth) in enumerate(_STAGES, start=1):
        blocks = []
        for i in range(depth):
            blocks.append(InvertedResidual(inputs, outputs, expansion, kernel, stride if i == 0 else 1))
            inputs = outputs
        stages[f"stage{n}"] = nn.Sequential(*blocks)
    stages["pool"] = nn.Sequential(ConvNorm(inputs, _FEATURES), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(stages), nn.Linear(_FEATURES, _CLASSES)


def load_by_order(modules: nn.Module, state: dict[str, Tensor]) -> None:
    """Copy a state whose tensors have the same order and shapes under other names, as the package's file has.

    Raises:
        ValueError: when number or shapes differ.
    """
    own = modules.state_dict()
    if len(own) != len(state) or any(a.shape != b.shape for a, b in zip(own.values(), state.values(), strict=False)):
        raise ValueError("the weights do not fit EfficientNet-Lite0")
    modules.load_state_dict(dict(zip(own, state.values(), strict=True)))
