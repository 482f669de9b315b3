"""The outbox of deletions: objects whose rows are gone, deleted from storage until it has been done.

A row is inserted by the transaction that deletes the photo. Each attempt first moves the row's next time, so that
several instances do not do the same work, and one that dies leaves it to be done later.
"""

from collections.abc import Sequence
from typing import Final

from photo_api.database import Executor, Row

FIRST_RETRY_MS: Final = 15_000
LONGEST_RETRY_MS: Final = 3_600_000


async def enqueue(transaction: Executor, object_key: str, now_ms: int) -> None:
    """Delete the object some time after this transaction."""
    await transaction.execute(
        "INSERT INTO object_deletions (object_key, created_ms, next_attempt_ms) VALUES ($1, $2, $2)"
        " ON CONFLICT (object_key) DO NOTHING",
        object_key,
        now_ms,
    )


async def due(executor: Executor, now_ms: int, count: int) -> list[Row]:
    """Deletions whose time has come: object_key, attempts, next_attempt_ms."""
    return await executor.fetch_all(
        "SELECT object_key, attempts, next_attempt_ms FROM object_deletions WHERE next_attempt_ms <= $1"
        " ORDER BY next_attempt_ms LIMIT $2",
        now_ms,
        count,
    )


async def claim(transaction: Executor, row: Row, now_ms: int) -> bool:
    """Make this attempt ours; false where another instance was first."""
    retry_ms = min(FIRST_RETRY_MS * 2 ** min(row["attempts"], 20), LONGEST_RETRY_MS)
    claimed = await transaction.execute(
        "UPDATE object_deletions SET attempts = attempts + 1, next_attempt_ms = $3"
        " WHERE object_key = $1 AND next_attempt_ms = $2",
        row["object_key"],
        row["next_attempt_ms"],
        now_ms + retry_ms,
    )
    return claimed == 1


async def done(transaction: Executor, object_keys: Sequence[str]) -> None:
    """These objects are gone."""
    for object_key in object_keys:
        await transaction.execute("DELETE FROM object_deletions WHERE object_key = $1", object_key)
