"""What a database tells of its pool and its transactions, SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.samples import new_recorder, sample

from photo_api.config import Settings
from photo_api.database import Database, StatementFailed, UniqueViolation, open_database
from photo_api.database.migrate import migrate
from photo_api.errors import DatabaseUnavailable, NotFound
from photo_metrics import Recorder

TRANSACTIONS = "photo_api_db_transactions_total"
INSERT = "INSERT INTO users (id, email, username, password_hash, created_ms) VALUES ('a', 'a', 'a', '-', 1)"


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture
async def database(database_url: str, recorder: Recorder) -> AsyncIterator[Database]:
    """Of one connection; on SQLite that is one reader, and the writer."""
    await asyncio.to_thread(migrate, database_url)
    settings = Settings(database_url=database_url, database_pool_size=1, database_timeout_seconds=0.2)
    database = open_database(settings, recorder.database)
    await database.open()
    yield database
    await database.close()


def outcomes(recorder: Recorder) -> dict[str, float | None]:
    return {name: sample(recorder, TRANSACTIONS, outcome=name) for name in ("committed", "rolled_back", "failed")}


async def test_transactions_are_counted_by_their_outcome(database: Database, recorder: Recorder) -> None:
    await database.execute(INSERT)
    with pytest.raises(UniqueViolation):
        await database.execute(INSERT)
    with pytest.raises(NotFound):
        async with database.transaction():
            raise NotFound
    with pytest.raises(StatementFailed):
        await database.execute("INSERT INTO nowhere (id) VALUES ('a')")
    await database.fetch_all("SELECT id FROM users")  # reads alone are none
    assert outcomes(recorder) == {"committed": 1, "rolled_back": 2, "failed": 1}


async def test_who_gets_no_connection_fails_and_has_waited(database: Database, recorder: Recorder) -> None:
    async with database.transaction() as transaction:
        await transaction.fetch_one("SELECT id FROM users")
        with pytest.raises(DatabaseUnavailable):
            await database.execute(INSERT)
    assert outcomes(recorder) == {"committed": 1, "rolled_back": 0, "failed": 1}
    wait = "photo_api_db_pool_wait_duration_seconds"
    assert sample(recorder, f"{wait}_count") == 2
    assert (sample(recorder, f"{wait}_sum") or 0) >= 0.2


async def test_the_pool_shows_who_uses_it_and_who_waits(database: Database, recorder: Recorder) -> None:
    def pool() -> list[float | None]:
        return [sample(recorder, f"photo_api_db_pool_{what}") for what in ("in_use", "waiting")]

    sizes = {"sqlite": 2, "postgresql": 1}
    assert sample(recorder, "photo_api_db_pool_size") == sizes[database.dialect]
    assert pool() == [0, 0]
    async with database.transaction() as transaction:
        await transaction.fetch_one("SELECT id FROM users")
        assert pool() == [1, 0]
        waiting = asyncio.create_task(database.execute(INSERT))
        await asyncio.sleep(0)  # it begins
        assert pool() == [1, 1]
    await waiting
    assert pool() == [0, 0]
