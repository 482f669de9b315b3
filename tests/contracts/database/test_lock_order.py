"""Transactions that lock the same rows take them in one order, so that on PostgreSQL none waits for the other."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from photo_api.albums.service import AlbumService
from photo_api.config import Settings
from photo_api.database import Database, open_database
from photo_api.database.migrate import migrate
from photo_api.ids import new_id
from photo_api.passwords import PasswordHasher
from photo_api.share_links.service import ShareLinkService
from photo_metrics import Recorder

OWNER = "owner"


@pytest.fixture
def settings(postgresql_url: str, tmp_path: Path) -> Settings:
    migrate(postgresql_url)
    return Settings(database_url=postgresql_url, data_dir=tmp_path)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = open_database(settings)
    await database.open()
    await database.execute(
        "INSERT INTO users (id, email, username, password_hash, created_ms) VALUES ($1, $1, $1, 'x', 1)", OWNER
    )
    yield database
    await database.close()


async def waiting_for_locks(database: Database, count: int) -> None:
    """Return once ``count`` transactions of this database wait for a lock."""
    async with asyncio.timeout(20):
        while True:
            row = await database.fetch_one(
                "SELECT count(*) AS n FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if row is not None and row["n"] >= count:
                return
            await asyncio.sleep(0.01)


async def shared_album(albums: AlbumService, database: Database, tokens: dict[str, str]) -> str:
    """An album with a link for each token; the links' ids are the values, stored in the order given."""
    album_id = str((await albums.create(OWNER, "Jeju", None))["id"])
    for token, link_id in tokens.items():
        await database.execute(
            "INSERT INTO share_links (id, album_id, owner_id, token_hash, created_ms) VALUES ($1, $2, $3, $4, 1)",
            link_id,
            album_id,
            OWNER,
            hashlib.sha256(token.encode()).hexdigest(),
        )
    await database.execute("UPDATE albums SET active_links = $2 WHERE id = $1", album_id, len(tokens))
    return album_id


async def test_storing_views_and_deleting_the_album_never_wait_for_each_other(
    settings: Settings, database: Database
) -> None:
    """The links lie in the table in the order opposite to that of their ids."""
    recorder = Recorder(app="test", version="0", environment="test", node="test")
    albums = AlbumService(database, recorder)
    links = ShareLinkService(settings, database, PasswordHasher(settings), recorder)
    first, second = new_id(), new_id()
    tokens = {"b" * 43: second, "a" * 43: first}
    album_id = await shared_album(albums, database, tokens)
    for token in tokens:
        await links.view(token, None, None, 1)
    steps: tuple[Callable[[], Awaitable[None]], ...] = (
        links.store_views,
        lambda: albums.delete(OWNER, album_id),
    )
    running: list[asyncio.Future[None]] = []
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE share_links SET view_count = 0 WHERE id = $1", first)
        for number, step in enumerate(steps, 1):
            running.append(asyncio.ensure_future(step()))
            await waiting_for_locks(database, number)
    await asyncio.gather(*running)
    assert links.views_waiting == 0
    assert await database.fetch_all("SELECT id FROM share_links") == []
