"""The database: one small protocol, one SQL text for SQLite and PostgreSQL (ADR 0005)."""

from collections.abc import Callable

from photo_api.config import Settings
from photo_api.database.base import Database, Executor, Row, SchemaBehind, StatementFailed, UniqueViolation, Value
from photo_api.database.postgresql import PostgreSQLDatabase
from photo_api.database.sqlite import SQLiteDatabase

__all__ = [
    "Database",
    "Executor",
    "Row",
    "SchemaBehind",
    "StatementFailed",
    "UniqueViolation",
    "Value",
    "open_database",
]


def open_database(settings: Settings, on_error: Callable[[], None]) -> Database:
    """The database that ``settings`` name, not yet connected; ``on_error`` is called for every database error."""
    url = settings.resolved_database_url
    if url.startswith("sqlite:///"):
        return SQLiteDatabase(
            url.removeprefix("sqlite:///"),
            readers=min(settings.database_pool_size, 4),
            timeout_seconds=settings.database_timeout_seconds,
            on_error=on_error,
        )
    return PostgreSQLDatabase(
        url, size=settings.database_pool_size, timeout_seconds=settings.database_timeout_seconds, on_error=on_error
    )
