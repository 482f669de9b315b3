"""PostgreSQL through an asyncpg pool; statements are prepared once a connection and kept."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg

from photo_api.database.base import Executor, Row, SchemaBehind, StatementFailed, UniqueViolation, Value
from photo_api.errors import DatabaseUnavailable

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    OSError,
    TimeoutError,
    asyncio.TimeoutError,
)


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """Saves the round trip that asyncpg spends on resetting a connection at each release: we set nothing on one."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        return ""


class PostgreSQLDatabase:
    """A pool of connections to PostgreSQL."""

    def __init__(self, url: str, *, size: int = 10, timeout_seconds: float = 5.0, on_error: Callable[[], None]) -> None:
        self._url = url
        self._size = size
        self._timeout_seconds = timeout_seconds
        self._on_error = on_error
        self._pool: Any = None

    async def open(self) -> None:
        """Connect the pool."""
        try:
            with self._errors():
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=min(2, self._size),
                    max_size=self._size,
                    timeout=self._timeout_seconds,
                    command_timeout=self._timeout_seconds,
                    connection_class=_Connection,
                    server_settings={"application_name": "photo-api"},
                )
        except (DatabaseUnavailable, StatementFailed) as error:
            raise DatabaseUnavailable(
                f"PHOTO_API_DATABASE_URL: cannot connect, {error}; start the database, or correct the URL"
            ) from error

    async def close(self) -> None:
        """Close every connection, the busy ones after their statement or the time-out."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), self._timeout_seconds)
            except TimeoutError:
                self._pool.terminate()
            self._pool = None

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """The first row, or ``None``."""
        with self._errors():
            async with self._acquire() as connection:
                row: Row | None = await connection.fetchrow(sql, *values)
                return row

    async def fetch_all(self, sql: str, *values: Value) -> list[Row]:
        """All rows."""
        with self._errors():
            async with self._acquire() as connection:
                rows: list[Row] = await connection.fetch(sql, *values)
                return rows

    async def execute(self, sql: str, *values: Value) -> int:
        """Run one writing statement in a transaction of its own."""
        with self._errors():
            async with self._acquire() as connection:
                return _changed(await connection.execute(sql, *values))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Executor]:
        """Commit at the end of the block, roll back when an exception leaves it."""
        with self._errors():
            async with self._acquire() as connection, connection.transaction():
                yield _Transaction(connection)

    async def ping(self) -> None:
        """One round trip; raises `DatabaseUnavailable`."""
        await self.fetch_one("SELECT version_num FROM alembic_version")

    def _acquire(self) -> Any:  # noqa: ANN401 - asyncpg has no types
        if self._pool is None:
            raise DatabaseUnavailable("the database is closed")
        return self._pool.acquire(timeout=self._timeout_seconds)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except asyncpg.UniqueViolationError as error:
            raise UniqueViolation(error.constraint_name or "") from error
        except _AWAY as error:
            self._on_error()
            raise DatabaseUnavailable("the database did not answer") from error
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
            self._on_error()
            raise SchemaBehind(type(error).__name__) from error
        except asyncpg.PostgresError as error:
            self._on_error()
            raise StatementFailed(f"{type(error).__name__} ({error.sqlstate})") from error


class _Transaction:
    """Statements on one connection, between BEGIN and COMMIT; errors are translated where the block ends."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401
        self._connection = connection

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        row: Row | None = await self._connection.fetchrow(sql, *values)
        return row

    async def fetch_all(self, sql: str, *values: Value) -> list[Row]:
        rows: list[Row] = await self._connection.fetch(sql, *values)
        return rows

    async def execute(self, sql: str, *values: Value) -> int:
        return _changed(await self._connection.execute(sql, *values))


def _changed(tag: str) -> int:
    """``UPDATE 3`` → 3."""
    last = tag.rsplit(" ", 1)[-1]
    return int(last) if last.isdigit() else 0
