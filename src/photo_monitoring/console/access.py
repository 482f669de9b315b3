"""Who may ask: `Host` and `Origin` of every request, the login, and the headers that every answer carries.

A page of another site must not reach a console on this machine. DNS rebinding needs a name that is not ours, so names
are listed and addresses are not (without a password, only loopback's are ours); what changes something must come from
the console's own pages.
"""

import hashlib
import hmac
import ipaddress
import logging
import time
import traceback
from collections import deque
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from photo_monitoring.console.settings import ConsoleSettings, is_loopback

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

_LOG: Final = logging.getLogger(__name__)
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_OPEN_PATHS: Final = ("/login", "/static/", "/-/healthy")


class Sessions:
    """Cookies that prove a login: an expiry signed with the token, so that a new token ends them all."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._failures: deque[float] = deque(maxlen=MAX_FAILED_LOGINS)

    def opens(self, given: str) -> bool:
        """Compare a token with ours in constant time."""
        return hmac.compare_digest(hashlib.sha256(_bytes(given)).digest(), hashlib.sha256(self._token).digest())

    def guessed_too_often(self) -> bool:
        """Remember a wrong token; tell whether the last minute had so many that this one is not even called wrong.

        The right token is never turned away: who guesses must not be able to lock everybody out, and its length
        (`settings.MIN_TOKEN_CHARACTERS`) leaves nothing to guess.
        """
        now = time.monotonic()
        if len(self._failures) == MAX_FAILED_LOGINS and now - self._failures[0] < FAILED_LOGIN_SECONDS:
            return True
        self._failures.append(now)
        return False

    def cookie(self) -> str:
        """Return the value of a new session's cookie."""
        expiry = str(int(time.time()) + SESSION_SECONDS)
        return f"{expiry}.{self._signature(expiry)}"

    def holds(self, cookie: str) -> bool:
        """Tell whether a cookie is ours and not over."""
        expiry, _, signature = cookie.partition(".")
        if not hmac.compare_digest(_bytes(signature), self._signature(expiry).encode()):
            return False
        return time.time() < int(expiry)

    def _signature(self, expiry: str) -> str:
        return hmac.new(self._token, _bytes(f"console session until {expiry}"), hashlib.sha256).hexdigest()


def _bytes(text: str) -> bytes:
    """Return the bytes of what a browser sent, which need not have been text."""
    return text.encode(errors="replace")


def _host_name(netloc: str) -> str | None:
    try:
        return urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None


def is_our_host(netloc: str, settings: ConsoleSettings) -> bool:
    """Tell whether a `Host` header names this console: an address, localhost, or a name it was given.

    Where no password is asked for, only addresses of loopback are its own: nobody asks from elsewhere by right.
    """
    name = _host_name(netloc)
    if not name or "@" in netloc:
        return False
    if settings.token is None:
        return is_loopback(name)
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in {"localhost", settings.host.lower()} | settings.names
    return True


def _comes_from_us(request: web.Request) -> bool:
    """Tell whether a request was sent by one of our own pages, or typed in."""
    origin = request.headers.get("Origin")
    if origin is not None:
        try:
            return urlsplit(origin).netloc.lower() == request.host.lower()
        except ValueError:
            return False
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
        except Exception as fault:  # noqa: BLE001 - the page gets its headers, the log the cause
            _LOG.error("%s %r failed: %s", request.method, request.path, _where(fault))
            response = web.Response(text="this question could not be answered: see the console's log\n", status=500)
        _add_headers(response)
        return response

    return with_headers


def _where(fault: Exception) -> str:
    """Return a fault in one line, with the place where it arose; its text may hold what nobody should read."""
    place = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__} at {Path(place.filename).name}:{place.lineno}"


def _add_headers(response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")


def _from_us(settings: ConsoleSettings) -> Middleware:
    @web.middleware
    async def from_us(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_our_host(request.host, settings):
            raise web.HTTPMisdirectedRequest(
                text="this console does not go by that name: start it with --token-file FILE --allowed-host NAME\n"
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
