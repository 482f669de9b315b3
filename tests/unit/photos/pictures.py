"""Pictures, good and hostile, as bytes."""

import io
import random
import struct
import zlib
from typing import Any, Final

import pillow_heif
from PIL import Image

FORMATS: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/heic": "HEIF",
}
ORIENTATION: Final = 0x0112


def _noise(width: int, height: int, seed: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(seed).randbytes(width * height * 3))


def picture(
    content_type: str = "image/jpeg", width: int = 64, height: int = 48, seed: int = 0, **options: Any
) -> bytes:
    """A picture with noise in it."""
    file = io.BytesIO()
    image = _noise(width, height, seed)
    if content_type == "image/heic":
        heif = pillow_heif.from_pillow(image)
        heif.save(file, **options)
    else:
        image.save(file, FORMATS[content_type], **options)
    return file.getvalue()


def turned(content_type: str, orientation: int = 6) -> bytes:
    """A picture of 64 x 48 pixels that is displayed as 48 x 64."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return picture(content_type, exif=exif.tobytes())


def other_format(name: str) -> bytes:
    """A good picture in a format that is not taken."""
    file = io.BytesIO()
    _noise(16, 16, 0).save(file, name)
    return file.getvalue()


def multi_picture_jpeg() -> bytes:
    """What many phones write: further JPEGs after the first (MPO)."""
    file = io.BytesIO()
    _noise(64, 48, 0).save(file, "MPO", save_all=True, append_images=[_noise(64, 48, 1)])
    return file.getvalue()


def animation(content_type: str, frames: int, side: int = 8) -> bytes:
    """Frames that differ."""
    file = io.BytesIO()
    first, *rest = (Image.new("P", (side, side), frame % 256) for frame in range(frames))
    for number, image in enumerate((first, *rest)):
        image.putpalette(random.Random(number).randbytes(768))
    first.save(file, FORMATS[content_type], save_all=True, append_images=rest, duration=20)
    return file.getvalue()


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that claims a size; ``data`` are its rows before compression."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def webp(width: int, height: int) -> bytes:
    """A WebP whose header claims a canvas."""
    canvas = b"\x02\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + b"VP8X" + struct.pack("<I", len(canvas)) + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_claiming(width: int, height: int) -> bytes:
    """A JPEG whose header claims another size than its data have."""
    content = bytearray(picture("image/jpeg"))
    start = content.index(b"\xff\xc0")
    content[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def html_in_a_jpeg() -> bytes:
    """A picture that is a page as well, for a browser that guesses."""
    content = picture("image/jpeg")
    page = b"<html><script>alert(document.domain)</script></html>"
    return content[:2] + b"\xff\xfe" + struct.pack(">H", len(page) + 2) + page + content[2:] + page


SVG: Final = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML_AS_GIF: Final = b"GIF89a=1/*\x00\x00\x00*/;alert(1);<script>alert(1)</script>"
EPS: Final = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(/etc/passwd) (r) file\n"
