"""A real server and a real Chromium. A page that logs an error or asks anybody else for anything fails its test."""

import os
import shutil
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]  # fmt: skip

# What Chromium says when a page is left, as by a reload, before an answer has come to its end.
LEFT = "BodyStreamBuffer was aborted"


@pytest.fixture(scope="session")
def chrome():
    """Chromium, driven by Playwright. Without one the tests are skipped, unless `.ci/run` requires them."""
    path = (
        os.environ.get("CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if path is None:
        assert not os.environ.get("TRANSFERUI_REQUIRE_BROWSER"), "the browser tests are required here, but there is no Chromium"
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)  # a slow machine that does other things as well

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chrome, server):
    """Open the page as a new person; all of them are checked and closed at the end."""
    pages = []

    def open_page(width=1280, height=900):
        context = chrome.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(f"script: {error}"))
        page.on(
            "console", lambda m: page.wrong.append(f"console: {m.text}") if m.type == "error" and LEFT not in m.text else None
        )
        page.on(
            "request", lambda r: None if r.url.startswith((server, "data:", "blob:")) else page.wrong.append(f"asked {r.url}")
        )
        page.goto(server)
        page.wait_for_function("document.querySelector('#dataset-summary') !== null")
        # The page has been told who it is, and shows that person's desk.
        page.wait_for_function("Object.values(localStorage).some(value => value.length > 20)")
        page.wait_for_function("document.querySelector('.tu-opening') === null")
        page.wait_for_timeout(800)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        assert page.wrong == []
        page.context.close()


@pytest.fixture(scope="session")
def photo_zip():
    """A ZIP of class folders: real photos where they are at hand, else one of our own sample sets."""
    named = os.environ.get("TRANSFERUI_TEST_DATA")
    path = Path(named) / "data" / "zips" / "clean_two_classes.zip" if named else ROOT / "assets" / "samples" / "signs.zip"
    assert path.is_file(), path
    return path


@pytest.fixture
def one_photo(photo_zip, tmp_path):
    """A photo out of that ZIP."""
    with zipfile.ZipFile(photo_zip) as archive:
        name = next(n for n in archive.namelist() if n.lower().endswith(".jpg"))
        path = tmp_path / "photo.jpg"
        path.write_bytes(archive.read(name))
    return path
