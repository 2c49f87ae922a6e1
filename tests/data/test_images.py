import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from transferui.data.images import STORED_LONG, STORED_SHORT, check_header, read_image, store_image
from transferui.errors import UserError


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def quarters():
    """Red, green, blue and white quarters, so that every turn can be told."""
    image = Image.new("RGB", (64, 48))
    for box, color in zip(
        [(0, 0, 32, 24), (32, 0, 64, 24), (0, 24, 32, 48), (32, 24, 64, 48)], ["red", "lime", "blue", "white"], strict=True
    ):
        image.paste(color, box)
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_put_upright_once(orientation, kind):
    back = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}  # fmt: skip
    turned = quarters().transpose(back[orientation]) if orientation > 1 else quarters()
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = read_image(encoded(turned, kind, exif=exif))
    assert read.size == (64, 48)
    assert np.abs(np.asarray(read, int) - np.asarray(quarters(), int)).mean() < 8


def test_transparency_becomes_white():
    for image in (Image.new("RGBA", (8, 8), (255, 0, 0, 0)), Image.new("LA", (8, 8), (0, 0))):
        assert np.asarray(read_image(encoded(image))).min() == 255
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0] * 256)
    assert np.asarray(read_image(encoded(palette, transparency=0))).min() == 255


def test_sixteen_bits_are_scaled_and_not_clipped():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    read = np.asarray(read_image(encoded(Image.fromarray(ramp))))[..., 0]
    assert np.abs(read.reshape(-1).astype(int) - np.arange(256)).max() <= 1


def test_twelve_bits_in_a_file_of_sixteen_are_not_black():
    ramp = np.linspace(0, 4095, 256).astype(np.uint16).reshape(16, 16)
    read = np.asarray(read_image(encoded(Image.fromarray(ramp))))[..., 0]
    assert np.abs(read.reshape(-1).astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK"])
def test_every_mode_becomes_rgb(mode):
    image = Image.new("RGB", (20, 20), "white").convert(mode)
    read = read_image(encoded(image, "TIFF" if mode == "CMYK" else "PNG"))
    assert read.mode == "RGB"
    assert np.asarray(read).min() > 250


def test_a_photo_cut_off_anywhere_is_refused_and_not_filled_with_gray():
    content = encoded(Image.effect_noise((200, 200), 80).convert("RGB"), "JPEG")
    for length in range(1, len(content) - 2, len(content) // 40):
        with pytest.raises(UserError, match="picture"):
            read_image(content[:length])


def bomb(side):
    """A one-bit PNG of side × side pixels in a few kilobytes."""
    row = zlib.compressobj()
    data = b"".join(row.compress(b"\0" + b"\0" * ((side + 7) // 8)) for _ in range(side)) + row.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks
    )


def test_a_bomb_is_refused_by_its_header():
    content = bomb(13000)
    assert len(content) < 30_000
    with pytest.raises(UserError, match="too large"):
        read_image(content)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"<svg xmlns=''/>", "SVG"),
        (b"hello", "unknown"),
        (b"\0\0\0\x18ftypheic....", "HEIC"),
        (b"MZ...", "program"),
    ],
)
def test_what_is_no_picture_is_named(content, word):
    with pytest.raises(UserError, match=word):
        read_image(content)


def test_a_large_jpeg_is_decoded_smaller_but_never_below_the_need():
    content = encoded(Image.effect_noise((3000, 2000), 50).convert("RGB"), "JPEG")
    read = read_image(content, at_least=400)
    assert 400 <= min(read.size) < 1000


def test_a_stored_picture_is_small_and_has_no_metadata(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "Anna's house"
    stored = store_image(encoded(Image.effect_noise((2400, 1800), 50).convert("RGB"), "JPEG", exif=exif), tmp_path)
    content = (tmp_path / "images" / stored.file_name).read_bytes()
    assert b"Anna" not in content
    assert min(stored.width, stored.height) == STORED_SHORT
    assert max(stored.width, stored.height) <= STORED_LONG
    assert (tmp_path / "thumbs" / f"{stored.sha256}.jpg").is_file()


def test_a_small_stored_picture_has_no_metadata_either(tmp_path):
    text = PngInfo()
    text.add_text("Author", "Anna Smith")
    text.add_itxt("XML:com.adobe.xmp", "<x>Anna Smith</x>")
    stored = store_image(encoded(quarters(), pnginfo=text), tmp_path)
    for file in (tmp_path / "images" / stored.file_name, tmp_path / "thumbs" / f"{stored.sha256}.jpg"):
        assert b"Anna" not in file.read_bytes()


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7 ...", bomb(13000)], ids=["empty", "text", "pdf", "bomb"])
def test_the_header_alone_gives_the_same_sentence_as_the_whole(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UserError) as quick:
        check_header(tmp_path / "a.jpg")
    with pytest.raises(UserError) as whole:
        read_image(tmp_path / "a.jpg")
    assert quick.value.as_dict() == whole.value.as_dict()


def test_a_file_that_is_gone_is_called_missing(tmp_path):
    for read in (check_header, read_image):
        with pytest.raises(UserError) as caught:
            read(tmp_path / "gone.jpg")
        assert caught.value.code == "IMAGE_MISSING"


def test_a_small_lossless_picture_stays_lossless(tmp_path):
    stored = store_image(encoded(quarters()), tmp_path)
    assert stored.file_name.endswith(".png")
    assert np.array_equal(np.asarray(read_image(tmp_path / "images" / stored.file_name)), np.asarray(quarters()))


def test_every_awkward_file_is_used_or_refused_with_a_sentence(shared_data, tmp_path):
    used = 0
    for path in sorted((shared_data / "data" / "awkward").iterdir()):
        try:
            used += store_image(path, tmp_path).width > 0
        except UserError as error:
            assert len(error.message) > 10 and str(shared_data) not in str(error)
    assert used >= 38
