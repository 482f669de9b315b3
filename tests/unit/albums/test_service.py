"""Albums on both databases: what is in them, their totals, and what two requests at once may not do."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from photo_api.albums.service import AlbumService
from photo_api.business_metrics import totals
from photo_api.config import Settings
from photo_api.database import Database, Value, open_database
from photo_api.database.migrate import migrate
from photo_api.errors import DatabaseUnavailable, NotFound, Unauthenticated
from photo_api.ids import new_id, now_ms
from photo_metrics import Recorder

UNKNOWN = "01890000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Albums:
    """An album service and what it stands on."""

    database: Database
    service: AlbumService
    owner: str
    stranger: str

    async def album(self, owner: str | None = None) -> str:
        return str((await self.service.create(owner or self.owner, "Jeju", None))["id"])

    async def photo(self, owner: str | None = None, status: str = "ready") -> str:
        photo_id = new_id()
        await self.change(
            "INSERT INTO photos (id, owner_id, status, object_key, filename, content_type, file_size, width, height,"
            " checksum_sha256, created_ms, confirmed_ms)"
            " VALUES ($1, $2, $3, $1, 'a.jpg', 'image/jpeg', 10, 4, 3, 'ab', $4, $4)",
            photo_id,
            owner or self.owner,
            status,
            now_ms(),
        )
        return photo_id

    async def share_link(self, album_id: str, *, closed: bool = False) -> None:
        """As the share-link slice keeps it."""
        async with self.database.transaction() as tx:
            await tx.execute(
                "INSERT INTO share_links (id, album_id, owner_id, token_hash, created_ms, closed_ms)"
                " VALUES ($1, $2, $3, $1, 1, $4)",
                new_id(),
                album_id,
                self.owner,
                1 if closed else None,
            )
            row = await tx.fetch_one(
                "UPDATE albums SET active_links = active_links + $2 WHERE id = $1 RETURNING active_links",
                album_id,
                int(not closed),
            )
            assert row is not None
            first = not closed and row["active_links"] == 1
            await totals.apply(
                tx,
                self.owner,
                totals.Change(share_links=1, share_links_active=int(not closed), albums_shared=int(first)),
            )

    async def change(self, sql: str, *values: Value) -> None:
        async with self.database.transaction() as tx:
            await tx.execute(sql, *values)

    async def totals(self) -> dict[str, int]:
        names = ("albums", "albums_shared", "share_links", "share_links_active")
        row = await self.database.fetch_one(
            "SELECT SUM(albums) AS albums, SUM(albums_shared) AS albums_shared, SUM(share_links) AS share_links,"
            " SUM(share_links_active) AS share_links_active FROM totals"
        )
        assert row is not None
        return {name: int(row[name]) for name in names if row[name]}

    async def count(self, table: str) -> int:
        row = await self.database.fetch_one(f"SELECT COUNT(*) AS n FROM {table}")  # noqa: S608
        assert row is not None
        return int(row["n"])

    async def inside(self, album_id: str) -> list[str]:
        page = await self.service.photos(self.owner, album_id, None, 100)
        return [item["id"] for item in page["items"]]


@pytest.fixture
async def albums(database_url: str) -> AsyncIterator[Albums]:
    await asyncio.to_thread(migrate, database_url)
    database = open_database(Settings(database_url=database_url))
    recorder = Recorder(app="photo-api", version="0", environment="development", node="test")
    await database.open()
    owner, stranger = new_id(), new_id()
    for user_id in (owner, stranger):
        async with database.transaction() as tx:
            await tx.execute(
                "INSERT INTO users (id, email, username, password_hash, created_ms) VALUES ($1, $1, $1, 'x', 1)",
                user_id,
            )
    yield Albums(database, AlbumService(database, recorder), owner, stranger)
    await database.close()


async def test_a_new_album_counts_and_is_not_shared(albums: Albums) -> None:
    album = await albums.service.create(albums.owner, "Jeju", "August")
    assert (album["name"], album["description"], album["cover_photo_id"], album["shared"]) == (
        "Jeju",
        "August",
        None,
        False,
    )
    assert await albums.service.get(albums.owner, album["id"]) == album
    assert await albums.totals() == {"albums": 1}


async def test_an_owner_who_was_disabled_or_is_gone_makes_no_album(albums: Albums) -> None:
    await albums.change("UPDATE users SET disabled_ms = 1 WHERE id = $1", albums.owner)
    for owner in (albums.owner, UNKNOWN):
        with pytest.raises(Unauthenticated):
            await albums.album(owner)
    assert await albums.totals() == {}


async def test_albums_made_at_once_all_count(albums: Albums) -> None:
    await asyncio.gather(*(albums.album() for _ in range(10)))
    assert await albums.totals() == {"albums": 10}


async def test_pages_hold_every_album_once_newest_first(albums: Albums) -> None:
    made = [await albums.album() for _ in range(7)]
    await albums.album(albums.stranger)
    found: list[str] = []
    cursor, pages = None, 0
    while True:
        page = await albums.service.page(albums.owner, cursor, 3)
        found += [item["id"] for item in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
        if cursor is None:
            break
    assert found == made[::-1]
    assert pages == 3


async def test_a_last_page_that_is_full_has_no_cursor(albums: Albums) -> None:
    for _ in range(3):
        await albums.album()
    assert (await albums.service.page(albums.owner, None, 3))["next_cursor"] is None


@pytest.mark.parametrize("operation", ["get", "change", "delete", "photos", "add", "remove"])
async def test_a_foreign_album_is_as_unknown_as_none(albums: Albums, operation: str) -> None:
    foreign = await albums.album(albums.stranger)
    photo = await albums.photo()
    theirs = await albums.photo(albums.stranger)
    await albums.service.add_photos(albums.stranger, foreign, [theirs])
    service, owner = albums.service, albums.owner
    calls: dict[str, Any] = {
        "get": lambda album: service.get(owner, album),
        "change": lambda album: service.change(owner, album, {"name": "Mine"}),
        "delete": lambda album: service.delete(owner, album),
        "photos": lambda album: service.photos(owner, album, None, 50),
        "add": lambda album: service.add_photos(owner, album, [photo]),
        "remove": lambda album: service.remove_photo(owner, album, theirs),
    }
    messages = set()
    for album in (foreign, UNKNOWN):
        with pytest.raises(NotFound) as caught:
            await calls[operation](album)
        messages.add(caught.value.detail)
    assert len(messages) == 1
    assert (await service.get(albums.stranger, foreign))["name"] == "Jeju"
    assert await albums.count("album_photos") == 1


async def test_adding_photos_is_idempotent(albums: Albums) -> None:
    album, one, two = await albums.album(), await albums.photo(), await albums.photo()
    assert await albums.service.add_photos(albums.owner, album, [one]) == 1
    assert await albums.service.add_photos(albums.owner, album, [one, two, two]) == 1
    assert await albums.service.add_photos(albums.owner, album, [one, two]) == 0
    assert await albums.inside(album) == [two, one]


async def test_a_foreign_pending_or_unknown_photo_keeps_all_out(albums: Albums) -> None:
    album, good = await albums.album(), await albums.photo()
    for bad in (await albums.photo(albums.stranger), await albums.photo(status="pending"), UNKNOWN):
        with pytest.raises(NotFound):
            await albums.service.add_photos(albums.owner, album, [good, bad])
    assert await albums.inside(album) == []


async def test_an_album_takes_a_hundred_photos_at_once(albums: Albums) -> None:
    album = await albums.album()
    photos = [await albums.photo() for _ in range(100)]
    assert await albums.service.add_photos(albums.owner, album, photos) == 100
    assert await albums.inside(album) == photos[::-1]


async def test_a_page_of_an_albums_photos_goes_on_where_the_one_before_ended(albums: Albums) -> None:
    album = await albums.album()
    photos = [await albums.photo() for _ in range(5)]
    await albums.service.add_photos(albums.owner, album, photos)
    first = await albums.service.photos(albums.owner, album, None, 3)
    second = await albums.service.photos(albums.owner, album, first["next_cursor"], 3)
    assert [item["id"] for item in first["items"] + second["items"]] == photos[::-1]
    assert second["next_cursor"] is None


async def test_a_photo_may_be_in_several_albums(albums: Albums) -> None:
    one, two, photo = await albums.album(), await albums.album(), await albums.photo()
    await albums.service.add_photos(albums.owner, one, [photo])
    await albums.service.add_photos(albums.owner, two, [photo])
    await albums.service.remove_photo(albums.owner, one, photo)
    assert await albums.inside(two) == [photo]


async def test_a_removed_photo_leaves_the_album_and_its_cover_and_stays_a_photo(albums: Albums) -> None:
    album, photo = await albums.album(), await albums.photo()
    await albums.service.add_photos(albums.owner, album, [photo])
    await albums.service.change(albums.owner, album, {"cover_photo_id": photo})
    await albums.service.remove_photo(albums.owner, album, photo)
    assert await albums.inside(album) == []
    assert (await albums.service.get(albums.owner, album))["cover_photo_id"] is None
    assert await albums.count("photos") == 1


async def test_removing_a_photo_leaves_another_cover_alone(albums: Albums) -> None:
    album, cover, other = await albums.album(), await albums.photo(), await albums.photo()
    await albums.service.add_photos(albums.owner, album, [cover, other])
    await albums.service.change(albums.owner, album, {"cover_photo_id": cover})
    await albums.service.remove_photo(albums.owner, album, other)
    assert (await albums.service.get(albums.owner, album))["cover_photo_id"] == cover


async def test_a_photo_that_is_not_in_the_album_cannot_be_removed(albums: Albums) -> None:
    album, photo = await albums.album(), await albums.photo()
    with pytest.raises(NotFound):
        await albums.service.remove_photo(albums.owner, album, photo)


async def test_a_deleted_photo_leaves_albums_and_covers(albums: Albums) -> None:
    album, photo = await albums.album(), await albums.photo()
    await albums.service.add_photos(albums.owner, album, [photo])
    await albums.service.change(albums.owner, album, {"cover_photo_id": photo})
    await albums.change("DELETE FROM photos WHERE id = $1", photo)
    assert await albums.inside(album) == []
    assert (await albums.service.get(albums.owner, album))["cover_photo_id"] is None


async def test_a_cover_must_be_a_confirmed_photo_in_the_album(albums: Albums) -> None:
    album, elsewhere = await albums.album(), await albums.photo()
    await albums.service.add_photos(albums.owner, await albums.album(), [elsewhere])
    for cover in (elsewhere, await albums.photo(albums.stranger), await albums.photo(status="pending"), UNKNOWN):
        with pytest.raises(NotFound):
            await albums.service.change(albums.owner, album, {"name": "Changed", "cover_photo_id": cover})
    assert (await albums.service.get(albums.owner, album))["name"] == "Jeju"


async def test_a_change_leaves_what_it_does_not_name(albums: Albums) -> None:
    album, photo = await albums.album(), await albums.photo()
    await albums.service.add_photos(albums.owner, album, [photo])
    await albums.service.change(albums.owner, album, {"description": "August", "cover_photo_id": photo})
    changed = await albums.service.change(albums.owner, album, {"name": "Busan"})
    assert (changed["name"], changed["description"], changed["cover_photo_id"]) == ("Busan", "August", photo)
    cleared = await albums.service.change(albums.owner, album, {"description": None, "cover_photo_id": None})
    assert (cleared["name"], cleared["description"], cleared["cover_photo_id"]) == ("Busan", None, None)


async def test_changes_of_different_fields_at_once_lose_nothing(albums: Albums) -> None:
    album = await albums.album()
    await asyncio.gather(
        albums.service.change(albums.owner, album, {"name": "Busan"}),
        albums.service.change(albums.owner, album, {"description": "August"}),
    )
    after = await albums.service.get(albums.owner, album)
    assert (after["name"], after["description"]) == ("Busan", "August")


async def test_a_deleted_album_takes_its_links_along_and_leaves_its_photos(albums: Albums) -> None:
    album, other, photo = await albums.album(), await albums.album(), await albums.photo()
    await albums.service.add_photos(albums.owner, album, [photo])
    await albums.share_link(album)
    await albums.share_link(album)
    await albums.share_link(album, closed=True)
    await albums.share_link(other)
    await albums.service.delete(albums.owner, album)
    assert await albums.totals() == {"albums": 1, "albums_shared": 1, "share_links": 1, "share_links_active": 1}
    assert await albums.count("share_links") == 1
    assert await albums.count("album_photos") == 0
    assert await albums.count("photos") == 1
    with pytest.raises(NotFound):
        await albums.service.get(albums.owner, album)


async def test_of_many_deletions_at_once_exactly_one_counts(albums: Albums) -> None:
    album = await albums.album()
    await albums.share_link(album)
    results = await asyncio.gather(
        *(albums.service.delete(albums.owner, album) for _ in range(6)), return_exceptions=True
    )
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, NotFound) for result in results) == 5
    assert await albums.totals() == {}


async def test_photos_added_while_the_album_is_deleted_leave_nothing_behind(albums: Albums) -> None:
    for _ in range(8):
        album, photo = await albums.album(), await albums.photo()
        results = await asyncio.gather(
            albums.service.add_photos(albums.owner, album, [photo]),
            albums.service.delete(albums.owner, album),
            return_exceptions=True,
        )
        assert isinstance(results[0], int | NotFound)
        assert results[1] is None
    assert await albums.count("album_photos") == 0


async def test_photos_deleted_while_they_are_added_never_make_an_error_of_ours(albums: Albums) -> None:
    album = await albums.album()
    for _ in range(8):
        photo = await albums.photo()
        results = await asyncio.gather(
            albums.service.add_photos(albums.owner, album, [photo]),
            albums.change("DELETE FROM photos WHERE id = $1", photo),
            return_exceptions=True,
        )
        assert isinstance(results[0], int | NotFound)
        assert results[1] is None
    assert await albums.inside(album) == []


async def test_one_photo_added_many_times_at_once_is_new_once(albums: Albums) -> None:
    album, photos = await albums.album(), [await albums.photo() for _ in range(5)]
    added = await asyncio.gather(
        *(albums.service.add_photos(albums.owner, album, photos[::direction]) for direction in (1, -1) * 4)
    )
    assert sum(added) == 5


async def test_a_cover_chosen_while_its_photo_is_removed_or_deleted_never_dangles(albums: Albums) -> None:
    for number in range(12):
        album, photo = await albums.album(), await albums.photo()
        await albums.service.add_photos(albums.owner, album, [photo])
        going: Any = (
            albums.change("DELETE FROM photos WHERE id = $1", photo)
            if number % 2
            else albums.service.remove_photo(albums.owner, album, photo)
        )
        results = await asyncio.gather(
            albums.service.change(albums.owner, album, {"cover_photo_id": photo}), going, return_exceptions=True
        )
        assert isinstance(results[0], dict | NotFound)
        assert results[1] is None
        assert (await albums.service.get(albums.owner, album))["cover_photo_id"] is None


async def test_links_closed_while_their_album_is_deleted_keep_the_totals_true(albums: Albums) -> None:
    async def close(album: str) -> None:
        """As the share-link slice does: the link, then its album."""
        async with albums.database.transaction() as tx:
            row = await tx.fetch_one(
                "UPDATE share_links SET closed_ms = 1 WHERE album_id = $1 AND closed_ms IS NULL RETURNING id", album
            )
            if row is not None:
                await tx.execute("UPDATE albums SET active_links = active_links - 1 WHERE id = $1", album)
                await totals.apply(tx, albums.owner, totals.Change(share_links_active=-1, albums_shared=-1))

    for _ in range(8):
        album = await albums.album()
        await albums.share_link(album)
        results = await asyncio.gather(close(album), albums.service.delete(albums.owner, album), return_exceptions=True)
        assert not [result for result in results if isinstance(result, DatabaseUnavailable)]
    assert await albums.totals() == {}
