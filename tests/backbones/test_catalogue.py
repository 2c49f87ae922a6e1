import pytest
import torchvision

from transferui.backbones.catalogue import CATALOGUE, get_backbone, resolve_trainable, stages_with_weights, weights_file
from transferui.backbones.measure import measure
from transferui.backbones.stages import build_backbone
from transferui.errors import UserError

EVERY = list(CATALOGUE.values())


def test_the_catalogue_has_the_networks_of_the_textbooks():
    assert len(EVERY) == 18 and EVERY[0].bundled


@pytest.mark.parametrize("b", [b for b in EVERY if not b.bundled], ids=lambda b: b.name)
def test_facts_are_those_of_torchvisions_own_record(b):
    weights = torchvision.models.get_model_weights(b.name)[b.weights_tag]
    transforms = weights.transforms()
    assert b.top1 == weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert b.url == weights.url
    assert b.download_bytes == round(weights.meta["_file_size"] * 2**20)
    assert [b.image_size] == transforms.crop_size and [b.resize_size] == transforms.resize_size
    assert b.interpolation == transforms.interpolation.value
    assert (list(b.mean), list(b.std)) == (list(transforms.mean), list(transforms.std))


@pytest.mark.parametrize("b", EVERY, ids=lambda b: b.name)
def test_stage_facts_are_those_of_the_built_modules(b):
    stages, _ = build_backbone(b.name, "random")
    assert [(s.name, s.params, list(s.output)) for s in b.stages] == measure(stages, b.image_size)
    assert b.stages[-1].output == (b.feature_width,)


@pytest.mark.parametrize("b", EVERY, ids=lambda b: b.name)
def test_presets_name_stages_in_network_order(b):
    names = stages_with_weights(b)
    last, late, half = (resolve_trainable(b, choice) for choice in ("last", "late", "half"))
    assert resolve_trainable(b, "none") == () and resolve_trainable(b, "all") == names
    assert names[-len(last) :] == last and names[-len(half) :] == half and len(last) <= len(half) < len(names)
    assert names[-len(late) :] == late and len(last) <= len(late) < len(names)
    weights = {stage.name: stage.params for stage in b.stages}
    assert sum(weights[name] for name in late) >= b.params / 2 > sum(weights[name] for name in late[1:])
    assert resolve_trainable(b, f"{names[-1]}, {names[0]}") == (names[0], names[-1])
    with pytest.raises(UserError, match=names[0]):
        resolve_trainable(b, "nonsense")


@pytest.mark.parametrize("name", ["resnet", "../etc", "", ["resnet18"], None, 3])
def test_an_unknown_network_is_refused(name):
    with pytest.raises(UserError) as caught:
        get_backbone(name)
    assert caught.value.code == "UNKNOWN_BACKBONE"


@pytest.mark.parametrize(("typed", "meant"), [("resnet-18", "resnet18"), ("mobilnet_v2", "mobilenet_v2"), ("vgg19", "vgg16")])
def test_a_misspelt_network_gets_the_right_one_suggested(typed, meant):
    with pytest.raises(UserError, match=f"Did you mean.*{meant}"):
        get_backbone(typed)


def test_a_network_is_ready_when_its_file_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    b = get_backbone("resnet18")
    assert weights_file(b, tmp_path) is None and weights_file(EVERY[0]) is not None
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / f"{b.file_name}.partial").touch()
    assert weights_file(b, tmp_path) is None
    (tmp_path / "weights" / b.file_name).touch()
    assert weights_file(b, tmp_path)
