"""``photo-api restore``: a backup into an empty database and an empty storage, of whatever kind.

Objects come first; those that are there already with the right size are left, so that a restore which was cut off goes
on where it was. Then all rows, in one transaction: the database is filled, or empty as before.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from typing import Any, Final

from photo_api.business_metrics import totals
from photo_api.business_metrics.totals import Change
from photo_api.config import Settings
from photo_api.database import Executor, UniqueViolation
from photo_api.database.migrate import head
from photo_api.database.schema import full_metadata
from photo_api.errors import Conflict, TooLarge
from photo_api.operations import repository
from photo_api.operations.audit_objects import Listing, Progress, empty_listing
from photo_api.operations.backup_files import (
    BadBackup,
    Manifest,
    TableFile,
    object_path,
    read_manifest,
    read_table,
    rows_of,
    verify_tables,
)
from photo_api.operations.lock import exclusive
from photo_api.operations.parts import opened
from photo_api.operations.snapshot import taken
from photo_api.photos.repository import add_to_user, delete_ready
from photo_api.storage.base import ObjectStorage

ROWS_AT_ONCE: Final = 200
COPIES_AT_ONCE: Final = 8
_PIECE_BYTES: Final = 256 * 1024


async def restore(settings: Settings, directory: Path, progress: Progress) -> Manifest:
    """Fill the configured database and storage from a backup.

    Raises:
        BadBackup: it is not whole, of another version, or damaged; or the database or storage is not empty.
        Unavailable: the database or the storage is away.
    """
    manifest = read_manifest(directory)
    tables = await asyncio.to_thread(_fitting, manifest)
    await asyncio.to_thread(verify_tables, directory, tables.values())
    async with opened(settings) as (database, storage), exclusive(settings) as held:
        async with taken(settings):  # says what to do where the schema is not this version's
            await _expect_empty(database, tables)
        await _restore_objects(storage, directory, manifest, tables["photos"], progress)
        try:
            async with database.transaction() as transaction:
                await _expect_empty(transaction, tables)
                await _fill(transaction, directory, manifest, tables, progress)
                await held.confirm()
        except UniqueViolation:
            raise BadBackup(
                "the database was written to while it was filled, and is as it was: stop the service that uses it"
            ) from None
    return manifest


async def _fill(
    transaction: Executor, directory: Path, manifest: Manifest, tables: dict[str, TableFile], progress: Progress
) -> None:
    await repository.empty_totals(transaction)
    for table in tables.values():
        for rows in read_table(directory, table, ROWS_AT_ONCE):
            await repository.insert(transaction, table.name, table.columns, rows)
            progress(f"rows of {table.name} stored", table.rows)
    for key in manifest.deleted_meanwhile:
        await _delete(transaction, key)


def _fitting(manifest: Manifest) -> dict[str, TableFile]:
    """The backup's tables in the order in which they can be filled, where they are this version's."""
    needed = head()
    if manifest.revision != needed:
        raise BadBackup(
            f"the backup's schema is revision {manifest.revision}, this version's is {needed}: restore it with"
            f" {manifest.service}, then run photo-api migrate with this one"
        )
    found = {table.name: table for table in manifest.tables}
    ours = {table.name: {column.name for column in table.columns} for table in full_metadata().sorted_tables}
    if {name: set(table.columns) for name, table in found.items()} != ours:
        raise BadBackup("the backup's tables are not this version's; restore it with the version that made it")
    return {name: found[name] for name in ours}


async def _expect_empty(executor: Executor, tables: Sequence[str] | dict[str, TableFile]) -> None:
    for name in tables:
        if not await repository.is_empty(executor, name):
            raise BadBackup(f"the database is not empty (table {name}); name an empty one in PHOTO_API_DATABASE_URL")


async def _restore_objects(
    storage: ObjectStorage, directory: Path, manifest: Manifest, photos: TableFile, progress: Progress
) -> None:
    gone = frozenset((*manifest.deleted_meanwhile, *manifest.lost))
    with empty_listing() as listing:
        await listing.fill(storage.stored(), progress)
        if manifest.objects == "copy":
            _expect_ours(listing, directory, photos)
        wanted = (
            row
            for row in rows_of(directory, photos)
            if row["status"] == "ready"
            and row["object_key"] not in gone
            and listing.size_of(row["object_key"]) != row["file_size"]
        )
        if manifest.objects == "check":
            _expect_stored(list(islice((row["object_key"] for row in wanted), 3)))
            return
        done = 0
        while batch := list(islice(wanted, COPIES_AT_ONCE)):
            try:
                async with asyncio.TaskGroup() as group:
                    for row in batch:
                        group.create_task(_restore_object(storage, directory, row))
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
            done += len(batch)
            progress("objects restored", done)


def _expect_ours(listing: Listing, directory: Path, photos: TableFile) -> None:
    """All that is in storage must be of this backup: of a restore that was cut off."""
    for row in rows_of(directory, photos):
        listing.mark(row["object_key"])
    other = next(listing.unmarked(), None)
    if other is not None:
        raise BadBackup(
            f"the storage is not empty (object {other[0]}); name an empty one in PHOTO_API_STORAGE's settings"
        )


def _expect_stored(missing: list[str]) -> None:
    if missing:
        raise BadBackup(
            f"the backup has no objects, and the storage lacks {', '.join(missing)} (or more); name the storage that"
            " the backup was made beside, or use a backup with --objects copy"
        )


async def _restore_object(storage: ObjectStorage, directory: Path, row: dict[str, Any]) -> None:
    path = object_path(directory, row["object_key"])
    sha256 = hashlib.sha256()

    async def pieces() -> AsyncGenerator[bytes, None]:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                sha256.update(piece)
                yield piece
        if sha256.hexdigest() != row["checksum_sha256"]:
            raise BadBackup(f"{path} is not as it was written (its SHA-256 differs); use another backup")

    try:
        async with aclosing(pieces()) as content:  # closed at once, also where another object's failure ends this one
            upload = await storage.store(row["object_key"], row["content_type"], row["file_size"], content)
        await storage.seal(upload, row["content_type"])
    except FileNotFoundError:
        raise BadBackup(f"{path} is missing; use another backup") from None
    except TooLarge:
        raise BadBackup(f"{path} is larger than it was; use another backup") from None
    except Conflict:
        raise BadBackup(f"the storage has another object {row['object_key']}; name an empty one") from None


async def _delete(transaction: Executor, key: str) -> None:
    """Delete a photo that was deleted while the backup was made."""
    photo = await repository.owner_of(transaction, key)
    if photo is not None and await delete_ready(transaction, photo["owner_id"], photo["id"]) is not None:
        size: int = photo["file_size"]
        await add_to_user(transaction, photo["owner_id"], -size)
        await totals.apply(transaction, photo["owner_id"], Change(photos=-1, photo_bytes=-size))
