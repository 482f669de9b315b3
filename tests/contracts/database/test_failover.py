"""A primary that dies under load, and one that another takes over from: 503s, and no confirm lost or counted twice.

The standby is a synchronous one: what was committed is on both.
"""

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
import pytest
from tests.support.postgresql import PostgreSQLServer, postgresql_cluster
from tests.support.serving import Served, serving
from tests.support.uploading import Uploads

USERS = 3


@dataclass
class System:
    """A service, the primary that it uses, and its standby."""

    served: Served
    primary: PostgreSQLServer
    standby: PostgreSQLServer


async def replicate(primary: PostgreSQLServer) -> None:
    """Commits wait for the standby from now on."""
    connection = await asyncpg.connect(primary.url)
    try:
        await connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    soon = {"wal_retrieve_retry_interval": "100ms"}
    with postgresql_cluster() as primary, postgresql_cluster(primary, **soon) as standby:
        asyncio.run(replicate(primary))
        url = f"postgresql://postgres@{primary.address},{standby.address}/postgres"
        with serving(tmp_path_factory.mktemp("api"), database_url=url, database_timeout_seconds="2") as served:
            yield System(served, primary, standby)


async def check(server: PostgreSQLServer, uploads: Uploads, prefix: str) -> None:
    """Exactly what was confirmed is there, and counted once."""
    connection = await asyncpg.connect(server.url)
    try:
        ready = await connection.fetch(
            "SELECT p.id FROM photos p JOIN users u ON u.id = p.owner_id"
            " WHERE p.status = 'ready' AND u.username LIKE $1 || '%'",
            prefix,
        )
        assert sorted(row["id"] for row in ready) == sorted(uploads.confirmed)
        sums = await connection.fetchrow(
            "SELECT (SELECT sum(photos) FROM totals) AS counted,"
            " (SELECT count(*) FROM photos WHERE status = 'ready') AS there,"
            " (SELECT count(*) FROM album_photos) AS in_albums,"
            " (SELECT sum(photo_bytes) FROM totals) AS counted_bytes,"
            " (SELECT sum(photo_bytes) FROM users) AS bytes_of_users,"
            " (SELECT sum(file_size) FROM photos WHERE status = 'ready') AS bytes"
        )
    finally:
        await connection.close()
    assert sums["counted"] == sums["there"] == sums["in_albums"]
    assert sums["counted_bytes"] == sums["bytes_of_users"] == sums["bytes"]


async def test_a_primary_killed_and_one_restarted_under_load_cost_retriable_answers_alone(system: System) -> None:
    uploads = Uploads(system.served.url)
    async with uploads.running(USERS, "restart"):
        for how in (signal.SIGKILL, signal.SIGINT):
            await uploads.more(2 * USERS)
            await asyncio.to_thread(system.primary.stop, how)
            await uploads.refused(USERS)
            await asyncio.to_thread(system.primary.start)
        await uploads.more(2 * USERS)
    await check(system.primary, uploads, "restart")
    assert set(uploads.answers) == {200, 201, 204, 503} or set(uploads.answers) == {200, 201, 503}
    assert system.served.process.poll() is None
    assert "Traceback" not in system.served.out + system.served.err


async def test_the_standby_that_takes_over_is_found_though_the_old_primary_hangs(system: System) -> None:
    """The last test of this module: the old primary does not come back, and no connection to it is ever closed."""
    uploads = Uploads(system.served.url)
    async with uploads.running(USERS, "failover"):
        await uploads.more(2 * USERS)
        await asyncio.to_thread(system.primary.freeze)
        await uploads.refused(USERS)
        await asyncio.to_thread(system.standby.promote)
        await uploads.more(2 * USERS)
    await check(system.standby, uploads, "failover")
    assert system.served.process.poll() is None
    assert "Traceback" not in system.served.out + system.served.err
