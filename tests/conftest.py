"""What all tests share: a data folder of their own, drawn photos, and the real ones where they are at hand."""

import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image, ImageDraw

from benchmarks.serving import serving

# What is tested is how an example ends; how long it takes on a busy machine says nothing.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")

ROOT = Path(__file__).parents[1]
COLORS = {"blue": (40, 60, 200), "green": (40, 170, 60), "red": (200, 50, 40)}


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    """A fresh data folder, also for code that asks for the default one."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TRANSFERUI_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def shared_data():
    """Folder with the real photos and weights. `.ci/run` names it, and then it must be there; a stranger's clone has none."""
    named = os.environ.get("TRANSFERUI_TEST_DATA")
    if not named:
        pytest.skip("real photos are only at hand where TRANSFERUI_TEST_DATA names them")
    folder = Path(named)
    assert (folder / "data" / "hymenoptera").is_dir(), f"TRANSFERUI_TEST_DATA names {folder}, but the photos are not there"
    return folder


@pytest.fixture(scope="session")
def kept_home(tmp_path_factory):
    """A data folder that lasts as long as the session."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def ants_home(shared_data, kept_home, monkeypatch):
    """Real photos and weights with a data folder that all their tests share: each network looks at each photo once."""
    monkeypatch.setenv("TRANSFERUI_HOME", str(kept_home))
    monkeypatch.setenv("TORCH_HOME", str(shared_data / "torch_home"))
    return kept_home


def draw_photo(path, color, seed):
    """A small photo: a colored disk on noise."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(90, 160, (72, 96, 3), dtype=np.uint8))
    x, y = rng.integers(20, 50, 2)
    ImageDraw.Draw(image).ellipse((x, y, x + 24, y + 24), fill=color)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=90)
    return path


def draw_photos(root, each=10):
    """Class folders of so many photos each."""
    for label, (name, color) in enumerate(COLORS.items()):
        for n in range(each):
            draw_photo(root / name / f"{n}.jpg", color, 100 * label + n)
    return root


@pytest.fixture(scope="session")
def drawn_photos(tmp_path_factory):
    """The photos of `photos`, drawn once; to be read only."""
    return draw_photos(tmp_path_factory.mktemp("drawn") / "photos")


@pytest.fixture
def photos(drawn_photos, tmp_path):
    """A tree of class folders: three classes, ten different photos each. Copies, so that a test may damage them."""
    return shutil.copytree(drawn_photos, tmp_path / "photos")


@pytest.fixture(scope="session")
def head_run(drawn_photos, tmp_path_factory):
    """A finished run of the drawn photos whose head has learned, for all tests; who damages its files takes a copy."""
    return finished_run(drawn_photos, tmp_path_factory.mktemp("head"), epochs=5)


@pytest.fixture(scope="session")
def tuned_run(drawn_photos, tmp_path_factory):
    """The same with a last stage that has learned together with a new head, so that both were kept for certain."""
    settings = {"trainable": "last", "head_start": "random", "finetune_epochs": 2, "batch_size": 8}
    return finished_run(drawn_photos, tmp_path_factory.mktemp("tuned"), **settings)


def finished_run(photos, root, **settings):
    """A short real run and its bundle, in a data folder of its own."""
    # Imported here: torch takes seconds, and most tests of the page need none.
    from transferui.config import TrainConfig
    from transferui.runs.worker import train

    result = train(photos, TrainConfig(image_size=64, **settings), data_dir=root / "home")
    return FinishedRun(result, result.save(root / "model.zip"), photos)


class FinishedRun(NamedTuple):
    """What `transferui.train` gave, the model's bundle, and the photos it has learned from."""

    result: Any
    bundle: Path
    photos: Path


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """`python app.py` on a free port with a data folder of its own."""
    with serving(tmp_path_factory.mktemp("server")) as url:
        yield url
