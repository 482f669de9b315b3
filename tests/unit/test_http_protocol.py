"""uvicorn with our connections, where the real command would need thousands of clients, or minutes."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from photo_api.http_protocol import MAX_HEAD_BYTES, BoundedHttpProtocol

GET = b"GET / HTTP/1.1\r\nHost: photos.test\r\n\r\n"
UNFINISHED = GET.replace(b"/", b"/unfinished", 1)
UNANSWERED = GET.replace(b"/", b"/unanswered", 1)
SIZED = b"POST / HTTP/1.1\r\nHost: photos.test\r\nContent-Length: 4\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: photos.test\r\nTransfer-Encoding: chunked\r\n\r\n"
SENT = b"a" * 100
"""What is sent of the answer that is never finished."""


async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
    """401 without a look at the body.

    Until the client leaves, ``/unfinished`` answers with `SENT` of 1,000 bytes, and ``/unanswered`` not at all.
    """
    if scope["path"] in {"/unfinished", "/unanswered"}:
        if scope["path"] == "/unfinished":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
            await send({"type": "http.response.body", "body": SENT, "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
    else:
        await PlainTextResponse("refused", 401)(scope, receive, send)


@asynccontextmanager
async def serving(app: ASGIApp, *, keep_alive_seconds: int = 75, connections: int | None = None) -> AsyncIterator[int]:
    """Serve until the block ends; the port."""
    config = uvicorn.Config(
        app,
        http=BoundedHttpProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=1,  # a request is not told that its client left where another waits behind it
        limit_concurrency=connections,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running


async def exchange(port: int, *pieces: bytes) -> bytes:
    """Send each piece once the one before was answered, and read until the server closes.

    Raises:
        TimeoutError: it does not.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    try:
        async with asyncio.timeout(20):
            for number, piece in enumerate(pieces):
                if number:
                    received += await reader.read(65_536)
                writer.write(piece)
                await writer.drain()
            while more := await reader.read(65_536):
                received += more
    finally:
        writer.close()
    return received


def statuses(received: bytes) -> list[int]:
    """The status of each response."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


async def test_more_connections_than_are_served_are_answered_503_as_a_problem() -> None:
    async with (
        serving(PlainTextResponse("never reached"), connections=1) as port,  # a connection counts itself
        httpx.AsyncClient(timeout=20) as client,
    ):
        answer = await client.get(f"http://127.0.0.1:{port}/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "2"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert answer.json()["detail"] == "Too many connections are open; try again soon."


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((GET,), id="after a request without a body"),
        pytest.param((SIZED + b"abcd",), id="body with its head"),
        pytest.param((SIZED, b"abcd"), id="body after its answer"),
        pytest.param((CHUNKED, b"0\r\n\r\n"), id="last chunk after its answer"),
        pytest.param((SIZED, b"abcd" + GET + SIZED, b"abcd"), id="a second time"),
    ],
)
async def test_an_idle_connection_is_closed_after_the_keep_alive_time(pieces: tuple[bytes, ...]) -> None:
    """Otherwise a client without an account would take every place there is, one refused request each."""
    async with serving(refusing, keep_alive_seconds=1) as port:
        assert set(statuses(await exchange(port, *pieces))) == {401}


async def test_a_request_after_a_refused_body_is_served_within_the_keep_alive_time() -> None:
    async with serving(refusing) as port:
        last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        assert statuses(await exchange(port, SIZED, b"abcd" + GET, last)) == [401, 401, 401]


@pytest.mark.parametrize(
    "garbage",
    [pytest.param(b"\x00\r\n\r\n", id="no HTTP"), pytest.param(CHUNKED + b"zz\r\n", id="bad chunk of one that waits")],
)
async def test_what_is_no_http_never_puts_an_error_into_the_body_of_an_answer(garbage: bytes) -> None:
    async with serving(refusing) as port:
        received = await exchange(port, UNFINISHED, garbage)
    assert statuses(received) == [200]
    assert received.partition(b"\r\n\r\n")[2] in {b"", SENT}  # how much of the answer came before it broke off


async def test_what_is_no_http_never_answers_the_request_before_it() -> None:
    """Its client would take the 400 for the answer to a request that may well have its effect."""
    async with serving(refusing) as port:
        assert await exchange(port, UNANSWERED + b"\x00\r\n\r\n") == b""


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"zz\r\n", id="a bad chunk"),
        pytest.param(b"0\r\n" + b"X-A: b\r\n" * (MAX_HEAD_BYTES // 8 + 1), id="endless trailers"),
        pytest.param(b"5;" + b"a" * MAX_HEAD_BYTES, id="an endless chunk extension"),
    ],
)
async def test_a_request_that_was_answered_gets_no_second_answer_for_the_rest_of_it(rest: bytes) -> None:
    async with serving(refusing) as port:
        assert statuses(await exchange(port, CHUNKED, rest)) == [401]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(b"\x00\r\n\r\n", 400, id="no HTTP"),
        pytest.param(GET.replace(b"/", b"no-slash", 1), 400, id="bad target"),
        pytest.param(CHUNKED + b"zz\r\n", 400, id="bad chunk"),
        pytest.param(b"GET /" + b"a" * MAX_HEAD_BYTES, 431, id="long head"),
    ],
)
async def test_a_bad_request_after_an_answered_one_gets_an_answer_of_its_own(request_: bytes, expected: int) -> None:
    async with serving(refusing) as port:
        assert statuses(await exchange(port, SIZED + b"abcd", request_)) == [401, expected]
