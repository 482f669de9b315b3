"""Photos: announced, uploaded, confirmed; then shown, changed, deleted.

A photo is pending until its upload has been verified and sealed; only then it exists for anyone, its owner included.
A refused upload is removed and the photo stays pending, so that the client can upload again until it expires.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

import structlog

from photo_api.business_metrics import totals
from photo_api.business_metrics.totals import Change
from photo_api.config import Settings
from photo_api.database import Database, Row
from photo_api.errors import Conflict, ContentRejected, Gone, NotFound, TooLarge, Unavailable
from photo_api.ids import new_id, now_ms
from photo_api.photos import repository
from photo_api.photos.confirming import confirm
from photo_api.photos.direct import receive_form
from photo_api.photos.multipart import Part
from photo_api.photos.repository import Content, PendingPhoto, photo_dict
from photo_api.photos.schemas import PresignedUploadIn
from photo_api.photos.verification import PhotoVerifier
from photo_api.storage import outbox
from photo_api.storage.base import LocalCopy, ObjectStorage, StoredObject
from photo_api.storage.deleting import Deletions
from photo_api.storage.receiving import TOTAL_SECONDS
from photo_metrics import Recorder

REAP_BATCH: Final = 100
REAP_BATCHES: Final = 20
"""At most so many batches a turn: other work comes between."""

_log = structlog.get_logger("photo_api.photos")


class PhotoService:
    """All that happens to photos."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        storage: ObjectStorage,
        verifier: PhotoVerifier,
        recorder: Recorder,
    ) -> None:
        self._max_bytes = settings.max_photo_bytes
        self._pending_seconds = settings.pending_photo_seconds
        self._url_seconds = min(settings.upload_url_seconds, settings.pending_photo_seconds)
        self._database = database
        self._storage = storage
        self._verifier = verifier
        self._recorder = recorder
        self._deletions = Deletions(database, storage)

    async def presign(self, user_id: str, wanted: PresignedUploadIn) -> dict[str, Any]:
        """Announce a photo: where to upload it (``PresignedUploadOut``).

        Raises:
            TooLarge: the declared size is beyond the limit.
            NotFound: the album is not the user's.
        """
        if wanted.file_size > self._max_bytes:
            raise TooLarge(f"A photo may have at most {self._max_bytes} bytes.")
        photo = self._pending(
            user_id,
            album_id=wanted.album_id,
            filename=wanted.filename,
            content_type=wanted.content_type,
            file_size=wanted.file_size,
            checksum_sha256=wanted.checksum_sha256.lower() if wanted.checksum_sha256 else None,
            title=wanted.title,
            description=wanted.description,
        )
        await self._announce(photo)
        upload = self._storage.presign_upload(photo.object_key, photo.content_type, photo.file_size, self._url_seconds)
        return {
            "photo_id": photo.id,
            "upload_url": upload.url,
            "upload_method": upload.method,
            "upload_headers": dict(upload.headers),
            "object_key": photo.object_key,
            "expires_in": upload.expires_in_seconds,
        }

    async def confirm(self, user_id: str, photo_id: str) -> dict[str, Any]:
        """Verify an upload and make its photo visible; again gives the same answer (``PhotoOut``) and counts nothing.

        Raises:
            NotFound: no such photo of the user's.
            Gone: it was not confirmed in time.
            Conflict: nothing was uploaded yet, or another upload came in between.
            ContentRejected: the upload is not what was declared.
        """
        row = await repository.find_any(self._database, user_id, photo_id)
        if row is None:
            raise NotFound
        if row["status"] == "ready":
            return photo_dict(row)
        if row["pending_until_ms"] <= now_ms():
            raise Gone("The photo was not confirmed in time; begin again with POST /photos/presigned-url.")
        photo = PendingPhoto.of(row, user_id)
        upload = await self._storage.head_upload(photo.object_key)
        if upload is None:
            raise Conflict("Nothing was uploaded yet; send the file to the upload URL first.")
        try:
            return await self._accept(photo, upload)
        except Conflict:
            ready = await repository.find_ready(self._database, user_id, photo_id)
            if ready is None:
                raise
            return photo_dict(ready)  # a confirm at the same time was first, with another upload

    async def upload(self, user_id: str, parts: AsyncIterator[Part]) -> dict[str, Any]:
        """Receive a form with the file in it, and confirm at once (``PhotoOut``); nothing stays of a refused one.

        Raises:
            NotFound: the album is not the user's.
            ContentRejected: the file is not what its part says.
        """
        object_key = new_id()
        received = await receive_form(parts, self._storage, object_key, self._max_bytes)
        photo = self._pending(
            user_id, **received.form.model_dump(), id=object_key, file_size=received.upload.size, checksum_sha256=None
        )
        try:
            await self._announce(photo)
        except BaseException:
            await self._discard(received.upload)
            raise
        try:
            return await self._accept(photo, received.upload)
        except BaseException:
            async with self._database.transaction() as transaction:
                if await repository.delete_pending(transaction, photo.id) is not None:
                    await outbox.enqueue(transaction, object_key, now_ms())
            raise

    async def page(self, user_id: str, cursor: str | None, limit: int) -> dict[str, Any]:
        """The user's photos, newest first (``PhotoPage``)."""
        rows = await repository.page_of(self._database, user_id, cursor, limit + 1)
        items = [photo_dict(row) for row in rows[:limit]]
        return {"items": items, "next_cursor": items[-1]["id"] if len(rows) > limit else None}

    async def get(self, user_id: str, photo_id: str) -> dict[str, Any]:
        """One of the user's photos (``PhotoOut``); raises `NotFound`."""
        row = await repository.find_ready(self._database, user_id, photo_id)
        if row is None:
            raise NotFound
        return photo_dict(row)

    async def image(self, user_id: str, photo_id: str) -> Row:
        """What ``images.image_response`` needs of one of the user's photos; raises `NotFound`."""
        row = await repository.find_image(self._database, user_id, photo_id)
        if row is None:
            raise NotFound
        return row

    async def change(self, user_id: str, photo_id: str, changes: dict[str, str | None]) -> dict[str, Any]:
        """Change the texts that ``changes`` names (``PhotoOut``); raises `NotFound`."""
        async with self._database.transaction() as transaction:
            row = await repository.change_texts(transaction, user_id, photo_id, changes)
        if row is None:
            raise NotFound
        return photo_dict(row)

    async def delete(self, user_id: str, photo_id: str) -> None:
        """Delete a photo: gone at once for everybody, its object soon after; raises `NotFound`."""
        async with self._database.transaction() as transaction:
            row = await repository.delete_ready(transaction, user_id, photo_id)
            if row is None:
                raise NotFound
            size: int = row["file_size"]
            await outbox.enqueue(transaction, row["object_key"], now_ms())
            await repository.add_to_user(transaction, user_id, -size)
            await totals.apply(transaction, user_id, Change(photos=-1, photo_bytes=-size))
        self._recorder.photo_deleted(user_id, size)

    async def reap(self) -> None:
        """Remove what was not confirmed in time, then objects that wait for deletion, then abandoned uploads.

        Raises:
            Unavailable: the database or storage is away, or some objects could not be deleted.
        """
        for _ in range(REAP_BATCHES):
            if await self._remove_expired() < REAP_BATCH:
                break
        failed: Exception | None = None
        try:
            await self._deletions.turn()
        except Exception as error:  # noqa: BLE001 - whatever it is, it keeps nothing from being swept
            failed = error
        # Older than any upload that could still be confirmed, even one that began at its URL's last moment.
        await self._storage.remove_abandoned(self._pending_seconds + TOTAL_SECONDS)
        if failed is not None:
            raise failed

    async def _remove_expired(self) -> int:
        now = now_ms()
        async with self._database.transaction() as transaction:
            rows = await repository.delete_expired(transaction, now, REAP_BATCH)
            for row in rows:
                await outbox.enqueue(transaction, row["object_key"], now)
        return len(rows)

    def _pending(self, user_id: str, *, id: str | None = None, **values: Any) -> PendingPhoto:  # noqa: A002, ANN401
        now = now_ms()
        photo_id = id or new_id()
        return PendingPhoto(
            id=photo_id,
            owner_id=user_id,
            object_key=photo_id,  # ours, never made of anything that the client sent
            created_ms=now,
            pending_until_ms=now + self._pending_seconds * 1000,
            **values,
        )

    async def _announce(self, photo: PendingPhoto) -> None:
        async with self._database.transaction() as transaction:
            if not await repository.owns_album(transaction, photo.owner_id, photo.album_id):
                raise NotFound("There is no such album.")
            await repository.insert_pending(transaction, photo)

    async def _accept(self, photo: PendingPhoto, upload: StoredObject) -> dict[str, Any]:
        """Verify exactly this upload, serve it from now on, and show its photo."""
        try:
            content = await self._verified(photo, upload)
        except ContentRejected:
            await self._discard(upload)
            raise
        await self._storage.seal(upload, photo.content_type)
        now = now_ms()
        async with self._database.transaction() as transaction:
            confirmed = await confirm(transaction, photo, content, now)
            row = confirmed
            if row is None:  # another confirm was first, or it is no more
                row = await repository.find_ready(transaction, photo.owner_id, photo.id)
            if row is None:  # it expired, or was deleted, while it was verified
                await outbox.enqueue(transaction, photo.object_key, now)
        if row is None:
            raise Gone("The photo was not confirmed in time; begin again with POST /photos/presigned-url.")
        if confirmed is not None:
            self._recorder.photo_confirmed(photo.owner_id, photo.file_size)
        return photo_dict(row)

    async def _verified(self, photo: PendingPhoto, upload: StoredObject) -> Content:
        if upload.size != photo.file_size:  # before it is fetched: not every storage can sign a length
            raise ContentRejected(f"The file has {upload.size} bytes, and was declared with {photo.file_size}.")
        with self._verifier.place(photo.owner_id):
            async with self._storage.upload_as_file(upload) as copy:
                return await self._verified_copy(photo, upload, copy)

    async def _verified_copy(self, photo: PendingPhoto, upload: StoredObject, copy: LocalCopy) -> Content:
        if photo.checksum_sha256 not in {None, copy.sha256}:
            raise ContentRejected("The file's SHA-256 is not the declared one.")
        verified = await self._verifier.verify(copy.path, photo.content_type, photo.owner_id)
        return Content(copy.sha256, upload.etag, verified.width, verified.height)

    async def _discard(self, upload: StoredObject) -> None:
        with suppress(Unavailable):  # then it is swept later
            await self._storage.discard(upload)
