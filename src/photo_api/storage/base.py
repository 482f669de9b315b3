"""What the service sees of object storage.

An object is uploaded, then *sealed* when its photo is confirmed: from then on it is served, and no upload URL can
change it. Policy: storage that is away raises `Unavailable` (503) for what needs it; everything else goes on. Deletions
go through the outbox (``object_deletions``) and are tried until done.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class PresignedUpload:
    """Where and how a client puts the bytes of one object; ``Content-Length`` is signed, never among the headers."""

    url: str = field(repr=False)  # whoever has it can upload
    method: str
    headers: Mapping[str, str]
    expires_in_seconds: int


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What storage knows of an object: its size in bytes, and an etag that changes with the content."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """The bytes of one upload as a local file, that nobody changes; ``sha256`` in hex."""

    path: Path
    size: int
    sha256: str


class ObjectReader(Protocol):
    """The bytes of an object, in pieces; `aclose` releases what is held, also before the end."""

    def __aiter__(self) -> Self:
        """Itself."""
        ...

    async def __anext__(self) -> bytes:
        """The next piece; raises `Unavailable` where storage fails."""
        ...

    async def aclose(self) -> None:
        """Release what is held; may be called again."""
        ...


class ObjectStorage(Protocol):
    """A bucket of objects under keys of ours (``ids.new_id``)."""

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
        """Store a direct upload, unsealed.

        Raises:
            TooLarge: more than ``size_limit`` bytes came; nothing is left behind, nor where ``chunks`` raises.
            Conflict: the object is sealed.
        """
        ...

    async def head_upload(self, key: str) -> StoredObject | None:
        """The last complete upload under ``key``, or ``None``; where it is sealed already, the sealed object."""
        ...

    def upload_as_file(self, upload: StoredObject) -> AbstractAsyncContextManager[LocalCopy]:
        """A local file with exactly the bytes of that upload (by its etag), for verification.

        Raises:
            Conflict: it was replaced or removed meanwhile.
        """
        ...

    async def seal(self, upload: StoredObject, content_type: str) -> None:
        """Serve exactly that upload from now on, as that type, whatever the upload said of itself; idempotent.

        Raises:
            Conflict: it was replaced meanwhile.
        """
        ...

    async def discard(self, upload: StoredObject) -> None:
        """Remove exactly that upload, which was refused; a newer one, or a sealed object, stays."""
        ...

    async def read(self, key: str, start: int, stop: int) -> ObjectReader:
        """Bytes ``start`` to ``stop`` (exclusive) of a sealed object; the first piece has been read.

        Raises:
            NotFound: no sealed object has this key.
        """
        ...

    async def delete(self, key: str) -> None:
        """Remove an object, sealed or not; none there is no error."""
        ...

    async def remove_abandoned(self, older_than_seconds: float) -> int:
        """Remove uploads, whole or in part, that nobody can still confirm; how many."""
        ...

    def stored(self) -> AsyncIterator[StoredObject]:
        """Every sealed object, in no order and page by page, so that memory stays bounded.

        What is sealed or deleted meanwhile may be among them or not. A listing reads no content: the etag is empty
        where storage does not keep one. Raises `Unavailable`, also half-way.
        """
        ...

    async def ping(self) -> None:
        """Cheap check that storage answers; raises `Unavailable`."""
        ...
