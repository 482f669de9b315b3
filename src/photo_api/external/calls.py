"""HTTP calls to one external service: pooled, measured, bounded in time and number, refused while its breaker is open.

Policy: what cannot be reached, is silent too long, breaks off or answers 5xx or 429 ends in `ServiceAway` and counts as
a failure of the breaker; after ``breaker_failures`` of those in a row calls end in `CircuitOpen` at once. Any other
status is the caller's to read. Nothing recovers by restart: after ``breaker_open_seconds`` one call tries.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterable, AsyncIterator, Container, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import Final, NamedTuple

import aiohttp
import structlog
from yarl import URL

from photo_api.config import Settings
from photo_api.errors import Unavailable
from photo_api.external.answers import MAX_BYTES, read_answer
from photo_api.external.body import PIECE, SentBody
from photo_api.external.breaker import Breaker
from photo_api.external.budget import RetryBudget
from photo_api.external.errors import CircuitOpen, ServiceAway
from photo_metrics import BreakerState, ExternalOperation, ExternalRequest, ExternalService, Recorder

NAMES: Final[Mapping[ExternalService, str]] = {
    "object_storage": "object storage",
    "cdn": "CDN",
    "log_service": "log service",
}
ATTEMPTS: Final = 3
RETRY_SECONDS: Final = (0.1, 0.4)  # at most, before the second and the third attempt
CONNECT_SECONDS: Final = 3.0
COPIED_BYTES_PER_SECOND: Final = 20_000_000  # of a service that copies at once, at least

_RETRIED: Final = frozenset({None, 500, 502, 503, 504})
_log = structlog.get_logger("photo_api.external")


class _Request(NamedTuple):
    operation: ExternalOperation
    method: str
    url: URL
    headers: Mapping[str, str] | None
    params: Mapping[str, str] | None
    data: bytes | AsyncIterable[bytes] | None
    expected: Container[int]
    seconds: float


class ExternalCalls:
    """Calls to one service, from one event loop.

    Args:
        service: its name in the metrics.
        timeout_seconds: the longest silence: until the answer begins, between two pieces of a body either way. There
            is no limit in total, for a body may be long.
        connections: calls under way at once; others wait for ``timeout_seconds``, then end in `Unavailable`.
        streams: as many at once go at the pace of somebody else's client: downloads (beside a connection until their
            body begins) and calls with an iterated ``data``. Slow clients so keep no short call waiting.
    """

    def __init__(
        self,
        service: ExternalService,
        settings: Settings,
        recorder: Recorder,
        *,
        timeout_seconds: float,
        connections: int = 64,
        streams: int = 512,
    ) -> None:
        self._service: Final = service
        self._name = NAMES[service]
        self._recorder = recorder
        self._timeout_seconds = timeout_seconds
        self._breaker = Breaker(settings.breaker_failures, settings.breaker_open_seconds, self._breaker_changed)
        self._budget = RetryBudget()
        self._last_failure = ""
        self._places = asyncio.Semaphore(connections)
        self._streams = asyncio.Semaphore(streams)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make ready; nothing is connected yet."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ttl_dns_cache=30
            ),  # `connections` bounds them, and waits with an end
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", "User-Agent": "photo-api"},
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Close every connection; calls under way fail."""
        session, self._session = self._session, None  # calls that begin meanwhile are to find none
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def request(
        self,
        operation: ExternalOperation,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: bytes | AsyncIterable[bytes] | None = None,
        expected: Container[int] = (200,),
        idempotent: bool = False,
        seconds: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One call; inside the block the answer's status and headers are there and its body can be read.

        Redirects are not followed, bodies not decompressed. In the metrics the call lasts until the block ends, a
        ``download`` until its body begins (the rest is its reader's pace); what an iterated ``data`` is waited for
        does not count.

        Args:
            url: sent as it is: already quoted, for a signature may depend on each character.
            data: bytes, or an iterable of them (chunked, unless ``headers`` have a Content-Length).
            expected: statuses that are no error in the metrics.
            idempotent: whether the call may be made again, after a failure before the answer began that was no
                time-out: at most `ATTEMPTS` times in all, with jitter, within the service's retry budget. A call whose
                ``data`` is an iterable never is, for it can be read only once.
            seconds: the longest silence of this call (see `seconds_for`), where it is not that of every call.

        Raises:
            CircuitOpen: the breaker is open; nothing was sent.
            ServiceAway: see the policy above; also while the body is read. A block that raises it itself says that the
                service failed in spite of its status, and it counts as such.
            Unavailable: too many calls are under way, or the calls are closed.
        """
        seconds = self._timeout_seconds if seconds is None else seconds
        request = _Request(operation, method, URL(url, encoded=True), headers, params, data, expected, seconds)
        attempts = ATTEMPTS if idempotent and (data is None or isinstance(data, bytes)) else 1
        self._budget.called()
        async with AsyncExitStack() as stack:
            yield await self._answered(request, attempts, stack)

    def seconds_for(self, size: int) -> float:
        """How long a call may be silent while the service itself copies ``size`` bytes."""
        return self._timeout_seconds + size / COPIED_BYTES_PER_SECOND

    async def read(
        self, response: aiohttp.ClientResponse, *, seconds: float | None = None, max_bytes: int = MAX_BYTES
    ) -> bytes:
        """The whole body of an answer, in the block of its call, within ``seconds`` in all: as `read_answer`."""
        return await read_answer(response, self._name, self._timeout_seconds if seconds is None else seconds, max_bytes)

    async def _answered(self, request: _Request, attempts: int, stack: AsyncExitStack) -> aiohttp.ClientResponse:
        """The answer of the first attempt that gets one; ``stack`` ends it."""
        for longest in RETRY_SECONDS[: attempts - 1]:
            try:
                return await stack.enter_async_context(self._once(request))
            except ServiceAway as error:
                if error.timed_out or error.answered not in _RETRIED or not self._budget.take():
                    raise
            await asyncio.sleep(random.uniform(0.0, longest))  # noqa: S311 - spreads the load, hides nothing
        return await stack.enter_async_context(self._once(request))

    @asynccontextmanager
    async def _once(self, request: _Request) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._breaker.refuses():
            raise self._circuit_open()
        async with AsyncExitStack() as stack:
            place = stack.enter_context(ExitStack())
            await self._place(request, place, stack)
            ticket = self._breaker.admit()  # only now: the breaker may have opened while this call waited
            if ticket is None:
                raise self._circuit_open()
            stack.callback(self._breaker.given_up, ticket)  # no more than that, where nothing else was reported
            measured = stack.enter_context(self._recorder.external_request(self._service, operation=request.operation))
            response: aiohttp.ClientResponse | None = None
            try:
                response = await stack.enter_async_context(await self._sent(request, measured))
                if request.operation == "download":
                    place.close()
                    measured.answered()
                    self._breaker.began(ticket)
                yield response
            except (aiohttp.ClientError, ServiceAway) as error:
                away = self._away(error, request.seconds)
                self._last_failure = str(away)
                self._breaker.failed(ticket)
                if away.timed_out:
                    measured.timed_out()
                if away is error:
                    raise
                raise away from None  # what the HTTP client says may have the URL, and that a signature
            except BaseException as error:
                measured.excused()
                if response is not None and isinstance(error, Exception):
                    self._breaker.succeeded(ticket)  # the service answered; what its caller made of it is another thing
                raise
            self._breaker.succeeded(ticket)

    def _circuit_open(self) -> CircuitOpen:
        wait = max(1, round(self._breaker.retry_after_seconds()))
        return CircuitOpen(f"The {self._name} failed repeatedly; it is left alone.", retry_after_seconds=wait)

    async def _place(self, request: _Request, place: ExitStack, stack: AsyncExitStack) -> None:
        """Wait until the call may be made; ``place`` gives back what a download keeps only until its body begins."""
        sends_a_stream = request.data is not None and not isinstance(request.data, bytes)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                if sends_a_stream or request.operation == "download":
                    await self._streams.acquire()
                    stack.callback(self._streams.release)
                if not sends_a_stream:
                    await self._places.acquire()
                    place.callback(self._places.release)
        except TimeoutError:
            raise Unavailable(f"Too many requests to the {self._name} are under way.") from None

    async def _sent(self, request: _Request, measured: ExternalRequest) -> aiohttp.ClientResponse:
        """The beginning of an answer that is worth reading."""
        if self._session is None:
            raise Unavailable(f"Calls to the {self._name} are closed.")
        deadline = asyncio.timeout(request.seconds)
        headers = dict(request.headers or {})
        body: SentBody | None = None
        if request.data is not None and not (isinstance(request.data, bytes) and len(request.data) <= PIECE):
            body = SentBody(request.data, deadline, request.seconds, measured)
            if isinstance(request.data, bytes):
                headers["Content-Length"] = str(len(request.data))
        try:
            async with deadline:
                response = await self._session.request(
                    request.method,
                    request.url,
                    headers=headers,
                    params=request.params,
                    data=request.data if body is None else body,
                    allow_redirects=False,
                    timeout=self._timeout(request.seconds),
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            if body is not None and body.error is not None:
                raise body.error from None
            if isinstance(error, aiohttp.ClientError):
                raise
            raise aiohttp.ServerTimeoutError from error
        finally:
            if body is not None:
                body.answered()
        if response.status >= 500 or response.status == 429:
            response.release()
            raise ServiceAway(
                f"The {self._name} answered {response.status}.",
                retry_after_seconds=_retry_after(response.headers.get("Retry-After", "")),
                answered=response.status,
            )
        if response.status not in request.expected:
            measured.failed()
        return response

    def _timeout(self, seconds: float) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(sock_connect=min(CONNECT_SECONDS, self._timeout_seconds), sock_read=seconds)

    def _away(self, error: aiohttp.ClientError | ServiceAway, seconds: float) -> ServiceAway:
        if isinstance(error, ServiceAway):
            return error
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return ServiceAway(f"The {self._name} cannot be reached (no answer).", timed_out=True)
        if isinstance(error, TimeoutError):
            return ServiceAway(f"The {self._name} did not answer within {seconds:g} s.", timed_out=True)
        if isinstance(error, aiohttp.ClientConnectorError):
            return ServiceAway(f"The {self._name} cannot be reached ({_why(error)}).")
        if isinstance(error, aiohttp.ClientResponseError):
            return ServiceAway(f"The {self._name} answered what is no HTTP.")
        return ServiceAway(f"The {self._name} broke off.")

    def _breaker_changed(self, state: BreakerState) -> None:
        self._recorder.breaker_state(self._service, state)
        local = self._service == "log_service"  # what the way to it says of itself must not go that way
        if state == "open":
            _log.warning("circuit_open", service=self._service, reason=self._last_failure, local_only=local)
        elif state == "closed":
            _log.info("circuit_closed", service=self._service, local_only=local)


def _why(error: aiohttp.ClientConnectorError) -> str:
    """Why there is no connection, without the address, which is not every reader's to know."""
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return "TLS"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    return os.strerror(error.errno) if error.errno else "no address answers"


def _retry_after(value: str) -> int:
    """RFC 9110, 10.2.3, in seconds; a date, or nonsense, becomes the default."""
    return min(max(int(value), 1), 300) if value.isascii() and value.isdigit() and len(value) < 9 else 2
