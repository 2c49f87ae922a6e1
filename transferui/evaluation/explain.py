"""Where in a picture an answer comes from, for every architecture in the catalogue.

At the last places where the network still knows *where* (stage outputs, and what its last pooling takes), each place is
compared with what would be there if all places of the picture looked alike, which also takes out what padding does at the
border. Of the difference two things are asked: how much would the answer fall without it (difference times gradient, the
gradient averaged on the way there, because networks saturate), and how large is it at all. A place is warm when both are
high: a head on deep features also draws on what is *not* there, all over the background.

Sources: B. Zhou et al., 2016, Learning deep features for discriminative localization (CAM); R. Draelos and L. Carin, 2020, Use
HiResCAM instead of Grad-CAM; P. Jiang et al., 2021, LayerCAM (several layers, and channels that speak for the answer alone);
M. Sundararajan et al., 2017, Axiomatic attribution for deep networks (gradients along a path from a baseline).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import Permute

from transferui.training.model import Classifier

# Side of the map: fine enough to draw, far finer than what any network knows of places at its end.
SIDE = 56
# Spread of the smoothing, in places of the map: half a cell of a 7 × 7 stage.
SPREAD = 4.0
# Stage outputs, counted from the end, that are looked at besides what the last pooling takes, and how many maps count at most:
# behind a vision transformer's last stage only the class token has a say, so that stage's does not.
STAGES, COUNTED = 5, 5
# Where on the way from "all places alike" (0) to the picture (1) gradients are taken: Gauss and Legendre's two points.
WAY = (0.2113, 0.7887)


def heat_map(model: Classifier, picture: Tensor, label: int) -> Tensor:
    """How much the answer comes from each place of a picture, (SIDE, SIDE) from 0 to 1.

    Args:
        picture: one normalized picture (1, 3, S, S).
        label: index of the class that was answered.
    """
    model.eval()
    with torch.no_grad():
        first, rows = _first(model, picture)
        flat = _alike(rows)
        values, baseline = _walk(model, first, rows)[0], _walk(model, first, flat)[0]
    slopes = [torch.zeros_like(value) for value in values]
    for share in WAY:
        with torch.enable_grad():
            maps, logits = _walk(model, first, torch.lerp(flat, rows, share).requires_grad_(True))
            # Against the other classes' mean: what speaks for all of them alike is no reason for this answer.
            score = logits[0, label] - (logits[0].sum() - logits[0, label]) / max(1, logits.shape[1] - 1)
            gradients = torch.autograd.grad(score, maps, allow_unused=True)
        slopes = [slope if g is None else slope + g / len(WAY) for slope, g in zip(slopes, gradients, strict=True)]
    return _together([_places(value - same) for value, same in zip(values, baseline, strict=True)], [_places(s) for s in slopes])


def _together(differences: list[Tensor], slopes: list[Tensor]) -> Tensor:
    """One map from differences and gradients (H, W, C) at several places of the network."""
    speaks_for, stands_out, counted = torch.zeros(SIDE, SIDE), torch.zeros(SIDE, SIDE), 0
    for difference, slope in zip(reversed(differences), reversed(slopes), strict=True):
        if counted == COUNTED or not bool(slope.any()):
            continue
        counted += 1
        evidence = difference * slope
        # With and without what speaks against it: in a crowded picture the one hides the object, in noise the other does.
        speaks_for += _even(evidence.sum(dim=-1)) + _even(evidence.relu().sum(dim=-1))
        stands_out += _even(difference.square().sum(dim=-1))
    return _scaled(speaks_for * stands_out)


def _first(model: Classifier, picture: Tensor) -> tuple[int, Tensor]:
    """The first stage behind which is looked, and its output."""
    outputs, rows = list[Tensor](), picture
    for stage in model.stages:
        rows = stage(rows)
        if rows.ndim == 2:
            break
        outputs.append(rows.clone())  # the next stage may write into it
    first = max(0, len(outputs) - STAGES)
    return first, outputs[first].movedim(-1, 1) if _channels_last(model) else outputs[first]


def _channels_last(model: Classifier) -> bool:
    """Whether the stages give (N, H, W, C): the last one then turns that round before it pools.

    Sizes tell nothing: Swin-T's first stage gives 96 channels, and of a picture of 384 px 96 × 96 places.
    """
    return any(isinstance(layer, Permute) for layer in model.stages[-1].children())


def _walk(model: Classifier, first: int, rows: Tensor) -> tuple[list[Tensor], Tensor]:
    """Run on from the output of the stage `first`; gives the activations that have places, from there on, and the logits.

    Shapes: maps are (1, C, H, W), whatever the stages give, and tokens (1, 1 + H·W, C).
    """
    pooled: list[Tensor] = []
    last = [module for module in model.stages[-1].modules() if isinstance(module, nn.AdaptiveAvgPool2d)]
    handle = last[-1].register_forward_pre_hook(lambda _, inputs: pooled.append(inputs[0])) if last else None
    maps, turned = [rows], _channels_last(model)
    for stage in model.stages[first + 1 :]:
        rows = stage((rows.movedim(1, -1) if turned else rows).clone())
        if rows.ndim > 2:
            rows = rows.movedim(-1, 1) if turned else rows
            maps.append(rows)
    if handle:
        handle.remove()
    return [*maps, *pooled], model.head(rows)


def _alike(rows: Tensor) -> Tensor:
    """The same activations with every place as the mean of all; a class token stays."""
    if rows.ndim == 3:
        return torch.cat([rows[:, :1], rows[:, 1:].mean(dim=1, keepdim=True).expand_as(rows[:, 1:])], dim=1)
    return rows.mean(dim=(2, 3), keepdim=True).expand_as(rows)


def _places(rows: Tensor) -> Tensor:
    """Activations of one picture with their channels last: (H, W, C) of (1, C, H, W) or tokens (1, 1 + H·W, C)."""
    if rows.ndim == 3:
        side = int((rows.shape[1] - 1) ** 0.5)
        return rows[0, 1:].reshape(side, side, -1)
    return rows[0].permute(1, 2, 0)


def _even(places: Tensor) -> Tensor:
    """A map (H, W) at the common size, smoothed, without what is below zero, its highest place 1."""
    fine = functional.interpolate(places[None, None].float(), size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    return _scaled(_smooth(fine)[0, 0].relu())


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
