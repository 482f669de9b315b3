"""``photo-api audit``, on both databases."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
from aiohttp import web
from tests.support.filled import Place, add_photo, fill, opened_place, seal

from photo_api.business_metrics import totals
from photo_api.business_metrics.publisher import BusinessMetricsPublisher
from photo_api.business_metrics.totals import Change
from photo_api.config import ConfigurationError, Settings
from photo_api.errors import DatabaseUnavailable, Unavailable
from photo_api.ids import new_id, now_ms
from photo_api.operations import audit_metrics, audit_objects, audit_totals
from photo_api.operations.audit import Wanted, audit
from photo_api.operations.findings import Findings, Kind
from photo_api.operations.lock import exclusive
from photo_api.operations.parts import unpublished
from photo_api.share_links import repository as links
from photo_api.storage import outbox
from photo_api.storage.base import StoredObject
from photo_api.storage.files import NotThere, ObjectFiles
from photo_api.storage.filesystem import FileSystemStorage
from photo_metrics.exposition import render_text


async def audited(place: Place, **wanted: Any) -> Findings:
    return await audit(place.settings, Wanted(**wanted), lambda what, number: None)


async def told(place: Place, **wanted: Any) -> dict[str, int]:
    return {kind.value: count for kind, count in (await audited(place, **wanted)).counts.items()}


async def sql(place: Place, statement: str) -> None:
    """Change the database behind the service's back."""
    url = place.settings.resolved_database_url
    if url.startswith("sqlite:///"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        with connection:
            connection.execute(statement)
        connection.close()
        return
    postgresql = await asyncpg.connect(url)
    await postgresql.execute(statement)
    await postgresql.close()


async def first_user(place: Place) -> str:
    """The one who has photos."""
    row = await place.database.fetch_one("SELECT id FROM users WHERE photo_bytes > 0")
    assert row is not None
    return str(row["id"])


async def test_what_only_the_service_changed_has_no_finding(place: Place) -> None:
    findings = await audited(place, orphan_seconds=0)
    assert findings.counts == {}
    assert findings.ok
    stored = sum(path.stat().st_size for path in place.objects())
    assert findings.checked == {
        "users": 2,
        "photos": 3,
        "albums": 2,
        "share links": 1,
        "objects": 3,
        "bytes stored": stored,
    }


async def test_totals_that_are_wrong_are_found_and_repaired(place: Place) -> None:
    await sql(place, "UPDATE totals SET photos = photos + 7, users = users - 1 WHERE shard = 3")
    await sql(place, "UPDATE users SET photo_bytes = 5 WHERE photo_bytes > 0")
    await sql(place, "UPDATE albums SET active_links = 4")
    await sql(place, "UPDATE active_user_days SET users = users + 2")
    wrong = {"total": 2, "user_bytes": 1, "album_links": 2, "active_day": 1}
    found = await audited(place)
    assert {kind.value: count for kind, count in found.counts.items()} == wrong
    assert not found.ok
    repaired = await audited(place, fix=True)
    assert repaired.ok
    assert {kind.value: count for kind, count in repaired.repaired.items() if count} == wrong
    assert await told(place) == {}


async def test_a_day_whose_users_are_in_other_shards_is_told_so(embedded: Place) -> None:
    await sql(embedded, "UPDATE active_user_days SET users = 0")
    day = totals.today()
    findings = await audited(embedded)
    assert findings.told[Kind.ACTIVE_DAY] == [f"day {day} (since 1970) is said to have 0 active users, it has 2"]
    await sql(
        embedded, "INSERT INTO active_user_days (day, shard, users) SELECT day, max(shard) + 1, 2 FROM active_user_days"
    )
    [line] = (await audited(embedded, fix=True)).told[Kind.ACTIVE_DAY]
    assert line.endswith("to have 2 active users, it has 2, but not in the shards that these users are in")
    assert (await audited(embedded)).ok


async def test_rows_of_the_totals_that_are_gone_are_made_again(place: Place) -> None:
    await sql(place, "DELETE FROM totals")
    await sql(place, "DELETE FROM active_user_days")
    assert (await audited(place, fix=True)).ok
    assert await told(place) == {}


async def test_repairs_are_right_while_others_write(place: Place) -> None:
    owner = await first_user(place)
    await sql(place, "UPDATE totals SET photos = photos + 100, photo_bytes = photo_bytes - 3")
    await sql(place, "UPDATE users SET photo_bytes = photo_bytes + 1000")
    stop = asyncio.Event()

    async def traffic() -> int:
        added = 0
        while not stop.is_set():
            await add_photo(place, owner, b"x" * (added + 1))
            added += 1
        return added

    writing = asyncio.create_task(traffic())
    findings = await audited(place, fix=True)
    stop.set()
    assert await writing > 0
    assert findings.ok
    assert await told(place) == {}


async def test_only_one_repairs_at_a_time(place: Place) -> None:
    """Two would both add the difference that both saw."""
    async with exclusive(place.settings):
        with pytest.raises(DatabaseUnavailable) as refused:
            await audited(place, fix=True)
        assert "another photo-api audit --fix" in str(refused.value.detail)
        assert (await audited(place)).ok
    assert (await audited(place, fix=True)).ok


async def test_the_lock_s_idle_session_is_not_ended_by_the_server(
    postgresql_server: str, empty_settings: Callable[[str], Settings]
) -> None:
    settings = empty_settings("postgresql")
    url = settings.resolved_database_url
    name = url.rsplit("/", 1)[1]
    server = await asyncpg.connect(postgresql_server)
    await server.execute(f"ALTER DATABASE {name} SET idle_session_timeout = '50ms'")
    async with exclusive(settings) as held:
        await asyncio.sleep(0.2)
        await held.confirm()
        with pytest.raises(DatabaseUnavailable):
            async with exclusive(settings):
                pass
    await server.close()


async def test_nothing_is_repaired_without_the_lock(
    postgresql_server: str, empty_settings: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection ended while the audit looked: another may repair by now."""
    settings = empty_settings("postgresql")
    repair = audit_totals.repair

    async def without_lock(*arguments: Any) -> None:
        server = await asyncpg.connect(postgresql_server)
        await server.execute(
            "SELECT pg_terminate_backend(l.pid, 10000) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE l.locktype = 'advisory' AND d.datname = $1",
            settings.resolved_database_url.rsplit("/", 1)[1],
        )
        await server.close()
        await repair(*arguments)

    monkeypatch.setattr(audit_totals, "repair", without_lock)
    async with opened_place(settings) as place:
        await fill(place)
        await sql(place, "UPDATE totals SET photos = photos + 7 WHERE shard = 3")
        with pytest.raises(DatabaseUnavailable, match="the lock of photo-api audit --fix and restore was lost"):
            await audited(place, fix=True)
        assert await told(place) == {"total": 1}


async def test_an_album_shared_while_its_links_are_repaired_is_counted_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number of links was too small by one, and another link is made between the snapshot and the repair."""
    await sql(place, "UPDATE albums SET active_links = 0 WHERE active_links = 1")
    await sql(place, "UPDATE totals SET albums_shared = 0")
    album = await place.database.fetch_one("SELECT album_id, owner_id FROM share_links")
    assert album is not None
    repair = audit_totals.repair

    async def after_another(*arguments: Any) -> None:
        async with place.database.transaction() as tx:
            active = await links.add_active_link(tx, album["album_id"], album["owner_id"])
            await tx.execute(
                "INSERT INTO share_links (id, album_id, owner_id, token_hash, created_ms)"
                " VALUES ($1, $2, $3, 'new', 1)",
                new_id(),
                album["album_id"],
                album["owner_id"],
            )
            change = Change(share_links=1, share_links_active=1, albums_shared=int(active == 1))
            await totals.apply(tx, album["owner_id"], change)
        await repair(*arguments)

    monkeypatch.setattr(audit_totals, "repair", after_another)
    assert (await audited(place, fix=True)).ok
    assert await told(place) == {}


async def test_a_photo_without_an_object_is_told_and_never_deleted(embedded: Place) -> None:
    gone = embedded.objects()[0]
    gone.unlink()
    findings = await audited(embedded, fix=True)
    assert not findings.ok
    [(kind, [text])] = findings.told.items()
    assert kind == "object_missing"
    assert gone.name in text
    assert len(await embedded.database.fetch_all("SELECT id FROM photos")) == 3


async def test_an_object_of_another_size_is_told(embedded: Place) -> None:
    path = embedded.objects()[0]
    path.write_bytes(path.read_bytes() + b"more")
    findings = await audited(embedded, fix=True)
    assert not findings.ok
    assert [kind.value for kind in findings.counts] == ["object_size"]


async def test_an_object_without_a_photo_is_left_to_the_outbox(place: Place) -> None:
    orphan = await seal(place.storage, b"nobody's")
    await add_photo(place, await first_user(place), b"newer")
    young = await audited(place, fix=True)
    assert young.counts == {}
    assert young.checked["objects too young to judge"] == 1
    assert await told(place, orphan_seconds=0) == {"object_orphaned": 1}
    assert await outbox.due(place.database, now_ms(), 10) != []
    assert (await audited(place, orphan_seconds=0, fix=True)).ok
    waiting = [row["object_key"] for row in await outbox.due(place.database, now_ms(), 10)]
    assert orphan in waiting
    assert await told(place, orphan_seconds=0) == {}


async def test_a_storage_is_not_emptied_for_the_wrong_database(embedded: Place) -> None:
    for _ in range(21):
        await seal(embedded.storage, b"of another database")
    kept = await audited(embedded, orphan_seconds=0, fix=True)
    assert not kept.ok
    assert kept.remarks[0].startswith("21 of 24 objects have no photo: none is deleted")
    assert kept.remarks[0] in kept.lines()
    assert len(await outbox.due(embedded.database, now_ms(), 100)) == 1
    assert (await audited(embedded, orphan_seconds=0, fix=True, many_orphans=True)).ok
    assert len(await outbox.due(embedded.database, now_ms(), 100)) == 22


async def test_a_small_storage_is_not_emptied_for_an_empty_database(
    embedded: Place, empty_settings: Callable[[str], Settings]
) -> None:
    """Three of three: fewer than any limit of a large storage."""
    empty = empty_settings("sqlite")
    shutil.copytree(embedded.settings.data_dir / "objects", empty.data_dir / "objects", dirs_exist_ok=True)
    async with opened_place(empty) as place:
        findings = await audited(place, orphan_seconds=0, fix=True)
        assert findings.remarks[0].startswith("3 of 3 objects have no photo: none is deleted")
        assert await outbox.due(place.database, now_ms(), 100) == []


async def test_photos_newer_than_an_old_copy_of_the_database_are_not_deleted(embedded: Place) -> None:
    newer = await seal(embedded.storage, b"since the copy was made")
    findings = await audited(embedded, orphan_seconds=0, fix=True)
    assert not findings.ok
    assert findings.remarks[0].startswith(f"object {newer} has no photo and is newer than every row: none is deleted")
    assert newer not in [row["object_key"] for row in await outbox.due(embedded.database, now_ms(), 100)]


async def test_an_object_of_no_key_of_ours_is_never_deleted(embedded: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever of its name could be read as a date."""
    foreign = ["2024", "01234567_0123.jpg", "00000000-0000-4000-8000-000000000000"]
    listed = FileSystemStorage.stored

    async def stored(storage: FileSystemStorage) -> AsyncIterator[StoredObject]:
        for key in foreign:
            yield StoredObject(key, 1, "")
        async for one in listed(storage):
            yield one

    async def there(*_: object) -> bool:
        return True

    monkeypatch.setattr(FileSystemStorage, "stored", stored)
    monkeypatch.setattr(audit_objects, "_is_stored", there)
    findings = await audited(embedded, fix=True, many_orphans=True)
    assert findings.counts[Kind.OBJECT_ORPHANED] == 3
    assert findings.repaired[Kind.OBJECT_ORPHANED] == 0


async def test_a_pending_photo_s_object_is_no_orphan(embedded: Place) -> None:
    """Of a confirm that was cut off between sealing and committing."""
    await sql(embedded, "UPDATE photos SET status = 'pending'")
    assert await told(embedded, orphan_seconds=0) == {"total": 2, "user_bytes": 1}


async def test_without_objects_only_the_database_is_looked_at(embedded: Place) -> None:
    for path in embedded.objects():
        path.unlink()
    findings = await audited(embedded, objects=False)
    assert findings.ok
    assert "objects" not in findings.checked


async def test_findings_are_counted_beyond_those_told(embedded: Place) -> None:
    for _ in range(105):
        await seal(embedded.storage, b"x")
    findings = await audited(embedded, orphan_seconds=0)
    assert findings.as_dict()["findings"][0]["count"] == 105
    lines = findings.lines()
    assert len(lines) == 102
    assert lines[-2] == "object_orphaned: and 5 more"


async def test_a_storage_that_is_away_is_no_finding(embedded: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than three photos without objects."""

    def gone(files: ObjectFiles, shard: str) -> list[StoredObject]:
        raise NotThere(f"{shard} is missing")

    monkeypatch.setattr(ObjectFiles, "sealed_in", gone)
    with pytest.raises(Unavailable):
        await audited(embedded)


class Page:
    """An instance's metrics port, with a recorder of its own."""

    def __init__(self, place: Place) -> None:
        self.text: str | None = None
        self.answers = 0
        self.away = False
        self.recorder = unpublished(place.settings)
        self.publisher = BusinessMetricsPublisher(place.settings, place.database, self.recorder)
        app = web.Application()
        app.router.add_get("/metrics", self._answer)
        self._runner = web.AppRunner(app)

    async def _answer(self, request: web.Request) -> web.Response:
        self.answers += 1
        if self.away and self.answers > 1:
            return web.Response(status=503)
        return web.Response(text=self.text or render_text(self.recorder.registry))

    async def __aenter__(self) -> str:
        await self.publisher.publish()
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


async def test_an_instance_that_publishes_what_there_is_has_no_finding(embedded: Place) -> None:
    async with Page(embedded) as url:
        findings = await audited(embedded, metrics=(url, f"{url}/metrics"))
    assert findings.ok
    assert findings.checked["published totals"] == 2 * len(audit_metrics.GAUGES)


async def test_an_instance_that_publishes_something_else_is_told(embedded: Place) -> None:
    page = Page(embedded)
    async with page as url:
        page.recorder.album_created()
        findings = await audited(embedded, metrics=(url,), metrics_seconds=0)
    assert [kind.value for kind in findings.counts] == ["metric"]
    assert findings.told[next(iter(findings.told))] == [
        f'{url} shows photo_api_albums_total{{type="total"}} 3, the database has 2'
    ]


async def test_the_next_publication_is_waited_for(embedded: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_metrics, "POLL_SECONDS", 0.05)
    page = Page(embedded)
    async with page as url:
        page.recorder.album_created()

        async def publish() -> None:
            await asyncio.sleep(0.2)
            await page.publisher.publish()

        findings, _ = await asyncio.gather(audited(embedded, metrics=(url,), metrics_seconds=20), publish())
    assert findings.ok


async def test_metrics_of_wrong_totals_are_wrong_too(embedded: Place) -> None:
    await sql(embedded, "UPDATE totals SET photos = photos + 7 WHERE shard = 3")
    async with Page(embedded) as url:
        assert await told(embedded, metrics=(url,), metrics_seconds=0) == {"total": 1, "metric": 1}


async def test_an_instance_that_is_away_is_one_line(embedded: Place) -> None:
    with pytest.raises(Unavailable) as away:
        await audited(embedded, metrics=("http://127.0.0.1:9",))
    assert str(away.value.detail).startswith("--metrics: http://127.0.0.1:9 cannot be read")


async def test_an_instance_that_ends_during_the_audit_takes_no_finding_with_it(embedded: Place) -> None:
    await sql(embedded, "UPDATE totals SET photos = photos + 7 WHERE shard = 3")
    page = Page(embedded)
    page.away = True
    async with page as url:
        findings = await audited(embedded, fix=True, metrics=(url,))
    assert findings.repaired[Kind.TOTAL] == 1
    assert not findings.ok
    assert findings.remarks == [f"--metrics: {url} answered 503, not 200; name a metrics port"]
    assert findings.lines()[-1].endswith("all is right, but 1 of the instances could not be compared")


async def test_nothing_is_repaired_where_an_instance_is_named_wrongly(embedded: Place) -> None:
    await sql(embedded, "UPDATE totals SET photos = photos + 7 WHERE shard = 3")
    with pytest.raises(ConfigurationError, match="is no URL"):
        await audited(embedded, fix=True, metrics=("127.0.0.1:9101",))
    assert await told(embedded) == {"total": 1}


@pytest.mark.parametrize("value", ["NaN", "+Inf", "2.5"])
async def test_a_sample_that_is_no_number_of_things_is_told_as_it_is(embedded: Place, value: str) -> None:
    page = Page(embedded)
    async with page as url:
        page.text = render_text(page.recorder.registry).replace(
            'photo_api_albums_total{type="total"} 2.0', f'photo_api_albums_total{{type="total"}} {value}'
        )
        findings = await audited(embedded, metrics=(url,), metrics_seconds=0)
    [[line]] = findings.told.values()
    shown = value.lstrip("+").lower()
    assert line == f'{url} shows photo_api_albums_total{{type="total"}} {shown}, the database has 2'
