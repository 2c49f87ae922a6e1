import itertools

import pytest

from transferui.backbones.catalogue import CATALOGUE
from transferui.ui.network import blocks, groups, redrawn, shape, short


@pytest.mark.parametrize("backbone", CATALOGUE.values(), ids=lambda b: b.name)
def test_every_network_is_drawn_with_all_its_weights_and_a_head(backbone):
    rows = blocks(backbone, 3)
    assert sum(row["params"] for row in rows[:-1]) == sum(stage.params for stage in backbone.stages)
    assert rows[-1]["name"] == "head" and rows[-1]["params"] == (backbone.feature_width + 1) * 3
    assert all(0 < row["size"] <= 1 and row["out"] for row in rows)


def test_neighbors_that_see_the_same_share_a_word():
    rows = blocks(CATALOGUE["efficientnet_lite0"], 2)
    found = groups(rows)
    assert sum(group["span"] for group in found) == len(rows) and found[-1] == {"text": "your classes", "span": 1}
    assert all(a["text"] != b["text"] for a, b in itertools.pairwise(found))


def test_numbers_are_short():
    assert [short(n) for n in (928, 14_000, 1_700_000)] == ["928", "14 k", "1.7 M"] and shape((32, 112, 112)) == "32 × 112 × 112"


def test_another_network_comes_with_all_that_is_drawn():
    update = redrawn(blocks(CATALOGUE["resnet18"], 2), ["layer4"])
    assert update.value == ["layer4"] and update.props["stages"][-1]["name"] == "head"
