"""Delivery by a CDN: a permitted viewer is sent to a link that is good for one photo and a short while.

Policy: where no token can be had (the API is away, slow, or says no) or the edge does not answer the probe, the image
is streamed from storage, and counted as a fallback; nothing fails, and nothing needs a restart. Links already given
end with their token, after ``cdn_token_seconds``. An edge that dies is noticed with the first token that fails,
or by the next probe, within ``dependency_probe_seconds``; until then viewers are still sent there.
"""

import asyncio
from contextlib import suppress
from typing import Final, Protocol

import aiohttp
import structlog
from yarl import URL

from photo_api.config import ConfigurationError, Settings
from photo_api.delivery.base import Audience
from photo_api.delivery.links import LinkKey, Links
from photo_api.errors import Unavailable
from photo_api.ids import new_id
from photo_metrics import Recorder

PREFIX: Final = "/photos/"
"""Where the CDN's origin, the object storage, has sealed objects; what can still be uploaded is elsewhere."""

_log = structlog.get_logger("photo_api.delivery")


class PathTokens(Protocol):
    """Who makes the tokens that the edge accepts."""

    async def open(self) -> None:
        """Make ready."""
        ...

    async def close(self) -> None:
        """Release what is held."""
        ...

    async def token(self, path: str, session: str, seconds: int) -> str:
        """A token for ``path``, good for ``seconds``; the edge logs ``session``. Raises `Unavailable`."""
        ...


class CdnDelivery:
    """Links to ``cdn_url``, each reused for the first half of its token's life."""

    def __init__(self, settings: Settings, recorder: Recorder, tokens: PathTokens) -> None:
        """``cdn_url`` is set."""
        self._url = settings.cdn_url or ""
        self._seconds = settings.cdn_token_seconds
        self._timeout_seconds = settings.cdn_timeout_seconds
        self._recorder = recorder
        self._tokens = tokens
        self._links = Links(self._new_link, patience_seconds=settings.cdn_timeout_seconds)
        self._tokens_fail = False
        self._edge_answers = True
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make ready; nobody is asked yet."""
        await self._tokens.open()
        # A new connection each time, as viewers make: one that is kept says nothing about those.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True), cookie_jar=aiohttp.DummyCookieJar()
        )

    async def close(self) -> None:
        """Give up what is under way."""
        await self._links.close()
        await self._tokens.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def link(self, object_key: str, audience: Audience) -> str | None:
        """A link, within ``cdn_timeout_seconds``; ``None`` where the CDN is away."""
        link = None
        if self._edge_answers:
            link = await self._links.get(LinkKey(PREFIX + object_key, audience, self._seconds))
        self._recorder.image_delivery("fallback" if link is None else "redirect")
        return link

    async def ping(self) -> None:
        """Ask the edge for anything; below 500 it is there. While it is not, no viewer is sent to it.

        No breaker stands before this: it is itself the trial call.

        Raises:
            Unavailable: the edge does not answer.
        """
        try:
            await self._ask_edge()
        except Unavailable:
            self._edge_answers = False
            raise
        self._edge_answers = True

    async def check(self) -> None:
        """Try the whole way with a new token for a photo that there is not, which the edge must not find.

        Raises:
            ConfigurationError: the edge refuses the token.
            Unavailable: no token can be had, or the edge does not answer.
        """
        path = PREFIX + new_id()
        token = await self._tokens.token(path, "owner", self._seconds)
        status = await self._ask_edge(f"{path}?token={token}")
        if status in {401, 403}:
            raise ConfigurationError(
                f"PHOTO_API_CDN_ENCRYPT_KEY: the CDN's edge refuses a token made with it ({status}); compare it "
                "with the CDN service's, and see that the CDN may read its origin"
            )

    async def _ask_edge(self, target: str = "/") -> int:
        with self._recorder.external_request("cdn", operation="head") as measured:
            try:
                status = await self._edge_status(target)
            except TimeoutError:
                measured.timed_out()
                raise Unavailable("The CDN's edge did not answer in time.") from None
            except aiohttp.ClientError:
                raise Unavailable("The CDN's edge cannot be reached.") from None  # its text may have the URL's token
            if status >= 500:
                raise Unavailable(f"The CDN's edge answered {status}.")
            return status

    async def _edge_status(self, target: str) -> int:
        if self._session is None:
            raise Unavailable("The CDN is closed.")
        async with (
            asyncio.timeout(self._timeout_seconds),
            self._session.head(URL(self._url + target, encoded=True), allow_redirects=False) as answer,
        ):
            return answer.status

    async def _new_link(self, key: LinkKey) -> str | None:
        try:
            token = await self._tokens.token(key.path, key.audience, key.seconds)
        except Exception as error:  # noqa: BLE001 - whatever keeps us from making links, images can be streamed
            if not self._tokens_fail:  # once: under load there are as many of these as there are images
                self._tokens_fail = True
                unexpected = f"unexpected {type(error).__name__}"  # whose text may have a secret
                _log.warning("cdn_tokens_fail", reason=error.detail if isinstance(error, Unavailable) else unexpected)
                with suppress(Unavailable):  # the edge may have gone with its API, and links to it are kept
                    await self.ping()
            return None
        if self._tokens_fail:
            _log.info("cdn_tokens_again")
        self._tokens_fail = False
        return f"{self._url}{key.path}?token={token}"
