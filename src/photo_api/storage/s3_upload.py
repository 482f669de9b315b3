"""Direct uploads to S3: one PUT where all of it is in hand, else in parts while they come.

How long a body is shows at its end only, and S3 wants a length first: so a part is kept in memory until it is full or
the body ends. What all uploads of a process keep is bounded; its hash is signed, so that what arrives is what came.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final

from photo_api.errors import Unavailable
from photo_api.storage import s3_xml
from photo_api.storage.receiving import at_most
from photo_api.storage.s3_client import S3Client

PART_BYTES: Final = 5 * 1024 * 1024
"""The smallest part that S3 takes, but for the last; of the 10,000 that it takes, the largest photo needs a tenth."""
BUFFERED_BYTES: Final = 256 * 1024 * 1024
"""What the direct uploads of one process may keep in memory; beyond it another is answered 503."""


@dataclass(frozen=True, slots=True)
class Written:
    """A complete object: its size in bytes, and its etag as storage says it."""

    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class _Part:
    content: bytes
    sha256: str
    is_last: bool


def _joined(chunks: list[bytes], sha256: str, *, is_last: bool) -> _Part:
    """A part made of ``chunks``, which are emptied: what it holds is held once."""
    content = b"".join(chunks)
    chunks.clear()
    return _Part(content, sha256, is_last)


class DirectUploads:
    """Writes bodies of unknown length to objects."""

    def __init__(self, client: S3Client) -> None:
        self._client = client
        self._buffered = 0

    async def write(self, key: str, content_type: str, size_limit: int, chunks: AsyncIterator[bytes]) -> Written:
        """All of ``chunks`` as the object ``key``, which changes at the end or not at all.

        Raises:
            TooLarge: more than ``size_limit`` bytes.
            Unavailable: storage is away, or too many uploads are under way.
        """
        multipart: _Multipart | None = None
        async with aclosing(self._parts(at_most(chunks, size_limit))) as parts:
            try:
                async for part in parts:
                    if multipart is None:
                        if part.is_last:
                            return await self._put(key, content_type, part)
                        multipart = await _Multipart.begin(self._client, key, content_type)
                    await multipart.add(part)
                    del part  # not kept while the next one comes
                assert multipart is not None  # noqa: S101 - there always is a last part
                return await multipart.complete()
            except BaseException:
                if multipart is not None:
                    with suppress(Unavailable):  # then it is swept later
                        await asyncio.shield(multipart.abort())
                raise

    async def _put(self, key: str, content_type: str, whole: _Part) -> Written:
        headers = {"content-type": content_type}
        async with self._client.request(
            "upload", "PUT", key, headers=headers, body=whole.content, sha256=whole.sha256, idempotent=True
        ) as response:
            return Written(len(whole.content), s3_xml.etag_of(response.headers))

    async def _parts(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[_Part, None]:
        """``chunks`` cut into parts; each is out of the budget once the next is asked for."""
        waiting: list[bytes] = []
        size, digest = 0, hashlib.sha256()
        try:
            async for chunk in chunks:
                rest = chunk
                while size + len(rest) > PART_BYTES:
                    room = PART_BYTES - size
                    waiting.append(rest[:room])
                    digest.update(rest[:room])
                    yield _joined(waiting, digest.hexdigest(), is_last=False)
                    self._buffered -= size
                    size, digest, rest = 0, hashlib.sha256(), rest[room:]
                self._take(len(rest))
                size += len(rest)
                waiting.append(rest)
                digest.update(rest)
            yield _joined(waiting, digest.hexdigest(), is_last=True)
        finally:
            self._buffered -= size

    def _take(self, size: int) -> None:
        if self._buffered + size > BUFFERED_BYTES:
            raise Unavailable("Too many files are being uploaded at present; upload with a presigned URL.")
        self._buffered += size


class _Multipart:
    """One multipart upload; parts are sent one after the other."""

    def __init__(self, client: S3Client, key: str, upload_id: str) -> None:
        self._client = client
        self._key = key
        self._upload = {"uploadId": upload_id}
        self._etags: list[str] = []
        self._size = 0

    @classmethod
    async def begin(cls, client: S3Client, key: str, content_type: str) -> "_Multipart":
        """CreateMultipartUpload."""
        headers = {"content-type": content_type}
        async with client.request("upload", "POST", key, query={"uploads": ""}, headers=headers) as response:
            return cls(
                client, key, s3_xml.text(await client.result(response, "InitiateMultipartUploadResult"), "UploadId")
            )

    async def add(self, part: _Part) -> None:
        """UploadPart; the same part may be sent again, so it is where storage failed."""
        query = {"partNumber": str(len(self._etags) + 1), **self._upload}
        headers = {"content-type": "application/octet-stream"}
        async with self._client.request(
            "upload",
            "PUT",
            self._key,
            query=query,
            headers=headers,
            body=part.content,
            sha256=part.sha256,
            idempotent=True,
        ) as response:
            self._etags.append(s3_xml.etag_of(response.headers))
        self._size += len(part.content)

    async def complete(self) -> Written:
        """CompleteMultipartUpload, which can fail with status 200."""
        body = s3_xml.completion(self._etags)
        seconds = self._client.seconds_for(self._size)
        async with self._client.request(
            "upload",
            "POST",
            self._key,
            query=self._upload,
            headers={"content-type": "application/xml"},
            body=body,
            sha256=hashlib.sha256(body).hexdigest(),
            seconds=seconds,
        ) as response:
            result = await self._client.result(response, "CompleteMultipartUploadResult", seconds=seconds)
            return Written(self._size, s3_xml.etag(s3_xml.text(result, "ETag")))

    async def abort(self) -> None:
        """AbortMultipartUpload; one that is gone is no error."""
        async with self._client.request(
            "delete", "DELETE", self._key, query=self._upload, expected=(204, 404), idempotent=True
        ):
            pass
