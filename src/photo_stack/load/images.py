"""Photographs made from a seed: a pool of pictures encoded once, and as many distinct files of them as are asked for.

Pictures are smooth gradients with a vignette and sensor noise, which compress about as photographs do. Sizes follow a
log-normal distribution inside 50 KB–5 MB. The same seed and versions of Pillow and numpy give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL import __version__ as pillow_version

from photo_stack.load.exif import phone_exif, with_exif

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ContentType = Literal["image/jpeg", "image/png", "image/webp"]

SMALLEST_BYTES: Final = 50_000
LARGEST_BYTES: Final = 5_000_000
POOL_SIZE: Final = 32

_GENERATION: Final = 1
"""Part of the cache's names: change it whenever the pictures change."""
_EXIF_ALLOWANCE: Final = 2_000
_SUFFIXES: Final[dict[ContentType, str]] = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


@dataclass(frozen=True, slots=True)
class _Kind:
    """One content type's sizes: log-normal around the median, and a first guess of how it compresses."""

    content_type: ContentType
    median_bytes: int
    sigma: float
    most_bytes: int
    bytes_a_pixel: float


# Phones' pictures are mostly JPEG; screenshots are PNG, and what messengers pass on is small WebP.
_JPEG: Final = _Kind("image/jpeg", 700_000, 0.9, LARGEST_BYTES, 0.35)
_PNG: Final = _Kind("image/png", 400_000, 0.6, 1_500_000, 1.9)
_WEBP: Final = _Kind("image/webp", 120_000, 0.6, 600_000, 0.25)
_MIX: Final = (_JPEG, _PNG, _WEBP, _JPEG, _JPEG, _JPEG, _JPEG, _JPEG)
"""Taken in turn, so that even a small pool has every kind."""
_ATTEMPTS: Final = 6


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded picture of the pool, still without EXIF."""

    content_type: ContentType
    encoded: bytes


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """One distinct file: a picture with EXIF of its own. Holds only the EXIF; `content()` puts the file together."""

    picture: Picture
    exif: bytes
    name: str
    size: int
    sha256: str

    @property
    def content_type(self) -> ContentType:
        """The file's media type."""
        return self.picture.content_type

    def content(self) -> bytes:
        """Return the whole file."""
        return with_exif(self.picture.content_type, self.picture.encoded, self.exif)


class PicturePool:
    """Pictures to take files from."""

    def __init__(self, pictures: list[Picture]) -> None:
        """`pictures` must not be empty."""
        self.pictures = pictures

    def photo(self, rng: random.Random) -> PhotoFile:
        """Return a file that no other call has returned (its EXIF holds a random 128-bit id)."""
        picture = rng.choice(self.pictures)
        exif = phone_exif(rng)
        content = with_exif(picture.content_type, picture.encoded, exif)
        name = f"IMG_{rng.randrange(10_000):04d}{_SUFFIXES[picture.content_type]}"
        return PhotoFile(picture, exif, name, len(content), hashlib.sha256(content).hexdigest())


def make_pool(
    seed: int, *, size: int = POOL_SIZE, cache: Path | None = None, done: Callable[[int, int], None] | None = None
) -> PicturePool:
    """Make, or read from `cache`, the seed's pool; blocks for some seconds on the first call of a seed.

    Args:
        seed: what every picture follows from.
        size: how many pictures.
        cache: a folder to keep them in; what cannot be read there is made again.
        done: called from this thread with (pictures ready, pictures wanted).

    Raises:
        OSError: the cache folder cannot be written.
    """
    pictures = []
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1), thread_name_prefix="pictures") as threads:
        # Pillow and numpy release the interpreter's lock where it matters, so threads do and nothing is copied.
        for picture in threads.map(lambda index: _cached(seed, index, cache), range(size)):
            pictures.append(picture)
            if done is not None:
                done(len(pictures), size)
    return PicturePool(pictures)


def make_picture(seed: int, index: int) -> Picture:
    """Return the `index`-th picture of a seed, between the smallest and the largest size with room left for EXIF."""
    rng = random.Random(f"{seed}/{index}")  # noqa: S311 - pictures, not secrets
    kind = _MIX[index % len(_MIX)]
    smallest = SMALLEST_BYTES + _EXIF_ALLOWANCE
    largest = LARGEST_BYTES - _EXIF_ALLOWANCE
    wanted = min(
        max(rng.lognormvariate(math.log(kind.median_bytes), kind.sigma), 1.2 * smallest), 0.9 * kind.most_bytes
    )
    pixels = wanted / kind.bytes_a_pixel
    quality = rng.randrange(80, 93)
    for _ in range(_ATTEMPTS):
        encoded = _encode(_scene(seed, index, pixels, portrait=rng.random() < 0.4), kind.content_type, quality)
        if smallest <= len(encoded) <= largest and 0.6 < len(encoded) / wanted < 1.6:
            return Picture(kind.content_type, encoded)
        pixels *= wanted / len(encoded)
    raise AssertionError(f"picture {index} of seed {seed} does not reach {wanted:.0f} bytes")


def _scene(seed: int, index: int, pixels: float, *, portrait: bool) -> Image.Image:
    """Draw a smooth scene of about `pixels` pixels, 4:3 or 3:4, with noise."""
    generator = np.random.default_rng([seed & 0xFFFFFFFF, index])
    width = max(64, round(math.sqrt(pixels * 4 / 3)))
    height = max(48, round(width * 3 / 4))
    if portrait:
        width, height = height, width
    coarse = generator.integers(20, 236, size=(5, 7, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    # One tile of noise, repeated: as good for the encoder's work as fresh noise, at a fraction of the cost.
    tile = generator.normal(0, generator.uniform(4, 9), size=(257, 263, 3)).astype(np.int16)
    noise = np.tile(tile, (height // 257 + 1, width // 263 + 1, 1))[:height, :width]
    across = np.linspace(-1, 1, width) ** 2
    down = np.linspace(-1, 1, height) ** 2
    vignette = (40 * (across[None, :] + down[:, None]) / 2).astype(np.int16)
    return Image.fromarray(np.clip(smooth + noise - vignette[:, :, None], 0, 255).astype(np.uint8))


def _encode(image: Image.Image, content_type: ContentType, quality: int) -> bytes:
    parameters: dict[ContentType, dict[str, Any]] = {
        "image/jpeg": {"format": "JPEG", "quality": quality},
        "image/png": {"format": "PNG", "compress_level": 1},
        "image/webp": {"format": "WEBP", "quality": quality, "method": 1},
    }
    buffer = io.BytesIO()
    image.save(buffer, **parameters[content_type])
    return buffer.getvalue()


def _cached(seed: int, index: int, cache: Path | None) -> Picture:
    if cache is None:
        return make_picture(seed, index)
    stem = f"picture-{_GENERATION}-{pillow_version}-{seed}-{index}"
    for content_type, suffix in _SUFFIXES.items():
        path = cache / (stem + suffix)
        if path.is_file() and _readable(path):
            return Picture(content_type, path.read_bytes())
    picture = make_picture(seed, index)
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / (stem + _SUFFIXES[picture.content_type])
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_bytes(picture.encoded)
    partial.replace(path)
    return picture


def _readable(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.verify()
    except (OSError, SyntaxError, UnidentifiedImageError):
        return False
    return True
