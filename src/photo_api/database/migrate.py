"""Schema migrations: run once, whoever comes first, and checked before serving."""

import asyncio
import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from photo_api.errors import DatabaseUnavailable

_ADVISORY_LOCK = 0x70686F746F  # "photo": one number for every instance
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


def migrate(url: str) -> str:
    """Bring the database at ``url`` to the newest revision; several processes may call this at once.

    Returns:
        The revision.

    Raises:
        DatabaseUnavailable: the database cannot be reached or written; the message says which and why.
    """
    try:
        if url.startswith("sqlite:///"):
            _migrate_sqlite(url)
        else:
            asyncio.run(_migrate_postgresql(url))
    except (SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise DatabaseUnavailable(f"cannot migrate the database: {reason}") from error
    return head()


def _upgrade(connection: Connection) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if MigrationContext.configure(connection).get_current_revision() != head():
        command.upgrade(config, "head")


def _migrate_sqlite(url: str) -> None:
    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with _file_lock(path.with_suffix(".migrate-lock")):
        engine = create_engine(url)
        try:
            with engine.begin() as connection:
                connection.execute(text("PRAGMA journal_mode=WAL"))
            with engine.begin() as connection:
                _upgrade(connection)
        finally:
            engine.dispose()


async def _migrate_postgresql(url: str) -> None:
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url, timeout=10))
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})"))
            try:
                await connection.run_sync(_upgrade)
                await connection.commit()
            finally:
                await connection.rollback()
                await connection.execute(text(f"SELECT pg_advisory_unlock({_ADVISORY_LOCK})"))
    finally:
        await engine.dispose()


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
