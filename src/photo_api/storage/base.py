"""What the service sees of object storage.

An object is uploaded, then *sealed* when its photo is confirmed: from then on it is served, and no upload URL can
change it. Policy: storage that is away raises `Unavailable` (503) for what needs it; everything else goes on. Deletions
go through the outbox (``object_deletions``) and are tried until done.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PresignedUpload:
    """Where and how a client puts the bytes of one object; ``Content-Length`` is signed, never among the headers."""

    url: str
    method: str
    headers: Mapping[str, str]
    expires_in_seconds: int


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What storage knows of an object; ``sha256`` (hex) only where it was computed while storing."""

    key: str
    size: int
    etag: str
    sha256: str | None = None


class ObjectStorage(Protocol):
    """A bucket of objects under keys of ours."""

    async def open(self) -> None:
        """Make ready; called once, before the first request."""
        ...

    async def close(self) -> None:
        """Release what is held."""
        ...

    def presign_upload(self, key: str, content_type: str, size: int, expires_in_seconds: int) -> PresignedUpload:
        """An upload URL for exactly this key, type and length; computed locally, in microseconds."""
        ...

    async def store(self, key: str, content_type: str, size_limit: int, chunks: AsyncIterator[bytes]) -> StoredObject:
        """Store a direct upload, unsealed; raises `TooLarge` beyond the limit and leaves nothing behind."""
        ...

    async def head_upload(self, key: str) -> StoredObject | None:
        """The uploaded, not yet sealed object, or ``None``."""
        ...

    def upload_as_file(self, upload: StoredObject) -> AbstractAsyncContextManager[Path]:
        """A local file with exactly the bytes of that upload (by its etag), for verification."""
        ...

    async def seal(self, upload: StoredObject) -> None:
        """Serve exactly that upload from now on; idempotent; raises `Conflict` when it was replaced meanwhile."""
        ...

    async def read(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``stop`` (exclusive) of a sealed object, in chunks; raises `NotFound` before the first."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object, sealed or not; none there is no error."""
        ...

    async def ping(self) -> None:
        """Cheap check that storage answers; raises `Unavailable`."""
        ...
