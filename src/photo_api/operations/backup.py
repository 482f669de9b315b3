"""``photo-api backup``: the rows of one moment, and the objects that belong to them, beside a running service.

The rows are a snapshot; objects are copied after it was taken. A photo that is deleted in between has no object any
more: it is noted, and a restore deletes it too. A copy is compared with the SHA-256 that confirming the photo found.
"""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Final

from photo_api.config import Settings
from photo_api.database import Database
from photo_api.database.migrate import head
from photo_api.database.schema import full_metadata
from photo_api.errors import NotFound
from photo_api.operations import repository
from photo_api.operations.audit_objects import Listing, Progress, empty_listing
from photo_api.operations.backup_files import (
    FORMAT,
    Manifest,
    Objects,
    TableFile,
    TableWriter,
    new_backup,
    object_path,
    private_file,
    rows_of,
    write_manifest,
)
from photo_api.operations.parts import opened
from photo_api.operations.snapshot import BATCH, Snapshot, taken
from photo_api.storage.base import ObjectStorage

COPIES_AT_ONCE: Final = 8


@dataclass(slots=True)
class _Seen:
    """What became of the objects."""

    count: int = 0
    size: int = 0
    deleted: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


async def backup(settings: Settings, target: Path, objects: Objects, progress: Progress) -> Manifest:
    """Write a backup to ``target``, which is whole afterwards, or not there.

    Raises:
        BadBackup: ``target`` is not empty, or cannot be written.
        Unavailable: the database or the storage is away.
    """
    with new_backup(target) as directory:
        async with opened(settings) as (database, storage):
            with empty_listing() as listing:
                if objects == "check":
                    await listing.fill(storage.stored(), progress)
                async with taken(settings) as snapshot:
                    tables = [await _dump(snapshot, directory, *table) for table in _tables()]
                copier = _Copier(database, storage, directory, listing, objects, progress)
                await copier.all_of(rows_of(directory, next(table for table in tables if table.name == "photos")))
        manifest = Manifest(
            format=FORMAT,
            service=f"photo-api {version('photo-api')}",
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            revision=await asyncio.to_thread(head),
            tables=tuple(tables),
            objects=objects,
            object_count=copier.seen.count,
            object_bytes=copier.seen.size,
            deleted_meanwhile=tuple(copier.seen.deleted),
            lost=tuple(copier.seen.lost),
        )
        write_manifest(directory, manifest)
    return manifest


def _tables() -> list[tuple[str, list[str]]]:
    """Every table with its columns, each after those that it refers to."""
    return [(table.name, [column.name for column in table.columns]) for table in full_metadata().sorted_tables]


async def _dump(snapshot: Snapshot, directory: Path, name: str, columns: list[str]) -> TableFile:
    writer = TableWriter(directory, name, columns)
    async for batch in snapshot.batches(repository.whole_table(name, columns)):
        for row in batch:
            writer.add([row[column] for column in columns])
    return writer.close()


class _Copier:
    """Copies the objects of a snapshot's photos, or looks at each."""

    def __init__(
        self,
        database: Database,
        storage: ObjectStorage,
        directory: Path,
        listing: Listing,
        objects: Objects,
        progress: Progress,
    ) -> None:
        self.seen = _Seen()
        self._database = database
        self._storage = storage
        self._directory = directory
        self._listing = listing
        self._copies = objects == "copy"
        self._progress = progress
        self._turn = asyncio.Semaphore(COPIES_AT_ONCE)

    async def all_of(self, photos: Iterator[dict[str, Any]]) -> None:
        """Every confirmed photo's; the rows come from the backup, so that no snapshot is held open for hours."""
        ready = (photo for photo in photos if photo["status"] == "ready")
        while batch := list(islice(ready, BATCH)):
            try:
                async with asyncio.TaskGroup() as group:
                    for photo in batch:
                        group.create_task(self._one(photo))
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None

    async def _one(self, photo: dict[str, Any]) -> None:
        key: str = photo["object_key"]
        async with self._turn:
            try:
                good = await (self._copy(photo) if self._copies else self._look(photo))
            except NotFound:
                good = False
                if not await repository.is_ready(self._database, key):
                    self.seen.deleted.append(key)
                    return
        if good:
            self.seen.count += 1
            self.seen.size += photo["file_size"]
            self._progress("objects copied" if self._copies else "objects looked at", self.seen.count)
        else:
            self.seen.lost.append(key)

    async def _look(self, photo: dict[str, Any]) -> bool:
        size = self._listing.size_of(photo["object_key"])
        if size is None:  # sealed when the listing had passed, or not there
            reader = await self._storage.read(photo["object_key"], 0, 1)
            await reader.aclose()
            return True
        return size == int(photo["file_size"])

    async def _copy(self, photo: dict[str, Any]) -> bool:
        """Copy, and compare with what was confirmed; a damaged object is left out."""
        size, sha256 = photo["file_size"], hashlib.sha256()
        reader = await self._storage.read(photo["object_key"], 0, size)
        path = object_path(self._directory, photo["object_key"])
        path.parent.mkdir(mode=0o700, exist_ok=True)
        written = 0
        try:
            with private_file(path) as file:
                async for piece in reader:
                    sha256.update(piece)
                    written += file.write(piece)
                await asyncio.to_thread(_sync, file.fileno())
        finally:
            await reader.aclose()
        if written == size and sha256.hexdigest() == photo["checksum_sha256"]:
            return True
        path.unlink()
        return False


def _sync(descriptor: int) -> None:
    os.fsync(descriptor)
