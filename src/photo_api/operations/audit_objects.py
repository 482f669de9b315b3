"""Rows against objects: what storage lists first, then a snapshot of the rows, then each difference once more, now.

An object is sealed after its row was inserted and deleted after its row is gone, so that only what differs in all three
is a finding, however busy the service is. The listing waits in a file, so that memory stays bounded.
"""

import re
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from photo_api.database import Database
from photo_api.errors import NotFound
from photo_api.ids import ID_PATTERN, now_ms
from photo_api.operations import repository
from photo_api.operations.findings import Findings, Kind
from photo_api.operations.lock import Held
from photo_api.operations.snapshot import Snapshot
from photo_api.storage import outbox
from photo_api.storage.base import ObjectStorage, StoredObject

Progress = Callable[[str, int], None]
"""``progress(what, how_many)``, called often; whoever gets it decides how often to say so."""

FEW_ORPHANS: Final = 20
MOST_ORPHANS: Final = 0.1
_PAGE: Final = 1_000
_KEY: Final = re.compile(ID_PATTERN)


class Listing:
    """What storage listed, in a temporary file: key and size, whether a row has it, and whether it may be deleted."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute("PRAGMA journal_mode=OFF")
        self._connection.execute(
            "CREATE TABLE objects (key TEXT PRIMARY KEY, size INTEGER, known INTEGER, orphan INTEGER) WITHOUT ROWID"
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    async def fill(self, found: AsyncIterator[StoredObject], progress: Progress) -> int:
        """Take in a listing; how many bytes its objects have together."""
        number = total = 0
        self._connection.execute("BEGIN")
        async for stored in found:
            insert = "INSERT OR IGNORE INTO objects VALUES (?, ?, 0, 0)"
            if self._connection.execute(insert, (stored.key, stored.size)).rowcount:
                number, total = number + 1, total + stored.size
                progress("objects listed", number)
        self._connection.execute("COMMIT")
        return total

    def size_of(self, key: str) -> int | None:
        """The size of an object, in bytes, or ``None``."""
        row = self._connection.execute("SELECT size FROM objects WHERE key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def mark(self, key: str) -> None:
        """A row has this object."""
        self._connection.execute("UPDATE objects SET known = 1 WHERE key = ?", (key,))

    def unmarked(self) -> Iterator[tuple[str, int]]:
        """Keys and sizes of the objects that no row has, in the keys' order."""
        return self._pages("known = 0")

    def mark_orphan(self, key: str) -> None:
        """An object of ours that nobody has."""
        self._connection.execute("UPDATE objects SET orphan = 1 WHERE key = ?", (key,))

    def orphans(self) -> Iterator[tuple[str, int]]:
        """Keys and sizes of those, in the keys' order."""
        return self._pages("orphan = 1")

    def newest_orphan(self) -> str:
        """The last of their keys, empty without any."""
        return str(
            self._connection.execute("SELECT coalesce(max(key), '') FROM objects WHERE orphan = 1").fetchone()[0]
        )

    def _pages(self, which: str) -> Iterator[tuple[str, int]]:
        after = ""
        page = f"SELECT key, size FROM objects WHERE {which} AND key > ? ORDER BY key LIMIT ?"  # noqa: S608 - ours
        while found := self._connection.execute(page, (after, _PAGE)).fetchall():
            yield from found
            after = found[-1][0]

    def unmarked_count(self) -> int:
        """How many objects no row has."""
        return int(self._connection.execute("SELECT count(*) FROM objects WHERE known = 0").fetchone()[0])

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM objects").fetchone()[0])


@contextmanager
def empty_listing() -> Iterator[Listing]:
    """A listing to be filled; its file goes with the block."""
    with tempfile.TemporaryDirectory(prefix="photo-api-listing-") as directory:
        listing = Listing(Path(directory) / "objects.sqlite3")
        try:
            yield listing
        finally:
            listing.close()


