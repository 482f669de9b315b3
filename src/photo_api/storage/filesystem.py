"""The embedded object store: files below the data directory, shared by the processes of one machine.

Policy: a disk that is full, read-only, gone or stuck raises `Unavailable` (503), is counted as a failed request to
``object_storage``, and leaves nothing half done behind.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal, Self, TypeVar

import structlog

from photo_api.config import ConfigurationError, Settings
from photo_api.errors import Conflict, Forbidden, NotFound, TooLarge, Unavailable
from photo_api.secrets import Secrets
from photo_api.storage.base import LocalCopy, ObjectReader, PresignedUpload, StoredObject
from photo_api.storage.files import PIECE_BYTES, SHARDS, Draft, ObjectFiles, SealedFile
from photo_api.storage.receiving import at_most, exactly, gathered
from photo_api.storage.signing import UploadSigner
from photo_metrics import Recorder

THREADS: Final = 8
TIMEOUT_SECONDS: Final = 30.0
"""How long one call to the file system may take; more is a disk that is stuck."""

_log = structlog.get_logger("photo_api.storage")
_T = TypeVar("_T")
_Operation = Literal["upload", "download", "delete", "head"]


class FileSystemStorage:
    """Objects in ``objects/`` of the data directory."""

    def __init__(self, settings: Settings, secrets: Secrets, recorder: Recorder) -> None:
        self._root = settings.data_dir.absolute() / "objects"
        self._base_url = settings.public_url or ""
        self._max_bytes = settings.max_photo_bytes
        self._files = ObjectFiles(self._root)
        self._signer = UploadSigner(secrets)
        self._recorder = recorder
        self._threads: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Make the directories.

        Raises:
            ConfigurationError: the data directory cannot hold objects; the message says why.
        """
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="storage")
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._files.prepare)
        except OSError as error:
            raise ConfigurationError(
                f"PHOTO_API_DATA_DIR: cannot keep objects in {self._root} ({error.strerror}); make it a directory that"
                " can be written, on a file system with hard links"
            ) from error

    async def close(self) -> None:
        """Let the calls that run finish."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    def presign_upload(self, key: str, content_type: str, size: int, expires_in_seconds: int) -> PresignedUpload:
        """A ``PUT`` on this origin (or the public one), signed."""
        expires = int(time.time()) + expires_in_seconds
        signature = self._signer.sign("PUT", key, expires, content_type, size)
        return PresignedUpload(
            url=f"{self._base_url}/storage/{key}?expires={expires}&signature={signature}",
            method="PUT",
            headers={"Content-Type": content_type},
            expires_in_seconds=expires_in_seconds,
        )

    async def receive_upload(
        self, key: str, *, expires: int, signature: str, content_type: str, size: int, chunks: AsyncIterator[bytes]
    ) -> StoredObject:
        """Store what came to an upload URL; ``size`` is the request's Content-Length.

        Raises:
            TooLarge: beyond the limit.
            Forbidden: the signature does not fit, or the URL has expired.
            Conflict: the object is sealed.
            MalformedRequest: the body is not ``size`` bytes long; nothing is stored.
        """
        if size > self._max_bytes:
            raise TooLarge(f"At most {self._max_bytes} bytes are accepted.")
        if not self._signer.is_valid(signature, "PUT", key, expires, content_type, size):
            raise Forbidden(
                "The signature does not fit: send the method, URL, Content-Type and Content-Length as they were signed."
            )
        if expires < time.time():
            raise Forbidden("The upload URL has expired; ask for another.")
        return await self.store(key, content_type, size, exactly(chunks, size))

    async def store(self, key: str, content_type: str, size_limit: int, chunks: AsyncIterator[bytes]) -> StoredObject:
        """Write to a draft, and publish it when all has come."""
        if await self._call("head", self._files.is_sealed, key):
            raise Conflict("This upload was confirmed already and cannot be changed.")
        written = await self._written(key, size_limit, chunks)
        # What the client's own pace takes is not the store's time: the request to it is counted from here.
        with self._recorder.external_request("object_storage", operation="upload"):
            stored = await self._published(written)
        if stored is None:
            raise Conflict("This upload was confirmed already and cannot be changed.")
        return stored

    async def _written(self, key: str, size_limit: int, chunks: AsyncIterator[bytes]) -> Draft | Unavailable:
        """A draft with all of ``chunks``, or why the disk did not take them."""
        try:
            draft = await self._in_thread(self._files.create, key)
        except Unavailable as error:
            return error
        try:
            async for piece in gathered(at_most(chunks, size_limit), PIECE_BYTES):
                await self._in_thread(draft.write, piece)
        except Unavailable as error:
            await self._abandon(draft)
            return error
        except BaseException:
            await self._abandon(draft)
            raise
        return draft

    async def _published(self, written: Draft | Unavailable) -> StoredObject | None:
        if isinstance(written, Unavailable):
            raise written
        try:
            return await self._in_thread(written.publish)
        except BaseException:
            await self._abandon(written)
            raise

    async def _abandon(self, draft: Draft) -> None:
        with suppress(Unavailable):  # then it is swept later
            await asyncio.shield(self._in_thread(draft.abandon))

    async def head_upload(self, key: str) -> StoredObject | None:
        """The last complete upload, or the sealed object."""
        return await self._call("head", self._files.head, key)

    @asynccontextmanager
    async def upload_as_file(self, upload: StoredObject) -> AsyncIterator[LocalCopy]:
        """A hard link to the upload, removed afterwards."""
        held = await self._call("download", self._files.hold, upload)
        if held is None:
            raise Conflict("The upload was replaced meanwhile; confirm it again.")
        try:
            yield LocalCopy(held, upload.size, upload.etag)
        finally:
            with suppress(Unavailable):  # a link left behind is swept with the abandoned drafts
                await asyncio.shield(self._in_thread(held.unlink))

    async def seal(self, upload: StoredObject, content_type: str) -> None:
        """Link the upload into its served place."""
        if not await self._call("upload", self._files.seal, upload):
            raise Conflict("The upload was replaced meanwhile; confirm it again.")

    async def discard(self, upload: StoredObject) -> None:
        """Remove a refused upload."""
        await self._call("delete", self._files.discard, upload)

    async def read(self, key: str, start: int, stop: int) -> ObjectReader:
        """Open, and read the first piece: one turn in a thread for most pictures."""
        file = await self._call("download", self._files.open_sealed, key, start, stop)
        if file is None:
            raise NotFound("There is no such image any more.")
        return _Reader(file, self._next_piece)

    async def _next_piece(self, file: SealedFile) -> bytes:
        try:
            return await self._in_thread(file.next_piece)
        except Unavailable:
            with self._recorder.external_request("object_storage", operation="download"):  # a failure of its own
                raise

    async def delete(self, key: str) -> None:
        """Remove every file of the object."""
        await self._call("delete", self._files.delete, key)

    async def remove_abandoned(self, older_than_seconds: float) -> int:
        """Remove drafts and uploads nobody confirmed."""
        return await self._call("delete", self._files.remove_older, older_than_seconds)

    async def stored(self) -> AsyncIterator[StoredObject]:
        """The sealed files, a directory at a time; without etags, which are hashes of what they hold."""
        for shard in SHARDS:
            for found in await self._call("head", self._files.sealed_in, shard):
                yield found

    async def ping(self) -> None:
        """Write and remove a small file: a full or read-only disk is away, too."""
        await self._call("head", self._files.probe)

    async def _call(self, operation: _Operation, function: Callable[..., _T], *arguments: object) -> _T:
        with self._recorder.external_request("object_storage", operation=operation):
            return await self._in_thread(function, *arguments)

    async def _in_thread(self, function: Callable[..., _T], *arguments: object) -> _T:
        if self._threads is None:
            raise Unavailable("Storage is closed.")
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        except TimeoutError:
            _log.error("storage_stuck", call=function.__name__, seconds=TIMEOUT_SECONDS)
            raise Unavailable("Storage did not answer in time.") from None
        except OSError as error:
            _log.error("storage_failed", call=function.__name__, reason=error.strerror or str(error))
            raise Unavailable("Storage cannot be read or written at present.") from error


class _Reader:
    """Pieces of an open object, each read in a thread; the first has been."""

    def __init__(self, file: SealedFile, next_piece: Callable[[SealedFile], Awaitable[bytes]]) -> None:
        self._file = file
        self._next_piece = next_piece
        self._first = file.first

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece, self._first = self._first, b""
        if not piece:
            piece = await self._next_piece(self._file)
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Close the file."""
        self._file.close()
