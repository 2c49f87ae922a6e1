"""Properties of the whole catalogue, with random weights and the smallest pictures each network takes."""

import copy
import random
from functools import lru_cache, partial

import pytest
import torch
import torchvision
from torch import nn

from transferui.backbones.catalogue import CATALOGUE, stages_with_weights
from transferui.backbones.stages import build_backbone, check_size, imagenet_logits
from transferui.errors import UserError
from transferui.training.features import fold_batchnorm
from transferui.training.model import Classifier, state_digest

# The bundled one last, so that the others have the same number in both lists: by it pytest puts the tests of one network, which
# share its making, one after the other.
EVERY = sorted(CATALOGUE.values(), key=lambda b: b.bundled)
TORCHVISIONS = [b for b in EVERY if not b.bundled]
each_of = partial(pytest.mark.parametrize, "b", ids=lambda b: b.name, scope="module")


def size_of(b):
    return max(b.min_size, 64)


@lru_cache(maxsize=1)
def made(name, image_size):
    return build_backbone(name, "random", image_size=image_size)


def random_network(b, size=None):
    """Stages and classifier with random weights, in a copy of one's own; a vision transformer's depend on the size."""
    return copy.deepcopy(made(b.name, size if b.name == "vit_b_16" else None))


def steps(model, b, n=2):
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05)
    model.train()
    for seed in range(n):
        x = torch.randn(4, 3, size_of(b), size_of(b), generator=torch.Generator().manual_seed(seed))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 2, 0])).backward()
        optimizer.step()


@each_of(TORCHVISIONS)
def test_the_stages_in_sequence_are_torchvisions_own_forward(b):
    options = {"init_weights": True} if b.name == "vgg16" else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = torchvision.models.get_model(b.name, weights=None, **options).eval()
    stages, classifier = random_network(b)
    size = 224 if b.name == "vit_b_16" else size_of(b)
    x = torch.randn(2, 3, size, size)
    with torch.inference_mode():
        stages.eval()
        classifier.eval()
        assert torch.equal(imagenet_logits(stages, classifier, x), model(x))
        assert stages(x).shape == (2, b.feature_width)


@each_of(EVERY)
def test_freezing_any_subset_leaves_exactly_that_subset_as_it_was(b):
    names = stages_with_weights(b)
    trainable = random.Random(b.name).sample(names, len(names) // 2)
    model = Classifier(random_network(b, size_of(b))[0], b.feature_width, 3)
    nn.init.normal_(model.head.linear.weight)  # a zero head gives no gradient in the first step
    model.freeze(trainable)
    before = {name: state_digest(stage) for name, stage in model.stages.named_children()}
    steps(model, b)
    for name, stage in model.stages.named_children():
        changed = state_digest(stage) != before[name]
        assert changed == (name in trainable), name
        reached = [p.grad is not None for p in stage.parameters()]
        assert all(reached) if name in trainable else not any(reached), name


def test_kept_batchnorm_statistics_stay_while_their_weights_learn():
    b = CATALOGUE["efficientnet_lite0"]
    model = Classifier(build_backbone(b.name)[0], b.feature_width, 3)
    nn.init.normal_(model.head.linear.weight)
    model.freeze(["pool"], "keep")
    norm = next(m for m in model.stages.pool.modules() if isinstance(m, nn.BatchNorm2d))
    mean, weight = norm.running_mean.clone(), norm.weight.detach().clone()
    steps(model, b)
    assert torch.equal(norm.running_mean, mean) and not torch.equal(norm.weight, weight)


@pytest.mark.parametrize(
    "b",
    [
        b
        for b in EVERY
        if b.name
        in ("efficientnet_lite0", "resnet18", "densenet121", "mobilenet_v3_small", "regnet_y_400mf", "shufflenet_v2_x1_0")
    ],
    ids=lambda b: b.name,
)
def test_folding_batchnorm_changes_nothing_but_rounding(b):
    stages, _ = build_backbone(b.name, "random")
    for norm in (m for m in stages.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.uniform_(norm.running_mean, -0.1, 0.1)
        nn.init.uniform_(norm.running_var, 0.5, 1.5)
    x = torch.randn(2, 3, size_of(b), size_of(b))
    with torch.inference_mode():
        plain = stages.eval()(x)
        torch.testing.assert_close(fold_batchnorm(stages)(x), plain, rtol=1e-3, atol=1e-4 * float(plain.abs().max() + 1))


def test_a_prefix_is_the_longest_run_of_frozen_stages():
    b = CATALOGUE["resnet18"]
    model = Classifier(build_backbone(b.name, "random")[0], b.feature_width, 2)
    for trainable, length in (((), 6), (("stage4",), 4), (("stage2", "stage4"), 2), (("stem",), 0)):
        model.freeze(trainable)
        assert model.prefix_length == len(model.prefix) == length and len(model.suffix) == 6 - length
    with pytest.raises(ValueError, match="no such stages"):
        model.freeze(["nonsense"])


@each_of(EVERY)
def test_the_smallest_size_of_a_network_can_learn_from_a_single_picture(b):
    check_size(b, b.min_size)
    stages, _ = random_network(b, b.min_size)
    features = stages.train()(torch.randn(1, 3, b.min_size, b.min_size))
    features.sum().backward()
    assert features.shape == (1, b.feature_width) and all(p.grad is not None for p in stages.parameters())
    with pytest.raises(UserError, match=str(b.min_size)):
        build_backbone(b.name, "random", image_size=b.min_size - 1)


@pytest.mark.parametrize("name", ["swin_t", "vit_b_16"])
def test_transformers_take_other_sizes_of_their_step_and_leave_the_callers_random_numbers_alone(name):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    stages, _ = build_backbone(name, "random", image_size=96, seed=1)
    assert torch.equal(torch.rand(3), expected)
    with torch.inference_mode():
        assert stages.eval()(torch.zeros(1, 3, 96, 96)).shape == (1, 768)


@pytest.mark.parametrize(("name", "size"), [("swin_t", 100), ("vit_b_16", 100), ("resnet18", 16)])
def test_a_size_that_a_network_cannot_take_is_refused(name, size):
    with pytest.raises(UserError, match="picture size"):
        build_backbone(name, "random", image_size=size)
