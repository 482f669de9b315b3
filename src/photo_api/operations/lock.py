"""One command at a time that corrects or fills a database: a lock that ends with its process."""

import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import asyncpg

from photo_api.config import Settings
from photo_api.database.faults import FAULTS, reason, remedy
from photo_api.database.hosts import Hosts
from photo_api.errors import DatabaseUnavailable

ADVISORY_LOCK: Final = 0x70686F746F + 1
"""Next to that of the migrations."""
_SECONDS: Final = 10.0
_BUSY: Final = "another photo-api audit --fix or restore works on this database; wait until it ends"


@asynccontextmanager
async def exclusive(settings: Settings) -> AsyncIterator[None]:
    """Hold the lock as long as the block; raises `DatabaseUnavailable` at once where another process has it."""
    url = settings.resolved_database_url
    path = url.removeprefix("sqlite:///")
    if path != url:
        with Path(path).with_suffix(".operations-lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DatabaseUnavailable(_BUSY) from None
            yield
        return
    try:
        connection = await Hosts(url).connect(url, timeout=_SECONDS)
    except FAULTS as error:
        raise DatabaseUnavailable(f"cannot connect to the database: {reason(error)}; {remedy(error)}") from error
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", ADVISORY_LOCK, timeout=_SECONDS):
            raise DatabaseUnavailable(_BUSY)
        yield
    finally:
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # its end ends the lock
            await connection.close(timeout=_SECONDS)
