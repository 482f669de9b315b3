"""The write that makes a photo visible does the same on both databases, though each has its own text for it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from photo_api.business_metrics.repository import read_totals
from photo_api.business_metrics.totals import Change
from photo_api.config import Settings
from photo_api.database import Database, open_database
from photo_api.database.migrate import migrate
from photo_api.photos.confirming import confirm
from photo_api.photos.repository import Content, PendingPhoto, find_any, insert_pending, photo_dict

CONTENT = Content("0" * 64, "etag", 640, 480)
NOW = 1_700_000_000_000
COUNTED = Change(photos=1, photo_bytes=10)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Two users with an album each."""
    await asyncio.to_thread(migrate, database_url)
    database = open_database(Settings(database_url=database_url))
    await database.open()
    for user in ("ann", "bob"):
        await database.execute(
            "INSERT INTO users (id, email, username, password_hash, created_ms) VALUES ($1, $1, $1, '-', 1)", user
        )
        await database.execute(
            "INSERT INTO albums (id, owner_id, name, created_ms, updated_ms) VALUES ($1, $2, 'Jeju', 1, 1)",
            f"{user}'s",
            user,
        )
    yield database
    await database.close()


def pending(album_id: str) -> PendingPhoto:
    """A photo of Ann's."""
    return PendingPhoto(
        id="photo",
        owner_id="ann",
        album_id=album_id,
        object_key="key",
        filename="a.jpg",
        content_type="image/jpeg",
        file_size=10,
        checksum_sha256=None,
        title="Beach",
        description=None,
        created_ms=1,
        pending_until_ms=NOW + 1,
    )


async def confirmed(database: Database, photo: PendingPhoto) -> dict[str, object] | None:
    async with database.transaction() as transaction:
        row = await confirm(transaction, photo, CONTENT, NOW)
    return None if row is None else photo_dict(row)


async def members(database: Database) -> list[tuple[str, str, int]]:
    rows = await database.fetch_all("SELECT album_id, photo_id, added_ms FROM album_photos")
    return [(row["album_id"], row["photo_id"], row["added_ms"]) for row in rows]


async def bytes_of_ann(database: Database) -> int:
    row = await database.fetch_one("SELECT photo_bytes FROM users WHERE id = 'ann'")
    assert row is not None
    return int(row["photo_bytes"])


async def announce(database: Database, photo: PendingPhoto) -> PendingPhoto:
    async with database.transaction() as transaction:
        await insert_pending(transaction, photo)
    return photo


async def test_a_photo_becomes_ready_joins_its_album_and_is_counted(database: Database) -> None:
    photo = await announce(database, pending("ann's"))
    answer = await confirmed(database, photo)
    row = await find_any(database, "ann", "photo")
    assert row is not None
    assert (row["status"], row["pending_album_id"], row["pending_until_ms"]) == ("ready", None, None)
    assert answer == photo_dict(row)
    assert answer["checksum_sha256"] == CONTENT.checksum_sha256
    assert (answer["width"], answer["height"], answer["title"]) == (640, 480, "Beach")
    assert await members(database) == [("ann's", "photo", NOW)]
    album = await database.fetch_one("SELECT updated_ms FROM albums WHERE id = $1", "ann's")
    assert album is not None
    assert album["updated_ms"] == NOW
    assert await bytes_of_ann(database) == 10
    assert await read_totals(database) == COUNTED


async def test_a_photo_that_is_ready_is_not_counted_again(database: Database) -> None:
    photo = await announce(database, pending("ann's"))
    await confirmed(database, photo)
    assert await confirmed(database, photo) is None
    assert await bytes_of_ann(database) == 10
    assert await read_totals(database) == COUNTED


async def test_a_photo_that_is_gone_is_not_counted(database: Database) -> None:
    assert await confirmed(database, pending("ann's")) is None
    assert await members(database) == []
    assert await bytes_of_ann(database) == 0
    assert await read_totals(database) == Change()


@pytest.mark.parametrize("album", ["gone", "bob's"])
async def test_a_photo_whose_album_is_gone_or_not_its_owners_is_ready_and_in_no_album(
    database: Database, album: str
) -> None:
    photo = await announce(database, pending(album))
    assert await confirmed(database, photo) is not None
    assert await members(database) == []
    assert await bytes_of_ann(database) == 10
    assert await read_totals(database) == COUNTED
