"""Deleting what waits in the outbox: from a disk, and from an S3 that is away."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from tests.support.ports import free_port
from tests.support.samples import new_recorder

from photo_api.config import Settings
from photo_api.database import Database, open_database
from photo_api.database.migrate import migrate
from photo_api.errors import Unavailable
from photo_api.ids import new_id, now_ms
from photo_api.photos.service import PhotoService
from photo_api.photos.verification import PhotoVerifier
from photo_api.secrets import load_secrets
from photo_api.storage import deleting, outbox
from photo_api.storage.base import ObjectStorage
from photo_api.storage.deleting import Deletions
from photo_api.storage.filesystem import FileSystemStorage
from photo_api.storage.s3 import S3Storage

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What no database makes a difference to."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(migrate, database_url)
    database = open_database(Settings(database_url=database_url))
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
async def storage(settings: Settings) -> AsyncIterator[ObjectStorage]:
    storage = FileSystemStorage(settings, load_secrets(settings), new_recorder())
    await storage.open()
    yield storage
    await storage.close()


async def enqueued(database: Database, count: int) -> list[str]:
    """Keys to be deleted, in this order."""
    keys = [new_id() for _ in range(count)]
    async with database.transaction() as transaction:
        for number, key in enumerate(keys, start=1):
            await outbox.enqueue(transaction, key, number)
    return keys


async def attempts(database: Database) -> dict[str, int]:
    rows = await database.fetch_all("SELECT object_key, attempts FROM object_deletions")
    return {row["object_key"]: row["attempts"] for row in rows}


def sealed(settings: Settings, key: str) -> Path:
    return settings.data_dir / "objects" / "sealed" / key[-2:] / key


def lock(settings: Settings, key: str) -> None:
    """Let an object be one that cannot be deleted: a directory, which is no file to unlink."""
    sealed(settings, key).mkdir(parents=True)


async def test_an_object_that_cannot_be_deleted_keeps_no_other_waiting(
    database: Database, storage: ObjectStorage, settings: Settings
) -> None:
    locked, *others = await enqueued(database, 6)
    lock(settings, locked)
    with capture_logs() as logs, pytest.raises(Unavailable, match="Storage cannot be"):
        await Deletions(database, storage).turn()
    assert await attempts(database) == {locked: 1}
    assert len(others) == 5
    (told,) = (entry for entry in logs if entry["event"] == "objects_not_deleted")
    assert (told["objects"], told["first"]) == (1, locked)


@on_sqlite
async def test_what_cannot_be_deleted_keeps_nothing_from_being_swept(
    database: Database, storage: FileSystemStorage, settings: Settings
) -> None:
    (locked,) = await enqueued(database, 1)
    lock(settings, locked)
    verifier = PhotoVerifier(settings)
    abandoned = settings.data_dir / "objects" / "temp" / "abandoned"
    abandoned.write_bytes(b"half")
    os.utime(abandoned, (1, 1))
    with pytest.raises(Unavailable):
        await PhotoService(settings, database, storage, verifier, new_recorder()).reap()
    assert not abandoned.exists()


@on_sqlite
async def test_where_storage_is_left_alone_what_was_not_tried_stays_due(database: Database, tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        s3_endpoint_url=f"http://127.0.0.1:{free_port()}",
        s3_bucket="photos",
        s3_access_key_id="photo-api",
        s3_secret_access_key=SecretStr("the-secret-access-key"),
        breaker_failures=4,  # at opening, and the attempts at one object
    )
    storage = S3Storage(settings, new_recorder())
    tried, *untried = await enqueued(database, 4)
    await storage.open()
    with pytest.raises(Unavailable):
        await Deletions(database, storage).turn()
    await storage.close()
    assert await attempts(database) == {tried: 1} | dict.fromkeys(untried, 0)
    assert {row["object_key"] for row in await outbox.due(database, now_ms(), 10)} == set(untried)


@on_sqlite
async def test_no_deletion_begins_when_its_turn_is_over(
    database: Database, storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = await enqueued(database, 3)
    monkeypatch.setattr(deleting, "TURN_SECONDS", 0.0)
    await Deletions(database, storage).turn()
    assert await attempts(database) == dict.fromkeys(keys, 0)
    assert len(await outbox.due(database, now_ms(), 10)) == 3


async def test_a_deletion_that_is_asked_for_during_another_is_done_after_it(database: Database) -> None:
    """A confirm that finds its photo expired asks so, when it has sealed what the other deletion had just removed."""
    (key,) = await enqueued(database, 1)
    (row,) = await outbox.due(database, now_ms(), 10)
    async with database.transaction() as transaction:
        claim = await outbox.claim(transaction, row, 1_000)
    assert claim is not None
    for asked_at_ms in (2_000, claim.next_attempt_ms):
        async with database.transaction() as transaction:
            await outbox.enqueue(transaction, key, asked_at_ms)
        async with database.transaction() as transaction:
            await outbox.done(transaction, [claim])
            await outbox.give_back(transaction, [claim], 3_000)
        (row,) = await outbox.due(database, asked_at_ms, 10)
        assert (row["attempts"], row["next_attempt_ms"]) == (0, asked_at_ms)
