"""EXIF as phones write it, and its place in JPEG, PNG and WebP files, without encoding the picture again.

Sources: CIPA DC-008 (EXIF 3.0) for the tags and JPEG's APP1 segment; the PNG specification's `eXIf` chunk; the WebP
container specification's `VP8X` and `EXIF` chunks.
"""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from PIL import ExifTags, Image

if TYPE_CHECKING:
    import random

_CAMERAS: Final = (
    ("Hanbit", "HB-21 Ultra", 1.7),
    ("Hanbit", "HB-A5", 2.2),
    ("Pomona", "P15 Pro", 1.8),
    ("Lumo", "X90", 1.6),
)
_SEOUL: Final = (37.5665, 126.9780)
_EPOCH: Final = datetime(2024, 1, 1, tzinfo=UTC)
_DAYS: Final = 600
_EXIF_FLAG: Final = 0x08


def phone_exif(rng: random.Random) -> bytes:
    """Return one photo's EXIF, a TIFF stream that begins with its byte order; a random image id makes it distinct."""
    make, model, aperture = rng.choice(_CAMERAS)
    taken = (_EPOCH + timedelta(seconds=rng.randrange(_DAYS * 86_400))).strftime("%Y:%m:%d %H:%M:%S")
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = make
    exif[ExifTags.Base.Model] = model
    exif[ExifTags.Base.Orientation] = rng.choices((1, 6, 8, 3), weights=(60, 30, 5, 5))[0]
    exif[ExifTags.Base.DateTime] = taken
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            ExifTags.Base.DateTimeOriginal: taken,
            ExifTags.Base.OffsetTimeOriginal: "+09:00",
            ExifTags.Base.ExposureTime: 1 / rng.choice((30, 60, 120, 250, 1000)),
            ExifTags.Base.FNumber: aperture,
            ExifTags.Base.ISOSpeedRatings: rng.choice((50, 100, 200, 400, 800, 1600)),
            ExifTags.Base.ImageUniqueID: f"{rng.getrandbits(128):032x}",
        }
    )
    latitude, longitude = (place + rng.gauss(0, 0.05) for place in _SEOUL)
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: _degrees(latitude),
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: _degrees(longitude),
        }
    )
    return exif.tobytes().removeprefix(b"Exif\0\0")


def with_exif(content_type: str, encoded: bytes, exif: bytes) -> bytes:
    """Return the file with `exif` put in. `encoded` must have none, and for WebP must be a simple (not extended) file.

    Raises:
        ValueError: a content type other than JPEG, PNG or WebP.
    """
    if content_type == "image/jpeg":
        payload = b"Exif\0\0" + exif
        # The segment goes right after SOI, where DC-008 wants it, also where a JFIF segment follows.
        return encoded[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + encoded[2:]
    if content_type == "image/png":
        head = 8 + 25  # signature, then IHDR: 4 length + 4 name + 13 data + 4 CRC
        return encoded[:head] + _png_chunk(b"eXIf", exif) + encoded[head:]
    if content_type == "image/webp":
        return _webp_with_exif(encoded, exif)
    raise ValueError(f"no EXIF for {content_type}")


def _degrees(value: float) -> tuple[float, float, float]:
    minutes, seconds = divmod(value * 3600, 60)
    degrees, minutes = divmod(minutes, 60)
    return degrees, minutes, round(seconds, 2)


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _riff_chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _webp_with_exif(encoded: bytes, exif: bytes) -> bytes:
    picture = encoded[12:]
    if picture[:4] != b"VP8 ":
        raise ValueError("only simple lossy WebP files take EXIF here")
    width, height = (side & 0x3FFF for side in struct.unpack("<HH", picture[14:18]))
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    extended = _riff_chunk(b"VP8X", bytes((_EXIF_FLAG, 0, 0, 0)) + canvas)
    body = b"WEBP" + extended + picture + _riff_chunk(b"EXIF", exif)
    return b"RIFF" + struct.pack("<I", len(body)) + body
