"""A bound on bodies that are read whole: JSON. The routes that stream theirs to storage have bounds of their own.

FastAPI has such a bound too, but wraps every request in it, those without a body included, and answers in plain text.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from photo_api.errors import MalformedRequest, TooLarge
from photo_metrics import HANDLER_KEY

MAX_BYTES: Final = 1024 * 1024
SECONDS: Final = 30.0
"""How long a body may take to arrive."""
STREAMED: Final = frozenset({("POST", "/photos/"), ("PUT", "/storage/{key}")})
"""Method and template of the routes that never hold a body in memory."""

_WITH_BODIES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class BodyLimitMiddleware:
    """Bounds what a handler can read of a body, in bytes and in time; nothing more is taken from the connection.

    What is too much is told by the exception that FastAPI passes on from reading a body, so it becomes the route's own
    answer: 413, or 400 for a body that does not arrive.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    # Not a coroutine of its own: requests without a body pay nothing but this call.
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        if (
            scope["type"] == "http"
            and scope["method"] in _WITH_BODIES
            and (scope["method"], scope.get(HANDLER_KEY)) not in STREAMED
        ):
            receive = _Bounded(scope, receive)
        return self._app(scope, receive, send)


class _Bounded:
    """Receives one body, and what comes after it."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._declared = next((_length(value) for name, value in scope["headers"] if name == b"content-length"), 0)
        self._received = 0
        self._complete = False
        self._deadline = asyncio.get_running_loop().time() + SECONDS

    async def __call__(self) -> Message:
        """The next message."""
        if self._complete:
            return await self._receive()
        if self._declared > MAX_BYTES:
            raise _too_large()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(
                MalformedRequest.status, "The body stopped arriving; send it again.", {"Connection": "close"}
            ) from None
        self._received += len(message.get("body", b""))
        if self._received > MAX_BYTES:
            raise _too_large()
        self._complete = not message.get("more_body", False)
        return message


def _length(value: bytes) -> int:
    """A Content-Length; what is none is the server's to refuse."""
    return int(value) if value.isdigit() and len(value) <= 18 else 0


def _too_large() -> HTTPException:
    return HTTPException(TooLarge.status, f"The body may have at most {MAX_BYTES} bytes.")
