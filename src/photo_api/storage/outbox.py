"""The outbox of deletions: objects whose rows are gone, deleted from storage until it has been done.

A row is inserted by the transaction that deletes the photo. Each attempt first moves the row's next time, so that
several instances do not do the same work, and one that dies leaves it to be done later. Who asks for a deletion while
the object is being deleted takes the row from that attempt: what was stored in between is deleted as well.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from photo_api.database import Executor, Row

FIRST_RETRY_MS: Final = 15_000
LONGEST_RETRY_MS: Final = 3_600_000


class Claim(NamedTuple):
    """One attempt of ours; the row is ours as long as it has these values."""

    object_key: str
    attempts: int
    next_attempt_ms: int


async def enqueue(transaction: Executor, object_key: str, now_ms: int) -> None:
    """Delete the object some time after this transaction."""
    await transaction.execute(
        "INSERT INTO object_deletions (object_key, created_ms, next_attempt_ms) VALUES ($1, $2, $2)"
        " ON CONFLICT (object_key) DO UPDATE SET attempts = 0, next_attempt_ms = excluded.next_attempt_ms",
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


async def claim(transaction: Executor, row: Row, now_ms: int) -> Claim | None:
    """Make this attempt ours; ``None`` where another instance was first."""
    retry_ms = min(FIRST_RETRY_MS * 2 ** min(row["attempts"], 20), LONGEST_RETRY_MS)
    claim = Claim(row["object_key"], row["attempts"] + 1, now_ms + retry_ms)
    claimed = await transaction.execute(
        "UPDATE object_deletions SET attempts = $4, next_attempt_ms = $3"
        " WHERE object_key = $1 AND attempts = $4 - 1 AND next_attempt_ms = $2",
        claim.object_key,
        row["next_attempt_ms"],
        claim.next_attempt_ms,
        claim.attempts,
    )
    return claim if claimed == 1 else None


async def done(transaction: Executor, claims: Iterable[Claim]) -> None:
    """These objects are gone; a deletion that was asked for since the claim stays."""
    for claim in claims:
        await transaction.execute(
            "DELETE FROM object_deletions WHERE object_key = $1 AND attempts = $2 AND next_attempt_ms = $3", *claim
        )


async def give_back(transaction: Executor, claims: Iterable[Claim], now_ms: int) -> None:
    """These were not tried: they are due from ``now_ms``, as if they had not been claimed."""
    for claim in claims:
        await transaction.execute(
            "UPDATE object_deletions SET attempts = $2 - 1, next_attempt_ms = $4"
            " WHERE object_key = $1 AND attempts = $2 AND next_attempt_ms = $3",
            *claim,
            now_ms,
        )
