"""Statements on albums and what is in them.

Rows are locked by statements of their own that change nothing, always photos before the album, as a photo's deletion
does through its foreign keys: on PostgreSQL the statements after it then see everything that was committed before.
"""

from collections.abc import Sequence
from typing import Any, Final

from photo_api.database import Executor, Row
from photo_api.ids import NEWEST, rfc3339
from photo_api.photos.repository import PHOTO_COLUMNS

ALBUM_COLUMNS: Final = "id, name, description, cover_photo_id, active_links, created_ms, updated_ms"

_ALBUM = f"SELECT {ALBUM_COLUMNS} FROM albums WHERE id = $1 AND owner_id = $2"
_PAGE = f"SELECT {ALBUM_COLUMNS} FROM albums WHERE owner_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"
_PHOTO_PAGE = (
    f"SELECT {PHOTO_COLUMNS} FROM album_photos a JOIN photos p ON p.id = a.photo_id"
    " WHERE a.album_id = $1 AND p.owner_id = $2 AND a.photo_id < $3 AND p.status = 'ready'"
    " ORDER BY a.photo_id DESC LIMIT $4"
)


def album_dict(row: Row) -> dict[str, Any]:
    """An album's row as clients see it (`AlbumOut`)."""
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "cover_photo_id": row["cover_photo_id"],
        "shared": row["active_links"] > 0,
        "created_at": rfc3339(row["created_ms"]),
        "updated_at": rfc3339(row["updated_ms"]),
    }


async def add_album(
    tx: Executor, album_id: str, owner_id: str, name: str, description: str | None, now: int
) -> Row | None:
    """Insert an album; no row when its owner was disabled or is gone since his access token was issued."""
    return await tx.fetch_one(
        "INSERT INTO albums (id, owner_id, name, description, created_ms, updated_ms)"
        " SELECT $1, id, $3, $4, $5, $5 FROM users WHERE id = $2 AND disabled_ms IS NULL"
        f" RETURNING {ALBUM_COLUMNS}",
        album_id,
        owner_id,
        name,
        description,
        now,
    )


async def album(executor: Executor, album_id: str, owner_id: str) -> Row | None:
    """One of the owner's albums."""
    return await executor.fetch_one(_ALBUM, album_id, owner_id)


async def albums(executor: Executor, owner_id: str, cursor: str | None, limit: int) -> list[Row]:
    """The owner's albums older than ``cursor``, newest first."""
    return await executor.fetch_all(_PAGE, owner_id, cursor or NEWEST, limit)


async def album_photos(executor: Executor, album_id: str, owner_id: str, cursor: str | None, limit: int) -> list[Row]:
    """Photos of an album older than ``cursor``, newest first; none where the album is not the owner's."""
    return await executor.fetch_all(_PHOTO_PAGE, album_id, owner_id, cursor or NEWEST, limit)


async def lock_album(tx: Executor, album_id: str, owner_id: str) -> Row | None:
    """Lock an album until the transaction ends; its ``active_links``, no row where it is not the owner's."""
    return await tx.fetch_one(
        "UPDATE albums SET updated_ms = updated_ms WHERE id = $1 AND owner_id = $2 RETURNING active_links",
        album_id,
        owner_id,
    )


async def lock_photos(tx: Executor, photo_ids: Sequence[str], owner_id: str) -> int:
    """Lock the owner's confirmed photos among ``photo_ids``, so that they stay; how many they are."""
    return await tx.execute(
        "UPDATE photos SET status = status WHERE owner_id = $1 AND status = 'ready'"
        f" AND id IN ({_parameters(2, len(photo_ids))})",
        owner_id,
        *photo_ids,
    )


async def add_photos(tx: Executor, album_id: str, photo_ids: Sequence[str], now: int) -> int:
    """Put locked photos into a locked album; how many were not in it."""
    return await tx.execute(
        "INSERT INTO album_photos (album_id, photo_id, added_ms)"
        f" SELECT albums.id, photos.id, $2 FROM albums, photos"
        f" WHERE albums.id = $1 AND photos.id IN ({_parameters(3, len(photo_ids))})"
        " ON CONFLICT (album_id, photo_id) DO NOTHING",
        album_id,
        now,
        *photo_ids,
    )


async def remove_photo(tx: Executor, album_id: str, photo_id: str) -> bool:
    """Take a photo out of a locked album, and from its cover; false when it was not in it."""
    removed = await tx.execute("DELETE FROM album_photos WHERE album_id = $1 AND photo_id = $2", album_id, photo_id)
    await tx.execute(
        "UPDATE albums SET cover_photo_id = NULL WHERE id = $1 AND cover_photo_id = $2", album_id, photo_id
    )
    return removed == 1


async def contains(tx: Executor, album_id: str, photo_id: str) -> bool:
    """Whether a photo is in an album."""
    found = await tx.fetch_one(
        "SELECT photo_id FROM album_photos WHERE album_id = $1 AND photo_id = $2", album_id, photo_id
    )
    return found is not None


async def touch(tx: Executor, album_id: str, now: int) -> None:
    """Note that the album or what is in it has changed."""
    await tx.execute("UPDATE albums SET updated_ms = $2 WHERE id = $1", album_id, now)


async def change_album(
    tx: Executor, album_id: str, name: str, description: str | None, cover_photo_id: str | None, now: int
) -> Row | None:
    """Write what an album's owner can change; the album."""
    return await tx.fetch_one(
        "UPDATE albums SET name = $2, description = $3, cover_photo_id = $4, updated_ms = $5 WHERE id = $1"
        f" RETURNING {ALBUM_COLUMNS}",
        album_id,
        name,
        description,
        cover_photo_id,
        now,
    )


async def lock_share_links(tx: Executor, album_id: str, owner_id: str) -> None:
    """Lock an album's share links, before the album, as closing one does; by id, as storing views does.

    Without an order PostgreSQL would lock them as it finds them, and could so wait for a transaction that waits for it.
    On SQLite the whole database is locked already.
    """
    if tx.dialect == "postgresql":
        await tx.fetch_all(
            "SELECT id FROM share_links WHERE album_id = $1 AND owner_id = $2 ORDER BY id FOR UPDATE",
            album_id,
            owner_id,
        )


async def share_link_counts(tx: Executor, album_id: str) -> tuple[int, int]:
    """How many share links a locked album has, and how many of them still count as active."""
    row = await tx.fetch_one(
        "SELECT COUNT(*) AS links, COUNT(*) - COUNT(closed_ms) AS active FROM share_links WHERE album_id = $1",
        album_id,
    )
    return (row["links"], row["active"]) if row else (0, 0)


async def delete_album(tx: Executor, album_id: str) -> None:
    """Delete an album; its share links go with it, its photos stay."""
    await tx.execute("DELETE FROM albums WHERE id = $1", album_id)


def _parameters(first: int, count: int) -> str:
    """``$2, $3, …``."""
    return ", ".join(f"${number}" for number in range(first, first + count))
