"""The write that makes a photo visible: it, its album, its owner's sum and the totals change together.

On PostgreSQL it is one statement, so one round trip between BEGIN and COMMIT. Its parts read each other, and so lock in
the order in which every other transaction does: the photo, its album, its owner, a row of the totals.
"""

from typing import Final

from photo_api.business_metrics import totals
from photo_api.business_metrics.totals import Change
from photo_api.database import Executor, Row
from photo_api.photos import repository
from photo_api.photos.repository import PHOTO_COLUMNS, Content, PendingPhoto

_CONFIRM: Final = (
    "WITH ready AS (UPDATE photos SET"  # noqa: S608 - columns and parameters of ours
    " status = 'ready', checksum_sha256 = $2, etag = $3, width = $4, height = $5,"
    " confirmed_ms = $6, pending_until_ms = NULL, pending_album_id = NULL WHERE id = $1 AND status = 'pending'"
    " RETURNING *),"
    " album AS (UPDATE albums SET updated_ms = ready.confirmed_ms FROM ready"
    " WHERE albums.id = $7 AND albums.owner_id = ready.owner_id RETURNING albums.id),"
    " member AS (INSERT INTO album_photos (album_id, photo_id, added_ms)"
    " SELECT album.id, ready.id, ready.confirmed_ms FROM album, ready ON CONFLICT DO NOTHING),"
    " owner AS (UPDATE users SET photo_bytes = users.photo_bytes + ready.file_size"
    " FROM ready LEFT JOIN album ON TRUE WHERE users.id = ready.owner_id RETURNING users.id),"  # after the album
    f" free AS MATERIALIZED (SELECT {totals.free_shard('$8')} AS shard FROM owner),"
    " counted AS (UPDATE totals SET photos = totals.photos + 1, photo_bytes = totals.photo_bytes + ready.file_size"
    " FROM free, ready WHERE totals.shard = free.shard)"
    f" SELECT {PHOTO_COLUMNS} FROM ready p"
)


async def confirm(transaction: Executor, photo: PendingPhoto, content: Content, now_ms: int) -> Row | None:
    """Make a pending photo visible, count it, and put it into its album if that is still there.

    Returns:
        `PHOTO_COLUMNS` of it, or ``None`` where it no longer was pending.
    """
    if transaction.dialect == "postgresql":
        return await transaction.fetch_one(
            _CONFIRM,
            photo.id,
            content.checksum_sha256,
            content.etag,
            content.width,
            content.height,
            now_ms,
            photo.album_id,
            totals.shard_of(photo.owner_id),
        )
    if not await repository.make_ready(transaction, photo.id, content, now_ms):
        return None
    await repository.join_album(transaction, photo.owner_id, photo.album_id, photo.id, now_ms)
    await repository.add_to_user(transaction, photo.owner_id, photo.file_size)
    await totals.apply(transaction, photo.owner_id, Change(photos=1, photo_bytes=photo.file_size))
    return await repository.find_ready(transaction, photo.owner_id, photo.id)
