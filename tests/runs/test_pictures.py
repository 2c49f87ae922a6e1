import base64
import io

import pytest
import torch
from PIL import Image

from transferui.data.preprocessing import Preprocessing
from transferui.errors import UserError
from transferui.runs.pictures import SHOWN, heat_png, shown_jpeg
from transferui.runs.questions import MAX_FRAME, decode_frame

EYE = Preprocessing(224, 256, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def opened(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_a_shown_picture_is_small_and_without_metadata(tmp_path):
    image = Image.new("RGB", (1200, 600), "red")
    exif = image.getexif()
    exif[0x010E] = "where I live"
    image.save(tmp_path / "a.jpg", exif=exif)
    shown = shown_jpeg(tmp_path / "a.jpg")
    assert shown.size == (SHOWN, SHOWN // 2) == opened(shown.uri).size
    assert not opened(shown.uri).getexif()


def test_a_heat_map_covers_the_middle_square_that_the_network_saw():
    heat = torch.zeros(56, 56)
    heat[40:, 40:] = 1
    layer = opened(heat_png(heat, (420, 210), EYE))
    assert layer.mode == "RGBA" and layer.size == (420, 210)
    assert layer.getpixel((5, 105))[3] == 0
    cold, warm = layer.getpixel((140, 40)), layer.getpixel((290, 185))
    assert 0 < cold[3] < warm[3] < 255 and sum(cold[:3]) < sum(warm[:3])


def test_a_frame_is_base64_and_not_too_long():
    assert decode_frame(base64.b64encode(b"picture").decode()) == b"picture"
    for text in ("no base64!", "A" * (MAX_FRAME + 4)):
        with pytest.raises(UserError) as caught:
            decode_frame(text)
        assert caught.value.code == "BAD_FRAME"
