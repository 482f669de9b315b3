"""Ranges and file names in the answers to image requests, and clients that stop taking the answer."""

import asyncio
import re
from typing import Self
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Scope

from photo_api.errors import RangeNotSatisfiable, Unavailable
from photo_api.photos import images
from photo_api.photos.images import StreamedResponse, content_disposition, parse_range

SIZE = 1_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-499", (0, 500)),
        ("bytes=500-", (500, 1_000)),
        ("bytes=-200", (800, 1_000)),
        ("bytes=-5000", (0, 1_000)),
        ("bytes=999-5000", (999, 1_000)),
        ("bytes=0-" + "9" * 5_000, (0, 1_000)),
        ("BYTES=1-2", (1, 3)),
    ],
)
def test_a_single_range_is_understood(value: str, expected: tuple[int, int]) -> None:
    assert parse_range(value, SIZE) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=0-1,5-6",
        "items=0-1",
        "bytes=-1-2",
        "bytes=٣-٤",
    ],
)
def test_what_is_no_single_range_is_ignored(value: str) -> None:
    assert parse_range(value, SIZE) is None


@pytest.mark.parametrize("value", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=" + "9" * 5_000 + "-"])
def test_a_range_without_a_byte_is_not_satisfiable(value: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        parse_range(value, SIZE)
    assert refused.value.headers == {"Content-Range": "bytes */1000"}


@given(st.text(max_size=30) | st.from_regex(r"bytes=\d{0,25}-\d{0,25}", fullmatch=True), st.integers(1, 10**12))
def test_any_header_gives_bytes_that_exist_or_nothing(value: str, size: int) -> None:
    try:
        wanted = parse_range(value, size)
    except RangeNotSatisfiable:
        return
    assert wanted is None or 0 <= wanted[0] < wanted[1] <= size


def test_a_plain_file_name_is_sent_plainly() -> None:
    assert content_disposition("beach 1.jpg") == 'inline; filename="beach 1.jpg"'


def test_any_other_file_name_is_sent_in_both_forms() -> None:
    assert content_disposition("제주 바다.jpg") == (
        "inline; filename=\"__ __.jpg\"; filename*=UTF-8''%EC%A0%9C%EC%A3%BC%20%EB%B0%94%EB%8B%A4.jpg"
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255))
def test_no_file_name_can_break_out_of_the_header(name: str) -> None:
    value = content_disposition(name)
    assert re.fullmatch(r"inline; filename=\"[ !#-$&-.0-:<-\[\]-~]*\"(; filename\*=UTF-8''[A-Za-z0-9%._~-]+)?", value)
    _, star, encoded = value.partition("filename*=UTF-8''")
    assert (unquote(encoded) if star else value.partition('"')[2][:-1]) == name


class Pieces:
    """Ten pieces, the last of which storage may fail to read."""

    def __init__(self, *, fail: bool = False) -> None:
        self.left = 10
        self.closed = False
        self._fail = fail

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self.left == 0:
            raise StopAsyncIteration
        self.left -= 1
        if self._fail and self.left == 0:
            raise Unavailable
        return b"x"

    async def aclose(self) -> None:
        self.closed = True


class Connection:
    """What the server sees: it takes ``takes`` messages and then stands still, or the client is gone."""

    def __init__(self, *, takes: int = 100, gone: bool = False) -> None:
        self.sent: list[Message] = []
        self._takes = takes
        self._gone = gone

    async def receive(self) -> Message:
        if not self._gone:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await asyncio.sleep(0)
        if len(self.sent) == self._takes:
            await asyncio.Event().wait()
        self.sent.append(message)

    @property
    def is_complete(self) -> bool:
        return not self.sent[-1].get("more_body", True)


SCOPE: Scope = {"type": "http", "method": "GET"}


async def test_a_body_is_sent_whole_and_closed() -> None:
    pieces, connection = Pieces(), Connection()
    await StreamedResponse(200, {"Content-Length": "10"}, pieces)(SCOPE, connection.receive, connection.send)
    assert b"".join(message.get("body", b"") for message in connection.sent) == b"x" * 10
    assert connection.is_complete
    assert pieces.closed


async def test_a_client_that_takes_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "SEND_TIMEOUT_SECONDS", 0.01)
    pieces, connection = Pieces(), Connection(takes=3)
    await StreamedResponse(200, {"Content-Length": "10"}, pieces)(SCOPE, connection.receive, connection.send)
    assert not connection.is_complete
    assert pieces.closed


async def test_nothing_more_is_read_for_a_client_that_is_gone() -> None:
    pieces, connection = Pieces(), Connection(gone=True)
    await StreamedResponse(200, {"Content-Length": "10"}, pieces)(SCOPE, connection.receive, connection.send)
    assert pieces.left >= 8
    assert pieces.closed


async def test_storage_that_fails_later_breaks_the_body_off_and_raises_nothing() -> None:
    pieces, connection = Pieces(fail=True), Connection()
    await StreamedResponse(200, {"Content-Length": "10"}, pieces)(SCOPE, connection.receive, connection.send)
    assert not connection.is_complete
    assert pieces.closed
