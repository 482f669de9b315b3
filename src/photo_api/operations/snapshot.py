"""One moment of the whole database, read on a connection of its own while the service goes on.

SQLite: a read transaction in WAL mode; PostgreSQL: REPEATABLE READ, read only. Neither blocks a writer. Rows come in
batches, so that memory stays bounded however large a table is.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

import aiosqlite
import asyncpg

from photo_api.config import Settings
from photo_api.database import Row, SchemaBehind, StatementFailed, Value
from photo_api.database.faults import AWAY, reason, remedy
from photo_api.database.hosts import Hosts
from photo_api.database.migrate import head
from photo_api.errors import DatabaseUnavailable

BATCH: Final = 1_000
"""Rows that are in memory at once."""
CONNECT_SECONDS: Final = 10.0
STATEMENT_SECONDS: Final = 600.0
"""The longest wait for one batch: sorting or joining a whole table comes before its first."""


class Snapshot(Protocol):
    """Reads one moment."""

    def batches(self, sql: str, *values: Value) -> AsyncIterator[Sequence[Row]]:
        """The rows of a statement, at most `BATCH` at a time; raises `DatabaseUnavailable` or `StatementFailed`."""
        ...


async def rows(snapshot: Snapshot, sql: str, *values: Value) -> AsyncIterator[Row]:
    """The rows of a statement, one by one."""
    async for batch in snapshot.batches(sql, *values):
        for row in batch:
            yield row


def taken(settings: Settings) -> AbstractAsyncContextManager[Snapshot]:
    """A snapshot of the configured database, held as long as the block.

    Raises:
        DatabaseUnavailable: it is away, or its schema is not this version's; the message says what to do.
    """
    url = settings.resolved_database_url
    path = url.removeprefix("sqlite:///")
    return _sqlite(path) if path != url else _postgresql(url)


class _SQLite:
    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def batches(self, sql: str, *values: Value) -> AsyncIterator[Sequence[Row]]:
        with _sqlite_errors():
            cursor = await self._connection.execute(sql, {str(i): value for i, value in enumerate(values, 1)})
            try:
                while batch := list(await cursor.fetchmany(BATCH)):
                    yield batch
            finally:
                await cursor.close()


@asynccontextmanager
async def _sqlite(path: str) -> AsyncIterator[Snapshot]:
    if not Path(path).is_file():  # noqa: ASYNC240 - once
        raise DatabaseUnavailable(f"there is no database at {path}; run photo-api migrate")
    with _sqlite_errors():
        connection = await aiosqlite.connect(path, timeout=CONNECT_SECONDS, isolation_level=None)
    try:
        snapshot = _SQLite(connection)
        with _sqlite_errors():
            connection.row_factory = sqlite3.Row
            await connection.execute_fetchall("PRAGMA query_only=ON")
            await connection.execute_fetchall("BEGIN")
            await _expect_head(snapshot)  # the first read is the moment
        yield snapshot
    finally:
        await connection.close()


class _PostgreSQL:
    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - asyncpg has no types
        self._connection = connection

    async def batches(self, sql: str, *values: Value) -> AsyncIterator[Sequence[Row]]:
        with _postgresql_errors():
            cursor = await self._connection.cursor(sql, *values, timeout=STATEMENT_SECONDS)
            while batch := await cursor.fetch(BATCH, timeout=STATEMENT_SECONDS):
                yield batch


@asynccontextmanager
async def _postgresql(url: str) -> AsyncIterator[Snapshot]:
    options = {
        "application_name": "photo-api operations",
        "idle_in_transaction_session_timeout": "0",
        "statement_timeout": "0",  # a role's own is for the service's statements; each wait has its limit here
    }
    with _postgresql_errors():
        connection = await Hosts(url).connect(url, timeout=CONNECT_SECONDS, server_settings=options)
    try:
        snapshot = _PostgreSQL(connection)
        with _postgresql_errors():
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", timeout=CONNECT_SECONDS)
            await _expect_head(snapshot)
        yield snapshot
    finally:
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # its end ends the transaction
            await connection.close(timeout=CONNECT_SECONDS)


async def _expect_head(snapshot: Snapshot) -> None:
    try:
        found = [row[0] async for row in rows(snapshot, "SELECT version_num FROM alembic_version")]
    except SchemaBehind:
        found = []
    needed = await asyncio.to_thread(head)
    if found != [needed]:
        raise DatabaseUnavailable(
            f"the database's schema is at revision {found[0] if found else 'none'}, this version's is {needed}; run"
            " photo-api migrate, or use the version that migrated it"
        )


@contextmanager
def _sqlite_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if "no such table" in str(error) or "no such column" in str(error):
            raise SchemaBehind(str(error)) from error
        raise DatabaseUnavailable(f"cannot read the database: {error}; check PHOTO_API_DATABASE_URL") from error


@contextmanager
def _postgresql_errors() -> Iterator[None]:
    try:
        yield
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise SchemaBehind(type(error).__name__) from error
    except AWAY as error:
        raise DatabaseUnavailable(f"cannot read the database: {reason(error)}; {remedy(error)}") from error
    except asyncpg.PostgresError as error:
        raise StatementFailed(f"{type(error).__name__} ({error.sqlstate})") from error
