"""SQLite in WAL mode: one writer connection, a few readers, each with aiosqlite's own thread.

Writes begin with ``BEGIN IMMEDIATE``: a deferred transaction that turns into a write loses to another process at once,
whatever the time-out says. ``synchronous=FULL``: what was committed survives a power cut.
"""

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

import aiosqlite

from photo_api.database.base import Executor, Row, SchemaBehind, StatementFailed, UniqueViolation, Value
from photo_api.errors import DatabaseUnavailable
from photo_metrics import DatabaseMetrics, TransactionOutcome

_T = TypeVar("_T")
_UNIQUE: Final = "UNIQUE constraint failed: "
_SCHEMA_BEHIND: Final = re.compile("no such (table|column): |table .* has no column named ")


def _named(values: tuple[Value, ...]) -> dict[str, Value]:
    """SQLite takes ``$1`` as a named parameter; a tuple would bind by order of appearance."""
    return {str(i): value for i, value in enumerate(values, 1)}


def unique_constraint(message: str) -> str:
    """``UNIQUE constraint failed: t.a, t.b`` → ``uq_t_a_b``, as the schema names it."""
    columns = message.removeprefix(_UNIQUE).split(", ")
    table = columns[0].split(".")[0]
    return "_".join(["uq", table, *(c.split(".")[-1] for c in columns)])


class SQLiteDatabase:
    """The embedded database; several processes may share one file."""

    dialect: Final = "sqlite"

    def __init__(self, path: str, *, readers: int = 4, timeout_seconds: float = 5.0, metrics: DatabaseMetrics) -> None:
        self._path = path
        self._readers = readers
        self._timeout_seconds = timeout_seconds
        self._metrics = metrics
        self._waiting = 0
        self._connections: list[aiosqlite.Connection] = []
        self._idle: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        self._writer: aiosqlite.Connection | None = None
        self._writing = asyncio.Lock()

    async def open(self) -> None:
        """Connect; the file must exist (``photo-api migrate`` makes it)."""
        if not Path(self._path).is_file():  # noqa: ASYNC240 - once, before serving
            raise DatabaseUnavailable(f"there is no database at {self._path}; run photo-api migrate")
        self._idle = asyncio.LifoQueue()
        self._writer = await self._connect()
        for _ in range(self._readers):
            reader = await self._connect()
            await reader.execute("PRAGMA query_only=ON")
            self._idle.put_nowait(reader)
        self._metrics.watch_pool(
            self._readers + 1,
            lambda: self._readers - self._idle.qsize() + self._writing.locked(),
            lambda: self._waiting,
        )

    async def _connect(self) -> aiosqlite.Connection:
        try:
            connection = await aiosqlite.connect(self._path, timeout=self._timeout_seconds, isolation_level=None)
            self._connections.append(connection)
            connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16384"):
                await connection.execute_fetchall(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            self._metrics.error()
            raise DatabaseUnavailable(f"cannot open the database at {self._path}: {error}") from error
        return connection

    async def close(self) -> None:
        """Close every connection."""
        self._writer = None
        for connection in self._connections:
            await connection.close()
        self._connections.clear()

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """The first row, or ``None``."""
        rows = await self.fetch_all(sql, *values)
        return rows[0] if rows else None

    async def fetch_all(self, sql: str, *values: Value) -> list[Row]:
        """All rows, read by an idle reader."""
        if self._writer is None:
            raise DatabaseUnavailable("the database is closed")
        connection = await self._waited_for(self._idle.get(), "no database connection became free")
        try:
            return list(await connection.execute_fetchall(sql, _named(values)))
        except sqlite3.Error as error:
            raise self._translated(error) from error
        finally:
            self._idle.put_nowait(connection)

    async def execute(self, sql: str, *values: Value) -> int:
        """Run one writing statement in a transaction of its own."""
        async with self.transaction() as transaction:
            return await transaction.execute(sql, *values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Executor]:
        """Commit at the end of the block, roll back when an exception leaves it."""
        outcome: TransactionOutcome = "failed"
        try:
            await self._waited_for(self._writing.acquire(), "the database is busy")
            try:
                writer = self._writer
                if writer is None:
                    raise DatabaseUnavailable("the database is closed")
                try:
                    await self._run(writer, "BEGIN IMMEDIATE")  # cancelled, it still runs: then it too is rolled back
                    yield _Transaction(writer, self._translated)
                    await self._run(writer, "COMMIT")
                except BaseException as error:
                    if not isinstance(error, DatabaseUnavailable | StatementFailed):
                        outcome = "rolled_back"
                    with suppress(sqlite3.Error, ValueError):
                        await asyncio.shield(writer.execute_fetchall("ROLLBACK"))
                    raise
                outcome = "committed"
            finally:
                self._writing.release()
        finally:
            self._metrics.transaction(outcome)

    async def _waited_for(self, connection: Awaitable[_T], otherwise: str) -> _T:
        """Wait for a connection; raises `DatabaseUnavailable` with ``otherwise`` after the time-out."""
        started = time.perf_counter()
        self._waiting += 1
        try:
            return await asyncio.wait_for(connection, self._timeout_seconds)
        except TimeoutError:
            self._metrics.error()
            raise DatabaseUnavailable(otherwise) from None
        finally:
            self._waiting -= 1
            self._metrics.waited(time.perf_counter() - started)

    async def _run(self, connection: aiosqlite.Connection, sql: str) -> None:
        try:
            await connection.execute_fetchall(sql)
        except sqlite3.Error as error:
            raise self._translated(error) from error

    async def ping(self) -> None:
        """One round trip; raises `DatabaseUnavailable`."""
        await self.fetch_one("SELECT version_num FROM alembic_version")

    def _translated(self, error: sqlite3.Error) -> Exception:
        if isinstance(error, sqlite3.IntegrityError) and str(error).startswith(_UNIQUE):
            return UniqueViolation(unique_constraint(str(error)))
        self._metrics.error()
        wrong = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR  # "SQL error": the statement's own
        if isinstance(error, sqlite3.OperationalError) and not wrong:
            return DatabaseUnavailable("the database did not take the statement in time")
        if _SCHEMA_BEHIND.match(str(error)):
            return SchemaBehind(str(error))
        return StatementFailed(str(error))


class _Transaction:
    """Statements on the writer, between BEGIN and COMMIT."""

    dialect: Final = "sqlite"

    def __init__(self, connection: aiosqlite.Connection, translated: Callable[[sqlite3.Error], Exception]) -> None:
        self._connection = connection
        self._translated = translated

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        rows = await self.fetch_all(sql, *values)
        return rows[0] if rows else None

    async def fetch_all(self, sql: str, *values: Value) -> list[Row]:
        try:
            return list(await self._connection.execute_fetchall(sql, _named(values)))
        except sqlite3.Error as error:
            raise self._translated(error) from error

    async def execute(self, sql: str, *values: Value) -> int:
        try:
            async with self._connection.execute(sql, _named(values)) as cursor:
                return cursor.rowcount
        except sqlite3.Error as error:
            raise self._translated(error) from error
