"""Where in a picture an answer comes from, for every architecture in the catalogue.

One pass forward and one back. At the last few places where the network still knows *where* (stage outputs, and what its last
pooling takes), each place's deviation from the picture's mean is asked two things: how much would the answer change if this
place looked like the rest (deviation times gradient, per channel, without its sign), and how much does it stand out at all.
A place is warm when both are high. Either alone misleads: deep linear heads also draw on what is *not* there, all over the
background (benchmarks/heatmaps.py has the figures).

Sources: B. Zhou et al., 2016, Learning deep features for discriminative localization (CAM); R. Draelos and L. Carin, 2020,
Use HiResCAM instead of Grad-CAM; P. Jiang et al., 2021, LayerCAM (several layers together).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from transferui.training.model import Classifier

# Side of the map: fine enough to draw, far finer than what any network knows of places at its end.
SIDE = 56
# Spread of the smoothing, in places of the map: one cell of a 7 × 7 stage is 8 places.
SPREAD = 5.0
# Stage outputs, counted from the end, that are looked at, besides what the last pooling takes.
STAGES = 3


def heat_map(model: Classifier, picture: Tensor, label: int) -> Tensor:
    """How much the answer comes from each place of a picture, (SIDE, SIDE) from 0 to 1.

    Args:
        picture: one normalized picture (1, 3, S, S).
        label: index of the class that was answered.
    """
    model.eval()
    with torch.enable_grad():
        maps, logits = _walk(model, picture.detach().clone().requires_grad_(True))
        # Against the other classes' mean: what speaks for all of them alike is no reason for this answer.
        score = logits[0, label] - (logits[0].sum() - logits[0, label]) / max(1, logits.shape[1] - 1)
        gradients = torch.autograd.grad(score, maps, allow_unused=True)
    matters, stands_out = torch.zeros(SIDE, SIDE), torch.zeros(SIDE, SIDE)
    for values, gradient in zip(maps, gradients, strict=True):
        slope = _places(gradient) if gradient is not None else torch.zeros(1)
        if not bool(slope.any()):  # behind it only the class token counts
            continue
        deviation = _places(values.detach())
        deviation = deviation - deviation.mean(dim=(0, 1))
        matters += _even((deviation * slope).abs().sum(dim=-1))
        stands_out += _even(deviation.square().sum(dim=-1))
    return _scaled(matters * stands_out)


def _walk(model: Classifier, picture: Tensor) -> tuple[list[Tensor], Tensor]:
    """Run a picture through the network; gives the last activations that have places, and the logits."""
    pooled: list[Tensor] = []
    last = [module for module in model.stages[-1].modules() if isinstance(module, nn.AdaptiveAvgPool2d)]
    handle = last[-1].register_forward_pre_hook(lambda _, inputs: pooled.append(inputs[0])) if last else None
    maps, rows = list[Tensor](), picture
    for stage in model.stages:
        rows = stage(rows)
        if rows.ndim > 2:
            rows = rows.clone()  # the next stage may write into it
            maps.append(rows)
    if handle:
        handle.remove()
    return [*maps[-STAGES:], *pooled], model.head(rows)


def _places(rows: Tensor) -> Tensor:
    """Activations of one picture with their channels last: (H, W, C) of (1, C, H, W), (1, H, W, C) or tokens (1, 1 + H·W, C)."""
    if rows.ndim == 3:
        side = int((rows.shape[1] - 1) ** 0.5)
        return rows[0, 1:].reshape(side, side, -1)
    return rows[0] if rows.shape[2] != rows.shape[3] else rows[0].permute(1, 2, 0)


def _even(places: Tensor) -> Tensor:
    """A map (H, W) at the common size, smoothed, its highest place 1."""
    fine = functional.interpolate(places[None, None].float(), size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    return _scaled(_smooth(fine)[0, 0])


def _scaled(places: Tensor) -> Tensor:
    return places / places.max().clamp_min(1e-12)


def _smooth(maps: Tensor) -> Tensor:
    """Gaussian smoothing of maps (1, 1, H, W): an object's edges light up one by one, but are one reason."""
    reach = round(3 * SPREAD)
    places = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-places.square() / (2 * SPREAD**2))
    kernel /= kernel.sum()
    padded = functional.pad(maps, (reach, reach, reach, reach), mode="replicate")
    return functional.conv2d(functional.conv2d(padded, kernel[None, None, :, None]), kernel[None, None, None, :])
