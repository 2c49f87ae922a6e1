"""One way to read a picture, for training, testing and thumbnails alike: upright RGB, within limits, without metadata."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from transferui.data.looks import Array, look
from transferui.errors import UserError

# Decoders that may run at all (JPEG includes MPO, which some cameras write); Pillow would otherwise try forty parsers on
# whatever a stranger sends.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM")
Image.init()  # register all decoders, so that FORMATS can name them
# Odd metadata is no reason to bother anybody: the pixels decide, and metadata is dropped.
warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
# A phone makes 12 to 50 million pixels, some 108; JPEG is decoded at reduced scale, so it may be larger.
MAX_PIXELS, MAX_PIXELS_JPEG, MAX_SIDE = 50_000_000, 110_000_000, 20_000
MAX_BYTES = 50_000_000
# Pictures of a dataset are kept this small: enough for every network here (384 px at most; 512 can be set), a
# tenth of a phone photo.
STORED_SHORT, STORED_LONG = 512, 2048
# Small pictures from lossless files (digits, icons) stay lossless.
LOSSLESS_PIXELS = 256 * 256
THUMBNAIL = 160
# The largest value of 12 bits.
TWELVE_BITS = 4095
# What a file that is no picture really is, by its first bytes.
_SIGNATURES = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"8BPS", "a Photoshop file"),
    (b"\xd0\xcf\x11\xe0", "an Office document"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML or SVG file"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"MZ", "a program"),
    (b"\x00\x00\x01\x00", "an icon file"),
)
_SAVE_AS_JPEG = "Save it as JPEG or PNG and add it again."


@dataclass(frozen=True)
class Original:
    """The file as it came: what may give a class away without anything to see."""

    width: int
    height: int
    mode: str
    format: str


@dataclass(frozen=True)
class StoredImage:
    """A picture in a dataset folder: ``images/<file_name>``, named by the SHA-256 of its bytes."""

    sha256: str
    file_name: str
    width: int
    height: int
    original: Original
    look: Array


def read_image(source: Path | bytes, at_least: int | None = None) -> Image.Image:
    """Decode the first frame of a picture as upright 8-bit RGB.

    EXIF orientation is applied; transparency becomes white; CMYK and Lab follow their color profile; 16 bits are scaled.

    Args:
        source: path or content of the file.
        at_least: the short side that is needed, in pixels. A large JPEG is then decoded at 1/2, 1/4 or 1/8 of its size,
            never below that.

    Raises:
        UserError: ``IMAGE_…`` with the reason.
    """
    content = _content(source)
    with _explained(lambda: content), Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _check_size(image)
        if at_least is not None and image.format in ("JPEG", "MPO"):
            image.draft(None, _draft_size(image.size, at_least))
        image.load()
        # Asked after loading: Pillow turns a TIFF itself while it loads and takes the mark away.
        orientation = image.getexif().get(0x0112, 1) if image.format != "PPM" else 1
        return _upright(_to_rgb(image), orientation)


def check_header(source: Path) -> Original:
    """What the header says; the pixels are not decoded.

    Raises:
        UserError: ``IMAGE_…`` as `read_image` would for the header alone.
    """
    _check_bytes(source)
    with _explained(lambda: _start(source)), Image.open(source, formats=FORMATS) as image:
        _check_size(image)
        return Original(image.width, image.height, image.mode, image.format or "")


@contextmanager
def _explained(content: Callable[[], bytes]) -> Iterator[None]:
    """Turn whatever a decoder raises into a sentence; `content` gives the file's first bytes."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise UserError("IMAGE_UNKNOWN", f"This is not a picture we can read: {_kind(content())}.", _SAVE_AS_JPEG) from error
    except Image.DecompressionBombError as error:
        raise _too_large("its size is not plausible") from error
    except Exception as error:  # decoders raise far more than they document (Pillow's issue 9814: a ValueError)
        raise UserError(
            "IMAGE_DAMAGED", "The picture is damaged or incomplete.", "Open and save it again, or leave it out."
        ) from error


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2048)


def store_image(source: Path | bytes, folder: Path) -> StoredImage:
    """Decode a picture and write it scaled, without metadata, to ``folder/images``, and its thumbnail to ``folder/thumbs``.

    Raises:
        UserError: ``IMAGE_…`` as `read_image`.
    """
    content = _content(source)
    lossless = content[:3] != b"\xff\xd8\xff"
    image = read_image(content, at_least=STORED_SHORT)
    with Image.open(io.BytesIO(content), formats=FORMATS) as header:
        original = Original(header.width, header.height, header.mode, header.format or "")
    scale = min(1.0, STORED_SHORT / min(image.size), STORED_LONG / max(image.size))
    if scale < 1.0:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    buffer = io.BytesIO()
    if lossless and image.width * image.height <= LOSSLESS_PIXELS:
        extension = "png"
        image.save(buffer, "PNG")
    else:
        extension = "jpg"
        image.save(buffer, "JPEG", quality=92)
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    name = f"{sha256}.{extension}"
    _write_new(folder / "images" / name, buffer.getvalue())
    _write_new(folder / "thumbs" / f"{sha256}.jpg", thumbnail(image))
    return StoredImage(sha256, name, image.width, image.height, original, look(image, sha256))


