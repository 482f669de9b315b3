"""The business totals (guide, section 7): changed in the transaction that changes what they count, read in O(1)."""

import zlib
from dataclasses import dataclass
from typing import Final

from photo_api.business_metrics.models import SHARDS
from photo_api.database import Executor
from photo_api.ids import now_ms

DAY_MS: Final = 86_400_000
ACTIVE_DAYS: Final = 30
"""A user who is not disabled and logged in within this many days is active."""
LARGEST_USERS: Final = 100


def shard_of(user_id: str) -> int:
    """The row of ``totals`` that a user's changes go to."""
    return zlib.crc32(user_id.encode()) % SHARDS


def free_shard(parameter: str) -> str:
    """PostgreSQL's expression for a row of ``totals`` that nobody has locked, from the one in ``parameter`` on.

    Where all are locked it is that one. Which row a change goes to does not matter, as only sums are read.
    """
    order = f"(t.shard - {parameter} + {SHARDS}) % {SHARDS}"
    unlocked = f"SELECT t.shard FROM totals t ORDER BY {order} LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"  # noqa: S608 - no input
    return f"COALESCE(({unlocked}), {parameter})"


def today() -> int:
    """Days since 1970, UTC."""
    return now_ms() // DAY_MS


@dataclass(frozen=True, slots=True)
class Change:
    """By how much a transaction changes each total."""

    users: int = 0
    albums: int = 0
    albums_shared: int = 0
    photos: int = 0
    photo_bytes: int = 0
    share_links: int = 0
    share_links_active: int = 0


async def apply(transaction: Executor, user_id: str, change: Change) -> None:
    """Add ``change`` to the totals, in the caller's transaction; make it the last statement, its row is locked."""
    row = free_shard("$1") if transaction.dialect == "postgresql" else "$1"
    await transaction.execute(
        "UPDATE totals SET"  # noqa: S608 - the row is one of two texts of ours
        " users = users + $2, albums = albums + $3, albums_shared = albums_shared + $4,"
        " photos = photos + $5, photo_bytes = photo_bytes + $6, share_links = share_links + $7,"
        f" share_links_active = share_links_active + $8 WHERE shard = {row}",
        shard_of(user_id),
        change.users,
        change.albums,
        change.albums_shared,
        change.photos,
        change.photo_bytes,
        change.share_links,
        change.share_links_active,
    )


async def move_active_day(transaction: Executor, user_id: str, before: int | None, day: int | None) -> None:
    """Count a user under the day of his last login; ``None`` is uncounted (never logged in, or disabled)."""
    if before == day:
        return
    shard = shard_of(user_id)
    if before is not None:
        await transaction.execute(
            "UPDATE active_user_days SET users = users - 1 WHERE day = $1 AND shard = $2", before, shard
        )
    if day is not None:
        await transaction.execute(
            "INSERT INTO active_user_days (day, shard, users) VALUES ($1, $2, 1)"
            " ON CONFLICT (day, shard) DO UPDATE SET users = active_user_days.users + 1",
            day,
            shard,
        )
