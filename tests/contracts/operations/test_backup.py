"""``photo-api backup`` and ``restore``: from either database into either."""

import json
import shutil
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.filled import CONTENTS, Place, add_photo, fill, opened_place, seal
from tests.support.swift import Swift, swift_settings

from photo_api.config import Settings
from photo_api.database import Executor
from photo_api.database.schema import full_metadata
from photo_api.errors import Unavailable
from photo_api.operations import backup as module
from photo_api.operations import repository
from photo_api.operations.audit import Wanted, audit
from photo_api.operations.backup import backup
from photo_api.operations.backup_files import BadBackup, Manifest, read_manifest, read_table
from photo_api.operations.parts import opened
from photo_api.operations.restore import restore
from photo_api.operations.snapshot import Snapshot, taken
from photo_api.photos.repository import delete_ready
from photo_api.storage import outbox
from photo_api.storage.files import ObjectFiles

Empty = Callable[[str], Settings]


def quiet(what: str, number: int) -> None:
    """Nobody looks at the progress."""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backup"


async def saved(place: Place, target: Path, **options: Any) -> Manifest:
    return await backup(place.settings, target, options.get("objects", "copy"), quiet)


async def contents(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, sorted, by table."""
    async with opened_place(settings) as place:
        return {
            table.name: sorted(
                (
                    tuple(row[column.name] for column in table.columns)
                    for row in await place.database.fetch_all(f"SELECT * FROM {table.name}")  # noqa: S608 - of the schema
                ),
                key=str,
            )
            for table in full_metadata().sorted_tables
        }


async def passes_the_audit(settings: Settings) -> bool:
    return (await audit(settings, Wanted(orphan_seconds=0), quiet)).counts == {}


@pytest.mark.parametrize(("source", "destination"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
async def test_a_backup_fills_the_other_database_and_passes_the_audit(
    empty_settings: Empty, target: Path, source: str, destination: str
) -> None:
    first, second = empty_settings(source), empty_settings(destination)
    async with opened_place(first) as place:
        await fill(place)
    await backup(first, target, "copy", quiet)
    manifest = await restore(second, target, quiet)
    assert manifest.object_count == 3
    assert await contents(second) == await contents(first)
    assert await passes_the_audit(second)
    async with opened_place(second) as place:
        assert sorted(path.read_bytes() for path in place.objects()) == sorted(CONTENTS)


async def test_a_backup_fills_another_kind_of_storage(
    embedded: Place, target: Path, empty_settings: Empty, swift_server: Swift
) -> None:
    await saved(embedded, target)
    elsewhere = Settings(data_dir=empty_settings("sqlite").data_dir, **swift_settings(swift_server))
    await restore(elsewhere, target, quiet)
    assert await passes_the_audit(elsewhere)
    async with opened(elsewhere) as (_, storage):
        assert sorted([found.size async for found in storage.stored()]) == sorted(map(len, CONTENTS))


@pytest.fixture
async def kept(embedded: Place, target: Path) -> Place:
    """A place, and a backup of it in ``target``."""
    await saved(embedded, target)
    return embedded


def test_a_backup_is_its_owner_s_alone(kept: Place, target: Path) -> None:
    """It has password hashes in it."""
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (target, *target.rglob("*"))}
    assert {oct(mode) for path, mode in modes.items() if path.is_dir()} == {"0o700"}
    assert {oct(mode) for path, mode in modes.items() if path.is_file()} == {"0o600"}


async def test_a_place_that_is_not_empty_is_left_alone(kept: Place, target: Path) -> None:
    before = (target / "manifest.json").read_bytes()
    with pytest.raises(BadBackup, match="is not empty; name a new directory"):
        await saved(kept, target)
    assert (target / "manifest.json").read_bytes() == before


async def test_a_backup_that_fails_leaves_nothing(
    embedded: Place, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(files: ObjectFiles, key: str, start: int, stop: int) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(ObjectFiles, "open_sealed", gone)
    with pytest.raises(Unavailable):
        await saved(embedded, target)
    assert [path for path in target.parent.iterdir() if "backup" in path.name] == []


async def test_what_is_deleted_while_a_backup_is_made_is_deleted_by_its_restore(
    embedded: Place, target: Path, empty_settings: Empty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is confirmed meanwhile is not in it."""
    row = (await embedded.database.fetch_all("SELECT id, owner_id FROM photos"))[0]
    photo, owner = row["id"], row["owner_id"]

    @asynccontextmanager
    async def taken_then_changed(settings: Settings) -> AsyncIterator[Snapshot]:
        async with taken(settings) as snapshot:
            await add_photo(embedded, owner, b"later")
            async with embedded.database.transaction() as tx:
                await delete_ready(tx, owner, photo)
                await outbox.enqueue(tx, photo, 1)
            await embedded.storage.delete(photo)
            yield snapshot

    monkeypatch.setattr(module, "taken", taken_then_changed)
    manifest = await saved(embedded, target)
    assert manifest.deleted_meanwhile == (photo,)
    assert manifest.object_count == 2
    elsewhere = empty_settings("sqlite")
    await restore(elsewhere, target, quiet)
    assert await passes_the_audit(elsewhere)
    assert len((await contents(elsewhere))["photos"]) == 2


async def test_an_object_that_is_damaged_is_told_and_left_out(
    embedded: Place, target: Path, empty_settings: Empty
) -> None:
    damaged, missing, _ = embedded.objects()
    damaged.write_bytes(bytes(len(damaged.read_bytes())))  # of the same size
    missing.unlink()
    manifest = await saved(embedded, target)
    assert sorted(manifest.lost) == sorted([damaged.name, missing.name])
    assert manifest.object_count == 1
    elsewhere = empty_settings("sqlite")
    await restore(elsewhere, target, quiet)
    found = await audit(elsewhere, Wanted(), quiet)
    assert {kind.value: count for kind, count in found.counts.items()} == {"object_missing": 2}


async def test_a_restore_does_not_add_to_what_is_there(kept: Place, target: Path, empty_settings: Empty) -> None:
    before = await contents(kept.settings)
    with pytest.raises(BadBackup, match="the database is not empty"):
        await restore(kept.settings, target, quiet)
    assert await contents(kept.settings) == before
    elsewhere = empty_settings("sqlite")
    async with opened_place(elsewhere) as place:
        await seal(place.storage, b"somebody's")
    with pytest.raises(BadBackup, match="the storage is not empty"):
        await restore(elsewhere, target, quiet)


async def test_a_restore_that_was_cut_off_goes_on(
    kept: Place, target: Path, empty_settings: Empty, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = empty_settings("sqlite")
    held = target / "objects" / kept.objects()[0].parent.name / kept.objects()[0].name
    held.rename(target / "aside")
    with pytest.raises(BadBackup, match="is missing; use another backup"):
        await restore(elsewhere, target, quiet)
    assert (await contents(elsewhere))["users"] == []
    (target / "aside").rename(held)
    await restore(elsewhere, target, quiet)
    assert await contents(elsewhere) == await contents(kept.settings)
    assert await passes_the_audit(elsewhere)


def _cut(target: Path) -> None:
    (target / "manifest.json").unlink()


def _other_format(target: Path) -> None:
    (target / "manifest.json").write_text('{"format": 2}')


def _changed_row(target: Path) -> None:
    path = target / "tables" / "users.jsonl"
    path.write_bytes(path.read_bytes().replace(b"user0@example.com", b"evil0@example.com"))


def _changed_object(target: Path) -> None:
    path = next(path for path in (target / "objects").rglob("*") if path.is_file())
    path.write_bytes(bytes(len(path.read_bytes())))


def _grown_object(target: Path) -> None:
    path = next(path for path in (target / "objects").rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes() + b"more")


def _other_revision(target: Path) -> None:
    path = target / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"revision": "9999"}))


