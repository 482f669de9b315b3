"""Migrations: up, down, without drift, and once whoever asks."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.ext.asyncio import create_async_engine

from photo_api.database.migrate import configuration, head, migrate
from photo_api.database.schema import full_metadata
from photo_api.errors import DatabaseUnavailable

T = TypeVar("T")


def on_connection(url: str, act: Callable[[Connection], T]) -> T:
    """``act`` in a transaction on the database at ``url``."""
    if url.startswith("sqlite"):
        engine = create_engine(url)
        try:
            with engine.begin() as connection:
                return act(connection)
        finally:
            engine.dispose()

    async def run() -> T:
        engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(act)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def tables(url: str) -> set[str]:
    return set(on_connection(url, lambda connection: inspect(connection).get_table_names()))


def test_migrating_makes_every_table_and_again_changes_nothing(database_url: str) -> None:
    assert migrate(database_url) == head()
    made = tables(database_url)
    assert made == set(full_metadata().tables) | {"alembic_version"}
    assert migrate(database_url) == head()
    assert tables(database_url) == made


def test_the_migrations_make_exactly_the_declared_schema(database_url: str) -> None:
    migrate(database_url)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), full_metadata()))

    assert on_connection(database_url, differences) == []


def test_every_migration_can_be_undone(database_url: str) -> None:
    migrate(database_url)

    def downgrade(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    on_connection(database_url, downgrade)
    assert tables(database_url) <= {"alembic_version"}
    migrate(database_url)
    assert tables(database_url) > {"users", "photos"}


def test_instances_that_start_at_once_migrate_once(database_url: str) -> None:
    start = threading.Barrier(4)

    def instance(_: int) -> str:
        start.wait(10)
        return migrate(database_url)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(instance, range(4))) == {head()}
    rows = on_connection(database_url, lambda c: c.exec_driver_sql("SELECT count(*) FROM totals").scalar_one())
    assert rows == 16


@pytest.mark.parametrize("url", ["sqlite:////proc/none/photo-api.sqlite3", "postgresql://x@127.0.0.1:1/x"])
def test_a_database_that_cannot_be_reached_is_one_clear_line(url: str) -> None:
    with pytest.raises(DatabaseUnavailable) as failure:
        migrate(url)
    assert "cannot migrate the database" in str(failure.value)
    assert "\n" not in str(failure.value)
