"""Confirms of different users do not wait for each other, whichever rows of the totals they share."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from photo_api.business_metrics import repository as business_metrics
from photo_api.business_metrics.models import SHARDS
from photo_api.business_metrics.totals import shard_of
from photo_api.config import Settings
from photo_api.database import Database, Executor, open_database
from photo_api.database.migrate import migrate
from photo_api.photos.confirming import confirm
from photo_api.photos.repository import Content, PendingPhoto, find_any

USERS = 50
PHOTOS_EACH = 20
HELD = 8
"""Users whose confirms stay open while the others' go on."""
AT_ONCE = SHARDS - HELD
"""How many of those go on at a time: with more there would be none of the totals' rows left."""
CONTENT = Content("0" * 64, "etag", 640, 480)

# The users are u1, u2 …, each with an album (a1) and pending photos in it (p1-1, p1-2 …).
FILL = (
    """INSERT INTO users (id, email, username, password_hash, created_ms)
    SELECT 'u' || n, 'u' || n, 'u' || n, '-', 0 FROM generate_series(1, $1::int) n""",
    """INSERT INTO albums (id, owner_id, name, created_ms, updated_ms)
    SELECT 'a' || n, 'u' || n, 'Jeju', 0, 0 FROM generate_series(1, $1::int) n""",
    """INSERT INTO photos (id, owner_id, status, pending_album_id, object_key, filename, content_type, file_size,
        created_ms, pending_until_ms)
    SELECT 'p' || u || '-' || n, 'u' || u, 'pending', 'a' || u, 'p' || u || '-' || n, 'a.jpg', 'image/jpeg', 10,
        0, 9000000000000
    FROM generate_series(1, $1::int) u, generate_series(1, $2::int) n""",
)


@pytest.fixture
async def database(postgresql_url: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(migrate, postgresql_url)
    database = open_database(
        Settings(database_url=postgresql_url, database_pool_size=HELD + AT_ONCE, database_timeout_seconds=30)
    )
    await database.open()
    for statement, values in zip(FILL, ((USERS,), (USERS,), (USERS, PHOTOS_EACH)), strict=True):
        await database.execute(statement, *values)
    yield database
    await database.close()


async def confirm_photo(transaction: Executor, user: int, number: int) -> None:
    row = await find_any(transaction, f"u{user}", f"p{user}-{number}")
    assert row is not None
    assert await confirm(transaction, PendingPhoto.of(row, f"u{user}"), CONTENT, 1) is not None


async def test_a_thousand_confirms_of_fifty_users_do_not_queue_behind_one_lock(database: Database) -> None:
    """While some users' transactions stay open, with rows of the totals in them, all the others' come to their end."""

    async def one(user: int, number: int) -> None:
        async with database.transaction() as transaction:
            await confirm_photo(transaction, user, number)

    async with AsyncExitStack() as held:
        for user in range(1, HELD + 1):
            await confirm_photo(await held.enter_async_context(database.transaction()), user, 1)
        async with asyncio.timeout(60):
            await asyncio.gather(
                *(one(user, n) for n in range(1, PHOTOS_EACH + 1) for user in range(HELD + 1, USERS + 1))
            )
    await asyncio.gather(*(one(user, n) for n in range(2, PHOTOS_EACH + 1) for user in range(1, HELD + 1)))
    total = await business_metrics.read_totals(database)
    assert (total.photos, total.photo_bytes) == (USERS * PHOTOS_EACH, USERS * PHOTOS_EACH * 10)
    of_users = await database.fetch_all("SELECT DISTINCT photo_bytes FROM users")
    assert [row["photo_bytes"] for row in of_users] == [PHOTOS_EACH * 10]
    in_albums = await database.fetch_all("SELECT DISTINCT count(*) AS n FROM album_photos GROUP BY album_id")
    assert [row["n"] for row in in_albums] == [PHOTOS_EACH]


def test_the_users_whose_confirms_stay_open_share_rows_of_the_totals_with_the_others() -> None:
    """Else the test above would prove nothing."""
    held = {shard_of(f"u{user}") for user in range(1, HELD + 1)}
    others = Counter(shard_of(f"u{user}") for user in range(HELD + 1, USERS + 1))
    assert sum(others[shard] for shard in held) > USERS / 4
