"""The SQL of audits: what the tables say, counted anew, and corrections of what was counted before."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from photo_api.business_metrics.totals import Change
from photo_api.database import Executor, Row, Value
from photo_api.operations.snapshot import Snapshot, rows

COUNTED: Final = ("users", "albums", "albums_shared", "photos", "photo_bytes", "share_links", "share_links_active")

_USERS: Final = (
    "SELECT u.id, u.photo_bytes, u.disabled_ms, u.last_active_day, COALESCE(p.photos, 0) AS photos,"
    " COALESCE(p.bytes, 0) AS bytes FROM users u LEFT JOIN (SELECT owner_id, COUNT(*) AS photos,"
    " CAST(SUM(file_size) AS BIGINT) AS bytes FROM photos WHERE status = 'ready' GROUP BY owner_id) p"
    " ON p.owner_id = u.id"
)
_ALBUMS: Final = (
    "SELECT a.id, a.owner_id, a.active_links, COALESCE(l.links, 0) AS links, COALESCE(l.active, 0) AS active"
    " FROM albums a LEFT JOIN (SELECT album_id, COUNT(*) AS links, CAST(SUM(CASE WHEN closed_ms IS NULL THEN 1 ELSE 0"
    " END) AS BIGINT) AS active FROM share_links GROUP BY album_id) l ON l.album_id = a.id"
)


def users(snapshot: Snapshot) -> AsyncIterator[Row]:
    """Each user with what he has: id, photo_bytes, disabled_ms, last_active_day; counted photos, bytes."""
    return rows(snapshot, _USERS)


def albums(snapshot: Snapshot) -> AsyncIterator[Row]:
    """Each album with its links: id, owner_id, active_links; counted links, active."""
    return rows(snapshot, _ALBUMS)


def totals(snapshot: Snapshot) -> AsyncIterator[Row]:
    """The totals, a row a shard."""
    return rows(snapshot, f"SELECT shard, {', '.join(COUNTED)} FROM totals")


def active_days(snapshot: Snapshot, after_day: int) -> AsyncIterator[Row]:
    """The counts of active users by day and shard: day, shard, users."""
    return rows(snapshot, "SELECT day, shard, users FROM active_user_days WHERE day > $1", after_day)


def ready_photos(snapshot: Snapshot) -> AsyncIterator[Row]:
    """Each confirmed photo's object: id, object_key, file_size."""
    return rows(snapshot, "SELECT id, object_key, file_size FROM photos WHERE status = 'ready'")


def known_keys(snapshot: Snapshot) -> AsyncIterator[Row]:
    """Every key that has a photo, confirmed or not, or waits for its deletion."""
    return rows(snapshot, "SELECT object_key FROM photos UNION ALL SELECT object_key FROM object_deletions")


async def is_known(executor: Executor, object_key: str) -> bool:
    """Whether a photo or the outbox has this key now."""
    row = await executor.fetch_one(
        "SELECT 1 AS found FROM photos WHERE object_key = $1 UNION ALL"
        " SELECT 1 AS found FROM object_deletions WHERE object_key = $1",
        object_key,
    )
    return row is not None


async def is_ready(executor: Executor, object_key: str) -> bool:
    """Whether a confirmed photo has this key now."""
    row = await executor.fetch_one(
        "SELECT 1 AS found FROM photos WHERE object_key = $1 AND status = 'ready'", object_key
    )
    return row is not None


async def add_to_totals(transaction: Executor, shard: int, change: Change) -> None:
    """Add to one shard; a row that is missing is made."""
    places = ", ".join(f"${number}" for number in range(2, len(COUNTED) + 2))
    sums = ", ".join(f"{name} = totals.{name} + excluded.{name}" for name in COUNTED)
    await transaction.execute(
        f"INSERT INTO totals (shard, {', '.join(COUNTED)}) VALUES ($1, {places})"
        f" ON CONFLICT (shard) DO UPDATE SET {sums}",
        shard,
        *(getattr(change, name) for name in COUNTED),
    )


async def add_to_user(transaction: Executor, user_id: str, photo_bytes: int) -> None:
    """Correct a user's sum by a difference."""
    await transaction.execute("UPDATE users SET photo_bytes = photo_bytes + $2 WHERE id = $1", user_id, photo_bytes)


async def add_to_album(transaction: Executor, album_id: str, active_links: int) -> Row | None:
    """Correct an album's number of open links by a difference; owner_id and the new active_links."""
    return await transaction.fetch_one(
        "UPDATE albums SET active_links = active_links + $2 WHERE id = $1 RETURNING owner_id, active_links",
        album_id,
        active_links,
    )


async def add_to_day(transaction: Executor, day: int, shard: int, users: int) -> None:
    """Correct a day's number of active users by a difference; a row that is missing is made."""
    await transaction.execute(
        "INSERT INTO active_user_days (day, shard, users) VALUES ($1, $2, $3)"
        " ON CONFLICT (day, shard) DO UPDATE SET users = active_user_days.users + excluded.users",
        day,
        shard,
        users,
    )


def whole_table(name: str, columns: Sequence[str]) -> str:
    """A statement that reads a table of the schema."""
    return f"SELECT {', '.join(columns)} FROM {name}"


async def is_empty(executor: Executor, table: str) -> bool:
    """Whether a table of the schema has no rows; those of the totals that count nothing are none."""
    counted = " WHERE " + " OR ".join(f"{name} <> 0" for name in COUNTED) if table == "totals" else ""
    return await executor.fetch_one(f"SELECT 1 AS found FROM {table}{counted} LIMIT 1") is None


async def empty_totals(transaction: Executor) -> None:
    """Remove the rows that migrating made."""
    await transaction.execute("DELETE FROM totals")


async def insert(transaction: Executor, table: str, columns: Sequence[str], values: Sequence[Sequence[Value]]) -> None:
    """Insert rows into a table of the schema, in one statement."""
    width = len(columns)
    places = (
        f"({', '.join(f'${row * width + number}' for number in range(1, width + 1))})" for row in range(len(values))
    )
    await transaction.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join(places)}",
        *(value for row in values for value in row),
    )


async def owner_of(executor: Executor, object_key: str) -> Row | None:
    """The photo with this key: id, owner_id, file_size."""
    return await executor.fetch_one("SELECT id, owner_id, file_size FROM photos WHERE object_key = $1", object_key)


async def touch_totals(transaction: Executor) -> None:
    """Write without a change, to see whether writing is possible."""
    await transaction.execute("UPDATE totals SET users = users WHERE shard = 0")
