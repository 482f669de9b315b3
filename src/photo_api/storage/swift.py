"""Objects in OpenStack Swift, which NHN Cloud Object Storage is; clients upload to it by Temp URLs.

::

    uploads/<key>   what clients may write, again and again until it expires
    photos/<key>    sealed: no URL that we give out reaches it

A Temp URL signs method, path and expiry, neither length nor type: both are looked at before an upload is sealed, which
copies it (only with the etag that was verified), as the type that was declared and without any other header of the
uploader's. Swift has no conditional DELETE, and copies in two steps; so two things are only nearly atomic:

- `discard` looks, then deletes: an upload that comes in those milliseconds is lost, and has to be sent again.
- of two confirms of one photo at the same moment, with another upload in between, both verified, either's bytes may
  stay. An upload URL alone never changes what is sealed.

Policy: Swift away, slow, or refusing us is `Unavailable` (503) for what needs it, while everything else works; deletes
stay in the outbox. Where it is away at the start we start all the same, and are ready for it when it comes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final, Self

import aiohttp
import structlog

from photo_api.config import ConfigurationError, Settings
from photo_api.errors import Conflict, NotFound, Unavailable
from photo_api.external.calls import ExternalCalls
from photo_api.external.errors import MalformedAnswer, ServiceAway
from photo_api.storage.base import LocalCopy, ObjectReader, PresignedUpload, StoredObject
from photo_api.storage.local_copies import LocalCopies
from photo_api.storage.receiving import at_most
from photo_api.storage.swift_client import SwiftContainer
from photo_api.storage.swift_listing import listed
from photo_api.storage.swift_token import SwiftTokens
from photo_metrics import Recorder

UPLOADS: Final = "uploads/"
PHOTOS: Final = "photos/"
_UNREADABLE: Final = "The object storage's answer cannot be read"
_REPLACED: Final = "The upload was replaced meanwhile; confirm it again."
_log = structlog.get_logger("photo_api.storage")


class SwiftStorage:
    """Objects in one container; many instances share it."""

    def __init__(self, settings: Settings, recorder: Recorder) -> None:
        self._calls = ExternalCalls(
            "object_storage", settings, recorder, timeout_seconds=settings.storage_timeout_seconds
        )
        self._tokens = SwiftTokens(settings, self._calls)
        self._container = SwiftContainer(settings, self._calls, self._tokens)
        self._copies = LocalCopies(settings.data_dir.absolute() / "downloads")

    async def open(self) -> None:
        """Get ready, and the container too where Swift answers.

        Raises:
            ConfigurationError: it answers, and refuses us.
        """
        await asyncio.to_thread(self._copies.prepare)
        await self._calls.open()
        try:
            await self._prepare()
        except Unavailable as error:
            _log.warning("object_storage_away_at_start", reason=error.detail)

    async def close(self) -> None:
        """Close every connection."""
        await self._tokens.close()
        await self._calls.close()

    async def _prepare(self) -> None:
        if await self._container.prepare() and await self._container.lets_upload_urls_copy():
            _log.warning("upload_urls_can_copy", advice="update Swift: it must refuse X-Copy-From with a Temp URL")

    def presign_upload(self, key: str, content_type: str, size: int, expires_in_seconds: int) -> PresignedUpload:
        """A Temp URL for ``PUT``; the length is verified afterwards."""
        return PresignedUpload(
            url=self._container.temp_url("PUT", UPLOADS + key, expires_in_seconds),
            method="PUT",
            headers={"Content-Type": content_type},
            expires_in_seconds=expires_in_seconds,
        )

    async def store(self, key: str, content_type: str, size_limit: int, chunks: AsyncIterator[bytes]) -> StoredObject:
        """Pass the chunks on as they come; Swift keeps nothing of a body that breaks off."""
        await self._refuse_sealed(key)  # which also sees that our token holds, for a stream cannot be sent again
        size = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in at_most(chunks, size_limit):
                size += len(chunk)
                yield chunk

        async with self._container.request(
            "upload", "PUT", UPLOADS + key, headers={"Content-Type": content_type}, data=counted(), expected=(201,)
        ) as response:
            stored = StoredObject(key, size, _etag(response))
        try:
            await self._refuse_sealed(key)
        except Conflict:
            await self._delete(UPLOADS + key)
            raise
        return stored

    async def _refuse_sealed(self, key: str) -> None:
        if await self._head(PHOTOS, key) is not None:
            raise Conflict("This upload was confirmed already and cannot be changed.")

    async def head_upload(self, key: str) -> StoredObject | None:
        """The last complete upload, or the sealed object."""
        upload = await self._head(UPLOADS, key)
        # In this order: sealing makes the one before it removes the other.
        return await self._head(PHOTOS, key) or upload

    async def _head(self, prefix: str, key: str) -> StoredObject | None:
        async with self._container.request("head", "HEAD", prefix + key, expected=(200, 404)) as response:
            if response.status == 404:
                return None
            size = response.content_length
            if size is None:
                raise MalformedAnswer(f"{_UNREADABLE}: it has no length.")
            return StoredObject(key, size, _etag(response))

    @asynccontextmanager
    async def upload_as_file(self, upload: StoredObject) -> AsyncIterator[LocalCopy]:
        """Fetch it, on the condition of its etag."""
        async with self._copies.new() as draft:
            copy = None
            for prefix in (UPLOADS, PHOTOS):
                async with self._container.request(
                    "download",
                    "GET",
                    prefix + upload.key,
                    headers={"If-Match": f'"{upload.etag}"'},
                    expected=(200, 404, 412),
                ) as response:
                    if response.status == 200:
                        copy = await draft.fill(response.content.iter_any())
                        break
            if copy is None:
                raise Conflict(_REPLACED)
            yield copy

    async def seal(self, upload: StoredObject, content_type: str) -> None:
        """Copy it within Swift, on the condition of its etag, then remove it."""
        sealed = await self._head(PHOTOS, upload.key)
        if sealed is None:
            await self._copy(upload, content_type)
            sealed = await self._head(PHOTOS, upload.key)  # ours, or that of a confirm at the same time
        if sealed is None or sealed.etag != upload.etag:
            raise Conflict(_REPLACED)
        with suppress(Unavailable):  # then it is swept later
            await self._delete(UPLOADS + upload.key)

    async def _copy(self, upload: StoredObject, content_type: str) -> None:
        """Copy exactly that upload to its sealed place; where it is gone or another, nothing happens."""
        headers = {
            "X-Copy-From": self._container.copy_source(UPLOADS + upload.key),
            "If-Match": f'"{upload.etag}"',
            # None of the uploader's headers: no Content-Encoding, no X-Delete-At.
            "X-Fresh-Metadata": "true",
            "Content-Type": content_type,
            "Content-Length": "0",
        }
        async with self._container.request(
            "upload",
            "PUT",
            PHOTOS + upload.key,
            headers=headers,
            expected=(201, 404, 412),
            seconds=self._calls.seconds_for(upload.size),
        ):
            pass

    async def discard(self, upload: StoredObject) -> None:
        """Remove it if it is still there; see above for how sure that is."""
        found = await self._head(UPLOADS, upload.key)
        if found is not None and found.etag == upload.etag:
            await self._delete(UPLOADS + upload.key)

    async def read(self, key: str, start: int, stop: int) -> ObjectReader:
        """Ask for the range; what Swift sends is passed on as it comes."""
        async with AsyncExitStack() as stack:
            response = await stack.enter_async_context(
                self._container.request(
                    "download",
                    "GET",
                    PHOTOS + key,
                    headers={"Range": f"bytes={start}-{stop - 1}"},
                    expected=(200, 206, 404),
                )
            )
            if response.status == 404:
                raise NotFound("There is no such image any more.")
            if response.status != 206 or response.content_length != stop - start:
                raise ServiceAway("The object storage does not have the size that it had.")
            first = await response.content.readany()
            return _Reader(response, first, stack.pop_all())
        raise AssertionError("unreachable")

    async def delete(self, key: str) -> None:
        """Uploads first, so that a seal at the same time finds nothing any more."""
        await self._delete(UPLOADS + key)
        await self._delete(PHOTOS + key)

    async def _delete(self, name: str) -> None:
        async with self._container.request("delete", "DELETE", name, expected=(204, 404)):
            pass

    async def remove_abandoned(self, older_than_seconds: float) -> int:
        """Remove what the listing says is that old, by Swift's own clock."""
        await asyncio.to_thread(self._copies.remove_older, max(older_than_seconds, 0.0))
        removed = 0
        async for found in listed(self._container, self._calls, UPLOADS):
            if found.age_seconds > older_than_seconds:
                await self._delete(found.name)
                removed += 1
        return removed

    async def stored(self) -> AsyncIterator[StoredObject]:
        """The listing of sealed objects, with etags."""
        async for found in listed(self._container, self._calls, PHOTOS):
            yield StoredObject(found.name.removeprefix(PHOTOS), found.size, found.etag)

    async def ping(self) -> None:
        """Look at the container; make it ready where Swift was away when we started."""
        try:
            await self._prepare()
        except ConfigurationError as error:
            _log.error("object_storage_refused", reason=str(error))
            raise Unavailable("The object storage cannot be used at present.") from error
        async with self._container.request("head", "HEAD", expected=(200, 204)):
            pass


class _Reader:
    """Pieces of an object as they arrive; the connection is given back at the end."""

    def __init__(self, response: aiohttp.ClientResponse, first: bytes, stack: AsyncExitStack) -> None:
        self._content = response.content
        self._first = first
        self._stack = stack

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece, self._first = self._first, b""
        if not piece:
            try:
                piece = await self._content.readany()
            except BaseException as error:
                # The call's own context knows what to make of it, and counts it.
                await self._stack.__aexit__(type(error), error, error.__traceback__)
                raise
        if not piece:
            await self._stack.aclose()
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Leave the rest."""
        await self._stack.aclose()


def _etag(response: aiohttp.ClientResponse) -> str:
    """The MD5 of the content, in hex; raises `MalformedAnswer` where the answer has none."""
    etag = response.headers.get("Etag", "").strip('"')
    if not etag:
        raise MalformedAnswer(f"{_UNREADABLE}: it has no etag.")
    return etag
