"""Real servers for every test that wants one, started once a session on free loopback ports."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tests.stack.shared import shared_stack, stack
from tests.support.postgresql import running_postgresql
from tests.support.swift import Swift, running_swift

# Tests of the stack, of its dashboards and of its console look at the same one.
__all__ = ["shared_stack", "stack"]


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


@pytest.fixture(scope="session")
def swift_server() -> Iterator[Swift]:
    """An OpenStack Swift that stays; each test takes a container of its own."""
    with running_swift() as swift:
        yield swift
