"""Rows of photos: the SQL, and nothing else."""

from dataclasses import dataclass
from typing import Any, Final, Self

from photo_api.database import Executor, Row
from photo_api.ids import NEWEST, rfc3339

PHOTO_COLUMNS: Final = (
    "p.id, p.filename, p.content_type, p.file_size, p.width, p.height, p.title, p.description, p.checksum_sha256,"
    " p.created_ms, p.confirmed_ms"
)
"""What `photo_dict` needs, of a table ``photos p``."""

IMAGE_COLUMNS: Final = "p.object_key, p.etag, p.file_size, p.content_type, p.filename, p.confirmed_ms"
"""What `photos.images.image_response` needs, of a table ``photos p``."""


@dataclass(frozen=True, slots=True)
class PendingPhoto:
    """A photo that was announced and is not confirmed."""

    id: str
    owner_id: str
    album_id: str
    object_key: str
    filename: str
    content_type: str
    file_size: int
    checksum_sha256: str | None
    title: str | None
    description: str | None
    created_ms: int
    pending_until_ms: int

    @classmethod
    def of(cls, row: Row, owner_id: str) -> Self:
        """From a row of `find_any`."""
        return cls(
            id=row["id"],
            owner_id=owner_id,
            album_id=row["pending_album_id"],
            object_key=row["object_key"],
            filename=row["filename"],
            content_type=row["content_type"],
            file_size=row["file_size"],
            checksum_sha256=row["checksum_sha256"],
            title=row["title"],
            description=row["description"],
            created_ms=row["created_ms"],
            pending_until_ms=row["pending_until_ms"],
        )


@dataclass(frozen=True, slots=True)
class Content:
    """What confirm found in an upload."""

    checksum_sha256: str
    etag: str
    width: int
    height: int


def photo_dict(row: Row) -> dict[str, Any]:
    """A row with `PHOTO_COLUMNS` as the API shows it (``schemas.PhotoOut``)."""
    return {
        "id": row["id"],
        "filename": row["filename"],
        "content_type": row["content_type"],
        "file_size": row["file_size"],
        "width": row["width"],
        "height": row["height"],
        "title": row["title"],
        "description": row["description"],
        "checksum_sha256": row["checksum_sha256"],
        "created_at": rfc3339(row["created_ms"]),
        "confirmed_at": rfc3339(row["confirmed_ms"]),
    }


async def find_ready(executor: Executor, owner_id: str, photo_id: str) -> Row | None:
    """One of the owner's confirmed photos, `PHOTO_COLUMNS`."""
    return await executor.fetch_one(
        f"SELECT {PHOTO_COLUMNS} FROM photos p WHERE p.id = $1 AND p.owner_id = $2 AND p.status = 'ready'",
        photo_id,
        owner_id,
    )


async def find_image(executor: Executor, owner_id: str, photo_id: str) -> Row | None:
    """One of the owner's confirmed photos, `IMAGE_COLUMNS`."""
    return await executor.fetch_one(
        f"SELECT {IMAGE_COLUMNS} FROM photos p WHERE p.id = $1 AND p.owner_id = $2 AND p.status = 'ready'",
        photo_id,
        owner_id,
    )


async def find_any(executor: Executor, owner_id: str, photo_id: str) -> Row | None:
    """One of the owner's photos, pending or not: `PHOTO_COLUMNS` and what confirm needs."""
    return await executor.fetch_one(
        f"SELECT {PHOTO_COLUMNS}, p.status, p.object_key, p.pending_album_id, p.pending_until_ms"
        " FROM photos p WHERE p.id = $1 AND p.owner_id = $2",
        photo_id,
        owner_id,
    )


async def page_of(executor: Executor, owner_id: str, cursor: str | None, count: int) -> list[Row]:
    """The owner's confirmed photos after ``cursor``, newest first, at most ``count``."""
    return await executor.fetch_all(
        f"SELECT {PHOTO_COLUMNS} FROM photos p WHERE p.owner_id = $1 AND p.status = 'ready' AND p.id < $2"
        " ORDER BY p.id DESC LIMIT $3",
        owner_id,
        cursor or NEWEST,
        count,
    )


