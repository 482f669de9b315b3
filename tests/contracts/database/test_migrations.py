"""Migrations: up, down, without drift, and once whoever asks."""

import asyncio
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.ext.asyncio import create_async_engine

from photo_api.business_metrics.models import SHARDS
from photo_api.database import migrate as module
from photo_api.database.migrate import ADVISORY_LOCK, configuration, head, migrate
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
        return list(
            compare_metadata(
                MigrationContext.configure(connection, opts={"compare_server_default": True}), full_metadata()
            )
        )

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
    environment = os.environ | {"PHOTO_API_DATABASE_URL": database_url}
    command_line = [sys.executable, "-m", "photo_api", "migrate"]
    instances = [
        subprocess.Popen(command_line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    said = [instance.communicate(timeout=120)[0] for instance in instances]
    assert said == [f"the schema is at revision {head()}\n"] * 2
    rows = on_connection(database_url, lambda c: c.exec_driver_sql("SELECT count(*) FROM totals").scalar_one())
    assert rows == SHARDS


@pytest.mark.parametrize("options", ["sslmode=disable", "sslmode=prefer&application_name=deploy"])
def test_the_options_that_libpq_has_in_a_url_are_understood(postgresql_url: str, options: str) -> None:
    assert migrate(f"{postgresql_url}?{options}") == head()


def test_encryption_that_was_asked_for_is_not_done_without(postgresql_url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="rejected SSL upgrade; check PHOTO_API_DATABASE_URL"):
        migrate(f"{postgresql_url}?sslmode=require")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("/test_", "/absent_"), "does not exist"),
        (("postgres@", "nobody:hunter2@"), 'role "nobody" does not exist'),
        (("/test_", "/test_?sslmode=bogus&x="), "`sslmode` parameter must be one of"),
    ],
)
def test_what_postgresql_refuses_is_one_clear_line_without_the_password(
    postgresql_url: str, change: tuple[str, str], reason: str
) -> None:
    with pytest.raises(DatabaseUnavailable, match=reason) as failure:
        migrate(postgresql_url.replace(*change))
    assert "\n" not in str(failure.value)
    assert "hunter2" not in str(failure.value)


@contextmanager
def migrating_elsewhere(url: str) -> Iterator[None]:
    """Another process that migrates, and does not come to an end."""
    if url.startswith("sqlite:///"):
        with Path(url.removeprefix("sqlite:///")).with_suffix(".migrate-lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        runner.run(connection.execute(f"SELECT pg_advisory_lock({ADVISORY_LOCK})"))
        yield
        runner.run(connection.close())


def test_another_process_that_migrates_is_waited_for_only_so_long(database_url: str) -> None:
    with migrating_elsewhere(database_url), pytest.raises(DatabaseUnavailable) as failure:
        migrate(database_url, lock_seconds=0.1)
    assert str(failure.value).startswith("cannot migrate the database")
    assert "another process has held its migrations, or one of its tables, for 0.1 s" in str(failure.value)
    assert migrate(database_url, lock_seconds=0.1) == head()


@pytest.mark.parametrize("url", ["sqlite:////proc/none/photo-api.sqlite3", "postgresql://x@127.0.0.1:1/x"])
def test_a_database_that_cannot_be_reached_is_one_clear_line(url: str) -> None:
    with pytest.raises(DatabaseUnavailable) as failure:
        migrate(url)
    assert "cannot migrate the database" in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_migration_that_was_cut_off_is_made_whole_by_the_next(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a power cut: some tables were made, nothing was committed."""
    made = 0
    create_table = Operations.create_table

    def cut(operations: Operations, *arguments: Any, **options: Any) -> object:
        nonlocal made
        made += 1
        if made == 5:
            raise OSError("no power")
        return create_table(operations, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Operations, "create_table", cut)
        with pytest.raises(DatabaseUnavailable, match="no power"):
            migrate(database_url)
    assert tables(database_url) == set()
    assert migrate(database_url) == head()


def test_those_who_read_a_table_wait_only_shortly_behind_a_migration(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that a long report reads: the migration lets others pass, and tries again."""
    monkeypatch.setattr(module, "TABLE_LOCK_SECONDS", 0.05)
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.05)
    migrate(postgresql_url)
    tries = 0

    def alter(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        if tries == 3:
            thread.submit(runner.run, report.execute("ROLLBACK")).result(60)
        connection.exec_driver_sql("ALTER TABLE photos ADD COLUMN tried integer")

    monkeypatch.setattr(module, "_upgrade", alter)
    with ThreadPoolExecutor(2) as thread, asyncio.Runner() as runner:
        report = runner.run(asyncpg.connect(postgresql_url))
        runner.run(report.execute("BEGIN; SELECT count(*) FROM photos"))
        assert thread.submit(migrate, postgresql_url, 60.0).result(60) == head()
        runner.run(report.close())
    assert tries == 3
