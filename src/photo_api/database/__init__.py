"""The database: one small protocol, one SQL text for SQLite and PostgreSQL (ADR 0005)."""

from photo_api.config import Settings
from photo_api.database.base import (
    Database,
    Dialect,
    Executor,
    Row,
    SchemaBehind,
    StatementFailed,
    UniqueViolation,
    Value,
)
from photo_api.database.postgresql import PostgreSQLDatabase
from photo_api.database.sqlite import SQLiteDatabase
from photo_metrics import DatabaseMetrics

__all__ = [
    "Database",
    "Dialect",
    "Executor",
    "Row",
    "SchemaBehind",
    "StatementFailed",
    "UniqueViolation",
    "Value",
    "open_database",
]


def open_database(settings: Settings, metrics: DatabaseMetrics | None = None) -> Database:
    """The database of ``settings``, not yet connected; ``metrics``: `Recorder.database`, where they are published."""
    url, timeout_seconds = settings.resolved_database_url, settings.database_timeout_seconds
    metrics = metrics or DatabaseMetrics.unpublished()
    if url.startswith("sqlite:///"):
        path, readers = url.removeprefix("sqlite:///"), min(settings.database_pool_size, 4)
        return SQLiteDatabase(path, readers=readers, timeout_seconds=timeout_seconds, metrics=metrics)
    return PostgreSQLDatabase(url, size=settings.database_pool_size, timeout_seconds=timeout_seconds, metrics=metrics)