async def owns_album(executor: Executor, owner_id: str, album_id: str) -> bool:
    """Whether the album is the owner's, and he was not disabled since his access token was issued."""
    found = await executor.fetch_one(
        "SELECT a.id FROM albums a JOIN users u ON u.id = a.owner_id"
        " WHERE a.id = $1 AND a.owner_id = $2 AND u.disabled_ms IS NULL",
        album_id,
        owner_id,
    )
    return found is not None


async def insert_pending(transaction: Executor, photo: PendingPhoto) -> None:
    """Announce a photo."""
    await transaction.execute(
        "INSERT INTO photos (id, owner_id, status, pending_album_id, object_key, filename, content_type, file_size,"
        " checksum_sha256, title, description, created_ms, pending_until_ms)"
        " VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        photo.id,
        photo.owner_id,
        photo.album_id,
        photo.object_key,
        photo.filename,
        photo.content_type,
        photo.file_size,
        photo.checksum_sha256,
        photo.title,
        photo.description,
        photo.created_ms,
        photo.pending_until_ms,
    )


async def make_ready(transaction: Executor, photo_id: str, content: Content, now_ms: int) -> bool:
    """Turn a pending photo into a confirmed one; false where it no longer was pending."""
    changed = await transaction.execute(
        "UPDATE photos SET status = 'ready', checksum_sha256 = $2, etag = $3, width = $4, height = $5,"
        " confirmed_ms = $6, pending_until_ms = NULL, pending_album_id = NULL WHERE id = $1 AND status = 'pending'",
        photo_id,
        content.checksum_sha256,
        content.etag,
        content.width,
        content.height,
        now_ms,
    )
    return changed == 1


async def join_album(transaction: Executor, owner_id: str, album_id: str, photo_id: str, now_ms: int) -> None:
    """Put the photo into the album if it is still there; the update locks it against a deletion at the same time."""
    there = await transaction.execute(
        "UPDATE albums SET updated_ms = $3 WHERE id = $1 AND owner_id = $2", album_id, owner_id, now_ms
    )
    if there:
        await transaction.execute(
            "INSERT INTO album_photos (album_id, photo_id, added_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            album_id,
            photo_id,
            now_ms,
        )


async def add_to_user(transaction: Executor, owner_id: str, size_bytes: int) -> None:
    """Move the sum of a user's photo sizes."""
    await transaction.execute("UPDATE users SET photo_bytes = photo_bytes + $2 WHERE id = $1", owner_id, size_bytes)


async def change_texts(
    transaction: Executor, owner_id: str, photo_id: str, changes: dict[str, str | None]
) -> Row | None:
    """Set title and description where ``changes`` names them; the row after, or ``None`` where there is none."""
    await transaction.execute(
        "UPDATE photos SET title = CASE WHEN $3 = 1 THEN $4 ELSE title END,"
        " description = CASE WHEN $5 = 1 THEN $6 ELSE description END"
        " WHERE id = $1 AND owner_id = $2 AND status = 'ready'",
        photo_id,
        owner_id,
        int("title" in changes),
        changes.get("title"),
        int("description" in changes),
        changes.get("description"),
    )
    return await find_ready(transaction, owner_id, photo_id)


async def delete_ready(transaction: Executor, owner_id: str, photo_id: str) -> Row | None:
    """Delete a confirmed photo (it leaves albums and covers by the schema's rules): object_key and file_size."""
    return await transaction.fetch_one(
        "DELETE FROM photos WHERE id = $1 AND owner_id = $2 AND status = 'ready' RETURNING object_key, file_size",
        photo_id,
        owner_id,
    )


async def delete_pending(transaction: Executor, photo_id: str) -> Row | None:
    """Delete a photo that is still pending: object_key."""
    return await transaction.fetch_one(
        "DELETE FROM photos WHERE id = $1 AND status = 'pending' RETURNING object_key", photo_id
    )


async def delete_expired(transaction: Executor, now_ms: int, count: int) -> list[Row]:
    """Delete at most ``count`` photos whose time to be confirmed has passed: object_key of each."""
    return await transaction.fetch_all(
        "DELETE FROM photos WHERE status = 'pending' AND id IN (SELECT id FROM photos WHERE status = 'pending'"
        " AND pending_until_ms < $1 ORDER BY pending_until_ms LIMIT $2) RETURNING object_key",
        now_ms,
        count,
    )
