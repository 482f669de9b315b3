"""Sealing in S3: one upload, by its etag, is copied to where nothing but a confirm can put anything.

Copies have ``If-None-Match: *``, so that no second confirm replaces what the first one sealed. Not every storage keeps
that condition: Swift refuses each such copy, others do as if it was not there. The first seal of a process tells: the
same copy again must be refused. Where conditions are not kept we look first, and look at the copy's etag afterwards:
what may get past that is a second confirm of the same photo, with another upload, that begins and ends its
verification while the first one's copy is still under way.
"""

import re
from typing import Final, NamedTuple, Self

import aiohttp
import structlog

from photo_api.errors import Conflict, Unavailable
from photo_api.ids import ID_PATTERN
from photo_api.storage import s3_xml
from photo_api.storage.base import StoredObject
from photo_api.storage.s3_client import S3Client

UPLOADS: Final = "uploads/"
SEALED: Final = "photos/"
KEY: Final = re.compile(ID_PATTERN)

_UPLOAD_ETAG: Final = "x-amz-meta-upload-etag"
"""The etag of what was copied: a copy's own differs where the upload came in parts, or is encrypted."""
_ENCRYPTION: Final = "x-amz-server-side-encryption"
_MD5 = re.compile(r"[0-9a-f]{32}")
_log = structlog.get_logger("photo_api.storage")


class Seals:
    """The sealed objects of a bucket, as far as confirms go."""

    def __init__(self, client: S3Client) -> None:
        self._client = client
        self._conditions_are_kept: bool | None = None
        """``None``: not known yet, so that we look and ask for conditions."""

    async def seal(self, upload: StoredObject, content_type: str) -> None:
        """Let exactly that upload be the sealed object; it may be that already.

        Raises:
            Conflict: it was replaced, or another one is sealed.
        """
        if not self._conditions_are_kept and await self.is_sealed(upload):
            return
        if self._conditions_are_kept is False:
            copied = await self._copy(upload, content_type, if_none=False)
        elif not await self._copy(upload, content_type, if_none=True):
            copied = await self._copied_in_spite_of_a_refusal(upload, content_type)
        else:
            copied = self._conditions_are_kept or await self._copied_once(upload, content_type)
        if not copied and not await self.is_sealed(upload):
            raise Conflict("The upload was replaced meanwhile; confirm it again.")

    async def _copied_in_spite_of_a_refusal(self, upload: StoredObject, content_type: str) -> bool:
        if await self.is_sealed(upload) or not await self.is_current(upload):
            return False
        # Nothing stands in the way of a copy now: for a moment another upload did, or conditions are refused always.
        if await self._copy(upload, content_type, if_none=True):
            return True
        if self._conditions_are_kept or await self.is_sealed(upload) or not await self.is_current(upload):
            return False
        self._do_without_conditions()
        return await self._copy(upload, content_type, if_none=False)

    async def _copied_once(self, upload: StoredObject, content_type: str) -> bool:
        """Ask for a copy that was just made, which changes nothing, to learn whether conditions are kept."""
        try:
            if await self._copy(upload, content_type, if_none=True):
                self._do_without_conditions()
                return True
        except Unavailable:  # the next seal learns it
            return False
        self._conditions_are_kept = await self.is_current(upload) or None  # else that may be why it was refused
        return bool(self._conditions_are_kept)

    def _do_without_conditions(self) -> None:
        self._conditions_are_kept = False
        _log.info("object_storage_without_conditional_copies", consequence="seals look before they copy")

    async def find(self, key: str) -> StoredObject | None:
        """The sealed object, with the etag of its upload."""
        found = await self.head(named(SEALED, key))
        return StoredObject(key, found.size, found.upload_etag) if found is not None and found.is_sound else None

    async def is_current(self, upload: StoredObject) -> bool:
        """Whether exactly this upload is the last complete one."""
        found = await self.head(named(UPLOADS, upload.key))
        return found is not None and found.etag == upload.etag

    async def is_sealed(self, upload: StoredObject) -> bool:
        """Whether exactly this upload is sealed; raises `Conflict` where another one is."""
        sealed = await self.find(upload.key)
        if sealed is not None and sealed.etag != upload.etag:
            raise Conflict("Another upload of this photo was confirmed meanwhile.")
        return sealed is not None

    async def _copy(self, upload: StoredObject, content_type: str, *, if_none: bool) -> bool:
        """Copy the upload to its sealed place; false where it is not there, was replaced, or may not be copied."""
        name = named(SEALED, upload.key)
        headers = {
            "x-amz-copy-source": self._client.copy_source(named(UPLOADS, upload.key)),
            "x-amz-copy-source-if-match": f'"{upload.etag}"',
            "x-amz-metadata-directive": "REPLACE",
            _UPLOAD_ETAG: upload.etag,
            "content-type": content_type,
        }
        if if_none:
            headers["if-none-match"] = "*"
        seconds = self._client.seconds_for(upload.size)
        async with self._client.request(  # again, too: the same bytes to the same place
            "upload", "PUT", name, headers=headers, expected=(200, 404, 409, 412), seconds=seconds, idempotent=True
        ) as response:
            if response.status == 409:
                raise Unavailable("This photo is being confirmed at this moment; confirm it again.")
            if response.status != 200:
                return False
            result = await self._client.result(response, "CopyObjectResult", seconds=seconds)
            copy_etag = s3_xml.etag(s3_xml.text(result, "ETag"))
            copied = Found(upload.size, copy_etag, upload.etag, response.headers.get(_ENCRYPTION, ""))
        if not copied.is_sound:  # the upload was replaced between the storage's look at its etag and the copy
            await self.delete(name, only_etag=copied.etag)
            return False
        return True

    async def head(self, name: str) -> "Found | None":
        """What a place of the bucket has."""
        async with self._client.request("head", "HEAD", name, expected=(200, 404), idempotent=True) as response:
            return Found.of(response) if response.status == 200 else None

    async def delete(self, name: str, *, only_etag: str | None = None) -> None:
        """Empty a place, or do so only while it has that; nothing there is no error."""
        headers = {} if only_etag is None else {"if-match": f'"{only_etag}"'}
        async with self._client.request(
            "delete", "DELETE", name, headers=headers, expected=(204, 404, 412), idempotent=True
        ):
            pass


class Found(NamedTuple):
    """An object as its headers tell of it."""

    size: int
    etag: str
    upload_etag: str
    encryption: str

    @classmethod
    def of(cls, response: aiohttp.ClientResponse) -> Self:
        """The object that an answer is about."""
        etag = s3_xml.etag_of(response.headers)
        encryption = response.headers.get(_ENCRYPTION, "")
        return cls(response.content_length or 0, etag, response.headers.get(_UPLOAD_ETAG, etag), encryption)

    @property
    def is_sound(self) -> bool:
        """Whether a copy holds what was to be copied, as far as etags can tell: those that are MD5 sums."""
        comparable = _MD5.fullmatch(self.etag) and _MD5.fullmatch(self.upload_etag)
        return not comparable or self.encryption not in {"", "AES256"} or self.etag == self.upload_etag


def named(prefix: str, key: str) -> str:
    """Keys are ids of ours and nothing else, so none can name another place."""
    if not KEY.fullmatch(key):
        raise ValueError("not a key of this store")
    return prefix + key
