"""Publishes the business totals: what the database says, every minute (the guide's section 7.3)."""

import time
from collections.abc import Callable

import structlog

from photo_api.business_metrics import repository
from photo_api.business_metrics.totals import today
from photo_api.config import Settings
from photo_api.database import Database, StatementFailed
from photo_api.errors import Unavailable
from photo_metrics import BusinessTotals, Recorder

_log = structlog.get_logger("photo_api.business_metrics")


class BusinessMetricsPublisher:
    """Reads the totals and hands them to the recorder; every instance publishes the same numbers.

    Policy: when the database is away, the gauges keep their last values and the time of the last success grows old,
    which an alert watches.
    """

    def __init__(
        self, settings: Settings, database: Database, recorder: Recorder, *, day: Callable[[], int] = today
    ) -> None:
        self._settings = settings
        self._database = database
        self._recorder = recorder
        self._day = day
        self._pruned: int | None = None

    async def publish(self) -> None:
        """Publish once; a database that is away, or whose schema is behind, is logged and leaves everything as it is.

        What this instance changes between reading and publishing is counted with the next turn.
        """
        try:
            totals = await self._read()
            self._recorder.business_totals(totals, at=time.time())
            await self._prune()
        except (Unavailable, StatementFailed) as error:
            _log.warning("business_metrics_not_published", reason=str(error))

    async def _read(self) -> BusinessTotals:
        sums = await repository.read_totals(self._database)
        active = await repository.active_users(self._database, self._day())
        largest = await repository.largest_users(self._database)
        known = {user_id for user_id, _ in largest}
        busy = [user_id for user_id in self._recorder.busy_users() if user_id not in known]
        return BusinessTotals(
            users=sums.users,
            users_active=active,
            albums=sums.albums,
            albums_shared=sums.albums_shared,
            photos=sums.photos,
            share_links=sums.share_links,
            share_links_active=sums.share_links_active,
            object_storage_bytes=sums.photo_bytes,
            largest_users=[*largest, *await repository.bytes_of(self._database, busy)],
        )

    async def _prune(self) -> None:
        """Delete days that no longer count, once a day and process."""
        day = self._day()
        if self._pruned != day:
            async with self._database.transaction() as transaction:
                await repository.prune_active_days(transaction, day)
            self._pruned = day
