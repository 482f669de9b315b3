"""Schema migrations: run once, whoever comes first, and checked before serving."""

import asyncio
import fcntl
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from photo_api.database.faults import FAULTS, reason, remedy
from photo_api.database.hosts import Hosts
from photo_api.errors import DatabaseUnavailable

ADVISORY_LOCK = 0x70686F746F  # "photo": one number for every instance
LOCK_SECONDS: Final = 120.0
"""How long to wait for another process that migrates, and on PostgreSQL for a table that somebody uses."""
TABLE_LOCK_SECONDS: Final = 3.0
"""How long one try waits for a table: meanwhile whoever wants to read it waits, too, behind the migration."""
_PAUSE_SECONDS: Final = 1.0
"""Between two tries: those who waited behind the first go on."""
_CONNECT_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.05
_MIGRATIONS = Path(__file__).parent / "migrations"


def configuration() -> Config:
    """Alembic's configuration, without a file."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def head() -> str:
    """The newest revision that this code knows."""
    revision = ScriptDirectory.from_config(configuration()).get_current_head()
    assert revision is not None  # noqa: S101 - there is always the first migration
    return revision


def known_revisions() -> tuple[str, frozenset[str]]:
    """The newest revision that this code knows, and all of them; reads the migrations' files."""
    scripts = ScriptDirectory.from_config(configuration())
    return head(), frozenset(script.revision for script in scripts.walk_revisions())


def migrate(url: str, lock_seconds: float = LOCK_SECONDS) -> str:
    """Bring the database at ``url`` to the newest revision; several processes may call this at once.

    Returns:
        The revision.

    Raises:
        DatabaseUnavailable: the database cannot be reached or written, or another process has migrated it for longer
            than ``lock_seconds``; the message says which and why, and shows no password.
    """
    path = url.removeprefix("sqlite:///")
    where = f" {path}" if path != url else ""
    try:
        if where:
            _migrate_sqlite(Path(path), lock_seconds)
        else:
            asyncio.run(_migrate_postgresql(url, lock_seconds))
    except _Locked:
        raise DatabaseUnavailable(
            f"cannot migrate the database{where}: another process has held its migrations, or one of its tables, for"
            f" {lock_seconds:g} s; end that process, or try again"
        ) from None
    except (SQLAlchemyError, *FAULTS) as error:
        wrapped = getattr(error, "orig", None)  # the driver's error, on PostgreSQL with asyncpg's own behind it
        cause = (wrapped.__cause__ or wrapped) if wrapped else error
        what = "check PHOTO_API_DATA_DIR or PHOTO_API_DATABASE_URL" if where else remedy(cause)
        raise DatabaseUnavailable(f"cannot migrate the database{where}: {reason(cause)}; {what}") from error
    return head()


class _Locked(Exception):
    """The wait for a lock was too long."""


def _upgrade(connection: Connection) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if MigrationContext.configure(connection).get_current_revision() != head():
        command.upgrade(config, "head")


def _migrate_sqlite(path: Path, lock_seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _file_lock(path.with_suffix(".migrate-lock"), lock_seconds):
        engine = create_engine(f"sqlite:///{path}")
        event.listen(engine, "connect", _leave_transactions_alone)
        event.listen(engine, "begin", _begin)
        try:
            with engine.begin() as connection:
                _upgrade(connection)
        finally:
            engine.dispose()


def _leave_transactions_alone(connection: sqlite3.Connection, _record: object) -> None:
    """Python's driver begins none before CREATE TABLE: a migration that was cut off would stay half done for good."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL").close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


async def _migrate_postgresql(url: str, lock_seconds: float) -> None:
    hosts = Hosts(url)
    engine = create_async_engine(  # asyncpg itself reads the URL: it knows options that SQLAlchemy would refuse
        "postgresql+asyncpg://", async_creator=lambda: hosts.connect(url, timeout=_CONNECT_SECONDS)
    )
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SET statement_timeout = 0"))  # a role's own is for the service's statements
            await connection.execute(text(f"SET lock_timeout = {round(lock_seconds * 1000)}"))
            await connection.execute(text(f"SELECT pg_advisory_lock({ADVISORY_LOCK})"))
            await connection.commit()  # neither the settings nor the lock end with the next transaction
            try:
                await _upgrade_patiently(connection, lock_seconds)
            finally:
                with suppress(SQLAlchemyError, *FAULTS):  # of a lost connection, whose end ended the lock
                    await connection.rollback()
                    await connection.execute(text(f"SELECT pg_advisory_unlock({ADVISORY_LOCK})"))
    except DBAPIError as error:
        if _is_locked(error):
            raise _Locked from error
        raise
    finally:
        await engine.dispose()


async def _upgrade_patiently(connection: AsyncConnection, lock_seconds: float) -> None:
    """Migrate in one transaction, again and again while somebody uses a table that it changes."""
    deadline = time.monotonic() + lock_seconds
    while True:
        share = min(TABLE_LOCK_SECONDS, lock_seconds)
        await connection.execute(text(f"SET LOCAL lock_timeout = {round(share * 1000)}"))
        try:
            await connection.run_sync(_upgrade)
            await connection.commit()
        except DBAPIError as error:
            if not _is_locked(error) or time.monotonic() + _PAUSE_SECONDS > deadline:
                raise
        else:
            return
        await connection.rollback()
        await asyncio.sleep(_PAUSE_SECONDS)


def _is_locked(error: DBAPIError) -> bool:
    return bool(getattr(error.orig, "sqlstate", None) == asyncpg.LockNotAvailableError.sqlstate)


@contextmanager
def _file_lock(path: Path, seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise _Locked from None
                time.sleep(_POLL_SECONDS)
        yield
