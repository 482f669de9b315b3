"""One log record a request, where the settings ask for it.

``access_log=errors`` (the default) logs what someone must look into: every 5xx, and the refusals that tell of an
attack: 401, 403, 429, and 404 for share links and images. Of those refusals at most `BURST` at once and
`PER_SECOND` on average are written, so that an attack does not become a flood of logs; the next record says how many
were left out (metrics count them all). ``all`` logs every request, ``off`` none.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from photo_api.context import context_of
from photo_metrics import HANDLER_KEY, client_prefix

BURST: Final = 100
PER_SECOND: Final = 10.0

_REFUSALS: Final = frozenset({401, 403, 429})
_log = structlog.get_logger("photo_api.access")


class AccessLogMiddleware:
    """Logs requests: method, route template (never the path), status, duration, the client's network, request id."""

    def __init__(self, app: ASGIApp, *, log_all: bool, clock: Callable[[], float] = time.perf_counter) -> None:
        self._app = app
        self._log_all = log_all
        self._clock = clock
        self._allowance = float(BURST)
        self._refilled = clock()
        self._left_out = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = self._clock()
        status = 0

        def watch(message: Message) -> Awaitable[None]:  # no coroutine of its own: a frame less a message
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        try:
            await self._app(scope, receive, watch)
        except asyncio.CancelledError:
            status = status or 499  # the client, or the server's patience, was gone before an answer
            raise
        finally:
            if status >= 400 or not status or self._log_all:
                self._log(scope, status or 500, started)

    def _log(self, scope: Scope, status: int, started: float) -> None:
        template = scope.get(HANDLER_KEY, "none")
        if template.startswith("/health") and not self._log_all:
            return  # a drain is 503 every second, and is logged where it begins
        level = "error" if status >= 500 else "info"
        if status < 500 and not self._log_all:
            if not (status in _REFUSALS or (status == 404 and _guessable(template))):
                return
            if not self._may_write():
                self._left_out += 1
                return
            level = "warning"
        context = context_of(scope)
        values: dict[str, Any] = {
            "method": scope["method"],
            "route": template,
            "status": status,
            "duration_ms": round((self._clock() - started) * 1000, 3),
            "client": client_prefix(context.client_ip),
            "request_id": context.request_id,
        }
        if self._left_out:
            values["refusals_left_out"] = self._left_out
            self._left_out = 0
        getattr(_log, level)("request", **values)

    def _may_write(self) -> bool:
        now = self._clock()
        self._allowance = min(float(BURST), self._allowance + (now - self._refilled) * PER_SECOND)
        self._refilled = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True


def _guessable(template: str) -> bool:
    return template.startswith("/share/") or template.endswith("/image")
