"""Bodies as they come: nothing is waited for without end."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message

from photo_api.errors import MalformedRequest, TooLarge
from photo_api.storage import receiving
from photo_api.storage.receiving import at_most, body_of, exactly, gathered


def request(*messages: Message) -> Request:
    """A request whose body comes so; then nothing comes any more."""
    waiting = list(messages)

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return Request({"type": "http", "method": "PUT", "headers": []}, receive)


def chunk(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def of(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_a_body_is_handed_on_as_it_comes() -> None:
    body = body_of(request(chunk(b"a", more=True), chunk(b"", more=True), chunk(b"b", more=False)))
    assert [piece async for piece in body] == [b"a", b"b"]


async def test_a_body_that_stops_arriving_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "IDLE_SECONDS", 0.01)
    with pytest.raises(MalformedRequest, match="stopped"):
        assert [piece async for piece in body_of(request(chunk(b"a", more=True)))] == []


async def test_a_body_that_takes_too_long_altogether_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "TOTAL_SECONDS", 0.0)
    with pytest.raises(MalformedRequest, match="stopped"):
        assert [piece async for piece in body_of(request(chunk(b"a", more=True)))] == []


async def test_a_connection_that_ends_is_no_end_of_the_body() -> None:
    with pytest.raises(MalformedRequest, match="ended"):
        assert [piece async for piece in body_of(request(chunk(b"a", more=True), {"type": "http.disconnect"}))] == []


@pytest.mark.parametrize("pieces", [[], [b"12"], [b"12", b"34"]])
async def test_another_length_than_declared_is_malformed(pieces: list[bytes]) -> None:
    with pytest.raises(MalformedRequest):
        assert [piece async for piece in exactly(of(pieces), 3)] == []


async def test_the_limit_itself_is_within_the_limit() -> None:
    assert [piece async for piece in at_most(of([b"12", b"3"]), 3)] == [b"12", b"3"]
    with pytest.raises(TooLarge):
        assert [piece async for piece in at_most(of([b"12", b"34"]), 3)] == []


async def test_small_chunks_are_gathered_to_pieces() -> None:
    gathering = gathered(of([b"12", b"34", b"5", b"67", b"8"]), 4)
    assert [piece async for piece in gathering] == [[b"12", b"34"], [b"5", b"67", b"8"]]
