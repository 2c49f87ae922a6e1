"""What all tests share: a data folder of their own, drawn photos, and the real ones where they are at hand."""

import os
from pathlib import Path

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


def draw_photo(path, color, seed):
    """A small photo: a colored disk on noise."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(90, 160, (72, 96, 3), dtype=np.uint8))
    x, y = rng.integers(20, 50, 2)
    ImageDraw.Draw(image).ellipse((x, y, x + 24, y + 24), fill=color)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=90)
    return path


def draw_photos(root):
    """Class folders of ten photos each."""
    for label, (name, color) in enumerate(COLORS.items()):
        for n in range(10):
            draw_photo(root / name / f"{n}.jpg", color, 100 * label + n)
    return root


@pytest.fixture
def photos(tmp_path):
    """A tree of class folders: three classes, ten different photos each."""
    return draw_photos(tmp_path / "photos")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """`python app.py` on a free port with a data folder of its own."""
    with serving(tmp_path_factory.mktemp("server")) as url:
        yield url
