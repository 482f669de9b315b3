"""Uploads fetched from a remote store into local files, for verification."""

import asyncio
import hashlib
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from io import FileIO
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
    """One such file; the lock keeps its end from overtaking a write that was given up on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: FileIO | None = None
        self._removed = False

    async def fill(self, chunks: AsyncIterator[bytes]) -> LocalCopy:
        """Write ``chunks``, a megabyte in memory at most; once.

        Raises:
            Unavailable: the disk does not take them. What ``chunks`` raises passes.
        """
        sha256 = hashlib.sha256()
        size = 0
        await _attempt(self._begin)
        async for pieces in gathered(chunks, _PIECE_BYTES):
            content = b"".join(pieces)
            size += len(content)
            await _attempt(self._write, content, sha256)
        return LocalCopy(self._path, size, sha256.hexdigest())

    def remove(self) -> None:
        """Remove the file, if there is one; what cannot be is swept later."""
        with self._lock, suppress(OSError):
            self._removed = True
            if self._file is not None:
                self._file.close()
            self._path.unlink(missing_ok=True)

    def _begin(self) -> None:
        with self._lock:
            if not self._removed:
                descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                self._file = FileIO(descriptor, "wb")

    def _write(self, content: bytes, sha256: "hashlib._Hash") -> None:
        with self._lock:
            rest = memoryview(content)
            while rest and self._file is not None and not self._removed:
                rest = rest[self._file.write(rest) :]
            sha256.update(content)


async def _attempt(call: Callable[..., None], *arguments: object) -> None:
    try:
        await asyncio.to_thread(call, *arguments)
    except OSError as error:
        _log.error("local_copy_failed", reason=error.strerror or str(error))
        raise Unavailable("The upload cannot be verified at present.") from error
