"""uvicorn's HTTP/1.1 connection, with the bounds that it lacks: how long a request's head may take, and be.

uvicorn on httptools waits for a head without end and keeps all of it, so that a few thousand idle connections use up
`limit_concurrency`, and one client that never ends a header line uses up the memory. A load balancer in front
(HAProxy's ``timeout http-request`` and buffer) refuses both first; here is what holds without one.

What is refused here (400 for what is no HTTP, 431, and 503 beyond `limit_concurrency`) is problem+json with a request
id like every error, but never reaches the application: it is neither logged nor counted in ``http_requests_total``.
"""

import asyncio
from typing import Any, Final

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from photo_api.errors import MalformedRequest, Unavailable, problem_response
from photo_api.ids import new_id

HEAD_SECONDS: Final = 10.0
"""From the connection's begin, or a request's first byte, to the end of its head; and how long the rest of a body that
was answered already is still read, so that the client sees the answer."""
MAX_HEAD_BYTES: Final = 32_768
"""Longest head; of trailers and chunk extensions as much may come between two pieces of a body."""

_NO_HTTP: Final = "What came is not valid HTTP/1.1."
_TOO_LONG: Final = f"A request's head may have at most {MAX_HEAD_BYTES} bytes."


def _problem(status: int, title: str, detail: str, **headers: str) -> Any:  # noqa: ANN401 - Starlette's own Response
    request_id = new_id()
    more = {"X-Request-ID": request_id, "Connection": "close", **headers}
    return problem_response(status, title, detail, request_id, headers=more)


def _as_bytes(status: int, title: str, detail: str) -> bytes:
    """A whole answer, where there is no request to answer."""
    answer = _problem(status, title, detail)
    head = b"".join(name + b": " + value + b"\r\n" for name, value in answer.raw_headers)
    return b"".join((STATUS_LINE[status], head, b"\r\n", answer.body))


async def _too_busy(scope: Scope, receive: Receive, send: Send) -> None:
    """The answer beyond `limit_concurrency`, in place of uvicorn's."""
    answer = _problem(
        Unavailable.status, Unavailable.title, "Too many connections are open; try again soon.", **{"Retry-After": "2"}
    )
    await answer(scope, receive, send)


class _Trailers(list[tuple[bytes, bytes]]):
    """What stands where the headers did once a head is complete: trailers are not read by anyone, so none is kept."""

    def append(self, value: tuple[bytes, bytes], /) -> None:
        """Drop it."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """A connection; the server asks each from time to time whether it is `overdue`, and closes it then."""

    _waiting_since: float | None = None
    _unproductive_bytes = 0
    _in_body = False
    _between_requests = True

    def connection_made(  # type: ignore[override]  # as in uvicorn: a TCP server's transports are of this kind
        self, transport: asyncio.Transport
    ) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._waiting_since = self.loop.time()

    def overdue(self, now: float) -> bool:
        """Whether what the client has begun should long have come; ``now`` is the loop's time."""
        return self._waiting_since is not None and now - self._waiting_since > HEAD_SECONDS

    def data_received(self, data: bytes) -> None:
        """Parse, unless that makes a head, or anything else that is no body, too long."""
        self._unproductive_bytes += len(data)
        if self._unproductive_bytes > MAX_HEAD_BYTES and self._head_is_too_long(data):
            self._refuse()
            return
        was_between_requests = self._between_requests
        super().data_received(data)
        if self._waiting_since is None and getattr(self.cycle, "response_complete", True):
            if was_between_requests or not self._between_requests:
                self._waiting_since = self.loop.time()
            else:  # the end of a body that was answered before; its bytes have stopped the timer of the answer's end
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )
        if self._unproductive_bytes > MAX_HEAD_BYTES:
            self._refuse()

    def _head_is_too_long(self, data: bytes) -> bool:
        """Whether the head that is awaited cannot end within its bound; what follows it in ``data`` may be long."""
        if self._waiting_since is None or self._in_body:
            return False
        if data.startswith((b"\r\n", b"\n")):  # the rest of an end that was cut in two
            return False
        left = MAX_HEAD_BYTES - (self._unproductive_bytes - len(data))
        return b"\n\r\n" not in data[: left + 3]

    def on_message_begin(self) -> None:
        """A head begins."""
        self._between_requests = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Go on without a limit of time: from here on the application sets its own."""
        self._waiting_since = None
        self._unproductive_bytes = 0
        super().on_headers_complete()  # raises where the target is none: then the request never came to be
        self._in_body = True
        self.headers = _Trailers()

    def on_body(self, body: bytes) -> None:
        """Progress."""
        self._unproductive_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Rest: of the next request nothing is here yet."""
        self._waiting_since = None
        self._in_body = False
        self._between_requests = True
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: a server may ignore any offer to upgrade (RFC 9110, 7.8), and anyone could fill the log."""

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and close (RFC 9112, 2.2)."""
        self._answer_and_close(_as_bytes(MalformedRequest.status, MalformedRequest.title, _NO_HTTP))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 - ASGI, by uvicorn's types
        chosen: Any = _too_busy if app is service_unavailable else app
        super()._start_asgi_task(cycle, chosen)

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self._answer_and_close(_as_bytes(431, "Request header fields too large", _TOO_LONG))  # RFC 6585, 5

    def _answer_and_close(self, answer: bytes) -> None:
        """Answer the message that is being read, unless that would be taken for another's answer, or a part of it."""
        if self._in_body:
            unanswered = not self.cycle.response_started and not self.pipeline
        else:
            unanswered = getattr(self.cycle, "response_complete", True)
        if unanswered:
            self.transport.write(answer)
        self.transport.close()
