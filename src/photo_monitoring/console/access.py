"""Who may ask: `Host` and `Origin` of every request, the login, and the headers that every answer carries.

A page of another site must not reach a console on this machine. DNS rebinding needs a name that is not ours, so names
are listed and addresses are not; what changes something must come from the console's own pages.
"""

import hashlib
import hmac
import ipaddress
import time
from collections import deque
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from photo_monitoring.console.settings import ConsoleSettings

COOKIE: Final = "photo-console"
SESSION_SECONDS: Final = 12 * 3600
MAX_FAILED_LOGINS: Final = 10
FAILED_LOGIN_SECONDS: Final = 60.0

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_OPEN_PATHS: Final = ("/login", "/static/", "/-/healthy")


class Sessions:
    """Cookies that prove a login: an expiry signed with the token, so that a new token ends them all."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._failures: deque[float] = deque(maxlen=MAX_FAILED_LOGINS)

    def opens(self, given: str) -> bool:
        """Compare a token with ours in constant time; a wrong one is remembered."""
        right = hmac.compare_digest(hashlib.sha256(given.encode()).digest(), hashlib.sha256(self._token).digest())
        if not right:
            self._failures.append(time.monotonic())
        return right

    def guessed_too_often(self) -> bool:
        """Tell whether the last minute had so many wrong tokens that none is looked at."""
        full = len(self._failures) == MAX_FAILED_LOGINS
        return full and time.monotonic() - self._failures[0] < FAILED_LOGIN_SECONDS

    def cookie(self) -> str:
        """Return the value of a new session's cookie."""
        expiry = str(int(time.time()) + SESSION_SECONDS)
        return f"{expiry}.{self._signature(expiry)}"

    def holds(self, cookie: str) -> bool:
        """Tell whether a cookie is ours and not over."""
        expiry, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(expiry).encode()):
            return False
        return time.time() < int(expiry)

    def _signature(self, expiry: str) -> str:
        return hmac.new(self._token, f"console session until {expiry}".encode(), hashlib.sha256).hexdigest()


def _host_name(netloc: str) -> str | None:
    try:
        return urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None


def is_our_host(netloc: str, settings: ConsoleSettings) -> bool:
    """Tell whether a `Host` header names this console: an address, localhost, or a name it was given."""
    name = _host_name(netloc)
    if not name or "@" in netloc:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in {"localhost", settings.host.lower()} | settings.names
    return True


def _comes_from_us(request: web.Request) -> bool:
    """Tell whether a request was sent by one of our own pages, or typed in."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() == request.host.lower()
    site = request.headers.get("Sec-Fetch-Site", "none")
    if request.method in _SAFE_METHODS:
        # A link in a chat message opens a page; only pages of ours fetch data.
        return site in {"none", "same-origin"} or request.headers.get("Sec-Fetch-Mode") == "navigate"
    return site == "same-origin"


def middlewares(settings: ConsoleSettings, sessions: Sessions | None) -> list[Middleware]:
    """Return what every request passes: headers around everything, then host, origin, login."""
    return [_with_headers(), _from_us(settings), *([_logged_in(sessions)] if sessions else [])]


def _with_headers() -> Middleware:
    @web.middleware
    async def with_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except web.HTTPException as raised:
            _add_headers(raised)
            raise
        _add_headers(response)
        return response

    return with_headers


def _add_headers(response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")


def _from_us(settings: ConsoleSettings) -> Middleware:
    @web.middleware
    async def from_us(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_our_host(request.host, settings):
            raise web.HTTPMisdirectedRequest(
                text="this console does not go by that name: start it with --allowed-host NAME\n"
            )
        if not _comes_from_us(request):
            raise web.HTTPForbidden(text="only the console's own pages may ask this\n")
        return await handler(request)

    return from_us


def _logged_in(sessions: Sessions) -> Middleware:
    @web.middleware
    async def logged_in(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(_OPEN_PATHS) or sessions.holds(request.cookies.get(COOKIE, "")):
            return await handler(request)
        if request.path.startswith("/api/"):
            raise web.HTTPUnauthorized(text="log in first\n")
        raise web.HTTPSeeOther(URL("/login").with_query(next=str(request.rel_url)))

    return logged_in
