import io
import json
import pickle
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import transferui as tui
from transferui.errors import UserError
from transferui.evaluation.headline import card_rows, weighting
from transferui.export.bundle import bundle_facts, save_bundle
from transferui.export.checkpoint import load_checkpoint

ROOT = Path(__file__).parents[2]


@pytest.fixture
def trained(tuned_run):
    """A short real run with a stage that has learned, its bundle and a photo."""
    return tuned_run.result, tuned_run.bundle, tuned_run.photos / "red" / "0.jpg"


def answers(model, photo):
    return {a.class_name: a.probability for a in model.predict(photo)}


def test_a_bundle_answers_as_the_run_does(trained):
    result, bundle, photo = trained
    run = answers(load_checkpoint(result.run_dir, result.data_dir), photo)
    opened = answers(tui.load_model(bundle), photo)
    assert opened.keys() == run.keys() and sum(opened.values()) == pytest.approx(1)
    assert all(opened[name] == pytest.approx(run[name], abs=1e-6) for name in run)


@pytest.mark.parametrize(("temperature", "used"), [(2.0, 2.0), (-1.0, 1.0), (1e9, 1.0), ("hot", 1.0), (None, 1.0)])
def test_a_temperature_divides_the_logits_and_one_that_cannot_be_is_ignored(trained, temperature, used):
    _, bundle, photo = trained
    model = tui.load_model(bundle)
    model = replace(model, facts={**model.facts, "temperature": temperature})
    plain = replace(model, facts={**model.facts, "temperature": 1.0}).probabilities([photo]).log()
    assert torch.allclose(model.probabilities([photo]), torch.softmax(plain / used, dim=1), atol=1e-6)


def test_a_bundle_answers_the_same_in_another_installation(trained, tmp_path):
    _, bundle, photo = trained
    code = f"import json, transferui as t; print(json.dumps({{a.class_name: a.probability for a in t.load_model({str(bundle)!r}).predict({str(photo)!r})}}))"
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TRANSFERUI_HOME": str(tmp_path / "empty"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    out = subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, check=True, text=True).stdout
    here = answers(tui.load_model(bundle), photo)
    assert all(value == pytest.approx(here[name], abs=1e-5) for name, value in json.loads(out).items())


def test_a_bundle_holds_no_photo_no_file_name_and_no_path(trained):
    _, bundle, _ = trained
    with zipfile.ZipFile(bundle) as archive:
        assert sorted(archive.namelist()) == ["README.md", "model.json", "model.safetensors", "novelty.safetensors"]
        assert len(archive.read("novelty.safetensors")) < 1_000_000
        text = archive.read("model.json").decode() + archive.read("README.md").decode()
    assert ".jpg" not in text.replace("new.jpg", "") and str(bundle.parent) not in text
    assert "photos answered right" in text and "red" in text


def test_the_answers_photo_by_photo_stay_at_home(trained):
    _, bundle, _ = trained
    model = tui.load_model(bundle)
    cv = {"n": 30, "confusion": [[30]], "items": [{"sample": 0, "photo": "0123456789abcdef"}]}
    told = bundle_facts(replace(model, facts={**model.facts, "cv": cv, "val_items": cv["items"]}))
    assert told["metrics"]["cv"] == {"n": 30, "confusion": [[30]]} and "0123456789abcdef" not in json.dumps(told)


def test_the_card_in_a_bundle_is_as_honest_as_the_page(trained):
    result, bundle, _ = trained
    with zipfile.ZipFile(bundle) as archive:
        card, facts = archive.read("README.md").decode(), json.loads(archive.read("model.json"))
    known = json.loads((result.run_dir / "results.json").read_text())
    assert card_rows(facts["metrics"]) == card_rows(known) and weighting(facts["metrics"]) == weighting(known)
    assert "| Guessing | always guessing the largest class gets " in card


def test_saving_twice_gives_the_same_bytes(trained, tmp_path):
    result, bundle, _ = trained
    assert result.save(tmp_path / "again.zip").read_bytes() == bundle.read_bytes()


def test_a_bundle_of_an_opened_bundle_still_tells_of_its_photos(trained, tmp_path):
    _, bundle, _ = trained
    again = save_bundle(tui.load_model(bundle), tmp_path / "again.zip")
    first, second = (json.loads(zipfile.ZipFile(path).read("model.json")) for path in (bundle, again))
    assert second["dataset"] == first["dataset"] and first["dataset"]["name"] and first["dataset"]["fingerprint"]


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit('unpickled')",))


@pytest.mark.parametrize("kind", ["pickle", "torch", "text", "empty", "zip of pickle"])
def test_a_file_of_another_kind_is_refused_and_never_unpickled(tmp_path, kind):
    path = tmp_path / "model.zip"
    buffer = io.BytesIO()
    if kind == "torch":
        torch.save({"a": Evil()}, buffer)
    content = {"pickle": pickle.dumps(Evil()), "torch": buffer.getvalue(), "text": b"hello", "empty": b""}.get(kind, b"")
    path.write_bytes(content)
    if kind == "zip of pickle":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.json", pickle.dumps(Evil()))
            archive.writestr("model.safetensors", pickle.dumps(Evil()))
    with pytest.raises(UserError) as caught:
        tui.load_model(path)
    assert caught.value.code == "NOT_A_MODEL"


def changed(bundle, path, **members):
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, members.get(name, old.read(name)))
    return path


