"""One command at a time that corrects or fills a database: a lock that ends with its process."""

import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import asyncpg

from photo_api.config import Settings
from photo_api.database.faults import FAULTS, reason, remedy
from photo_api.database.hosts import Hosts
from photo_api.errors import DatabaseUnavailable

ADVISORY_LOCK: Final = 0x70686F746F + 1
"""Next to that of the migrations."""
_SECONDS: Final = 10.0
_STAYS: Final = (
    "SELECT set_config(name, CASE name WHEN 'tcp_keepalives_idle' THEN '30' ELSE '0' END, false) FROM pg_settings"
    " WHERE name IN ('idle_session_timeout', 'tcp_keepalives_idle')"
)
"""An idle session is not ended by the server (whose version 13 had no such setting), nor forgotten by a firewall."""
_BUSY: Final = "another photo-api audit --fix or restore works on this database; wait until it ends"


_LOST: Final = "the lock of photo-api audit --fix and restore was lost: its connection ended; run the command again"


class Held:
    """The lock. On PostgreSQL it is its connection's, and ends with it: unseen, were it not asked."""

    def __init__(self, connection: Any = None) -> None:  # noqa: ANN401 - asyncpg has no types
        self._connection = connection

    async def confirm(self) -> None:
        """Ask whether it is still ours, as the last of a transaction; raises `DatabaseUnavailable`."""
        if self._connection is None:  # a file's lock ends with this process alone
            return
        try:
            await self._connection.fetchval("SELECT 1", timeout=_SECONDS)
        except FAULTS as error:
            raise DatabaseUnavailable(_LOST) from error


@asynccontextmanager
async def exclusive(settings: Settings) -> AsyncIterator[Held]:
    """Hold the lock as long as the block; raises `DatabaseUnavailable` at once where another process has it."""
    url = settings.resolved_database_url
    path = url.removeprefix("sqlite:///")
    if path != url:
        with Path(path).with_suffix(".operations-lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DatabaseUnavailable(_BUSY) from None
            yield Held()
        return
    try:
        connection = await Hosts(url).connect(url, timeout=_SECONDS)
    except FAULTS as error:
        raise DatabaseUnavailable(f"cannot connect to the database: {reason(error)}; {remedy(error)}") from error
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", ADVISORY_LOCK, timeout=_SECONDS):
            raise DatabaseUnavailable(_BUSY)
        await connection.execute(_STAYS, timeout=_SECONDS)
        yield Held(connection)
    finally:
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # its end ends the lock
            await connection.close(timeout=_SECONDS)
