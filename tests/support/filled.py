"""A database and a file-system storage with a little of everything in them, without a service."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from photo_api.business_metrics import totals
from photo_api.business_metrics.totals import Change
from photo_api.config import Settings
from photo_api.database import Database, open_database
from photo_api.ids import new_id, now_ms
from photo_api.operations.parts import unpublished
from photo_api.secrets import load_secrets
from photo_api.storage.base import ObjectStorage
from photo_api.storage.filesystem import FileSystemStorage

CONTENTS = (b"first picture", b"second", b"the third one \xff\x00" * 50)


@dataclass(frozen=True)
class Place:
    """Where a service would keep things, opened."""

    settings: Settings
    database: Database
    storage: ObjectStorage

    def objects(self) -> list[Path]:
        """The sealed objects' files."""
        return sorted((self.settings.data_dir / "objects" / "sealed").glob("*/*"))


@asynccontextmanager
async def opened_place(settings: Settings) -> AsyncIterator[Place]:
    """Open what the settings name."""
    database = open_database(settings)
    storage = FileSystemStorage(settings, load_secrets(settings), unpublished(settings))
    await database.open()
    await storage.open()
    try:
        yield Place(settings, database, storage)
    finally:
        await storage.close()
        await database.close()


async def seal(storage: ObjectStorage, content: bytes) -> str:
    """A new sealed object; its key."""
    key = new_id()

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    await storage.seal(await storage.store(key, "image/jpeg", len(content), chunks()), "image/jpeg")
    return key


async def add_photo(place: Place, owner_id: str, content: bytes) -> str:
    """A confirmed photo, as confirming makes it; its id."""
    key = await seal(place.storage, content)
    sha256 = hashlib.sha256(content).hexdigest()
    async with place.database.transaction() as tx:
        await tx.execute(
            "INSERT INTO photos (id, owner_id, status, object_key, filename, content_type, file_size, checksum_sha256,"
            " etag, created_ms, confirmed_ms) VALUES ($1, $2, 'ready', $1, $3, 'image/jpeg', $4, $5, $5, $6, $6)",
            key,
            owner_id,
            "사진 \U0001f4f7.jpg",
            len(content),
            sha256,
            now_ms(),
        )
        await tx.execute("UPDATE users SET photo_bytes = photo_bytes + $2 WHERE id = $1", owner_id, len(content))
        await totals.apply(tx, owner_id, Change(photos=1, photo_bytes=len(content)))
    return key


async def fill(place: Place) -> str:
    """Two users; the first, whose id is returned, has three photos in a shared album; one deletion waits."""
    first, second = new_id(), new_id()
    album, empty, link = new_id(), new_id(), new_id()
    async with place.database.transaction() as tx:
        for number, user in enumerate((first, second)):
            await tx.execute(
                "INSERT INTO users (id, email, username, password_hash, created_ms, last_active_day)"
                " VALUES ($1, $2, $3, 'argon2-hash', $4, $5)",
                user,
                f"user{number}@example.com",
                f"user{number}",
                now_ms(),
                totals.today(),
            )
            await totals.move_active_day(tx, user, None, totals.today())
            await totals.apply(tx, user, Change(users=1))
        for name, owner, active in ((album, first, 1), (empty, second, 0)):
            await tx.execute(
                "INSERT INTO albums (id, owner_id, name, active_links, created_ms, updated_ms)"
                " VALUES ($1, $2, 'Holiday', $3, 1, 1)",
                name,
                owner,
                active,
            )
            await totals.apply(tx, owner, Change(albums=1, albums_shared=active))
        await tx.execute(
            "INSERT INTO share_links (id, album_id, owner_id, token_hash, created_ms) VALUES ($1, $2, $3, 'hash', 1)",
            link,
            album,
            first,
        )
        await totals.apply(tx, first, Change(share_links=1, share_links_active=1))
        await tx.execute(
            "INSERT INTO object_deletions (object_key, created_ms, next_attempt_ms) VALUES ($1, 1, 1)", new_id()
        )
    for content in CONTENTS:
        photo = await add_photo(place, first, content)
        async with place.database.transaction() as tx:
            await tx.execute("INSERT INTO album_photos (album_id, photo_id, added_ms) VALUES ($1, $2, 1)", album, photo)
    return first
