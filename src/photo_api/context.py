"""What the service knows of the request it is answering, kept in the ASGI scope."""

import ipaddress
import re
from collections.abc import Awaitable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send
from uuid_utils import uuid7

from photo_api.config import Network
from photo_metrics import REQUEST_ID_KEY, RESPONSE_HEADERS_KEY

_KEY: Final = "photo_api.context"
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who an access token names."""

    user_id: str
    family_id: str
    """The refresh-token family (one login) that the access token comes from."""


@dataclass(slots=True)
class RequestContext:
    """One request: its id, the client's address, and the user once authenticated."""

    request_id: str
    client_ip: str
    principal: Principal | None = None


def context_of(scope: Scope) -> RequestContext:
    """The request's context; only requests that passed the middleware have one."""
    context: RequestContext = scope[_KEY]
    return context


def current_request_id() -> str | None:
    """The id of the request that the running code answers, for logs; ``None`` outside of one."""
    return _request_id.get()


class RequestContextMiddleware:
    """Outermost: gives each request its id (``X-Request-ID``, believed where well-formed) and the client's address.

    The response gets the same ``X-Request-ID`` from the instrumentation inside (`RESPONSE_HEADERS_KEY`), which wraps
    the response's messages already. `current_request_id` is set for the rest of the task: a server has one a request.

    ``X-Forwarded-For`` counts only where the peer is a trusted proxy; then the right-most address that is not one
    itself is the client (RFC 7239, 5.2 and the usual reading of the header).

    `__call__` is no coroutine function, by which uvicorn's ``interface="auto"`` tells ASGI 3 from 2: serve it inside an
    application (`FastAPI.add_middleware`), or with ``interface="asgi3"``.
    """

    def __init__(self, app: ASGIApp, *, trusted_proxies: Sequence[Network]) -> None:
        self._app = app
        self._trusted = tuple(trusted_proxies)
        self._is_trusted: dict[str, bool] = {}

    # Not a coroutine of its own: one frame less for every request.
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        given = forwarded = None
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = value
            elif name == b"x-forwarded-for":
                forwarded = value if forwarded is None else forwarded + b"," + value
        request_id = given.decode() if given and _REQUEST_ID.fullmatch(given) else str(uuid7())
        scope[REQUEST_ID_KEY] = request_id
        client: Any = scope.get("client")
        peer = client[0] if client else "0.0.0.0"  # noqa: S104 - an unknown peer (UNIX socket), not a bind address
        scope[_KEY] = RequestContext(request_id, self._client_ip(peer, forwarded) if forwarded else peer)
        scope[RESPONSE_HEADERS_KEY] = ((b"x-request-id", request_id.encode()),)
        _request_id.set(request_id)
        return self._app(scope, receive, send)

    def _client_ip(self, peer: str, forwarded: bytes) -> str:
        if not self._trusts(peer):
            return peer
        address = peer
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            try:
                address = str(ipaddress.ip_address(hop.strip())).partition("%")[0]  # a zone may be any text
            except ValueError:
                break
            if not self._trusts(address):
                break
        return str(address)

    def _trusts(self, address: str) -> bool:
        known = self._is_trusted.get(address)
        if known is None:
            try:
                parsed = ipaddress.ip_address(address)
            except ValueError:
                return False
            parsed = getattr(parsed, "ipv4_mapped", None) or parsed  # a dual-stack socket's way to name IPv4 peers
            known = any(parsed in network for network in self._trusted)
            if len(self._is_trusted) >= 10_000:
                self._is_trusted.clear()
            self._is_trusted[address] = known
        return known