def facts_of(bundle, **changes):
    with zipfile.ZipFile(bundle) as archive:
        return json.dumps({**json.loads(archive.read("model.json")), **changes})


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"format": 99}, "MODEL_TOO_NEW"), ({"class_names": ["a"]}, "NOT_A_MODEL"), ({"class_names": ["a", "a", "b"]}, "NOT_A_MODEL"),
     ({"class_names": ["a", "b"]}, "MODEL_BROKEN"), ({"backbone": "nonsense"}, "UNKNOWN_BACKBONE"), ({"backbone": "resnet18"}, "MODEL_BROKEN"),
     ({"preprocessing": {}}, "MODEL_BROKEN"), ({"weights_sha256": "0" * 64}, "MODEL_BROKEN"), ({"image_size": -1}, "NOT_A_MODEL")],
)  # fmt: skip
def test_facts_that_do_not_fit_are_explained(trained, tmp_path, changes, code):
    _, bundle, _ = trained
    with pytest.raises(UserError) as caught:
        tui.load_model(changed(bundle, tmp_path / "m.zip", **{"model.json": facts_of(bundle, **changes)}))
    assert caught.value.code == code


def test_class_names_of_a_bundle_from_anywhere_cannot_steer_a_terminal(trained, tmp_path):
    _, bundle, photo = trained
    names = list(tui.load_model(bundle).class_names)
    evil = facts_of(bundle, class_names=[f"\x1b[2J{names[0]}\x07", f"\u202e{names[1]}\n", *names[2:]])
    opened = tui.load_model(changed(bundle, tmp_path / "m.zip", **{"model.json": evil}))
    assert opened.class_names == (f"[2J{names[0]}", *names[1:])
    assert all(answer.class_name.isprintable() for answer in opened.predict(photo))
    for same in (["\u202e", *names[1:]], [names[1] + "\x07", *names[1:]]):
        with pytest.raises(UserError, match="of its classes ha") as caught:
            tui.load_model(changed(bundle, tmp_path / "m.zip", **{"model.json": facts_of(bundle, class_names=same)}))
        assert caught.value.code == "NOT_A_MODEL"


def test_any_flipped_byte_of_the_weights_is_noticed(trained, tmp_path):
    _, bundle, _ = trained
    with zipfile.ZipFile(bundle) as archive:
        weights = archive.read("model.safetensors")
    for at in range(0, len(weights), len(weights) // 6):
        broken = bytearray(weights)
        broken[at] ^= 1
        with pytest.raises(UserError) as caught:
            tui.load_model(changed(bundle, tmp_path / "m.zip", **{"model.safetensors": bytes(broken)}))
        assert caught.value.code == "MODEL_BROKEN"


def test_a_bundle_says_the_same_verdict_as_the_run_and_has_no_neighbors(trained):
    result, bundle, photo = trained
    run, opened = load_checkpoint(result.run_dir, result.data_dir), tui.load_model(bundle)
    for picture in (photo, photo.parents[1] / "blue" / "3.jpg", ROOT / "assets" / "screenshots" / "test.png"):
        here, there = run.answer(picture), opened.answer(picture)
        assert here.verdict == there.verdict and here.strangeness == pytest.approx(there.strangeness, rel=1e-4)
        assert len(here.neighbors) == 4 and there.neighbors == ()
    shown = {n.similarity for n in run.answer(photo).neighbors}
    assert max(shown) > 0.9


def test_a_bundle_of_an_earlier_version_still_opens_and_is_not_sure_below_half(trained, tmp_path):
    _, bundle, photo = trained
    with zipfile.ZipFile(bundle) as new, zipfile.ZipFile(tmp_path / "old.zip", "w") as old:
        facts = {k: v for k, v in json.loads(new.read("model.json")).items() if k != "novelty_sha256"}
        old.writestr("model.json", json.dumps(facts))
        old.writestr("model.safetensors", new.read("model.safetensors"))
    reply = tui.load_model(tmp_path / "old.zip").answer(photo)
    assert reply.strangeness is None
    assert reply.verdict == ("sure" if reply.ranked[0].probability >= 0.5 else "not_sure")


@pytest.mark.parametrize("kind", ["flipped", "missing", "another name", "another shape", "not finite"])
def test_numbers_on_novelty_that_do_not_fit_are_refused(trained, tmp_path, kind):
    from hashlib import sha256

    from safetensors.torch import load, save

    _, bundle, _ = trained
    with zipfile.ZipFile(bundle) as archive:
        content = archive.read("novelty.safetensors")
    tensors = load(content)
    changed_tensors = {
        "another name": {**tensors, "extra": torch.zeros(1)},
        "another shape": {**tensors, "means": tensors["means"][:, :-1].contiguous()},
        "not finite": {**tensors, "far": torch.tensor(float("inf"))},
    }
    if kind in changed_tensors:
        content = save(changed_tensors[kind])
        members = {"novelty.safetensors": content, "model.json": facts_of(bundle, novelty_sha256=sha256(content).hexdigest())}
    elif kind == "flipped":
        members = {"novelty.safetensors": content[:-1] + bytes([content[-1] ^ 1])}
    else:
        members = {"novelty.safetensors": b""}
    with pytest.raises(UserError) as caught:
        tui.load_model(changed(bundle, tmp_path / "m.zip", **members))
    assert caught.value.code == "MODEL_BROKEN"


def test_a_damaged_memory_of_a_run_is_explained(trained, tmp_path):
    import shutil

    from transferui.export.checkpoint import MEMORY

    result, _, _ = trained
    folder = shutil.copytree(result.run_dir, tmp_path / "run")
    (folder / MEMORY).write_bytes(b"nonsense")
    with pytest.raises(UserError) as caught:
        load_checkpoint(folder, result.data_dir)
    assert caught.value.code == "RUN_BROKEN"


def test_a_cut_off_bundle_is_refused(trained, tmp_path):
    _, bundle, _ = trained
    (tmp_path / "m.zip").write_bytes(bundle.read_bytes()[: 2 * bundle.stat().st_size // 3])
    with pytest.raises(UserError):
        tui.load_model(tmp_path / "m.zip")
