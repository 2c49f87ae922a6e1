import pytest
import torch

from transferui.evaluation.neighbors import Shown
from transferui.evaluation.shown import NEIGHBORS


def shown():
    features = torch.nn.functional.normalize(torch.eye(5, 8) + 0.01, dim=1).half()
    return Shown(features, torch.tensor([10, 20, 30, 40, 50]), torch.tensor([0, 0, 1, 1, 2]))


def test_the_most_similar_photo_comes_first_with_its_label():
    found = shown().nearest(torch.eye(8)[2] * 7 + torch.eye(8)[4])
    assert [n.sample for n in found][:2] == [30, 50] and len(found) == NEIGHBORS + 1
    assert found[0].label == 1 and 0.9 < found[0].similarity <= 1.001


def test_with_fewer_photos_there_are_fewer_neighbors():
    one = Shown(torch.ones(1, 8).half(), torch.tensor([3]), torch.tensor([1]))
    assert [n.sample for n in one.nearest(torch.ones(8))] == [3]


@pytest.mark.parametrize(
    "change",
    [{"labels": torch.tensor([0, 0, 1, 1, 9])}, {"features": torch.ones(5, 7).half()}, {"samples": torch.tensor([1])},
     {"features": torch.ones(5, 8)}, {"extra": torch.ones(1)}],
)  # fmt: skip
def test_what_does_not_fit_the_model_is_refused(change):
    assert Shown.from_tensors(shown().tensors(), 3, 8).samples.tolist() == [10, 20, 30, 40, 50]
    with pytest.raises(ValueError):
        Shown.from_tensors({**shown().tensors(), **change}, 3, 8)
