"""What repositories rely on, kept by SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.samples import new_recorder, sample

from photo_api.business_metrics import totals
from photo_api.config import Settings
from photo_api.database import Database, Executor, SchemaBehind, StatementFailed, UniqueViolation, open_database
from photo_api.database.migrate import migrate
from photo_api.errors import DatabaseUnavailable


class Errors:
    """The errors of the database that a recorder counted."""

    def __init__(self) -> None:
        self.recorder = new_recorder()

    @property
    def count(self) -> float | None:
        return sample(self.recorder, "photo_api_db_errors_total")


@pytest.fixture
def errors() -> Errors:
    return Errors()


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Patient: of 50 transactions at once on one row the last waits for 10 connections, opened first, and 49 turns.

    All of that counts: with every core busy four times over it takes 0.3 s. Where the time-out is the subject, a test
    has a tight one (`impatient`).
    """
    migrate(database_url)
    return Settings(database_url=database_url, database_timeout_seconds=10)


@pytest.fixture
async def database(settings: Settings, errors: Errors) -> AsyncIterator[Database]:
    database = open_database(settings, errors.recorder.database)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def impatient(settings: Settings, errors: Errors) -> AsyncIterator[Database]:
    """Another pool on the same database, of one connection, with a tight time-out."""
    hasty = settings.model_copy(update={"database_timeout_seconds": 0.2, "database_pool_size": 1})
    database = open_database(hasty, errors.recorder.database)
    await database.open()
    yield database
    await database.close()


async def add_user(executor: Executor, user_id: str, email: str = "") -> None:
    await executor.execute(
        "INSERT INTO users (id, email, username, password_hash, created_ms) VALUES ($1, $2, $1, $3, $4)",
        user_id,
        email or user_id,
        "hash",
        1,
    )


async def count(database: Database) -> int:
    row = await database.fetch_one("SELECT count(*) AS n FROM users")
    assert row is not None
    return int(row["n"])


async def test_parameters_are_bound_by_their_number(database: Database) -> None:
    await add_user(database, "a", "a@example.com")
    row = await database.fetch_one("SELECT id, email FROM users WHERE email = $2 AND id = $1", "a", "a@example.com")
    assert row is not None
    assert (row["id"], row[1], dict(row)) == ("a", "a@example.com", {"id": "a", "email": "a@example.com"})
    assert await database.fetch_one("SELECT id FROM users WHERE id = $1", "b") is None


async def test_a_transaction_commits_at_its_end(database: Database) -> None:
    async with database.transaction() as transaction:
        await add_user(transaction, "a")
        assert await count(database) == 0
    assert await count(database) == 1


