"""The net under everything: an exception nobody foresaw becomes a counted, logged 500 without a trace in it."""

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from photo_api.context import context_of
from photo_api.errors import ApiError, problem_of, problem_response
from photo_metrics import Recorder

_log = structlog.get_logger("photo_api")


class UnhandledErrorMiddleware:
    """Answers 500 for exceptions (guide, 3.1: the global handler); once a body has begun it can only break it off."""

    def __init__(self, app: ASGIApp, *, recorder: Recorder) -> None:
        self._app = app
        self._recorder = recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ApiError as error:  # raised by a middleware, outside of the routes' own handlers
            if started:
                raise
            await problem_of(error, context_of(scope).request_id)(scope, receive, send)
        except ClientDisconnect:  # nobody is left to answer; the instrumentation counts it as 499
            return
        except Exception as error:
            self._recorder.unhandled_exception(error)
            request_id = context_of(scope).request_id
            _log.exception("unhandled_exception", exception_type=type(error).__name__)
            if started:
                raise
            await problem_response(500, "Internal server error", None, request_id)(scope, receive, send)
