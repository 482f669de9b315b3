"""What the repositories see of a database.

SQL is text with ``$1``-style parameters that SQLite and PostgreSQL both accept (no casts, no dialect's own functions;
``RETURNING`` and ``ON CONFLICT`` are common to both), unless a round trip or a lock is worth two texts: then by
`Executor.dialect` (ADR 22). Times are integers (``*_ms``), truth values 0 and 1, ids text.

Policy: a database that is away, locked for longer than ``database_timeout_seconds`` or out of connections raises
`DatabaseUnavailable` (503, retriable) and is counted in ``photo_api_db_errors_total``; it is used again as soon as it
is back, or a standby has become the primary. Everything is committed before the response, by `Database.transaction` and
nowhere else.
"""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

Value = str | int | float | None
Dialect = Literal["sqlite", "postgresql"]


class Row(Protocol):
    """A row: by column name or position, and ``dict(row)``."""

    def __getitem__(self, key: str | int, /) -> Any: ...  # noqa: ANN401 - a column's own type
    def keys(self) -> Iterable[str]:
        """The columns' names, in order."""
        ...


class UniqueViolation(Exception):
    """A unique constraint refused the statement; ``constraint`` is its name, ``uq_<table>_<columns>``."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class StatementFailed(Exception):
    """A statement is wrong, or a constraint other than a unique one refused it: a fault of ours, answered 500."""


class SchemaBehind(StatementFailed):
    """A table or a column is missing: the database was made for an older version."""


class Executor(Protocol):
    """Runs statements: the database itself (each on its own) or a transaction."""

    @property
    def dialect(self) -> Dialect:
        """Whose SQL this is; only for what the two cannot say in one text."""
        ...

    async def fetch_one(self, sql: str, *values: Value) -> Row | None:
        """The first row, or ``None``."""
        ...

    async def fetch_all(self, sql: str, *values: Value) -> list[Row]:
        """All rows."""
        ...

    async def execute(self, sql: str, *values: Value) -> int:
        """Run a statement that returns no rows; how many rows it changed."""
        ...


class Database(Executor, Protocol):
    """A pool of connections. Statements outside a transaction only read."""

    async def open(self) -> None:
        """Connect; the schema must be there already."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Executor]:
        """Commit at the end of the block, roll back when an exception leaves it."""
        ...

    async def ping(self) -> None:
        """One round trip; raises `DatabaseUnavailable`."""
        ...
