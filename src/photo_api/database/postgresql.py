"""PostgreSQL through an asyncpg pool; statements are prepared once a connection and kept.

The limits are the server's own, so that a client which died leaves no lock behind: ``statement_timeout``,
``lock_timeout`` and ``idle_in_transaction_session_timeout``. Our own time-out comes a second later: it means that the
server is silent, and then every connection is replaced, by one to the host that takes writes now.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import asyncpg
import structlog

from photo_api.database.base import Executor, Row, SchemaBehind, StatementFailed, UniqueViolation, Value
from photo_api.database.faults import AWAY, FAULTS, reason, remedy
from photo_api.database.hosts import Hosts
from photo_api.errors import DatabaseUnavailable
from photo_metrics import DatabaseMetrics, TransactionOutcome

_LOCK_SHARE: Final = 0.8
"""Of a statement's time, what it may wait for a lock: the error then names the lock."""
_GRACE_SECONDS: Final = 1.0
"""How much later than the server we end a statement, and how long ending it may take."""
_SAY_AGAIN_SECONDS: Final = 30.0

_log = structlog.get_logger("photo_api.database")


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """Saves the round trip that asyncpg spends on resetting a connection at each release: we set nothing on one."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        return ""


class PostgreSQLDatabase:
    """A pool of connections to PostgreSQL."""

    dialect: Final = "postgresql"

    def __init__(self, url: str, *, size: int = 10, timeout_seconds: float = 5.0, metrics: DatabaseMetrics) -> None:
        self._url = url
        self._size = size
        self._timeout_seconds = timeout_seconds
        self._metrics = metrics
        self._hosts = Hosts(url)
        self._pool: Any = None
        self._closed = True
        self._waiting = 0
        self._all_stale = False
        self._said: dict[str, float] = {}

    async def open(self) -> None:
        """Connect the pool."""
        milliseconds = self._timeout_seconds * 1000
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                connect=self._hosts.connect,
                min_size=0,  # else the pool itself tries again and again to connect while the server is away
                max_size=self._size,
                timeout=self._timeout_seconds,
                command_timeout=self._timeout_seconds + _GRACE_SECONDS,
                connection_class=_Connection,
                server_settings={
                    "application_name": "photo-api",
                    "statement_timeout": f"{milliseconds:.0f}",
                    "lock_timeout": f"{milliseconds * _LOCK_SHARE:.0f}",
                    "idle_in_transaction_session_timeout": f"{milliseconds * 2 + _GRACE_SECONDS * 1000:.0f}",
                },
            )
            await self._pool.release(await self._pool.acquire())
        except FAULTS as error:
            self._metrics.error()
            raise DatabaseUnavailable(f"cannot connect to the database: {reason(error)}; {remedy(error)}") from error
        self._closed = False
        pool = self._pool
        self._metrics.watch_pool(self._size, lambda: pool.get_size() - pool.get_idle_size(), lambda: self._waiting)

    async def close(self) -> None:
        """Close every connection, the busy ones after their statement or the time-out."""
        self._closed = True
        if self._pool is not None:
            with suppress(TimeoutError):  # then it has ended them
                async with asyncio.timeout(self._timeout_seconds):
                    await self._pool.close()

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """The first row, or ``None``."""
        connection = await self._acquire()
        try:
            with self.errors(connection):
                row: Row | None = await connection.fetchrow(sql, *values)
                return row
        finally:
            await self._release(connection)

    async def fetch_all(self, sql: str, *values: Value) -> list[Row]:
        """All rows."""
        connection = await self._acquire()
        try:
            with self.errors(connection):
                rows: list[Row] = await connection.fetch(sql, *values)
                return rows
        finally:
            await self._release(connection)

    async def execute(self, sql: str, *values: Value) -> int:
        """Run one writing statement in a transaction of its own."""
        async with self.transaction() as transaction:
            return await transaction.execute(sql, *values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Executor]:
        """Commit at the end of the block, roll back when an exception leaves it."""
        outcome: TransactionOutcome = "failed"
        try:
            connection = await self._acquire()
            try:
                transaction = connection.transaction()
                try:
                    with self.errors(connection):
                        await transaction.start()
                    yield _Transaction(connection, self)
                    with self.errors(connection):
                        await transaction.commit()
                except BaseException as error:
                    if not isinstance(error, DatabaseUnavailable | StatementFailed):
                        outcome = "rolled_back"
                    await _roll_back(transaction, connection)
                    raise
                outcome = "committed"
            finally:
                await self._release(connection)
        finally:
            self._metrics.transaction(outcome)

    async def ping(self) -> None:
        """One round trip; raises `DatabaseUnavailable`."""
        await self.fetch_one("SELECT version_num FROM alembic_version")

    async def _acquire(self) -> Any:  # noqa: ANN401 - asyncpg has no types
        if self._closed:
            raise DatabaseUnavailable("the database is closed")
        started = time.perf_counter()
        self._waiting += 1
        try:
            if self._all_stale:
                self._all_stale = False
                await self._pool.expire_connections()
            return await self._pool.acquire(timeout=self._timeout_seconds)
        except FAULTS as error:
            raise self._unavailable(error) from error
        finally:
            self._waiting -= 1
            self._metrics.waited(time.perf_counter() - started)

    async def _release(self, connection: Any) -> None:  # noqa: ANN401
        """Give a connection back; one that a cancelled statement still holds after a moment is thrown away."""
        with suppress(*FAULTS):
            await self._pool.release(connection, timeout=_GRACE_SECONDS)

    @contextmanager
    def errors(self, connection: Any) -> Iterator[None]:  # noqa: ANN401
        """The driver's errors as the protocol has them; a connection that is in an unknown state is ended."""
        try:
            yield
        except asyncpg.UniqueViolationError as error:
            raise UniqueViolation(error.constraint_name or "") from error
        except AWAY as error:
            # A server ends what takes too long before we do: one that does not, or takes no writes, is the wrong one.
            if isinstance(error, TimeoutError | asyncpg.ReadOnlySQLTransactionError):
                self._all_stale = True
            if isinstance(error, asyncpg.InternalClientError | asyncpg.InterfaceError):
                _end(connection)
            raise self._unavailable(error) from error
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
            self._metrics.error()
            raise SchemaBehind(type(error).__name__) from error
        except asyncpg.PostgresError as error:
            self._metrics.error()
            raise StatementFailed(f"{type(error).__name__} ({error.sqlstate})") from error

    def _unavailable(self, error: BaseException) -> DatabaseUnavailable:
        """Count it, and log its reason, now and then: a client is told no more than that there was one."""
        self._metrics.error()
        text, now = reason(error), time.monotonic()
        if self._said.get(text, 0.0) <= now:
            # Forgets the old ones too: a reason may have a process id in it.
            self._said = {said: until for said, until in self._said.items() if until > now}
            self._said[text] = now + _SAY_AGAIN_SECONDS
            _log.warning("database_unavailable", reason=text)
        return DatabaseUnavailable("the database did not answer")


