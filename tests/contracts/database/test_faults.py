"""PostgreSQL's faults: one line that names the variable at start, a 503 while serving, and no lock left behind."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from structlog.testing import capture_logs
from tests.support.ports import free_port

from photo_api.config import Settings
from photo_api.database import Database, open_database
from photo_api.database.migrate import migrate
from photo_api.errors import DatabaseUnavailable

INSERT = "INSERT INTO users (id, email, username, password_hash, created_ms) VALUES ($1, $1, $1, '-', 1)"


@asynccontextmanager
async def opened(url: str, *, size: int = 2, seconds: float = 5.0) -> AsyncIterator[Database]:
    database = open_database(Settings(database_url=url, database_pool_size=size, database_timeout_seconds=seconds))
    try:
        await database.open()
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def operator(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the database's owner."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port on which connections come about, and nothing ever answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
async def url(postgresql_url: str) -> str:
    await asyncio.to_thread(migrate, postgresql_url)
    return postgresql_url


@pytest.fixture
async def role(url: str) -> AsyncIterator[str]:
    """A role with a password, which may have no connection yet."""
    name = url.rsplit("/", 1)[1].replace("test_", "role_")
    async with operator(url) as connection:
        await connection.execute("DO $$ BEGIN CREATE ROLE locked; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'hunter2' CONNECTION LIMIT 0 IN ROLE locked")
        yield name
        await connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


async def refusal(url: str) -> str:
    """What opening says."""
    with pytest.raises(DatabaseUnavailable) as failure:
        async with opened(url):
            pass
    line = str(failure.value)
    assert "\n" not in line
    assert "hunter2" not in line
    assert line.startswith("cannot connect to the database: ")
    assert "PHOTO_API_DATABASE_" in line
    return line


async def test_a_server_that_is_not_there(url: str) -> None:
    port = free_port()
    line = await refusal(f"postgresql://postgres@127.0.0.1:{port}/postgres")
    advice = "start the database, or correct its address in PHOTO_API_DATABASE_URL"
    assert line.endswith(f": 127.0.0.1:{port}: connection refused; {advice}")


async def test_each_of_several_hosts_says_why_it_will_not_do(url: str) -> None:
    first, second = free_port(), free_port()
    line = await refusal(f"postgresql://postgres:hunter2@127.0.0.1:{first},127.0.0.1:{second}/postgres")
    assert f": 127.0.0.1:{first}: connection refused; 127.0.0.1:{second}: connection refused; start" in line


async def test_a_host_that_does_not_exist() -> None:
    line = await refusal("postgresql://postgres@database.invalid/postgres")
    assert line.startswith("cannot connect to the database: database.invalid: ")
    assert line.endswith("; check PHOTO_API_DATABASE_URL")


async def test_a_database_that_is_missing(url: str) -> None:
    line = await refusal(url.replace("/test_", "/absent_"))
    assert "does not exist; create the database, or correct its name in PHOTO_API_DATABASE_URL" in line


async def test_a_wrong_password(url: str, role: str) -> None:
    line = await refusal(url.replace("postgres@", f"{role}:hunter22@"))
    assert (
        f'password authentication failed for user "{role}"; correct user and password in PHOTO_API_DATABASE_URL' in line
    )


async def test_too_many_connections(url: str, role: str) -> None:
    line = await refusal(url.replace("postgres@", f"{role}:hunter2@"))
    assert f'too many connections for role "{role}"; lower PHOTO_API_DATABASE_POOL_SIZE' in line


async def test_a_database_that_takes_no_writes(url: str) -> None:
    async with operator(url) as connection:
        await connection.execute(f"ALTER DATABASE {url.rsplit('/', 1)[1]} SET default_transaction_read_only = on")
    line = await refusal(url)
    assert "the server takes no writes; promote a primary, or name it in PHOTO_API_DATABASE_URL" in line


async def test_a_server_that_says_nothing_is_given_up(silent_port: int) -> None:
    with pytest.raises(DatabaseUnavailable, match="no answer in time; check PHOTO_API_DATABASE_URL"):
        async with opened(f"postgresql://postgres@127.0.0.1:{silent_port}/postgres", seconds=0.2):
            pass


async def test_a_silent_host_does_not_keep_the_next_one_from_being_found(url: str, silent_port: int) -> None:
    async with opened(url.replace("@", f"@127.0.0.1:{silent_port},"), seconds=2) as database:
        await database.ping()


@pytest.mark.parametrize("code", ["53100", "53200", "53300", "57P03", "58030", "40001", "25006"])
async def test_a_fault_of_the_server_while_serving_can_be_tried_again(url: str, code: str) -> None:
    """Disk full, out of memory, too many connections, not yet started, a disk's error, a lost race, no writes."""
    async with opened(url) as database:

        async def write() -> None:
            async with database.transaction() as transaction:
                await transaction.execute(INSERT, "a")
                await transaction.execute(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$")

        with pytest.raises(DatabaseUnavailable) as failure:
            await write()
        assert failure.value.headers["Retry-After"]
        assert await database.fetch_all("SELECT id FROM users") == []


async def test_a_role_that_may_have_no_further_connection_is_no_fault_of_the_request(url: str, role: str) -> None:
    name = url.rsplit("/", 1)[1]
    async with operator(url) as connection:
        limit = f"ALTER ROLE {role} CONNECTION LIMIT "
        await connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        await connection.execute(limit + "1")
        async with opened(url.replace("postgres@", f"{role}:hunter2@"), size=1) as database:
            await database.ping()
            await connection.execute(limit + "0")
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1 AND usename = $2",
                name,
                role,
            )
            with pytest.raises(DatabaseUnavailable):
                await database.ping()
            await connection.execute(limit + "1")
            await database.ping()


async def test_a_primary_that_stops_taking_writes_is_left_for_one_that_does(url: str) -> None:
    """Here it takes them again: the old connections would not notice."""
    name = url.rsplit("/", 1)[1]
    async with operator(url) as connection:
        await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        async with opened(f"{url}?target_session_attrs=any") as database:
            with pytest.raises(DatabaseUnavailable):
                await database.execute(INSERT, "a")
            await connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            assert await database.execute(INSERT, "a") == 1


async def test_the_lock_of_a_client_that_says_nothing_more_goes_away(url: str) -> None:
    """As that of a machine which lost its power does: the server ends the session."""
    async with opened(url) as alive, opened(url, seconds=0.1) as lost:
        await alive.execute(INSERT, "a")

        async def locked() -> None:
            async with lost.transaction() as transaction:
                await transaction.execute("UPDATE users SET photo_bytes = 1")
                assert await alive.execute("UPDATE users SET photo_bytes = 2") == 1

        with pytest.raises(DatabaseUnavailable):
            await locked()
        row = await alive.fetch_one("SELECT photo_bytes FROM users")
        assert row is not None
        assert row["photo_bytes"] == 2
        await lost.ping()


async def test_the_reason_of_a_fault_is_logged_once_however_many_requests_meet_it(url: str) -> None:
    with capture_logs() as logs:
        async with opened(url) as database:
            for code in ("53100", "58030") * 3:
                with pytest.raises(DatabaseUnavailable):
                    await database.fetch_all(f"DO $$ BEGIN RAISE EXCEPTION '{code}' USING ERRCODE = '{code}'; END $$")
    assert [(log["event"], log["reason"]) for log in logs] == [
        ("database_unavailable", "53100"),
        ("database_unavailable", "58030"),
    ]
