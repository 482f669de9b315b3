"""Object storage with an S3 API: AWS, NHN Cloud, Swift's ``s3api``, and what is like them.

::

    uploads/<key>   what upload URLs reach, and direct uploads; the last complete one counts
    photos/<key>    sealed: made by a copy of one upload (by its etag), reached by no URL of a client's

Policy: storage that is away, or refuses us, raises `Unavailable` (503) for what needs it, and is asked again by the
next request; nothing recovers by a restart only. At the start, keys, bucket, region and clock must be right
(`ConfigurationError`); storage that is away then is no reason not to start.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final, Self

import structlog

from photo_api.config import ConfigurationError, Settings
from photo_api.errors import Conflict, NotFound, Unavailable
from photo_api.external.errors import MalformedAnswer, ServiceAway
from photo_api.storage import s3_sweep
from photo_api.storage.base import LocalCopy, ObjectReader, PresignedUpload, StoredObject
from photo_api.storage.local_copies import LocalCopies
from photo_api.storage.s3_client import Refused, S3Client
from photo_api.storage.s3_seal import KEY, SEALED, UPLOADS, Found, Seals, named
from photo_api.storage.s3_upload import DirectUploads
from photo_metrics import Recorder

PIECE_BYTES: Final = 256 * 1024

_log = structlog.get_logger("photo_api.storage")


class S3Storage:
    """Objects in one bucket; ``clock`` is Unix time."""

    def __init__(self, settings: Settings, recorder: Recorder, *, clock: Callable[[], float] = time.time) -> None:
        self._client = S3Client(settings, recorder, clock=clock)
        self._direct = DirectUploads(self._client)
        self._copies = LocalCopies(settings.data_dir.absolute() / "downloads")
        self._seals = Seals(self._client)

    async def open(self) -> None:
        """Ask for the bucket's listing, which tells whether it can be used.

        Raises:
            ConfigurationError: keys, bucket, region or clock are wrong; one line that names the setting.
        """
        await asyncio.to_thread(self._copies.prepare)
        await self._client.open()
        try:
            await self._client.check()
        except Refused as refused:
            raise ConfigurationError(refused.advice) from None
        except MalformedAnswer:
            raise ConfigurationError(
                "PHOTO_API_S3_ENDPOINT_URL: what answers there speaks no S3; set the origin of the S3 API"
            ) from None
        except Unavailable as error:
            _log.warning("object_storage_away_at_start", reason=error.detail, setting="PHOTO_API_S3_ENDPOINT_URL")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def presign_upload(self, key: str, content_type: str, size: int, expires_in_seconds: int) -> PresignedUpload:
        """A ``PUT`` to the storage itself; whoever sends another type or length does not fit the signature."""
        url = self._client.presign_put(
            named(UPLOADS, key), {"content-length": str(size), "content-type": content_type}, expires_in_seconds
        )
        return PresignedUpload(url, "PUT", {"Content-Type": content_type}, expires_in_seconds)

    async def store(self, key: str, content_type: str, size_limit: int, chunks: AsyncIterator[bytes]) -> StoredObject:
        """Send it on while it comes."""
        written = await self._direct.write(named(UPLOADS, key), content_type, size_limit, chunks)
        upload = StoredObject(key, written.size, written.etag)
        if await self._seals.find(key) is not None:  # after the upload: either we see the seal, or the seal sees us
            await self.discard(upload)
            raise Conflict("This upload was confirmed already and cannot be changed.")
        return upload

    async def head_upload(self, key: str) -> StoredObject | None:
        """The sealed object, else the upload: asked for at once, and again where a seal may have come in between."""
        sealed, upload = await asyncio.gather(self._seals.find(key), self._seals.head(named(UPLOADS, key)))
        if sealed is not None:
            return sealed
        return StoredObject(key, upload.size, upload.etag) if upload is not None else await self._seals.find(key)

    @asynccontextmanager
    async def upload_as_file(self, upload: StoredObject) -> AsyncIterator[LocalCopy]:
        """Download it to the data directory."""
        async with self._copies.new() as draft, aclosing(self._upload_pieces(upload)) as pieces:
            yield await draft.fill(pieces)

    async def seal(self, upload: StoredObject, content_type: str) -> None:
        """Copy the upload within the storage, then remove it."""
        await self._seals.seal(upload, content_type)
        with suppress(Unavailable):  # then it is swept later
            await self._seals.delete(named(UPLOADS, upload.key))

    async def discard(self, upload: StoredObject) -> None:
        """Delete by etag; where storage does not know such deletions, a newer upload has a moment to be lost."""
        if await self._seals.is_current(upload):
            await self._seals.delete(named(UPLOADS, upload.key), only_etag=upload.etag)

    async def read(self, key: str, start: int, stop: int) -> ObjectReader:
        """Pass on the range as it comes."""
        pieces = self._pieces(key, start, stop)
        return _Reader(await anext(pieces, b""), pieces)

    async def delete(self, key: str) -> None:
        """Remove the upload first, so that no seal that begins after us can make the object again."""
        await self._seals.delete(named(UPLOADS, key))
        await self._seals.delete(named(SEALED, key))

    async def remove_abandoned(self, older_than_seconds: float) -> int:
        """Remove uploads, and uploads in parts that did not end, by the storage's own clock."""
        await asyncio.to_thread(self._copies.remove_older, max(older_than_seconds, 0.0))
        return await s3_sweep.remove_older(self._client, UPLOADS, older_than_seconds)

    async def stored(self) -> AsyncIterator[StoredObject]:
        """The sealed objects; without etags, for a listing has the copies' own."""
        async with aclosing(s3_sweep.listed(self._client, SEALED)) as objects:
            async for found in objects:
                key = found.key.removeprefix(SEALED)
                if KEY.fullmatch(key):
                    yield StoredObject(key, found.size, "")

    async def ping(self) -> None:
        """Ask whether the bucket is there."""
        async with self._client.request("head", "HEAD", idempotent=True):
            pass

    async def _upload_pieces(self, upload: StoredObject) -> AsyncGenerator[bytes, None]:
        """The bytes of exactly that upload; of its sealed copy, where a confirm was cut off after sealing."""
        headers = {"if-match": f'"{upload.etag}"'}
        async with self._client.request(
            "download",
            "GET",
            named(UPLOADS, upload.key),
            headers=headers,
            expected=(200, 404, 412),
            idempotent=True,
        ) as response:
            if response.status == 200:
                async for piece in response.content.iter_chunked(PIECE_BYTES):
                    yield piece
                return
        if not await self._seals.is_sealed(upload):
            raise Conflict("The upload was replaced meanwhile; confirm it again.")
        async with aclosing(self._pieces(upload.key, 0, upload.size)) as pieces:
            async for piece in pieces:
                yield piece

    async def _pieces(self, key: str, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        headers = {"range": f"bytes={start}-{stop - 1}"}
        async with self._client.request(
            "download", "GET", named(SEALED, key), headers=headers, expected=(206, 404), idempotent=True
        ) as response:
            if response.status == 206 and Found.of(response).is_sound:
                if response.content_length != stop - start:
                    raise ServiceAway("The object storage has less of an object than it had.")
                async for piece in response.content.iter_chunked(PIECE_BYTES):
                    yield piece
                return
        raise NotFound("There is no such image any more.")


class _Reader:
    """Pieces of an object; the first has been read."""

    def __init__(self, first: bytes, pieces: AsyncGenerator[bytes, None]) -> None:
        self._first = first
        self._pieces = pieces

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece, self._first = self._first, b""
        return piece or await anext(self._pieces)

    async def aclose(self) -> None:
        """Give the connection back, or close it where bytes are left."""
        await self._pieces.aclose()
