"""One virtual user's HTTP client: keep-alive connections from its own 127.0.x.y address, and every outcome counted.

A request that fails is not sent again behind the count's back. Only a body that broke after it had begun is continued,
by range and with the same ETag, and counted as such (RFC 9110, 13.1.5 and 14).
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp
import orjson
from yarl import URL

from photo_stack.load.target import TargetError, loopback_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from multidict import CIMultiDictProxy

    from photo_stack.load.counts import Counts

_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=10, sock_connect=5, sock_read=30)
# Shorter than any server's usual keep-alive (uvicorn: 5 s), so that no request goes out on a connection about to close.
_KEEPALIVE_SECONDS: Final = 3.0
_CONNECTIONS: Final = 6
"""To one host, as browsers do over HTTP/1.1."""
_CHUNK_BYTES: Final = 64 * 1024
_LARGEST_BODY_BYTES: Final = 8 * 1024 * 1024
_RESUMES: Final = 3
_PARTIAL: Final = 206
_FOUND: Final = 302
_CONDITIONS: Final = frozenset({"Range", "If-None-Match", "If-Range"})


class StepFailed(Exception):
    """A request did not get the answer its flow needs. Counted already; the flow just ends."""

    def __init__(self, status: int | None = None, retry_after: float = 0.0) -> None:
        """`status` is None where no answer came; `retry_after` in seconds, from a 429's header."""
        super().__init__(status)
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer with a status that was expected."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body, which `Browser.send(needs=…)` has checked to be an object."""
        decoded: dict[str, Any] = orjson.loads(self.body)
        return decoded


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to send, and the statuses that may come back."""

    operation: str
    method: str
    path: str
    expect: Collection[int]

    @property
    def is_get(self) -> bool:
        """Tell whether a failure is a failed GET."""
        return self.method == "GET"


class Browser:
    """Sends requests for one user; use as an async context manager."""

    def __init__(self, base: URL, address: str, counts: Counts) -> None:
        """`base` is the service's origin, `address` the source address that connections come from."""
        self._base = base
        self._address = address
        self._counts = counts
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session; no connection yet."""
        connector = aiohttp.TCPConnector(
            local_addr=(self._address, 0), limit_per_host=_CONNECTIONS, keepalive_timeout=_KEEPALIVE_SECONDS
        )
        session = aiohttp.ClientSession(
            connector=connector, timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )
        # aiohttp sends an idempotent request twice when a reused connection turns out closed. That would hide failed
        # GETs from the count. There is no public switch; tests/stack/test_load_client.py holds the behaviour.
        session._retry_connection = False
        self._session = session
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def send(
        self,
        wanted: Wanted,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        body: aiohttp.payload.Payload | None = None,
        needs: Collection[str] = (),
    ) -> Answer:
        """Send one request and read its whole answer, which must be small.

        Args:
            wanted: the request and the statuses expected.
            headers: sent as they are; with `body` nothing is added to them but what HTTP needs (`Content-Length`).
            json: a value for a JSON body.
            body: a raw body instead.
            needs: keys that a 2xx answer's JSON object must have.

        Raises:
            StepFailed: no answer, a broken body, an unexpected status, or a key missing.
        """
        sent_headers = dict(headers or {})
        if json is not None:
            encoded = orjson.dumps(json)
            body = aiohttp.BytesPayload(encoded, content_type="application/json")
            sent_headers["Content-Type"] = "application/json"
        async with self._exchange(wanted, sent_headers, body) as (response, started):
            received = bytearray()
            try:
                async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                    received += chunk
                    if len(received) > _LARGEST_BODY_BYTES:
                        break
            except (aiohttp.ClientError, TimeoutError) as error:
                self._broken(wanted, response, len(received))
                self._counts.lost_bodies += 1
                raise StepFailed from error
            self._finish(wanted, response, started, len(received), bytes(received))
        answer = Answer(response.status, response.headers, bytes(received))
        if needs and response.ok:
            self._require(wanted, answer, needs)
        return answer

    async def download(
        self, wanted: Wanted, content: bytes, *, headers: Mapping[str, str] | None = None
    ) -> CIMultiDictProxy[str]:
        """GET an image and compare it with `content`, the whole file as uploaded; returns the answer's headers.

        200 must bring exactly these bytes (by SHA-256), 206 exactly the range its Content-Range names; other expected
        statuses (304) need no body. Where bytes are expected, a 302 leads to a CDN: that request is an operation of its
        own (`…_cdn`), and gets none of the credentials. The headers returned are the service's.

        Raises:
            StepFailed: no answer, an unexpected status, wrong bytes, or a broken body that could not be resumed.
        """
        given = dict(headers or {})
        if not {200, _PARTIAL} & set(wanted.expect):
            return await self._fetch(wanted, content, given)
        answered = await self._fetch(replace(wanted, expect=(*wanted.expect, _FOUND)), content, given)
        if (link := answered.get("Location")) is not None:
            there = replace(wanted, operation=f"{wanted.operation}_cdn", path=link)
            await self._fetch(there, content, {name: given[name] for name in given if name in _CONDITIONS})
        return answered

    async def _fetch(self, wanted: Wanted, content: bytes, headers: dict[str, str]) -> CIMultiDictProxy[str]:
        """One request of `download`."""
        digest = hashlib.sha256()
        received = 0
        head = bytearray()
        async with self._exchange(wanted, headers, None) as (response, started):
            try:
                async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                    digest.update(chunk)
                    received += len(chunk)
                    if not response.ok and len(head) < _CHUNK_BYTES:
                        head += chunk
            except (aiohttp.ClientError, TimeoutError) as error:
                self._broken(wanted, response, received)
                if response.status not in wanted.expect or not response.ok:
                    self._counts.lost_bodies += 1
                    raise StepFailed from error
                start, end = _bounds(response, len(content))
                await self._resume(wanted, response.headers, content, (start + received, end), headers)
                if digest.digest() != hashlib.sha256(content[start : start + received]).digest():
                    self.corrupt(wanted, "the part before the break")
                return response.headers
            self._finish(wanted, response, started, received, bytes(head))
        if response.status in (200, _PARTIAL):
            start, end = _bounds(response, len(content))
            if received != end - start or digest.digest() != hashlib.sha256(content[start:end]).digest():
                self.corrupt(wanted, f"{received} bytes that are not those uploaded")
                raise StepFailed(response.status)
        return response.headers

    def corrupt(self, wanted: Wanted, said: str) -> None:
        """Count a whole answer whose content is wrong."""
        self._counts.operation(wanted.operation).corrupt_bodies += 1
        self._counts.sample(wanted.operation, "corrupt body", said)

    @asynccontextmanager
    async def _exchange(
        self, wanted: Wanted, headers: dict[str, str], body: aiohttp.payload.Payload | None
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, float]]:
        """Send, and yield the response as soon as it has begun; whatever prevents that is counted here."""
        if self._session is None:
            raise RuntimeError("a Browser is an async context manager: enter it first")
        # `encoded`: a signed URL must arrive as it was given, not requoted.
        url = self._base.join(URL(wanted.path, encoded=True))
        try:
            loopback_url(str(url))
        except TargetError as error:
            self.corrupt(wanted, f"a URL outside 127.0.0.0/8: {url.host}")
            raise StepFailed from error
        self._counts.request(wanted.operation, bytes_sent=(body.size or 0) if body is not None else 0)
        started = time.perf_counter()
        try:
            response = await self._session.request(
                wanted.method,
                url,
                headers=headers,
                data=body,
                allow_redirects=False,
                skip_auto_headers=("Content-Type",) if body is not None and "Content-Type" not in headers else None,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._counts.transport_error(wanted.operation, _kind(error), get=wanted.is_get)
            raise StepFailed from error
        except asyncio.CancelledError:
            self._counts.operation(wanted.operation).abandoned += 1
            raise
        try:
            yield response, started
        except asyncio.CancelledError:
            self._counts.operation(wanted.operation).abandoned += 1
            raise
        finally:
            # An unread body must not go back to the pool with its connection; a read one leaves it reusable.
            response.release() if response.content.at_eof() else response.close()

    def _finish(
        self, wanted: Wanted, response: aiohttp.ClientResponse, started: float, received: int, body: bytes
    ) -> None:
        """Count a whole answer; raises StepFailed for an unexpected one."""
        status = response.status
        expected = status in wanted.expect
        self._counts.operation(wanted.operation).bytes_received += received
        seconds = time.perf_counter() - started
        self._counts.answer(wanted.operation, status, seconds=seconds, expected=expected, get=wanted.is_get)
        if not expected:
            self._counts.sample(wanted.operation, str(status), _problem(body))
            raise StepFailed(status, _retry_after(response.headers))

    def _broken(self, wanted: Wanted, response: aiohttp.ClientResponse, received: int) -> None:
        self._counts.operation(wanted.operation).bytes_received += received
        self._counts.broken_body(wanted.operation, response.status)

    async def _resume(
        self,
        wanted: Wanted,
        first: CIMultiDictProxy[str],
        content: bytes,
        bounds: tuple[int, int],
        headers: dict[str, str],
    ) -> None:
        """Fetch what is missing of a broken body with Range and If-Range; raises StepFailed when it cannot be had."""
        position, end = bounds
        etag = first.get("ETag")
        resume = Wanted(f"{wanted.operation}_resume", "GET", wanted.path, (_PARTIAL,))
        if etag is None:
            self._counts.lost_bodies += 1
            raise StepFailed
        kept = {name: value for name, value in headers.items() if name not in _CONDITIONS}
        for _ in range(_RESUMES):
            asked = {**kept, "Range": f"bytes={position}-{end - 1}", "If-Range": etag}
            received = bytearray()
            try:
                async with self._exchange(resume, asked, None) as (response, started):
                    try:
                        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                            received += chunk
                    except (aiohttp.ClientError, TimeoutError):
                        self._broken(resume, response, len(received))
                    else:
                        self._finish(resume, response, started, len(received), bytes(received[:_CHUNK_BYTES]))
            except StepFailed as failure:
                if failure.status is not None:
                    break
                continue
            if response.headers.get("ETag") != etag or bytes(received) != content[position : position + len(received)]:
                self.corrupt(resume, "a resumed body with another ETag or other bytes")
                break
            position += len(received)
            if position == end:
                self._counts.resumed_bodies += 1
                return
        self._counts.lost_bodies += 1
        raise StepFailed

    def _require(self, wanted: Wanted, answer: Answer, needs: Collection[str]) -> None:
        try:
            decoded = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            decoded = None
        missing = sorted(set(needs) - set(decoded)) if isinstance(decoded, dict) else ["a JSON object"]
        if missing:
            self.corrupt(wanted, f"missing: {', '.join(missing)}")
            raise StepFailed(answer.status)


def _kind(error: BaseException) -> str:
    """Name what kept an answer from beginning."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "refused" if isinstance(error.os_error, ConnectionRefusedError) else "unreachable"
    if isinstance(error, (aiohttp.ServerDisconnectedError, OSError)):
        return "disconnected"
    return "malformed"


def _bounds(response: aiohttp.ClientResponse, size: int) -> tuple[int, int]:
    """Return the half-open span of the file that the body holds; an unreadable Content-Range gives an empty one."""
    if response.status != _PARTIAL:
        return 0, size
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    span, _, total = rest.partition("/")
    first, _, last = span.partition("-")
    if unit != "bytes" or not (first.isdecimal() and last.isdecimal()) or total != str(size):
        return 0, 0
    return int(first), int(last) + 1


def _problem(body: bytes) -> str:
    """Return a problem+json body's title and request id in one line, or the body's size."""
    try:
        decoded = orjson.loads(body)
        return f"{decoded['title']} (request {decoded['request_id']})"
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"{len(body)} bytes that are no problem document"


def _retry_after(headers: CIMultiDictProxy[str]) -> float:
    value = headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0.0
