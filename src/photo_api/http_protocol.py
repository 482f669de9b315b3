"""uvicorn's HTTP/1.1 connection, with the bounds that it lacks: how long a request's head may take, and be.

uvicorn on httptools waits for a head without end and keeps all of it, so that a few thousand idle connections use up
`limit_concurrency`, and one client that never ends a header line uses up the memory. A load balancer in front
(HAProxy's ``timeout http-request`` and buffer) refuses both first; here is what holds without one.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS: Final = 10.0
"""From the connection's begin, or a request's first byte, to the end of its head; and how long the rest of a body that
was answered already is still read, so that the client sees the answer."""
MAX_HEAD_BYTES: Final = 32_768
"""Longest head; of trailers and chunk extensions as much may come between two pieces of a body."""

_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"  # RFC 6585, 5
)


class _Trailers(list[tuple[bytes, bytes]]):
    """What stands where the headers did once a head is complete: trailers are not read by anyone, so none is kept."""

    def append(self, value: tuple[bytes, bytes], /) -> None:
        """Drop it."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """A connection; the server asks each from time to time whether it is `overdue`, and closes it then."""

    _waiting_since: float | None = None
    _unproductive_bytes = 0

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
        super().data_received(data)
        if self._waiting_since is None and getattr(self.cycle, "response_complete", True):
            self._waiting_since = self.loop.time()
        if self._unproductive_bytes > MAX_HEAD_BYTES:
            self._refuse()

    def _head_is_too_long(self, data: bytes) -> bool:
        """Whether the head that is awaited cannot end within its bound; what follows it in ``data`` may be long."""
        if self._waiting_since is None or data.startswith((b"\r\n", b"\n")):  # the rest of an end that was cut in two
            return False
        left = MAX_HEAD_BYTES - (self._unproductive_bytes - len(data))
        return b"\n\r\n" not in data[: left + 3]

    def on_headers_complete(self) -> None:
        """Go on without a limit of time: from here on the application sets its own."""
        self._waiting_since = None
        self._unproductive_bytes = 0
        super().on_headers_complete()
        self.headers = _Trailers()

    def on_body(self, body: bytes) -> None:
        """Progress."""
        self._unproductive_bytes = 0
        super().on_body(body)

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: a server may ignore any offer to upgrade (RFC 9110, 7.8), and anyone could fill the log."""

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            if getattr(self.cycle, "response_complete", True):
                self.transport.write(_TOO_LARGE)
            self.transport.close()