async def check(
    listing: Listing,
    snapshot: Snapshot,
    database: Database,
    storage: ObjectStorage,
    findings: Findings,
    *,
    orphan_seconds: float,
    held: Held | None,
    many_orphans: bool,
    progress: Progress,
) -> None:
    """Compare a listing with the rows of a snapshot that was taken after it; repair where the lock is ``held``.

    Repairing never empties a storage because the database is the wrong one, or an old copy: `_doubt` tells when none is
    deleted unless ``many_orphans`` says that this is right.
    """
    photos = await _check_rows(listing, snapshot, database, storage, findings, progress)
    newest = ""
    async for row in repository.known_keys(snapshot):
        listing.mark(row["object_key"])
        newest = max(newest, row["object_key"])
    for key, size in listing.unmarked():
        await _check_orphan(key, size, listing, database, storage, findings, orphan_seconds)
    if held is None:
        return
    doubt = None if many_orphans else _doubt(listing, photos, newest)
    if doubt:
        findings.remarks.append(f"{doubt}; --many-orphans deletes them")
        return
    for key, _ in listing.orphans():
        async with database.transaction() as transaction:
            if not await repository.is_known(transaction, key):
                await outbox.enqueue(transaction, key, now_ms())
            await held.confirm()
        findings.repaired[Kind.OBJECT_ORPHANED] += 1


def _doubt(listing: Listing, photos: int, newest: str) -> str | None:
    """Why objects without a photo are rather those of another database, or of one newer than this copy of it."""
    unknown, number = listing.unmarked_count(), len(listing)
    newest_orphan = listing.newest_orphan()
    if not newest_orphan:
        return None
    if photos == 0 or unknown > max(1, number / 2) or unknown > max(FEW_ORPHANS, number * MOST_ORPHANS):
        return f"{unknown} of {number} objects have no photo: none is deleted, for this may be the wrong database"
    if newest_orphan > newest:
        return (
            f"object {newest_orphan} has no photo and is newer than every row: none is deleted, for this may be an old"
            " copy of the database"
        )
    return None


async def _check_rows(
    listing: Listing,
    snapshot: Snapshot,
    database: Database,
    storage: ObjectStorage,
    findings: Findings,
    progress: Progress,
) -> int:
    """Compare the confirmed photos with their objects; how many there are."""
    number = 0
    async for photo in repository.ready_photos(snapshot):
        number += 1
        progress("photos compared", number)
        key, expected = photo["object_key"], photo["file_size"]
        size = listing.size_of(key)
        if size == expected:
            continue
        if size is None and await _is_stored(storage, key):
            continue  # it was sealed when the listing had passed
        if not await repository.is_ready(database, key):
            continue  # it was deleted meanwhile
        if size is None:
            findings.add(Kind.OBJECT_MISSING, f"photo {photo['id']} has no object {key} ({expected} bytes)")
        else:
            text = f"photo {photo['id']} has {expected} bytes, its object {key} has {size}"
            findings.add(Kind.OBJECT_SIZE, text)
    return number


async def _check_orphan(
    key: str,
    size: int,
    listing: Listing,
    database: Database,
    storage: ObjectStorage,
    findings: Findings,
    orphan_seconds: float,
) -> None:
    made_ms = _made_ms(key)
    if made_ms is not None and now_ms() - made_ms < orphan_seconds * 1000:
        findings.checked["objects too young to judge"] = findings.checked.get("objects too young to judge", 0) + 1
        return
    if await repository.is_known(database, key) or not await _is_stored(storage, key):
        return
    findings.add(Kind.OBJECT_ORPHANED, f"object {key} ({size} bytes) has no photo and waits for no deletion")
    if made_ms is not None:  # what has no key of ours was not stored by us
        listing.mark_orphan(key)


async def _is_stored(storage: ObjectStorage, key: str) -> bool:
    try:
        reader = await storage.read(key, 0, 1)
    except NotFound:
        return False
    await reader.aclose()
    return True


def _made_ms(key: str) -> int | None:
    """When a key of ours was made: UUIDv7 begins with the milliseconds of Unix time (RFC 9562, 5.7)."""
    return int(key[:8] + key[9:13], 16) if _KEY.fullmatch(key) else None
