"""Answers 429 before the routes do, and tells each client what is left."""

from collections.abc import Awaitable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from photo_api.context import context_of
from photo_api.errors import TooManyRequests, problem_of
from photo_api.rate_limits.base import Decision
from photo_api.rate_limits.limiter import RateLimiter
from photo_metrics import HANDLER_KEY

RATE_LIMIT_HEADERS: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


class RateLimitMiddleware:
    """Innermost: the route's template is known, and so is the user.

    Headers on every limited answer (draft-ietf-httpapi-ratelimit-headers-06, the form that clients know):
    ``RateLimit-Limit`` and ``RateLimit-Remaining`` in requests, ``RateLimit-Reset`` in seconds; with 429 also
    ``Retry-After``, the same number.
    """

    def __init__(self, app: ASGIApp, *, limiter: RateLimiter) -> None:
        self._app = app
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = context_of(scope)
        decision = await self._limiter.check(scope.get(HANDLER_KEY, "none"), context)
        if decision is None:
            await self._app(scope, receive, send)
            return
        headers = _headers(decision)

        def send_with_limits(message: Message) -> Awaitable[None]:  # no coroutine of its own: a frame less a message
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            return send(message)

        if decision.allowed:
            await self._app(scope, receive, send_with_limits)
            return
        refusal = TooManyRequests(
            f"At most {decision.limit} such requests a minute; the next is answered in {decision.reset_seconds} s.",
            headers={"Retry-After": str(decision.reset_seconds)},
        )
        # Sent from here, not raised: the CORS middleware outside must see the answer, or browsers cannot read it.
        await problem_of(refusal, context.request_id)(scope, receive, send_with_limits)


def _headers(decision: Decision) -> list[tuple[bytes, bytes]]:
    return [
        (b"ratelimit-limit", b"%d" % decision.limit),
        (b"ratelimit-remaining", b"%d" % decision.remaining),
        (b"ratelimit-reset", b"%d" % decision.reset_seconds),
    ]