def thumbnail(image: Image.Image) -> bytes:
    """A square JPEG of 160 px, cut from the middle."""
    buffer = io.BytesIO()
    ImageOps.fit(image, (THUMBNAIL, THUMBNAIL), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _content(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        _check_length(len(source))
        return source
    _check_bytes(source)
    try:
        return source.read_bytes()
    except OSError as error:
        raise _missing() from error


def _check_bytes(path: Path) -> None:
    """Refuse a file that is not there, empty or too large, without reading it."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise _missing() from error
    _check_length(size)


def _check_length(size: int) -> None:
    if not size:
        raise UserError("IMAGE_EMPTY", "The file is empty.", "Copy it again from where it came.")
    if size > MAX_BYTES:
        raise _too_large(f"{size / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are allowed")


def _missing() -> UserError:
    return UserError("IMAGE_MISSING", "The file cannot be opened.", "Check that it is still there.")


def _too_large(what: str) -> UserError:
    return UserError("IMAGE_TOO_LARGE", f"The picture is too large: {what}.", "Save it smaller, for instance 2000 pixels wide.")


def _check_size(image: Image.Image) -> None:
    """Refuse by the header, before any pixel is decoded: a 20 KB file can claim a gigabyte."""
    width, height = image.size
    limit = MAX_PIXELS_JPEG if image.format in ("JPEG", "MPO") else MAX_PIXELS
    if width < 1 or height < 1:
        raise UserError("IMAGE_DAMAGED", "The picture has no pixels.", "Leave it out.")
    if max(width, height) > MAX_SIDE or width * height > limit:
        raise _too_large(f"{width} × {height} pixels; at most {limit // 1_000_000} million are allowed")


def _draft_size(size: tuple[int, int], at_least: int) -> tuple[int, int]:
    """The size to ask the JPEG decoder for, so that the short side stays at least `at_least`."""
    scale = at_least / min(size)
    return (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))


def _kind(content: bytes) -> str:
    """What a file is that no decoder knows."""
    start = content[:2048].lstrip()
    if content[4:8] == b"ftyp" and content[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return "HEIC, the iPhone format (set Camera → Formats → Most Compatible)"
    return next((name for signature, name in _SIGNATURES if start.startswith(signature)), "unknown content")


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image.copy()
    if image.mode in ("CMYK", "LAB"):
        return _by_profile(image)
    if image.mode in ("I", "F", "I;16", "I;16B", "I;16L", "I;16N"):
        return _deep_gray(image).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def _by_profile(image: Image.Image) -> Image.Image:
    """CMYK by its embedded profile if it has a sound one; Lab by the standard one."""
    try:
        if image.mode == "LAB":
            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        else:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        done = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
        if done is not None:
            return done
    except (KeyError, ImageCms.PyCMSError, OSError, ValueError):
        pass  # no profile, or a broken one: Pillow's plain formula is the next best
    return image.convert("RGB")


def _deep_gray(image: Image.Image) -> Image.Image:
    """16-bit gray scaled to 8 bits (Pillow would clip it); 32-bit integers and floats have no range, so theirs is stretched.

    Microscopes and X-ray machines write 12 bits into files of 16: where no value is larger, 12 bits are the whole range.
    """
    values = np.asarray(image).astype(np.float64)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if image.mode.startswith("I;16") or (image.mode == "I" and values.min() >= 0 and 255 < values.max() <= 65535):
        white = TWELVE_BITS if values.max() <= TWELVE_BITS else 65535
        return Image.fromarray((values * (255.0 / white)).round().astype(np.uint8))
    if image.mode == "I" and values.min() >= 0 and values.max() <= 255:
        return Image.fromarray(values.astype(np.uint8))
    low, span = values.min(), max(np.ptp(values), 1e-12)
    return Image.fromarray(((values - low) / span * 255.0).round().astype(np.uint8))


def _upright(image: Image.Image, orientation: object) -> Image.Image:
    """Apply an EXIF orientation of 1 to 8; anything else is ignored."""
    turn = Image.Transpose
    moves = {2: turn.FLIP_LEFT_RIGHT, 3: turn.ROTATE_180, 4: turn.FLIP_TOP_BOTTOM, 5: turn.TRANSPOSE,
             6: turn.ROTATE_270, 7: turn.TRANSVERSE, 8: turn.ROTATE_90}  # fmt: skip
    move = moves.get(orientation) if isinstance(orientation, int) else None
    image = image.transpose(move) if move is not None else image
    image.info.clear()
    return image


def _write_new(path: Path, content: bytes) -> None:
    """Write a file whose name is its content's hash; if it is there, it is right."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(8)}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
