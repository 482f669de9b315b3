"""Tokens of OpenStack Swift: from identity v2.0 (NHN Cloud: ``POST …/v2.0/tokens``) or tempauth (``GET …/v1.0``).

Policy: shortly before a token expires a new one is asked for, while the old one still serves; of those who need one a
single one asks. What cannot be reached raises `ServiceAway`; credentials that are refused, or a token that storage does
not take though it is new, raise `CredentialsRefused`. Neither is tried again at once.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
import orjson
import structlog

from photo_api.config import ConfigurationError, Settings
from photo_api.errors import Unavailable
from photo_api.external.calls import ExternalCalls
from photo_api.external.errors import ServiceAway

RENEWED_BEFORE: Final = 60.0
"""Seconds before a token's end that a new one is asked for; of a short life, a fifth of it."""
_SECONDS_BY_DEFAULT: Final = 3_600.0  # where the answer does not say
_LEFT_ALONE_SECONDS: Final = 5.0
_REFUSALS: Final = frozenset({400, 401, 403, 404})
_log = structlog.get_logger("photo_api.storage")


class CredentialsRefused(Unavailable):
    """Storage does not know our user or password; ``reason`` is for the operator, the detail for clients."""

    def __init__(self, reason: str) -> None:
        super().__init__("The object storage cannot be used at present.")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Token:
    """A token, what storage it is for where the answer said so, when it is old and when it ends (monotonic clock)."""

    id: str = field(repr=False)
    storage_url: str | None
    old_at: float
    ends_at: float


class SwiftTokens:
    """The token of one user.

    Raises:
        ConfigurationError: the URL's form is neither of the two, or v2.0 lacks a tenant.
    """

    def __init__(
        self, settings: Settings, calls: ExternalCalls, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._calls = calls
        self._clock = clock
        self._url = settings.swift_auth_url or ""
        self._tenant = settings.swift_tenant_id
        self._username = settings.swift_username or ""
        self._password = settings.swift_password
        self._token: Token | None = None
        self._is_accepted = False  # whether storage took that token before
        self._failed_at = -math.inf
        self._refused: tuple[float, str] | None = None
        self._renewal: asyncio.Task[Token] | None = None
        if self._url.endswith("/v2.0"):
            self._ask = self._ask_identity
            if self._tenant is None:
                raise ConfigurationError("PHOTO_API_SWIFT_TENANT_ID: identity v2.0 needs it")
        elif self._url.endswith(("/v1.0", "/v1")):
            self._ask = self._ask_tempauth
        else:
            raise ConfigurationError(
                "PHOTO_API_SWIFT_AUTH_URL: must end in /v2.0 (identity, NHN Cloud) or /v1.0 (tempauth)"
            )

    async def current(self) -> Token:
        """A token that is good for a while; asked for where there is none.

        Raises:
            CredentialsRefused: by the service that makes tokens, now or a few seconds ago.
            ServiceAway: it did not answer.
        """
        token, now = self._token, self._clock()
        if token is not None and now < token.ends_at:
            if now >= token.old_at and now >= self._failed_at + _LEFT_ALONE_SECONDS:
                self._renewing()
            return token
        if self._refused is not None and now < self._refused[0]:
            raise CredentialsRefused(self._refused[1])
        # Whoever asked first may leave: the others still wait for the same answer.
        return await asyncio.shield(self._renewing())

    def answered(self, token: Token, status: int) -> None:
        """Note what storage made of a token: after a 401 (Swift was restarted, the password changed) it is not used.

        A new one after each 401 would be a load for both where storage takes none at all.
        """
        if self._token is not token:
            return
        if status != 401:
            self._is_accepted = True
            return
        self._token = None
        if not self._is_accepted:
            reason = "PHOTO_API_SWIFT_STORAGE_URL: does not take new tokens of PHOTO_API_SWIFT_AUTH_URL; check both"
            self._refuse(reason)

    def _refuse(self, reason: str) -> None:
        self._refused = (self._clock() + _LEFT_ALONE_SECONDS, reason)
        _log.error("object_storage_credentials_refused", reason=reason)

    def _renewing(self) -> asyncio.Task[Token]:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renewed(), name="swift token")
            self._renewal.add_done_callback(_read)
        return self._renewal

    async def close(self) -> None:
        """Leave a request that is under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    async def _renewed(self) -> Token:
        try:
            self._token = await self._ask()
        except Unavailable as error:
            self._failed_at = self._clock()
            if isinstance(error, CredentialsRefused):
                self._refuse(error.reason)
            raise
        self._is_accepted = False
        self._refused = None
        return self._token

    async def _ask_identity(self) -> Token:
        assert self._password is not None  # noqa: S101 - the settings saw to it
        credentials = {"username": self._username, "password": self._password.get_secret_value()}
        body = orjson.dumps({"auth": {"tenantId": self._tenant, "passwordCredentials": credentials}})
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        async with self._calls.request(
            "token", "POST", f"{self._url}/tokens", headers=headers, data=body, idempotent=True
        ) as response:
            _check(response, "PHOTO_API_SWIFT_TENANT_ID, PHOTO_API_SWIFT_USERNAME and PHOTO_API_SWIFT_PASSWORD")
            try:
                token = orjson.loads(await self._calls.read(response))["access"]["token"]
                return self._made(str(token["id"]), None, _seconds_until(token["expires"], response.headers))
            except (KeyError, TypeError, ValueError) as error:
                raise ServiceAway("The object storage's token cannot be read.") from error

    async def _ask_tempauth(self) -> Token:
        assert self._password is not None  # noqa: S101 - the settings saw to it
        headers = {"X-Auth-User": self._username, "X-Auth-Key": self._password.get_secret_value()}
        async with self._calls.request(
            "token", "GET", self._url, headers=headers, expected=(200, 204), idempotent=True
        ) as response:
            _check(response, "PHOTO_API_SWIFT_USERNAME and PHOTO_API_SWIFT_PASSWORD")
            try:
                seconds = float(response.headers.get("X-Auth-Token-Expires", _SECONDS_BY_DEFAULT))
                return self._made(response.headers["X-Auth-Token"], response.headers.get("X-Storage-Url"), seconds)
            except (KeyError, TypeError, ValueError) as error:
                raise ServiceAway("The object storage's token cannot be read.") from error

    def _made(self, id_: str, storage_url: str | None, seconds: float) -> Token:
        if not (id_.isascii() and id_.isprintable()):
            raise ValueError("not a token")
        now, seconds = self._clock(), max(0.0, seconds)
        return Token(id_, storage_url, now + seconds - min(RENEWED_BEFORE, seconds / 5), now + seconds)


def _read(renewal: asyncio.Task[Token]) -> None:
    """Nobody may be waiting any more; asyncio would complain of an error that is never looked at."""
    if not renewal.cancelled():
        renewal.exception()


def _check(response: aiohttp.ClientResponse, names: str) -> None:
    if response.status in _REFUSALS:
        raise CredentialsRefused(f"PHOTO_API_SWIFT_AUTH_URL answered {response.status}; check it, {names}")
    if response.status not in {200, 204}:
        raise ServiceAway(f"The object storage's tokens are answered with {response.status}.", answered=response.status)


def _seconds_until(expires: str, headers: Mapping[str, str]) -> float:
    """By the clock of who says so, where it shows its time."""
    end = datetime.fromisoformat(expires)
    end = end if end.tzinfo else end.replace(tzinfo=UTC)
    date = headers.get("Date")
    now = parsedate_to_datetime(date) if date else datetime.now(UTC)
    return (end - now).total_seconds()
