"""Generated photographs: real files, of phones' sizes, repeatable, and never twice the same."""

import io
import random
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from photo_stack.load.exif import with_exif
from photo_stack.load.images import LARGEST_BYTES, SMALLEST_BYTES, PicturePool, make_picture, make_pool


@pytest.fixture(scope="module")
def pool() -> PicturePool:
    return make_pool(11, size=9)


def test_the_same_seed_gives_the_same_pictures() -> None:
    assert make_picture(3, 1) == make_picture(3, 1)
    assert make_picture(3, 1) != make_picture(4, 1)


def test_even_a_small_pool_has_jpeg_png_and_webp(pool: PicturePool) -> None:
    assert {picture.content_type for picture in pool.pictures} == {"image/jpeg", "image/png", "image/webp"}


def test_every_file_is_between_50_kb_and_5_mb_and_decodes(pool: PicturePool) -> None:
    rng = random.Random(1)
    formats = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
    for _ in range(30):
        photo = pool.photo(rng)
        content = photo.content()
        assert SMALLEST_BYTES <= len(content) == photo.size <= LARGEST_BYTES
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            assert image.format == formats[photo.content_type]


def test_every_kind_of_file_carries_orientation_camera_date_and_place(pool: PicturePool) -> None:
    rng = random.Random(2)
    for picture in pool.pictures:
        with Image.open(io.BytesIO(PicturePool([picture]).photo(rng).content())) as image:
            exif = image.getexif()
        assert exif[ExifTags.Base.Orientation] in {1, 3, 6, 8}
        assert exif[ExifTags.Base.Make]
        assert exif[ExifTags.Base.Model]
        assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == exif[ExifTags.Base.DateTime]
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"


def test_no_two_files_are_the_same_even_of_one_picture(pool: PicturePool) -> None:
    rng = random.Random(3)
    one_picture = PicturePool(pool.pictures[:1])
    assert len({one_picture.photo(rng).sha256 for _ in range(200)}) == 200


def test_a_png_with_exif_is_still_well_formed(pool: PicturePool) -> None:
    rng = random.Random(4)
    png = next(picture for picture in pool.pictures if picture.content_type == "image/png")
    with Image.open(io.BytesIO(PicturePool([png]).photo(rng).content())) as image:
        image.verify()


def test_exif_for_another_content_type_is_refused() -> None:
    with pytest.raises(ValueError, match="image/gif"):
        with_exif("image/gif", b"GIF89a", b"II*\0")


def test_the_cache_gives_the_same_pictures_and_replaces_a_damaged_one(tmp_path: Path) -> None:
    first = make_pool(5, size=3, cache=tmp_path)
    damaged = min(tmp_path.iterdir())
    damaged.write_bytes(b"not a picture")
    assert make_pool(5, size=3, cache=tmp_path).pictures == first.pictures
    assert damaged.stat().st_size > SMALLEST_BYTES
    assert len(list(tmp_path.iterdir())) == 3


def test_the_cache_is_read_and_not_just_written(tmp_path: Path) -> None:
    make_pool(5, size=1, cache=tmp_path)
    (cached,) = tmp_path.iterdir()
    other = make_picture(6, 0)
    cached.write_bytes(other.encoded)
    assert make_pool(5, size=1, cache=tmp_path).pictures == [other]
