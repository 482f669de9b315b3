"""Pure ASGI instrumentation: every HTTP request in `http_requests_total` and `http_request_duration_seconds`.

What is measured, and how it is labelled:
- `handler` is the route template, resolved once, before anything inside runs, and left in the scope: a rate limiter
  that answers 429 and an exception in a middleware carry their route.
- The duration ends with the first byte of the response body that the application hands over (for a streamed body:
  with the first chunk that is not empty), so that a client's slow line is not the service's slowness. Where no body
  comes it ends with the request.
- An exception that leaves the application counts as 500, even after the response began (what the client got is
  broken), is counted as unhandled, and is raised again. No response at all counts as 500: that is what servers then
  send.
- A client that left before the response began counts as 499 (nginx's code for it) whatever the application then did,
  and is timed to the end: its impatience is often the only sign of a hanging request. A cancelled request counts
  likewise.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from photo_metrics.asgi import HANDLER_KEY, REQUEST_ID_KEY, RESPONSE_HEADERS_KEY
from photo_metrics.spec import MetricType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from photo_metrics.asgi import ASGIApp, Message, Receive, Scope, Send
    from photo_metrics.registry import Histogram, Registry
    from photo_metrics.routes import RouteTable
    from photo_metrics.spec import MetricSpec

CLIENT_CLOSED_REQUEST = 499
_SERVER_ERROR = 500
_FILE_MESSAGES = frozenset({"http.response.pathsend", "http.response.zerocopysend"})
_PRECREATED_STATUSES = (200, 500, 503)


class HttpMetrics:
    """The two families of HTTP requests, with every series that was ever needed at hand.

    A request is observed once: what the counter says is its histogram's count, asked at the scrape.
    """

    def __init__(self, registry: Registry, requests: MetricSpec, duration: MetricSpec) -> None:
        """Register both; they have the labels method, handler and status, in this order (else ValueError)."""
        for spec, expected in ((requests, MetricType.COUNTER), (duration, MetricType.HISTOGRAM)):
            if spec.type is not expected or spec.label_names != ("method", "handler", "status"):
                message = f"{spec.name} must be a {expected} with the labels method, handler, status"
                raise ValueError(message)
        self._requests = registry.counter(requests)
        self._duration = registry.histogram(duration)
        self._known: dict[tuple[str, str, int], Histogram] = {}

    def declare(self, routes: RouteTable) -> None:
        """Create the counters of every declared route: its success, 200, 500 and 503, so that a first error shows in
        `rate()`."""
        for route in routes.declared():
            for status in sorted({route.success_status, *_PRECREATED_STATUSES}):
                self._requests.labels(route.method, route.template, str(status))

    def record(self, method: str, handler: str, status: int, seconds: float, request_id: str | None = None) -> None:
        """Count one request and observe its duration in seconds."""
        histogram = self._known.get((method, handler, status))
        if histogram is None:
            histogram = self._resolve(method, handler, status)
        histogram.observe(seconds, request_id)

    def _resolve(self, method: str, handler: str, status: int) -> Histogram:
        code = str(status) if 100 <= status <= 599 else str(_SERVER_ERROR)  # RFC 9110, section 15
        histogram = self._duration.labels(method, handler, code)
        self._requests.labels(method, handler, code).set_function(histogram.count)
        if histogram.labels[0] == method:  # an unknown method is the client's invention: not to be remembered
            self._known[method, handler, status] = histogram
        return histogram


class RequestRecorder(Protocol):
    """What the middleware needs of a recorder."""

    @property
    def http(self) -> HttpMetrics:
        """The families of HTTP requests."""

    def declare_routes(self, routes: RouteTable) -> None:
        """Learn the routes, once, at start-up."""

    def unhandled_exception(self, error: BaseException | None = None) -> None:
        """Count an exception that no handler expected."""


class _Exchange:
    """What passes between server and application for one request."""

    __slots__ = ("_headers", "_receive", "_send", "_started", "client_left", "seconds", "status")

    def __init__(self, receive: Receive, send: Send, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._receive = receive
        self._send = send
        self._headers = headers  # to be added to the response's own
        self.status = 0  # until the response starts
        self.seconds = -1.0  # until its first byte
        self.client_left = False  # before the response started
        self._started = perf_counter()

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and self.status == 0:
            self.client_left = True
        return message

    # Not a coroutine of its own: it hands the server's awaitable on, which saves a frame per message.
    def send(self, message: Message) -> Awaitable[None]:
        if self.seconds < 0.0:
            kind = message["type"]
            if kind == "http.response.start":
                self.status = message["status"]
                if self._headers:
                    message["headers"] = [*message.get("headers", ()), *self._headers]
            elif kind == "http.response.body":
                if message.get("body") or not message.get("more_body"):
                    self.seconds = perf_counter() - self._started
            elif kind in _FILE_MESSAGES:
                self.seconds = perf_counter() - self._started
        return self._send(message)

    def close(self) -> tuple[int, float]:
        """Status and seconds to be recorded."""
        if self.seconds < 0.0:
            self.seconds = perf_counter() - self._started
        return CLIENT_CLOSED_REQUEST if self.client_left else self.status or _SERVER_ERROR, self.seconds


class InstrumentationMiddleware:
    """Measures every HTTP request of the wrapped application; the outermost middleware but for the request id.

    Adds to each response the headers that `RESPONSE_HEADERS_KEY` in the scope holds.
    """

    def __init__(self, app: ASGIApp, *, recorder: RequestRecorder, routes: RouteTable) -> None:
        """Wrap `app`; the recorder learns the routes here."""
        self._app = app
        self._recorder = recorder
        self._routes = routes
        self._record = recorder.http.record
        recorder.declare_routes(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; other scopes than HTTP pass through untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send, scope.get(RESPONSE_HEADERS_KEY, ()))
        handler = scope[HANDLER_KEY] = self._routes.resolve_scope(scope)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:
            exchange.client_left = exchange.status == 0
            raise
        except Exception as error:
            if not exchange.client_left:
                exchange.status = _SERVER_ERROR
                self._recorder.unhandled_exception(error)
            raise
        finally:
            status, seconds = exchange.close()
            self._record(scope["method"], handler, status, seconds, scope.get(REQUEST_ID_KEY))
