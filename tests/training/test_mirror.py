"""Mirrored photos are only shown where a mirror image is the same thing."""

import pytest
import torch

from transferui.data.preprocessing import VIEWS
from transferui.training.mirror import UNMIRRORED, ask_mirror

LABELS = torch.arange(80) % 2


def features(side):
    """80 pictures of two classes that differ in the first feature, times `side`."""
    points = torch.randn(80, 5, generator=torch.Generator().manual_seed(0))
    points[:, 0] += 3.0 * side * (LABELS * 2 - 1)
    return points


def test_a_mirror_that_swaps_the_classes_is_seen_and_told():
    mirror = ask_mirror(features(1), features(-1), LABELS)
    assert mirror.harms and mirror.right > 70 and mirror.right_mirrored < 10
    assert "Mirrored photos were mistaken" in mirror.words


def test_a_mirror_that_changes_nothing_that_matters_is_welcome():
    noise = torch.randn(80, 5, generator=torch.Generator().manual_seed(1))
    mirror = ask_mirror(features(1), features(1) + 0.3 * noise, LABELS)
    assert not mirror.harms


def test_a_single_photo_of_a_class_cannot_be_asked():
    assert ask_mirror(features(1)[:5], features(1)[:5], torch.tensor([0, 0, 0, 0, 1])) is None


@pytest.mark.parametrize("augmentation", UNMIRRORED.values())
def test_what_is_shown_instead_holds_no_mirror_images(augmentation):
    first, *copies = VIEWS[augmentation]
    assert first == "original" and all(int(view.removeprefix("cut")) % 2 == 0 for view in copies)
