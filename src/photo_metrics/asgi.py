"""The ASGI types that the package uses (ASGI 3.0, https://asgi.readthedocs.io)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

HANDLER_KEY = "photo_metrics.handler"
"""Where the instrumentation leaves the route template of a request in its scope."""

REQUEST_ID_KEY = "photo_metrics.request_id"
"""Where a request-id middleware outside the instrumentation may leave the id: it becomes the exemplar."""

RESPONSE_HEADERS_KEY = "photo_metrics.response_headers"
"""Where a middleware outside the instrumentation may leave headers for the response, as (name, value) pairs in bytes:
the instrumentation sees the response begin anyway, and another wrapper would cost each message one more call."""
