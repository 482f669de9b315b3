"""What is taken as a picture, and what is not."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.photos import pictures

from photo_api.content_types import CONTENT_TYPES
from photo_api.photos.decoding import MAX_FRAMES, Refused, content_type_of, inspect

MANY = 100_000_000
Save = Callable[[bytes], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(content: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("content_type", pictures.FORMATS)
def test_each_of_the_five_formats_is_recognised_and_measured(save: Save, content_type: str) -> None:
    assert inspect(save(pictures.picture(content_type)), MANY) == (content_type, 64, 48)


def test_what_is_accepted_as_a_type_is_what_can_be_decoded() -> None:
    assert set(CONTENT_TYPES) == set(pictures.FORMATS)


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp"])
def test_the_size_is_the_displayed_one(save: Save, content_type: str) -> None:
    assert inspect(save(pictures.turned(content_type, 6)), MANY)[1:] == (48, 64)
    assert inspect(save(pictures.turned(content_type, 3)), MANY)[1:] == (64, 48)


def test_the_jpegs_with_further_pictures_that_phones_write_are_jpegs(save: Save) -> None:
    assert inspect(save(pictures.multi_picture_jpeg()), MANY) == ("image/jpeg", 64, 48)


@pytest.mark.parametrize("content_type", ["image/gif", "image/webp", "image/png"])
def test_animations_are_pictures(save: Save, content_type: str) -> None:
    assert inspect(save(pictures.animation(content_type, 5)), MANY) == (content_type, 8, 8)


def test_bytes_after_the_picture_are_no_reason_to_refuse_it(save: Save) -> None:
    assert inspect(save(pictures.picture() + b"a motion photo's video"), MANY)[0] == "image/jpeg"


def test_damaged_exif_is_no_reason_to_refuse_a_picture_that_can_be_seen(save: Save) -> None:
    for damaged in (b"MM\0*\xff\xff\xff\xff broken", b"MM\0*\0\0\0\x08\xff\xff broken", b"garbage", b""):
        content = pictures.picture("image/jpeg", exif=b"Exif\0\0" + damaged)
        assert inspect(save(content), MANY) == ("image/jpeg", 64, 48)


@pytest.mark.parametrize("content_type", pictures.FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_picture_that_is_cut_off_is_refused(save: Save, content_type: str, share: float) -> None:
    content = pictures.picture(content_type, 200, 200)
    with pytest.raises(Refused):
        inspect(save(content[: int(len(content) * share)]), MANY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"RIFF\x04\0\0\0WEBP",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        pictures.SVG,
        pictures.HTML_AS_GIF,
        pictures.EPS,
        b"%PDF-1.7\n",
        b"\0" * 1_000,
        pictures.other_format("TIFF"),
        pictures.other_format("BMP"),
        pictures.other_format("ICO"),
        pictures.other_format("JPEG2000"),
        pictures.other_format("PPM"),
        pictures.other_format("AVIF"),
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_no_such_picture_is_refused(save: Save, content: bytes) -> None:
    with pytest.raises(Refused):
        inspect(save(content), MANY)


@pytest.mark.parametrize(
    "content",
    [
        pictures.png(60_000, 60_000, bytes(1_000_000)),
        pictures.webp(16_000, 16_000),
        pictures.jpeg_claiming(65_000, 65_000),
        pictures.png(2**31 - 1, 1),
    ],
    ids=["png", "webp", "jpeg", "one row"],
)
def test_too_many_pixels_are_refused_before_anything_is_decoded(save: Save, content: bytes) -> None:
    with pytest.raises(Refused, match="pixels"):
        inspect(save(content), MANY)


def test_the_limit_of_pixels_is_exact(save: Save) -> None:
    path = save(pictures.picture("image/png", 100, 100))
    assert inspect(path, 10_000)[1:] == (100, 100)
    with pytest.raises(Refused, match="pixels"):
        inspect(path, 9_999)


def test_an_animation_without_end_is_refused(save: Save) -> None:
    with pytest.raises(Refused, match="frames"):
        inspect(save(pictures.animation("image/gif", MAX_FRAMES + 1, side=2)), MANY)


def test_a_frame_larger_than_the_first_is_within_the_limit_too(save: Save) -> None:
    content = bytearray(pictures.animation("image/gif", 2, side=10))
    second = content.rindex(b"\x2c\0\0\0\0")  # an image descriptor: left, top, width, height
    content[second + 5 : second + 9] = struct.pack("<HH", 60_000, 60_000)
    with pytest.raises(Refused, match="too many pixels"):
        inspect(save(bytes(content)), MANY)


def test_the_frames_of_an_animation_count_together(save: Save) -> None:
    path = save(pictures.animation("image/gif", 10, side=10))
    assert inspect(path, 250)[0] == "image/gif"
    with pytest.raises(Refused, match="all its frames"):
        inspect(path, 249)


@given(st.binary(max_size=64))
def test_any_bytes_have_one_of_our_types_or_none(head: bytes) -> None:
    assert content_type_of(head) in {*pictures.FORMATS, None}


@pytest.mark.parametrize("content_type", pictures.FORMATS)
def test_a_damaged_picture_is_refused_or_taken_but_never_fails(save: Save, content_type: str) -> None:
    """Bytes changed at 30 places, one after another; whatever else than Refused is raised fails the test."""
    content = bytearray(pictures.picture(content_type, 40, 30))
    for step in range(30):
        content[(step * 7919) % len(content)] ^= 0xFF
        try:
            found, width, height = inspect(save(bytes(content)), 1_000_000)
        except Refused:
            continue
        assert found in pictures.FORMATS
        assert width * height <= 1_000_000


def test_a_file_is_closed_when_it_is_refused(save: Save) -> None:
    path = save(pictures.picture("image/png", 200, 200)[:500])
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count
    with pytest.raises(Refused):
        inspect(path, MANY)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
