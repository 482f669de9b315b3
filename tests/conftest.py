"""Real servers for every test that wants one, started once a session on free loopback ports."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tests.stack.shared import shared_stack, stack
from tests.support.postgresql import running_postgresql

# Tests of the stack, of its dashboards and of its console look at the same one.
__all__ = ["shared_stack", "stack"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two lanes for `make test`, one a core: tests of running stacks share one of them, and never run side by side."""
    for item in items:
        runs_stacks = item.nodeid.startswith(("tests/stack/", "tests/browser/"))
        shares_one = "shared_stack" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("stacks" if runs_stacks or shares_one else "others"))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A PostgreSQL server; the URL of its maintenance database."""
    with running_postgresql() as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> str:
    """An empty database of the test's own."""
    name = f"test_{uuid4().hex}"

    async def create() -> None:
        connection = await asyncpg.connect(postgresql_server)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create())
    return postgresql_server.rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'photo-api.sqlite3'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url
