"""Deletes from storage what waits in the outbox.

Policy: each object stands for itself. One that cannot be deleted (locked, refused) is tried again ever more rarely and
keeps no other waiting; where storage is away, what was not tried yet stays due.
"""

from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import Final

import structlog

from photo_api.database import Database
from photo_api.errors import ApiError, Unavailable
from photo_api.external.errors import CircuitOpen
from photo_api.ids import now_ms
from photo_api.storage import outbox
from photo_api.storage.base import ObjectStorage

BATCH: Final = 100
BATCHES: Final = 20
"""At most so many a turn: other work comes between."""
TURN_SECONDS: Final = 60.0
"""No deletion begins later in a turn: where each waits for a time-out, other work would wait for hours."""

_log = structlog.get_logger("photo_api.storage")


class Deletions:
    """Turns at the outbox, of one instance beside others."""

    def __init__(self, database: Database, storage: ObjectStorage) -> None:
        self._database = database
        self._storage = storage

    async def turn(self) -> None:
        """Delete what is due, as far as can be.

        Raises:
            Unavailable: some could not be deleted, or the database is away.
        """
        failed = _Failed()
        until = monotonic() + TURN_SECONDS
        try:
            for _ in range(BATCHES):
                if await self._batch(until, failed) < BATCH or monotonic() >= until:
                    break
        finally:
            if failed.objects:
                _log.warning("objects_not_deleted", objects=failed.objects, first=failed.key, reason=failed.reason)
        if failed.first is not None:
            raise Unavailable(f"Objects could not be deleted: {failed.reason}") from failed.first

    async def _batch(self, until: float, failed: "_Failed") -> int:
        """How many were due; ``failed`` learns of those that could not be deleted."""
        now = now_ms()
        waiting = await outbox.due(self._database, now, BATCH)
        if not waiting:
            return 0
        async with self._database.transaction() as transaction:
            claims = [await outbox.claim(transaction, row, now) for row in waiting]
        untried = deque(claim for claim in claims if claim is not None)
        deleted: list[outbox.Claim] = []
        try:
            while untried and monotonic() < until:
                try:
                    await self._storage.delete(untried[0].object_key)
                    deleted.append(untried.popleft())
                except CircuitOpen:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever it is, the others are not to wait for it
                    failed.add(untried.popleft().object_key, error)
        finally:
            async with self._database.transaction() as transaction:
                await outbox.done(transaction, deleted)
                await outbox.give_back(transaction, untried, now)
        return len(waiting)


@dataclass(slots=True)
class _Failed:
    """How many objects could not be deleted, and why the first of them."""

    objects: int = 0
    key: str = ""
    first: Exception | None = None

    def add(self, key: str, error: Exception) -> None:
        self.objects += 1
        if self.first is None:
            self.key, self.first = key, error

    @property
    def reason(self) -> str:
        return (isinstance(self.first, ApiError) and self.first.detail) or type(self.first).__name__
