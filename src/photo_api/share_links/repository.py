"""SQL of share links."""

from typing import Final

from photo_api.database import Executor, Row
from photo_api.ids import NEWEST

# Of an owner who was disabled, no link works.
_LINK: Final = "l.id AS link_id, l.album_id, l.password_hash, l.expires_ms, l.revoked_ms, l.closed_ms, u.disabled_ms"


async def insert(
    transaction: Executor,
    link_id: str,
    album_id: str,
    owner_id: str,
    *,
    token_hash: str,
    password_hash: str | None,
    created_ms: int,
    expires_ms: int | None,
) -> None:
    """Store a new link."""
    await transaction.execute(
        "INSERT INTO share_links (id, album_id, owner_id, token_hash, password_hash, created_ms, expires_ms)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        link_id,
        album_id,
        owner_id,
        token_hash,
        password_hash,
        created_ms,
        expires_ms,
    )


async def add_active_link(transaction: Executor, album_id: str, owner_id: str) -> int | None:
    """Count one more active link of the album; how many there are now, or ``None``: no such album of this owner."""
    row = await transaction.fetch_one(
        "UPDATE albums SET active_links = active_links + 1 WHERE id = $1 AND owner_id = $2 RETURNING active_links",
        album_id,
        owner_id,
    )
    return None if row is None else int(row["active_links"])


async def remove_active_link(transaction: Executor, album_id: str) -> int | None:
    """Count one active link less; how many are left."""
    row = await transaction.fetch_one(
        "UPDATE albums SET active_links = active_links - 1 WHERE id = $1 RETURNING active_links", album_id
    )
    return None if row is None else int(row["active_links"])


async def close(transaction: Executor, link_id: str, now_ms: int, *, revoked: bool) -> Row | None:
    """Close a link that is open: its album and owner, or ``None``: somebody else was first."""
    return await transaction.fetch_one(
        "UPDATE share_links SET closed_ms = $2, revoked_ms = COALESCE(revoked_ms, $3)"
        " WHERE id = $1 AND closed_ms IS NULL RETURNING album_id, owner_id",
        link_id,
        now_ms,
        now_ms if revoked else None,
    )


async def mark_revoked(transaction: Executor, link_id: str, now_ms: int) -> None:
    """Note that a link which had ended by itself was revoked too."""
    await transaction.execute(
        "UPDATE share_links SET revoked_ms = $2 WHERE id = $1 AND revoked_ms IS NULL", link_id, now_ms
    )


async def owned(executor: Executor, link_id: str, album_id: str, owner_id: str) -> bool:
    """Whether there is this link, on this album, of this owner."""
    row = await executor.fetch_one(
        "SELECT 1 AS found FROM share_links WHERE id = $1 AND album_id = $2 AND owner_id = $3",
        link_id,
        album_id,
        owner_id,
    )
    return row is not None


async def page(executor: Executor, album_id: str, owner_id: str, cursor: str | None, limit: int) -> list[Row]:
    """An album with up to ``limit`` of its links, newest first: a row of nulls where it has none, no row where it is
    not this owner's.
    """
    return await executor.fetch_all(
        "SELECT l.id, l.album_id, l.created_ms, l.expires_ms, l.revoked_ms, l.closed_ms, l.password_hash,"
        " l.view_count FROM albums a LEFT JOIN share_links l ON l.album_id = a.id AND l.id < $3"
        " WHERE a.id = $1 AND a.owner_id = $2 ORDER BY l.id DESC LIMIT $4",
        album_id,
        owner_id,
        cursor or NEWEST,
        limit,
    )


async def view(executor: Executor, token_hash: str, cursor: str | None, limit: int) -> list[Row]:
    """The link, its album and up to ``limit`` photos in one query: a row of null photo where there is none."""
    return await executor.fetch_all(
        f"SELECT {_LINK}, a.name AS album_name, a.description AS album_description, p.id, p.content_type,"
        " p.file_size, p.width, p.height, p.title, p.description"
        " FROM share_links l JOIN albums a ON a.id = l.album_id JOIN users u ON u.id = l.owner_id"
        " LEFT JOIN album_photos ap ON ap.album_id = l.album_id AND ap.photo_id < $2"
        " LEFT JOIN photos p ON p.id = ap.photo_id"
        " WHERE l.token_hash = $1 ORDER BY ap.photo_id DESC LIMIT $3",
        token_hash,
        cursor or NEWEST,
        limit,
    )


async def image(executor: Executor, token_hash: str, photo_id: str, columns: str) -> Row | None:
    """The link and, where the album has it, the photo (``columns`` of ``p``, else null); ``None``: no such link."""
    return await executor.fetch_one(
        f"SELECT {_LINK}, {columns} FROM share_links l JOIN users u ON u.id = l.owner_id"
        " LEFT JOIN album_photos ap ON ap.album_id = l.album_id AND ap.photo_id = $2"
        " LEFT JOIN photos p ON p.id = ap.photo_id WHERE l.token_hash = $1",
        token_hash,
        photo_id,
    )


async def expired(executor: Executor, now_ms: int, limit: int) -> list[str]:
    """Ids of links that have ended and are still counted as active."""
    rows = await executor.fetch_all(
        "SELECT id FROM share_links WHERE closed_ms IS NULL AND expires_ms <= $1 LIMIT $2", now_ms, limit
    )
    return [row["id"] for row in rows]


async def add_views(transaction: Executor, link_id: str, views: int) -> None:
    """Add views to a link's count."""
    await transaction.execute("UPDATE share_links SET view_count = view_count + $2 WHERE id = $1", link_id, views)