class _Transaction:
    """Statements on one connection, between BEGIN and COMMIT."""

    __slots__ = ("_connection", "_errors")

    dialect: Final = "postgresql"

    def __init__(self, connection: Any, database: PostgreSQLDatabase) -> None:  # noqa: ANN401
        self._connection = connection
        self._errors = database.errors

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        with self._errors(self._connection):
            row: Row | None = await self._connection.fetchrow(sql, *values)
            return row

    async def fetch_all(self, sql: str, *values: Value) -> list[Row]:
        with self._errors(self._connection):
            rows: list[Row] = await self._connection.fetch(sql, *values)
            return rows

    async def execute(self, sql: str, *values: Value) -> int:
        with self._errors(self._connection):
            return _changed(await self._connection.execute(sql, *values))


async def _roll_back(transaction: Any, connection: Any) -> None:  # noqa: ANN401
    """Roll back; a connection on which that fails is ended, and the server does it."""
    try:
        await transaction.rollback()
    except FAULTS:
        _end(connection)


def _end(connection: Any) -> None:  # noqa: ANN401
    """Close it without a word; the pool makes another one."""
    with suppress(*FAULTS):  # it is closed, or with the pool again, already
        connection.terminate()


def _changed(tag: str) -> int:
    """``UPDATE 3`` → 3."""
    last = tag.rsplit(" ", 1)[-1]
    return int(last) if last.isdigit() else 0
