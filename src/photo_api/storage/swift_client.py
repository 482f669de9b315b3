"""One container of OpenStack Swift over HTTP: tokens, paths, and what its answers mean.

Policy: a 401 renews a token that was good before, and asks once more; storage that is away, or refuses us, is
`Unavailable` (503).
"""

import hashlib
import hmac
import time
from collections.abc import AsyncIterable, AsyncIterator, Container, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import aiohttp
import structlog

from photo_api.config import ConfigurationError, Environment, Settings
from photo_api.errors import Conflict, Unavailable
from photo_api.external.calls import ExternalCalls
from photo_api.storage.swift_token import CredentialsRefused, SwiftTokens, Token
from photo_api.url_settings import is_on_loopback
from photo_metrics import ExternalOperation

_KEY: Final = "X-Container-Meta-Temp-Url-Key"
_OTHER_KEY: Final = "X-Container-Meta-Temp-Url-Key-2"
_ORIGINS: Final = "X-Container-Meta-Access-Control-Allow-Origin"
_NEVER_THERE: Final = "copy-probe"
_log = structlog.get_logger("photo_api.storage")


class SwiftContainer:
    """Requests to the container and its objects."""

    def __init__(self, settings: Settings, calls: ExternalCalls, tokens: SwiftTokens) -> None:
        self._calls = calls
        self._tokens = tokens
        self._name = settings.swift_container or ""
        key = settings.swift_temp_url_key
        self._key = key.get_secret_value() if key else ""
        self._cors_origins = " ".join(settings.cors_origins)
        self._public_url = settings.storage_public_url
        self._configured_url = settings.swift_storage_url
        self._storage_url = settings.swift_storage_url
        self._must_be_encrypted = settings.environment is Environment.PRODUCTION
        self._is_prepared = False

    @asynccontextmanager
    async def request(
        self,
        operation: ExternalOperation,
        method: str,
        name: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: AsyncIterable[bytes] | None = None,
        expected: Container[int] = (200,),
        seconds: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One call with a token; ``name`` is an object's, or the container's where it is empty.

        Everything but a body that streams may be made again: Swift's methods are idempotent.

        Raises:
            Conflict: the container's upload policy refuses the object (NHN Cloud answers 409).
            Unavailable: storage is away, or answers none of ``expected``; the log says what.
        """
        async with AsyncExitStack() as stack:

            async def answer(token: Token, statuses: Container[int]) -> aiohttp.ClientResponse:
                return await stack.enter_async_context(
                    self._calls.request(
                        operation,
                        method,
                        self._url(token, name),
                        headers={**(headers or {}), "X-Auth-Token": token.id},
                        params=params,
                        data=data,
                        expected=statuses,
                        idempotent=data is None,
                        seconds=seconds,
                    )
                )

            token = await self._tokens.current()
            response = await answer(token, _Also(expected, 401))
            self._tokens.answered(token, response.status)
            if response.status == 401 and data is None:
                await stack.aclose()
                token = await self._tokens.current()
                response = await answer(token, expected)
                self._tokens.answered(token, response.status)
            if response.status not in expected:
                raise _refusal(operation, response.status)
            yield response

    async def prepare(self) -> bool:
        """See that the container is there and knows our key for Temp URLs; makes it where it is not.

        Done once; false where it has been done already. The key of before stays as the second one, so that URLs signed
        with it hold until they expire.

        Raises:
            ConfigurationError: storage answers, and does not let us; the message says which setting to look at.
            Unavailable: it is away.
        """
        if self._is_prepared:
            return False
        try:
            await self._prepare()
        except CredentialsRefused as error:
            raise ConfigurationError(error.reason) from error
        self._is_prepared = True
        return True

    async def _prepare(self) -> None:
        wanted = {_KEY: self._key, _ORIGINS: self._cors_origins}  # an empty one takes away what is there
        async with self.request("head", "HEAD", expected=(200, 204, 401, 403, 404)) as response:
            is_there = response.status != 404
            if is_there:
                _may(response.status, "PHOTO_API_SWIFT_CONTAINER: it may not be read by PHOTO_API_SWIFT_USERNAME")
            found = response.headers
        if is_there and all(found.get(name, "") == value for name, value in wanted.items()):
            return
        if is_there and found.get(_KEY) not in {None, self._key}:
            wanted[_OTHER_KEY] = found[_KEY]
        async with self.request(
            "head", "POST" if is_there else "PUT", headers=wanted, expected=(201, 202, 204, 401, 403, 404)
        ) as response:
            _may(response.status, "PHOTO_API_SWIFT_CONTAINER: it cannot be made or changed by PHOTO_API_SWIFT_USERNAME")

    async def lets_upload_urls_copy(self) -> bool:
        """Whether whoever holds an upload URL can copy any object of the container into it: an old Swift."""
        url = self.temp_url("PUT", _NEVER_THERE, 60, public=False)
        headers = {"X-Copy-From": quote(f"/{self._name}/{_NEVER_THERE}"), "Content-Length": "0"}
        async with self._calls.request("head", "PUT", url, headers=headers, expected=range(400, 429)) as response:
            return response.status == 404  # it looked for what was to be copied

    def temp_url(self, method: str, name: str, expires_in_seconds: int, *, public: bool = True) -> str:
        """A URL that allows ``method`` on one object for a while, to whoever has it; ``public``: for clients.

        Source: OpenStack Swift, "Temporary URL middleware": HMAC-SHA256 over method, expiry and path.

        Raises:
            Unavailable: the storage's URL is not known yet, because it was away since we started.
        """
        if self._storage_url is None:
            raise Unavailable("The object storage did not answer yet.")
        base = urlsplit(self._storage_url)
        path = f"{base.path}/{quote(self._name, safe='')}/{quote(name)}"
        expires = int(time.time()) + expires_in_seconds
        signed = f"{method}\n{expires}\n{unquote(path)}"
        signature = hmac.digest(self._key.encode(), signed.encode(), hashlib.sha256).hex()
        origin = (self._public_url if public else None) or f"{base.scheme}://{base.netloc}"
        return f"{origin}{path}?temp_url_sig={signature}&temp_url_expires={expires}"

    def copy_source(self, name: str) -> str:
        """``X-Copy-From`` for an object of this container."""
        return quote(f"/{self._name}/{name}")

    def _url(self, token: Token, name: str) -> str:
        storage_url = self._configured_url or token.storage_url
        if storage_url is None:
            raise CredentialsRefused(
                "PHOTO_API_SWIFT_STORAGE_URL: must be set (…/v1/AUTH_tenant), for the token's answer does not say it"
            )
        if self._must_be_encrypted and not (storage_url.startswith("https://") or is_on_loopback(storage_url)):
            raise CredentialsRefused(
                "PHOTO_API_SWIFT_STORAGE_URL: must be set (https://…/v1/AUTH_tenant) in production, for the token's"
                " answer says plain HTTP, which shows tokens and photos on the way"
            )
        self._storage_url = storage_url.rstrip("/")
        container = f"{self._storage_url}/{quote(self._name, safe='')}"
        return f"{container}/{quote(name)}" if name else container


class _Also(Container[int]):
    """Statuses, and one more."""

    def __init__(self, statuses: Container[int], another: int) -> None:
        self._statuses = statuses
        self._another = another

    def __contains__(self, status: object) -> bool:
        return status == self._another or status in self._statuses


def _may(status: int, problem: str) -> None:
    if status in {401, 403, 404}:
        raise ConfigurationError(f"{problem} (the storage answered {status})")


def _refusal(operation: ExternalOperation, status: int) -> Conflict | Unavailable:
    """What a client reads for an answer nobody expected; the operator reads the status in the log."""
    _log.error("object_storage_refused", operation=operation, status=status)
    if status == 409:
        return Conflict("The object storage refuses this object by its upload policy.")
    if status == 413:
        return Unavailable("The object storage's quota is used up.")
    return Unavailable("The object storage cannot be used at present.")