async def test_an_exception_rolls_back(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as transaction:
            await add_user(transaction, "a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await count(database) == 0
    await add_user(database, "b")
    assert await count(database) == 1


async def test_a_cancelled_transaction_rolls_back_and_frees_its_connection(database: Database) -> None:
    begun = asyncio.Event()

    async def never_ends() -> None:
        async with database.transaction() as transaction:
            await add_user(transaction, "a")
            begun.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(never_ends())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await add_user(database, "b")
    assert await count(database) == 1


async def test_a_unique_violation_names_its_constraint_and_is_no_database_error(
    database: Database, errors: Errors
) -> None:
    await add_user(database, "a", "same")
    with pytest.raises(UniqueViolation) as violation:
        await add_user(database, "b", "same")
    assert violation.value.constraint == "uq_users_email"
    with pytest.raises(UniqueViolation):
        async with database.transaction() as transaction:
            await add_user(transaction, "c", "same")
    assert errors.count == 0


async def test_a_wrong_statement_is_counted_and_never_shows_its_values(database: Database, errors: Errors) -> None:
    with pytest.raises(StatementFailed) as failure:
        await database.fetch_all("SELECT nothing FROM nowhere WHERE x = $1", "secret")
    assert "secret" not in str(failure.value)
    assert errors.count == 1


@pytest.mark.parametrize(
    "missing",
    [
        "SELECT id FROM nowhere",
        "SELECT shoe_size FROM users",
        "INSERT INTO users (id, shoe_size) VALUES ('a', 42)",
        "UPDATE users SET shoe_size = 42",
    ],
)
async def test_a_missing_table_or_column_means_that_the_schema_is_behind(database: Database, missing: str) -> None:
    with pytest.raises(SchemaBehind):
        await database.fetch_all(missing)


async def test_a_statement_that_is_wrong_otherwise_does_not(database: Database) -> None:
    with pytest.raises(StatementFailed) as failure:
        await database.fetch_all("SELECT id FROM")
    assert not isinstance(failure.value, SchemaBehind)


async def test_a_photo_is_pending_or_ready_and_nothing_else(database: Database, errors: Errors) -> None:
    await add_user(database, "a")
    with pytest.raises(StatementFailed):
        await database.execute(
            "INSERT INTO photos (id, owner_id, status, object_key, filename, content_type, file_size, created_ms)"
            " VALUES ('p', 'a', 'lost', 'k', 'a.jpg', 'image/jpeg', 1, 1)"
        )
    assert errors.count == 1


async def test_execute_tells_how_many_rows_changed(database: Database) -> None:
    for user_id in "abc":
        await add_user(database, user_id)
    async with database.transaction() as transaction:
        assert await transaction.execute("UPDATE users SET photo_bytes = 1 WHERE id <> $1", "a") == 2
        assert await transaction.execute("DELETE FROM users WHERE id = $1", "z") == 0


async def test_returning_gives_the_changed_row(database: Database) -> None:
    await add_user(database, "a")
    async with database.transaction() as transaction:
        row = await transaction.fetch_one("UPDATE users SET photo_bytes = 5 WHERE id = $1 RETURNING photo_bytes", "a")
    assert row is not None
    assert row["photo_bytes"] == 5


async def test_concurrent_changes_of_one_row_all_count(database: Database) -> None:
    async def add_photo() -> None:
        async with database.transaction() as transaction:
            await totals.apply(transaction, "someone", totals.Change(photos=1, photo_bytes=10))

    await asyncio.gather(*(add_photo() for _ in range(50)))
    row = await database.fetch_one("SELECT sum(photos) AS photos, sum(photo_bytes) AS bytes FROM totals")
    assert row is not None
    assert (row["photos"], row["bytes"]) == (50, 500)


async def test_two_pools_writing_at_once_lose_nothing(settings: Settings, database: Database, errors: Errors) -> None:
    other = open_database(settings, errors.recorder.database)
    await other.open()
    try:
        await asyncio.gather(*(add_user((database, other)[i % 2], f"user-{i}") for i in range(100)))
    finally:
        await other.close()
    assert await count(database) == 100
    assert errors.count == 0


async def test_who_waits_too_long_for_anothers_lock_is_told_so_and_may_come_again(
    database: Database, impatient: Database, errors: Errors
) -> None:
    await add_user(database, "a")
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE users SET photo_bytes = 1 WHERE id = 'a'")
        with pytest.raises(DatabaseUnavailable):
            await impatient.execute("UPDATE users SET photo_bytes = 2 WHERE id = 'a'")
        assert errors.count == 1
    assert await impatient.execute("UPDATE users SET photo_bytes = 2 WHERE id = 'a'") == 1
    assert errors.count == 1


async def test_who_waits_too_long_for_a_connection_is_told_so_and_may_come_again(
    impatient: Database, errors: Errors
) -> None:
    async with impatient.transaction() as transaction:
        await add_user(transaction, "a")
        with pytest.raises(DatabaseUnavailable):
            await add_user(impatient, "b")
        assert errors.count == 1
    await add_user(impatient, "b")
    assert await count(impatient) == 2


async def test_a_statement_that_takes_too_long_is_ended(postgresql_url: str, errors: Errors) -> None:
    """SQLite has no such limit: there the wait for a lock alone can be long."""
    await asyncio.to_thread(migrate, postgresql_url)  # it runs a loop of its own
    database = open_database(
        Settings(database_url=postgresql_url, database_timeout_seconds=0.2), errors.recorder.database
    )
    await database.open()
    try:
        with pytest.raises(DatabaseUnavailable):
            await database.fetch_one("SELECT pg_sleep(600)")
        assert errors.count == 1
        await no_sleeper(database)
    finally:
        await database.close()


async def no_sleeper(database: Database) -> None:
    """Return once the server has ended the statement too, which the client gave up on."""
    async with asyncio.timeout(20):
        while True:
            row = await database.fetch_one(
                "SELECT count(*) AS n FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event = 'PgSleep'"
            )
            if row is not None and row["n"] == 0:
                return
            await asyncio.sleep(0.01)


async def test_a_closed_database_is_unavailable(settings: Settings, errors: Errors) -> None:
    database = open_database(settings, errors.recorder.database)
    await database.open()
    await database.close()
    with pytest.raises(DatabaseUnavailable):
        await add_user(database, "a")
    with pytest.raises(DatabaseUnavailable):
        await count(database)


async def test_a_day_moves_an_active_user_from_one_count_to_the_other(database: Database) -> None:
    async with database.transaction() as transaction:
        await totals.move_active_day(transaction, "a", None, 10)
        await totals.move_active_day(transaction, "a", 10, 11)
        await totals.move_active_day(transaction, "b", None, 11)
        await totals.move_active_day(transaction, "b", 11, None)
    rows = await database.fetch_all("SELECT day, sum(users) AS users FROM active_user_days GROUP BY day ORDER BY day")
    assert [(row["day"], row["users"]) for row in rows] == [(10, 0), (11, 1)]


async def test_a_transaction_cancelled_while_it_begins_frees_its_connection(
    settings: Settings, database: Database, errors: Errors
) -> None:
    """On SQLite another process's lock makes BEGIN wait; cancelled there, it must not stay open."""
    other = open_database(settings, errors.recorder.database)
    await other.open()

    async def begin() -> None:
        async with database.transaction():
            pass

    try:
        async with other.transaction() as transaction:
            await add_user(transaction, "a")
            waiting = asyncio.create_task(begin())
            for _ in range(10):  # turns of the loop, in which BEGIN is handed to its thread, or sent
                await asyncio.sleep(0)
            waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)  # only now: BEGIN waits for the other's end
        await add_user(database, "b")
        await add_user(other, "c")
    finally:
        await other.close()
    assert await count(database) == 3
