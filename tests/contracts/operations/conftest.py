"""Places with a little of everything in them, on both databases."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tests.support.filled import Place, fill, opened_place

from photo_api.config import Settings
from photo_api.database.migrate import migrate


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "photo-api.sqlite3"
    _apart(migrate, f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_server: str) -> str:
    """The name of a database to make others of."""
    name = f"migrated_{uuid4().hex}"
    _execute(postgresql_server, f"CREATE DATABASE {name}")
    _apart(migrate, postgresql_server.rsplit("/", 1)[0] + f"/{name}")
    return name


def _execute(url: str, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    _apart(lambda: asyncio.run(execute()))


def _apart(function: Callable[..., object], *arguments: object) -> None:
    """Call in a thread: a test may ask from within its own loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(function, *arguments).result(120)


@pytest.fixture
def empty_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Settings]:
    """``empty_settings("sqlite")`` or ``("postgresql")``: a migrated database and a data directory of its own."""

    def make(kind: str) -> Settings:
        data = tmp_path / uuid4().hex
        data.mkdir()
        if kind == "sqlite":
            shutil.copy(request.getfixturevalue("migrated_sqlite"), data / "photo-api.sqlite3")
            return Settings(data_dir=data)
        server: str = request.getfixturevalue("postgresql_server")
        template: str = request.getfixturevalue("migrated_postgresql")
        name = f"test_{uuid4().hex}"
        _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
        return Settings(data_dir=data, database_url=server.rsplit("/", 1)[0] + f"/{name}")

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, empty_settings: Callable[[str], Settings]) -> Settings:
    return empty_settings(request.param)


@pytest.fixture
async def place(settings: Settings) -> AsyncIterator[Place]:
    """Opened and filled."""
    async with opened_place(settings) as opened:
        await fill(opened)
        yield opened


@pytest.fixture
async def embedded(empty_settings: Callable[[str], Settings]) -> AsyncIterator[Place]:
    """The same on SQLite alone, where the database makes no difference."""
    async with opened_place(empty_settings("sqlite")) as opened:
        await fill(opened)
        yield opened