def _other_key(target: Path) -> None:
    path = target / "tables" / "photos.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    columns = next(
        t["columns"] for t in json.loads((target / "manifest.json").read_text())["tables"] if t["name"] == "photos"
    )
    rows[0][columns.index("object_key")] = "../../../etc/passwd"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_cut, "is no whole backup: it has no manifest.json"),
        (_other_format, "it is of another format"),
        (_changed_row, r"users.jsonl is not as it was written \(its SHA-256 differs\)"),
        (_changed_object, r"is not as it was written \(its SHA-256 differs\)"),
        (_grown_object, "use another backup"),
        (_other_revision, "the backup's schema is revision 9999"),
        (_other_key, "use another backup"),
    ],
)
async def test_a_backup_that_is_not_what_was_written_fills_nothing(
    kept: Place, target: Path, empty_settings: Empty, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(target)
    elsewhere = empty_settings("sqlite")
    with pytest.raises(BadBackup, match=message):
        await restore(elsewhere, target, quiet)
    assert {name: rows for name, rows in (await contents(elsewhere)).items() if rows and name != "totals"} == {}


async def test_a_damaged_table_is_seen_before_any_object_is_stored(
    embedded: Place, target: Path, empty_settings: Empty
) -> None:
    await saved(embedded, target)
    _changed_row(target)
    elsewhere = empty_settings("sqlite")
    with pytest.raises(BadBackup, match=r"users.jsonl is not as it was written"):
        await restore(elsewhere, target, quiet)
    assert [path for path in (elsewhere.data_dir / "objects").rglob("*") if path.is_file()] == []


async def test_who_writes_while_the_database_is_filled_is_told_to_stop(
    embedded: Place, target: Path, empty_settings: Empty, monkeypatch: pytest.MonkeyPatch
) -> None:
    await saved(embedded, target)
    elsewhere = empty_settings("postgresql")
    emptied = repository.empty_totals

    async def written_to_meanwhile(transaction: Executor) -> None:
        users = next(table for table in read_manifest(target).tables if table.name == "users")
        (row, *_), *_ = read_table(target, users, 1)
        async with opened_place(elsewhere) as place, place.database.transaction() as another:
            await repository.insert(another, "users", users.columns, [row])
        await emptied(transaction)

    monkeypatch.setattr(repository, "empty_totals", written_to_meanwhile)
    with pytest.raises(BadBackup, match="written to while it was filled, and is as it was: stop the service"):
        await restore(elsewhere, target, quiet)
    assert len((await contents(elsewhere))["users"]) == 1


async def test_without_copies_the_storage_must_have_the_objects(
    embedded: Place, target: Path, empty_settings: Empty
) -> None:
    manifest = await saved(embedded, target, objects="check")
    assert (manifest.object_count, list((target / "objects").iterdir())) == (3, [])
    elsewhere = empty_settings("sqlite")
    with pytest.raises(BadBackup, match="the backup has no objects, and the storage lacks"):
        await restore(elsewhere, target, quiet)
    shutil.rmtree(elsewhere.data_dir / "objects")
    shutil.copytree(embedded.settings.data_dir / "objects", elsewhere.data_dir / "objects")
    await restore(elsewhere, target, quiet)
    assert await passes_the_audit(elsewhere)


async def test_a_backup_without_copies_tells_what_storage_lacks(embedded: Place, target: Path) -> None:
    short, missing, _ = embedded.objects()
    short.write_bytes(b"?")
    missing.unlink()
    assert sorted((await saved(embedded, target, objects="check")).lost) == sorted([short.name, missing.name])
