"""Uploads fetched from a remote store into local files, for verification."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from photo_api.config import ConfigurationError
from photo_api.errors import Unavailable
from photo_api.ids import new_id
from photo_api.storage.base import LocalCopy
from photo_api.storage.receiving import gathered

_PIECE_BYTES: Final = 1024 * 1024
_log = structlog.get_logger("photo_api.storage")


class LocalCopies:
    """Files below one directory of this machine; each is there while it is looked at."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def prepare(self) -> None:
        """Make the directory; raises `ConfigurationError` where that cannot be."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"PHOTO_API_DATA_DIR: cannot keep files in {self._directory} ({error.strerror}); make it a directory"
                " that can be written"
            ) from error

    @asynccontextmanager
    async def new(self) -> AsyncIterator["CopyDraft"]:
        """A file to fill, removed when the block ends."""
        draft = CopyDraft(self._directory / new_id())
        try:
            yield draft
        finally:
            await asyncio.shield(asyncio.to_thread(draft.remove))

    def remove_older(self, seconds: float) -> None:
        """Remove what a process that was killed left behind; blocks, and leaves what cannot be removed."""
        before = time.time() - seconds
        with suppress(OSError):
            for path in self._directory.iterdir():
                with suppress(OSError):
                    if path.stat().st_mtime < before:
                        path.unlink()


class CopyDraft:
    """One such file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def fill(self, chunks: AsyncIterator[bytes]) -> LocalCopy:
        """Write ``chunks``, a megabyte in memory at most; again from the beginning where it had been filled.

        Raises:
            Unavailable: the disk does not take them.
        """
        sha256 = hashlib.sha256()
        size = 0
        try:
            # Unbuffered, so that closing writes nothing; a file is opened and written in turns of a thread.
            descriptor = await asyncio.to_thread(os.open, self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                async for pieces in gathered(chunks, _PIECE_BYTES):
                    size += await asyncio.to_thread(_write, descriptor, b"".join(pieces), sha256)
            finally:
                os.close(descriptor)
        except OSError as error:
            _log.error("local_copy_failed", reason=error.strerror or str(error))
            raise Unavailable("The upload cannot be verified at present.") from error
        return LocalCopy(self._path, size, sha256.hexdigest())

    def remove(self) -> None:
        """Remove the file, if there is one; what cannot be is swept later."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _write(descriptor: int, content: bytes, sha256: "hashlib._Hash") -> int:
    sha256.update(content)
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    return len(content)
