"""The form parser: the same parts however the body is cut, and a clear refusal of everything else."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photo_api.errors import ApiError, InvalidInput, MalformedRequest, UnsupportedMediaType
from photo_api.photos.multipart import MAX_PARTS, parts_of

TYPE = "multipart/form-data; boundary=limit"
File = tuple[str, str | None, str, bytes]


def form(*parts: tuple[str, bytes], end: bytes = b"--limit--\r\n") -> bytes:
    """A form of parts with a disposition's parameters (and further headers) and data."""
    body = b"".join(
        b"--limit\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + data + b"\r\n"
        for head, data in parts
    )
    return body + end


async def cut(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def parse(body: bytes, size: int = 100, content_type: str = TYPE, overhead: int = 10_000) -> list[File]:
    found = []
    async for part in parts_of(content_type, cut(body, size), overhead):
        data = b"".join([chunk async for chunk in part.chunks()])
        found.append((part.name, part.filename, part.content_type, data))
    return found


FORM = form(
    ('name="album_id"', b"019"),
    ('name="file"; filename="a \xe9.jpg"\r\nContent-Type: image/JPEG; x=y', b"\r\n--limi\r\n--limit-\r--"),
    ('name="title"', "제주".encode()),
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
async def test_the_parts_are_the_same_however_the_body_is_cut(size: int) -> None:
    assert await parse(FORM, size) == [
        ("album_id", None, "", b"019"),
        ("file", "a é.jpg", "image/jpeg", b"\r\n--limi\r\n--limit-\r--"),
        ("title", None, "", "제주".encode()),
    ]


@given(st.binary(max_size=300), st.integers(1, 100))
async def test_any_data_comes_through_unchanged(data: bytes, size: int) -> None:
    data = data.replace(b"--limit", b"")
    assert await parse(form(('name="file"; filename="x"', data)), size) == [("file", "x", "", data)]


@given(st.binary(max_size=300), st.integers(1, 100))
async def test_any_body_is_parsed_or_refused(body: bytes, size: int) -> None:
    try:
        await parse(body, size)
    except ApiError as error:
        assert error.status in {400, 422}  # noqa: PT017 - any other exception fails the test


@pytest.mark.parametrize("content_type", ["", "image/jpeg", "application/x-www-form-urlencoded", "multipart/mixed"])
async def test_what_is_no_form_is_unsupported(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        await parse(FORM, content_type=content_type)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'b' * 300}"],
)
async def test_a_form_without_a_usable_boundary_is_malformed(content_type: str) -> None:
    with pytest.raises(MalformedRequest):
        await parse(FORM, content_type=content_type)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--limit",
        b"--other\r\n",
        FORM[:-10],
        form(('name="a"', b"x"), end=b""),
        b"--limit\r\nContent-Disposition: form-data\r\n\r\nx\r\n--limit--",
        b'--limit\r\nContent-Disposition: attachment; name="a"\r\n\r\nx\r\n--limit--',
        b"--limit\r\nno header\r\n\r\nx\r\n--limit--",
        b"--limit\r\nX: " + b"y" * 5_000 + b"\r\n\r\nx\r\n--limit--",
        b"--limit\r\n" + b"X: y\r\n" * 50 + b"\r\nx\r\n--limit--",
        form(*[('name="a"', b"")] * (MAX_PARTS + 1)),
    ],
    ids=range(11),
)
async def test_a_bad_form_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        await parse(body)


async def test_what_is_beside_the_parts_is_bounded() -> None:
    body = b"\r\n" * 6_000 + FORM
    with pytest.raises(MalformedRequest):
        await parse(body, overhead=10_000)
    assert len(await parse(body, overhead=20_000)) == 3


async def test_data_does_not_count_as_overhead() -> None:
    found = await parse(form(('name="file"; filename="x"', bytes(100_000))), size=1_000, overhead=1_000)
    assert len(found[0][3]) == 100_000


async def test_a_text_is_bounded_and_utf_8() -> None:
    async def text(data: bytes) -> str:
        async for part in parts_of(TYPE, cut(form(('name="title"', data)), 50), 1_000):
            return await part.text(100)
        return ""

    assert await text("바다".encode()) == "바다"
    with pytest.raises(InvalidInput, match="too long"):
        await text(bytes(101))
    with pytest.raises(InvalidInput, match="UTF-8"):
        await text(b"\xff")


async def test_a_name_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(InvalidInput, match="UTF-8"):
        await parse(b'--limit\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--limit--')
