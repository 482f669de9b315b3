"""Authentication before routing: the bearer token becomes the request's principal."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from photo_api.accounts.tokens import MAX_TOKEN_BYTES, AccessTokens
from photo_api.context import context_of
from photo_metrics import Recorder


class AuthenticationMiddleware:
    """Verifies the access token, and counts the request among ``photo_api_active_sessions`` (guide, 2.3).

    A token that is not valid leaves the request anonymous: a route that needs a user answers 401 itself.
    """

    def __init__(self, app: ASGIApp, *, tokens: AccessTokens, recorder: Recorder) -> None:
        self._app = app
        self._tokens = tokens
        self._recorder = recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        principal = None
        if scope["type"] == "http":
            token = bearer_token(scope["headers"])
            if token is not None:
                principal = self._tokens.verify(token)
        if principal is None:
            await self._app(scope, receive, send)
            return
        context_of(scope).principal = principal
        self._recorder.session_started()
        try:
            await self._app(scope, receive, send)
        finally:
            self._recorder.session_ended()


def bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The token of ``Authorization: Bearer …`` (RFC 6750, 2.1); ``None`` without one, or with more than one header."""
    found = None
    for name, value in headers:
        if name == b"authorization":
            if found is not None:
                return None
            found = value
    if found is None or len(found) > MAX_TOKEN_BYTES + 16 or found[:7].lower() != b"bearer ":
        return None
    return found[7:].strip().decode("latin-1")
