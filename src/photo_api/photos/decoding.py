"""The worker that decodes uploaded pictures: ``python -m photo_api.photos.decoding``, started by `verification`.

A process of its own because what it reads may be made to crash or exhaust its reader. It answers one JSON line on
standard output for each on standard input (first ``{"ready": true}``), has a limited address space, cannot write files,
and runs at low priority, so that the API's requests come first. Only here Pillow is imported, and of it the five
formats' readers alone.
"""

import json
import os
import resource
import signal
import struct
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from PIL import GifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

MAX_FRAMES: Final = 2_000
ANIMATION_FACTOR: Final = 4
"""The frames of an animation may together have this many times the pixels that one picture may."""
_NICENESS: Final = 10
_EXIF_ORIENTATION: Final = 0x0112
_TURNED: Final = {5, 6, 7, 8}
_HEIC_BRANDS: Final = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}


class Refused(Exception):
    """The file is no picture that we take; the text is for the client."""


def content_type_of(head: bytes) -> str | None:
    """The type that a file's first bytes say, of the five that we take."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        box = head[8 : min(int.from_bytes(head[:4], "big"), len(head))]
        brands = {box[i : i + 4] for i in range(0, len(box), 4)}
        if brands & _HEIC_BRANDS:
            return "image/heic"
    return None


def inspect(path: Path, max_pixels: int) -> tuple[str, int, int]:
    """Decode all of the picture: its content type, and width and height as displayed.

    Raises:
        Refused: it is none, is damaged, or has too many pixels or frames.
        MemoryError: it needs more memory than there is.
    """
    with path.open("rb") as file:
        head = file.read(4_096)
    found = content_type_of(head)
    if found is None:
        raise Refused("The file is not a JPEG, PNG, GIF, WebP or HEIC picture.")
    if found == "image/webp":  # its reader allocates the canvas before it tells the size
        _check_size(_webp_size(head), max_pixels)
    Image.MAX_IMAGE_PIXELS = max_pixels  # our limit in place of Pillow's, for frames larger than the first as well
    try:
        with _pillow_warnings(), _READERS[found](path) as image:
            _check_size(image.size, max_pixels)
            # HEIC's further images are thumbnails and depth maps, and its reader has applied the orientation.
            _decode(image, max_pixels, frames=1 if found in {"image/jpeg", "image/heic"} else MAX_FRAMES)
            width, height = image.size
            if found != "image/heic" and _orientation(image) in _TURNED:
                width, height = height, width
    except (Refused, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused("The picture has too many pixels.") from None
    except Exception as error:
        raise Refused("The picture cannot be decoded: it is damaged or cut off.") from error
    return found, width, height


@contextmanager
def _pillow_warnings() -> Iterator[None]:
    """Too many pixels are an error at once, not only twice too many; other warnings are of no interest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _heif(path: Path) -> ImageFile.ImageFile:
    """HEIC's reader, imported when the first such picture comes."""
    import pillow_heif  # noqa: PLC0415

    pillow_heif.options.DECODE_THREADS = 1
    image: ImageFile.ImageFile = pillow_heif.HeifImageFile(path)  # type: ignore[no-untyped-call]  # it has no types
    return image


_READERS: Final[dict[str, Callable[[Path], ImageFile.ImageFile]]] = {
    "image/jpeg": JpegImagePlugin.JpegImageFile,
    "image/png": PngImagePlugin.PngImageFile,
    "image/gif": GifImagePlugin.GifImageFile,
    "image/webp": WebPImagePlugin.WebPImageFile,
    "image/heic": _heif,
}


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    if size[0] * size[1] > max_pixels:
        raise Refused(f"The picture has {size[0]} x {size[1]} pixels; at most {max_pixels} altogether are accepted.")
    if min(size) < 1:
        raise Refused("The picture has no pixels.")


def _webp_size(head: bytes) -> tuple[int, int]:
    """The canvas, from the first chunk's header (RFC 9649, 2.5 to 2.7)."""
    kind, data = head[12:16], head[20:30]
    if len(data) < 10:
        raise Refused("The picture cannot be decoded: it is damaged or cut off.")
    if kind == b"VP8X":
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", data[6:10])
    return width & 0x3FFF, height & 0x3FFF


def _decode(image: ImageFile.ImageFile, max_pixels: int, *, frames: int) -> None:
    decoded = 0
    for frame in range(1, frames + 1):
        image.load()
        decoded += image.size[0] * image.size[1]
        if decoded > ANIMATION_FACTOR * max_pixels:
            raise Refused("The animation has too many pixels in all its frames.")
        if frames == 1:
            return
        try:
            image.seek(frame)
        except EOFError:
            return
    raise Refused(f"The animation has more than {frames} frames.")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; damaged EXIF is no reason to refuse a picture that can be seen."""
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever damaged EXIF makes its parser raise
        return 1


def _limit(memory_bytes: int) -> None:
    """Take from this process what decoding does not need; must come after the imports."""
    os.nice(_NICENESS)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # an instance that drains still verifies; it ends us by closing our input
    for limit, value in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        hard = resource.getrlimit(limit)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (most, most))


def _limit_cpu(seconds: int) -> None:
    """The kernel ends a decode that nobody is left to end: the one who started us may have died."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def main() -> None:
    """Serve jobs ``{"path": …}`` until the input ends. Arguments: memory in bytes, pixels, CPU seconds a picture."""
    memory_bytes, max_pixels, cpu_seconds = (int(argument) for argument in sys.argv[1:])
    PngImagePlugin.MAX_TEXT_CHUNK = 16 * 1024 * 1024  # colour profiles for print have several MiB
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a library that prints must not print between our answers
    _limit(memory_bytes)

    def answer(content: dict[str, Any]) -> None:
        print(json.dumps(content), file=answers, flush=True)

    answer({"ready": True})
    for line in sys.stdin.buffer:
        _limit_cpu(cpu_seconds)
        try:
            content_type, width, height = inspect(Path(json.loads(line)["path"]), max_pixels)
            answer({"content_type": content_type, "width": width, "height": height})
        except Refused as refusal:
            answer({"refused": str(refusal)})
        except MemoryError:
            answer({"refused": "The picture needs too much memory to decode.", "worn": True})
            return


if __name__ == "__main__":
    main()
