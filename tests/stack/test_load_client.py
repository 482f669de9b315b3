"""A virtual user's HTTP client against a server that misbehaves on purpose: what is counted as what."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from yarl import URL

from photo_stack.load.client import Browser, StepFailed, Wanted
from photo_stack.load.counts import Counts

CONTENT = b"".join(hashlib.sha256(bytes([number % 251, number // 251])).digest() for number in range(6000))
ETAG = '"the-etag"'
IMAGE = Wanted("image", "GET", "/image", (200,))


@dataclass
class Request:
    """One request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes
    peer: str


@dataclass
class Server:
    """A bare server: `script` gets each request and its number, and writes whatever bytes it wants."""

    script: Callable[[Request, int, asyncio.StreamWriter], Awaitable[None]]
    requests: list[Request] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *rest = head.strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in rest)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.requests.append(Request(line, headers, body, writer.get_extra_info("peername")[0]))
                await self.script(self.requests[-1], len(self.requests), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(
    writer: asyncio.StreamWriter,
    status: str,
    body: bytes = b"",
    *,
    etag: str = ETAG,
    extra: str = "",
    cut: int | None = None,
) -> None:
    """Write an answer; `cut` ends the connection after so many bytes of a longer body."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nETag: {etag}\r\n{extra}\r\n"
    writer.write(head.encode() + (body if cut is None else body[:cut]))
    if cut is not None:
        writer.close()


def partial(writer: asyncio.StreamWriter, request: Request, *, etag: str = ETAG, cut: int | None = None) -> None:
    """Answer the request's range."""
    first, last = (int(part) for part in request.headers["range"].removeprefix("bytes=").split("-"))
    extra = f"Content-Range: bytes {first}-{last}/{len(CONTENT)}\r\n"
    answer(writer, "206 Partial Content", CONTENT[first : last + 1], etag=etag, extra=extra, cut=cut)


@asynccontextmanager
async def browsing(
    script: Callable[[Request, int, asyncio.StreamWriter], Awaitable[None]], address: str = "127.0.10.1"
) -> AsyncIterator[tuple[Browser, Counts, Server]]:
    behaviour = Server(script)
    server = await asyncio.start_server(behaviour.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    counts = Counts()
    async with server, Browser(URL(f"http://127.0.0.1:{port}"), address, counts) as browser:
        yield browser, counts, behaviour


async def test_requests_come_from_the_users_own_address_over_one_connection() -> None:
    async def script(_: Request, __: int, writer: asyncio.StreamWriter) -> None:
        answer(writer, "200 OK", b"{}", extra=f"X-Port: {writer.get_extra_info('peername')[1]}\r\n")

    async with browsing(script, "127.0.42.7") as (browser, _, server):
        ports = {(await browser.send(Wanted("me", "GET", "/auth/me", (200,)))).headers["X-Port"] for _ in range(5)}
    assert {request.peer for request in server.requests} == {"127.0.42.7"}
    assert len(ports) == 1


async def test_a_get_on_a_closed_connection_is_not_sent_again_but_counted_as_failed() -> None:
    async def script(_: Request, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            answer(writer, "200 OK", b"{}")
        else:
            writer.close()

    async with browsing(script) as (browser, counts, server):
        await browser.send(Wanted("me", "GET", "/auth/me", (200,)))
        with pytest.raises(StepFailed):
            await browser.send(Wanted("me", "GET", "/auth/me", (200,)))
    assert len(server.requests) == 2
    assert counts.failed_gets == 1
    assert counts.operation("me").transport_errors == {"disconnected": 1}


async def test_a_server_that_is_not_there_is_a_refused_connection() -> None:
    counts = Counts()
    async with Browser(URL("http://127.0.0.1:1"), "127.0.10.1", counts) as browser:
        with pytest.raises(StepFailed):
            await browser.send(Wanted("me", "GET", "/auth/me", (200,)))
    assert counts.operation("me").transport_errors == {"refused": 1}
    assert counts.failed_gets == 1


async def test_an_image_that_arrives_whole_and_unchanged_is_counted_with_its_bytes() -> None:
    async def script(_: Request, __: int, writer: asyncio.StreamWriter) -> None:
        answer(writer, "200 OK", CONTENT)

    async with browsing(script) as (browser, counts, _):
        headers = await browser.download(IMAGE, CONTENT)
    assert headers["ETag"] == ETAG
    assert counts.problems == 0
    assert counts.operation("image").bytes_received == len(CONTENT)


async def test_other_bytes_than_those_uploaded_are_a_corrupt_body() -> None:
    async def script(_: Request, __: int, writer: asyncio.StreamWriter) -> None:
        answer(writer, "200 OK", CONTENT[:-1] + b"\0")

    async with browsing(script) as (browser, counts, _):
        with pytest.raises(StepFailed):
            await browser.download(IMAGE, CONTENT)
    assert (counts.corrupt_bodies, counts.failed_gets) == (1, 0)


async def test_a_range_must_be_the_bytes_it_names() -> None:
    async def script(request: Request, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            partial(writer, request)
        else:
            extra = f"Content-Range: bytes 0-9/{len(CONTENT)}\r\n"
            answer(writer, "206 Partial Content", CONTENT[10:20], extra=extra)

    wanted = Wanted("range", "GET", "/image", (206,))
    async with browsing(script) as (browser, counts, _):
        await browser.download(wanted, CONTENT, headers={"Range": "bytes=100-199"})
        assert counts.corrupt_bodies == 0
        with pytest.raises(StepFailed):
            await browser.download(wanted, CONTENT, headers={"Range": "bytes=0-9"})
    assert counts.corrupt_bodies == 1


async def test_a_body_that_breaks_is_resumed_by_range_with_the_same_etag_and_is_no_failed_get() -> None:
    async def script(request: Request, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            answer(writer, "200 OK", CONTENT, cut=50_000)
        else:
            partial(writer, request)

    async with browsing(script) as (browser, counts, server):
        await browser.download(IMAGE, CONTENT, headers={"Authorization": "Bearer t"})
    resume = server.requests[1].headers
    assert resume["range"] == f"bytes=50000-{len(CONTENT) - 1}"
    assert (resume["if-range"], resume["authorization"]) == (ETAG, "Bearer t")
    assert (counts.broken_bodies, counts.resumed_bodies, counts.failed_gets, counts.problems) == (1, 1, 0, 0)


async def test_a_resume_that_breaks_again_is_continued_once_more() -> None:
    async def script(request: Request, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            answer(writer, "200 OK", CONTENT, cut=50_000)
        else:
            partial(writer, request, cut=30_000 if number == 2 else None)

    async with browsing(script) as (browser, counts, server):
        await browser.download(IMAGE, CONTENT)
    assert server.requests[2].headers["range"].startswith("bytes=80000-")
    assert (counts.broken_bodies, counts.resumed_bodies, counts.problems) == (2, 1, 0)


async def test_a_broken_range_is_resumed_to_the_ranges_end() -> None:
    async def script(request: Request, number: int, writer: asyncio.StreamWriter) -> None:
        partial(writer, request, cut=1_000 if number == 1 else None)

    async with browsing(script) as (browser, counts, server):
        await browser.download(Wanted("range", "GET", "/image", (206,)), CONTENT, headers={"Range": "bytes=5000-9999"})
    assert server.requests[1].headers["range"] == "bytes=6000-9999"
    assert counts.resumed_bodies == 1


async def test_a_resume_with_another_etag_is_corrupt_and_not_resumed() -> None:
    async def script(request: Request, number: int, writer: asyncio.StreamWriter) -> None:
        if number == 1:
            answer(writer, "200 OK", CONTENT, cut=50_000)
        else:
            partial(writer, request, etag='"another"')

    async with browsing(script) as (browser, counts, _):
        with pytest.raises(StepFailed):
            await browser.download(IMAGE, CONTENT)
    assert (counts.resumed_bodies, counts.lost_bodies, counts.corrupt_bodies) == (0, 1, 1)
    assert counts.problems > 0


async def test_an_image_is_fetched_from_where_a_redirect_leads_without_the_credentials_but_with_the_range() -> None:
    async def script(request: Request, _: int, writer: asyncio.StreamWriter) -> None:
        if request.line.startswith("GET /cdn?token=exp=1~hmac=2 "):
            partial(writer, request, etag='"the-edge-etag"')
        else:
            answer(writer, "302 Found", extra="Location: /cdn?token=exp=1~hmac=2\r\n")

    given = {"Range": "bytes=100-199", "Authorization": "Bearer t", "X-Share-Password": "p"}
    async with browsing(script) as (browser, counts, server):
        headers = await browser.download(Wanted("image", "GET", "/image", (206,)), CONTENT, headers=given)
    assert headers["ETag"] == ETAG
    sent = server.requests[1].headers
    assert (sent["range"], sent.get("authorization"), sent.get("x-share-password")) == ("bytes=100-199", None, None)
    assert (counts.operation("image").answered, counts.operation("image_cdn").answered) == ({302: 1}, {206: 1})
    assert counts.problems == 0


async def test_other_bytes_at_the_redirects_end_are_a_corrupt_body_there() -> None:
    async def script(request: Request, _: int, writer: asyncio.StreamWriter) -> None:
        if request.line.startswith("GET /cdn "):
            answer(writer, "200 OK", CONTENT[::-1])
        else:
            answer(writer, "302 Found", extra="Location: /cdn\r\n")

    async with browsing(script) as (browser, counts, _):
        with pytest.raises(StepFailed):
            await browser.download(IMAGE, CONTENT)
    assert (counts.operation("image").corrupt_bodies, counts.operation("image_cdn").corrupt_bodies) == (0, 1)


async def test_a_redirect_that_refuses_is_a_failed_get() -> None:
    async def script(request: Request, _: int, writer: asyncio.StreamWriter) -> None:
        if request.line.startswith("GET /cdn "):
            answer(writer, "403 Forbidden", b"token refused")
        else:
            answer(writer, "302 Found", extra="Location: /cdn\r\n")

    async with browsing(script) as (browser, counts, _):
        with pytest.raises(StepFailed):
            await browser.download(IMAGE, CONTENT)
    assert counts.operation("image_cdn").unexpected == {403: 1}
    assert counts.failed_gets == 1


async def test_a_redirect_elsewhere_or_again_is_never_followed() -> None:
    async def script(request: Request, _: int, writer: asyncio.StreamWriter) -> None:
        elsewhere = request.line.startswith("GET /image ")
        answer(writer, "302 Found", extra=f"Location: {'http://192.0.2.1/x' if elsewhere else '/again'}\r\n")

    async with browsing(script) as (browser, counts, server):
        with pytest.raises(StepFailed):
            await browser.download(IMAGE, CONTENT)
        with pytest.raises(StepFailed):
            await browser.download(Wanted("other", "GET", "/other", (200,)), CONTENT)
    assert [request.line.split()[1] for request in server.requests] == ["/image", "/other", "/again"]
    assert counts.operation("other_cdn").unexpected == {302: 1}


async def test_a_redirect_is_no_answer_to_a_condition() -> None:
    async def script(_: Request, __: int, writer: asyncio.StreamWriter) -> None:
        answer(writer, "302 Found", extra="Location: /cdn\r\n")

    async with browsing(script) as (browser, counts, server):
        with pytest.raises(StepFailed):
            await browser.download(
                Wanted("conditional", "GET", "/image", (304,)), CONTENT, headers={"If-None-Match": ETAG}
            )
    assert len(server.requests) == 1
    assert counts.operation("conditional").unexpected == {302: 1}


async def test_an_unexpected_answer_is_counted_and_its_title_kept() -> None:
    async def script(_: Request, __: int, writer: asyncio.StreamWriter) -> None:
        answer(
            writer, "429 Too Many Requests", b'{"title": "Slow down", "request_id": "r1"}', extra="Retry-After: 7\r\n"
        )

    async with browsing(script) as (browser, counts, _):
        with pytest.raises(StepFailed) as caught:
            await browser.send(Wanted("me", "GET", "/auth/me", (200,)))
    assert (caught.value.status, caught.value.retry_after) == (429, 7.0)
    assert counts.unexpected == counts.failed_gets == 1
    assert counts.samples[0]["said"] == "Slow down (request r1)"


async def test_a_small_body_that_breaks_is_lost_and_no_failed_get() -> None:
    async def script(_: Request, __: int, writer: asyncio.StreamWriter) -> None:
        answer(writer, "200 OK", b'{"id": "1"}', cut=4)

    async with browsing(script) as (browser, counts, _):
        with pytest.raises(StepFailed):
            await browser.send(Wanted("me", "GET", "/auth/me", (200,)))
    assert (counts.broken_bodies, counts.lost_bodies, counts.failed_gets, counts.problems) == (1, 1, 0, 1)


async def test_a_missing_key_is_an_answer_against_the_contract() -> None:
    async def script(_: Request, __: int, writer: asyncio.StreamWriter) -> None:
        answer(writer, "201 Created", b'{"id": "1"}')

    async with browsing(script) as (browser, counts, _):
        with pytest.raises(StepFailed):
            await browser.send(Wanted("share", "POST", "/share", (201,)), json={}, needs=("id", "token"))
    assert counts.corrupt_bodies == 1


async def test_an_upload_sends_the_given_headers_and_url_as_they_are() -> None:
    async def script(_: Request, __: int, writer: asyncio.StreamWriter) -> None:
        answer(writer, "204 No Content")

    path = "/storage/a%2Fb?signature=a%2Bb%3D&expires=1"
    async with browsing(script) as (browser, counts, server):
        body = aiohttp.BytesPayload(b"picture")
        await browser.send(Wanted("put", "PUT", path, (204,)), headers={"X-Signed": "yes"}, body=body)
    (request,) = server.requests
    assert request.line == f"PUT {path} HTTP/1.1"
    assert request.body == b"picture"
    assert request.headers["content-length"] == "7"
    assert request.headers["x-signed"] == "yes"
    assert "content-type" not in request.headers
    assert counts.operation("put").bytes_sent == 7


async def test_an_upload_url_elsewhere_is_never_followed() -> None:
    async def script(_: Request, __: int, writer: asyncio.StreamWriter) -> None:
        answer(writer, "200 OK")

    async with browsing(script) as (browser, counts, server):
        with pytest.raises(StepFailed):
            await browser.send(Wanted("put", "PUT", "http://192.0.2.1/object", (200,)))
    assert not server.requests
    assert counts.sent == 0
    assert counts.problems == 1


async def test_what_the_end_of_the_run_cuts_off_is_abandoned() -> None:
    arrived = asyncio.Event()

    async def script(_: Request, __: int, ___: asyncio.StreamWriter) -> None:
        arrived.set()
        await asyncio.sleep(3600)

    async with browsing(script) as (browser, counts, _):
        task = asyncio.create_task(browser.send(Wanted("me", "GET", "/auth/me", (200,))))
        await asyncio.wait_for(arrived.wait(), 10)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert counts.operation("me").abandoned == 1
    assert counts.problems == 0
