"""What people do that no journey expects: bombs, cameras, a pasted picture, numbers that are none, second thoughts."""

import base64
import io
import json
import re
import struct
import zipfile
import zlib

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.test_journey import LONG, add_class, give, ready_to_train, to_model, to_train, train_to_the_end
from tests.conftest import draw_photo

pytestmark = pytest.mark.browser


def png_bomb(path, side=13_000):
    """A PNG of a few KB that would be half a gigabyte of pixels."""
    rows = zlib.compressobj(9)
    line = b"\0" * (1 + side * 3)
    body = b"".join(rows.compress(line) for _ in range(side)) + rows.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (b"IDAT", body), (b"IEND", b"")]
    packed = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + packed)
    return path


def test_a_picture_of_13000_pixels_is_skipped_and_the_others_are_kept(visit, tmp_path):
    page = visit()
    add_class(page, 1, "red", [draw_photo(tmp_path / f"{n}.jpg", "red", n) for n in range(3)])
    with page.expect_file_chooser() as chooser:
        page.locator("#add-photos-1").click()
    chooser.value.set_files([png_bomb(tmp_path / "huge.png"), draw_photo(tmp_path / "good.jpg", "red", 9)])
    expect(page.locator("#class-1 .tu-count")).to_have_text("4", timeout=LONG)
    expect(page.locator("#dataset-summary")).to_contain_text("huge.png")


def test_a_zip_of_200_mb_of_zeros_is_refused_in_words(visit, tmp_path):
    page = visit()
    bomb = tmp_path / "zeros.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a", "b"):
            archive.writestr(f"{name}/zeros.jpg", bytes(100_000_000))
    page.locator("#zip-upload input[type=file]").set_input_files(bomb)
    expect(page.locator("#data-message [role=alert]")).to_be_visible(timeout=LONG)
    page.locator("#sample-set [data-pick=signs]").click()
    expect(page.locator("#dataset-summary .tu-big")).to_be_visible(timeout=LONG)


def test_photos_that_were_replaced_come_back_with_undo(visit, tmp_path):
    page = visit()
    add_class(page, 1, "red", [draw_photo(tmp_path / f"{n}.jpg", "red", n) for n in range(3)])
    page.locator("#sample-set [data-pick=leaves]").click()
    expect(page.locator("#dataset-summary .tu-big")).not_to_contain_text("3 photos", timeout=LONG)
    page.locator("#undo").click()
    expect(page.locator("#class-1 .tu-count")).to_have_text("3", timeout=LONG)


DRAWN_IN_THE_BROWSER = """async () => {
    const canvas = document.createElement("canvas"); canvas.width = canvas.height = 80;
    canvas.getContext("2d").fillRect(10, 20, 30, 40);
    const blob = await new Promise(done => canvas.toBlob(done, "image/png"));
    await navigator.clipboard.write([new ClipboardItem({"image/png": blob})]); }"""


def test_the_camera_and_the_clipboard_add_photos_to_a_class(visit):
    page = visit()
    page.context.grant_permissions(["camera", "clipboard-read", "clipboard-write"])
    page.locator("#camera-1").click()
    shot = page.locator("#shot-1")
    shot.get_by_text("Click to Access Webcam").click()
    take = shot.get_by_role("button", name="capture photo")
    expect(take).to_be_visible(timeout=LONG)
    page.wait_for_timeout(1000)  # the first frames of a camera are empty
    take.click()
    expect(page.locator("#class-1 .tu-count")).to_have_text("1", timeout=LONG)
    page.evaluate(DRAWN_IN_THE_BROWSER)
    shot.get_by_role("button", name="Paste from clipboard").click()
    shot.get_by_text("Paste from Clipboard").click()
    expect(page.locator("#class-1 .tu-count")).to_have_text("2", timeout=LONG)


# A camera that sees red on its left and blue on its right.
TWO_COLORS = """navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement("canvas"); canvas.width = 640; canvas.height = 480;
    const pen = canvas.getContext("2d");
    setInterval(() => { pen.fillStyle = "#f00"; pen.fillRect(0, 0, 320, 480); pen.fillStyle = "#00f"; pen.fillRect(320, 0, 320, 480); }, 50);
    return canvas.captureStream(20); }"""


def left_is_red(data):
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    left, right = (picture.getpixel((picture.width * n // 4, picture.height // 2)) for n in (1, 3))
    return left[0] > 200 and left[2] < 50 and right[2] > 200 and right[0] < 50


def take_photo(page, box):
    box.get_by_text("Click to Access Webcam").click()
    expect(box.get_by_role("button", name="capture photo")).to_be_visible(timeout=LONG)
    page.wait_for_timeout(1000)  # the first frames of a camera are empty
    assert box.locator("video").evaluate("video => getComputedStyle(video).transform").startswith("matrix(-1,")  # as in a mirror
    box.get_by_role("button", name="capture photo").click()


def test_photos_and_frames_of_the_camera_are_the_same_way_round(visit, photo_zip):
    page = visit()
    page.evaluate(TWO_COLORS)
    page.locator("#camera-1").click()
    take_photo(page, page.locator("#shot-1"))
    expect(page.locator("#class-1 .tu-count")).to_have_text("1", timeout=LONG)
    thumbnail = page.locator("#class-1 .tu-strip img").get_attribute("src")
    assert left_is_red(base64.b64decode(thumbnail.split(",")[1]))

    give(page, photo_zip)
    expect(page.locator("#class-1 .tu-count")).not_to_have_text("1", timeout=LONG)
    to_model(page)
    to_train(page)
    train_to_the_end(page)
    page.locator("#next-4").click()
    with page.expect_request(lambda r: "jpeg" in (r.post_data or "")) as sent:
        page.locator("#test-live button").click()
    assert left_is_red(base64.b64decode(re.search(r'"jpeg":\s*"([^"]+)', sent.value.post_data)[1]))
    page.locator("#test-live button").click()

    page.get_by_role("button", name="Capture from camera").click()
    take_photo(page, page.locator("#test-image"))
    still = page.locator("#test-image img")
    expect(still).to_be_visible(timeout=LONG)
    assert still.evaluate("image => getComputedStyle(image).transform") == "none"
    assert left_is_red(page.request.get(still.get_attribute("src")).body())


def test_a_number_that_is_none_is_refused_over_plain_http(visit, server, photo_zip):
    page = ready_to_train(visit, photo_zip)
    with page.expect_request(lambda r: r.method == "POST" and "30" in (r.post_data or "")) as caught:
        page.locator("#train-button").click()
    page.locator("#stop-button").click()
    # Where an earlier test has looked at these photos, the run may be over before Stop arrives.
    expect(page.locator("#run-status")).to_contain_text(re.compile("Stopped|Finished"), timeout=LONG)
    body = json.loads(caught.value.post_data)
    wanted = body["data"].index(30)  # the epochs
    for bad in ("NaN", "1e999", '"many"', "-5", "null", "[1]"):
        text = json.dumps({**body, "data": [*body["data"][:wanted], "@", *body["data"][wanted + 1 :]]}).replace('"@"', bad)
        answer = page.request.post(caught.value.url, data=text.encode(), headers={"content-type": "application/json"})
        assert answer.status < 500 or "Traceback" not in answer.text()
    page.wait_for_timeout(1500)
    expect(page.locator("#runs-list tbody tr")).to_have_count(1)
    page.reload()
    expect(page.locator("#runs-list tbody tr")).to_have_count(1)
