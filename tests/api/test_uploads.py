"""From the announcement of a photo to its confirmation, through the whole service."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.support.ports import wait_until
from tests.support.service import Service, Start, User
from tests.unit.photos import pictures

from photo_api.storage import outbox

UNKNOWN = "01890000-0000-7000-8000-000000000000"
JPEG = pictures.picture()
OTHER_JPEG = pictures.picture(seed=1)
Json = dict[str, Any]


async def announce(service: Service, user: User, album: str, content: bytes, **changes: Any) -> httpx.Response:
    declared = {
        "album_id": album,
        "filename": "beach.jpg",
        "content_type": "image/jpeg",
        "file_size": len(content),
    }
    return await service.client.post("/photos/presigned-url", json=declared | changes, headers=user.headers)


async def announced(service: Service, user: User, album: str, content: bytes = JPEG, **changes: Any) -> Json:
    answer = await announce(service, user, album, content, **changes)
    assert answer.status_code == 200, answer.text
    upload: Json = answer.json()
    return upload


async def put(
    service: Service, upload: Json, content: bytes = JPEG, *, headers: dict[str, str] | None = None
) -> httpx.Response:
    return await service.client.put(upload["upload_url"], content=content, headers=headers or upload["upload_headers"])


async def confirm(service: Service, user: User, upload: Json) -> httpx.Response:
    return await service.client.post("/photos/confirm", json={"photo_id": upload["photo_id"]}, headers=user.headers)


async def uploaded(service: Service, user: User, content: bytes = JPEG, **changes: Any) -> Json:
    upload = await announced(service, user, await service.album(user), content, **changes)
    answer = await put(service, upload, content)
    assert answer.status_code == 200, answer.text
    return upload


async def photo_ids(service: Service, user: User) -> list[str]:
    answer = await service.client.get("/photos/", headers=user.headers)
    return [item["id"] for item in answer.json()["items"]]


async def totals(service: Service) -> tuple[float, float]:
    """Photos and bytes: as the metrics tell after reading the database again."""
    await service.components.business_metrics.publish()
    return (
        await service.metric("photo_api_photos_total"),
        await service.metric("photo_api_object_storage_usage_bytes"),
    )


async def bytes_of(service: Service, user: User) -> int:
    row = await service.components.database.fetch_one("SELECT photo_bytes FROM users WHERE id = $1", user.id)
    assert row is not None
    size: int = row["photo_bytes"]
    return size


async def fetched(service: Service) -> float:
    """How many uploads were fetched to be verified."""
    name = "photo_api_external_operation_duration_seconds_count"
    return await service.metric(name, service="object_storage", operation="download")


async def expire(service: Service, upload: Json) -> None:
    """Let a photo's time to be confirmed be over."""
    async with service.components.database.transaction() as transaction:
        await transaction.execute("UPDATE photos SET pending_until_ms = 1 WHERE id = $1", upload["photo_id"])


def stored(service: Service) -> list[Path]:
    return [path for path in (service.settings.data_dir / "objects").rglob("*") if path.is_file()]


@pytest.fixture
async def user(service: Service) -> User:
    return await service.register()


@pytest.fixture
async def album(service: Service, user: User) -> str:
    return await service.album(user)


async def test_the_announcement_says_where_and_how_to_upload(service: Service, user: User, album: str) -> None:
    upload = await announced(service, user, album)
    assert upload["upload_method"] == "PUT"
    assert upload["upload_headers"] == {"Content-Type": "image/jpeg"}
    assert upload["upload_url"].startswith(f"/storage/{upload['object_key']}?")
    assert upload["expires_in"] == 900
    assert "beach" not in str(upload)


async def test_the_upload_url_is_not_built_from_the_host_header(service: Service, user: User, album: str) -> None:
    service.client.headers["Host"] = "evil.example"
    assert (await announced(service, user, album))["upload_url"].startswith("/storage/")


async def test_with_a_public_url_the_upload_url_begins_with_it(start: Start) -> None:
    async with start(public_url="https://photos.example.com") as service:
        user = await service.register()
        upload = await announced(service, user, await service.album(user))
        assert upload["upload_url"].startswith("https://photos.example.com/storage/")


async def test_the_upload_url_does_not_outlive_the_time_to_confirm(start: Start) -> None:
    async with start(pending_photo_seconds=60, upload_url_seconds=900) as service:
        user = await service.register()
        assert (await announced(service, user, await service.album(user)))["expires_in"] == 60


@pytest.mark.parametrize(
    "changes",
    [
        {"filename": ""},
        {"filename": "x" * 256},
        {"filename": "a\0b"},
        {"filename": "a\nb"},
        {"filename": "\ud800"},
        {"filename": None},
        {"content_type": "image/svg+xml"},
        {"content_type": "image/tiff"},
        {"content_type": "IMAGE/JPEG"},
        {"file_size": 0},
        {"file_size": -1},
        {"file_size": "10"},
        {"file_size": 2**63},
        {"checksum_sha256": "abc"},
        {"checksum_sha256": "z" * 64},
        {"title": ""},
        {"title": "x" * 201},
        {"description": "x" * 4_001},
        {"description": "a\0b"},
        {"album_id": "../x"},
        {"object_key": "mine"},
    ],
    ids=str,
)
async def test_a_field_out_of_bounds_is_refused_by_name(
    service: Service, user: User, album: str, changes: Json
) -> None:
    declared = {"album_id": album, "filename": "a.jpg", "content_type": "image/jpeg", "file_size": 5} | changes
    answer = await service.client.post(
        "/photos/presigned-url",
        content=json.dumps(declared),
        headers=user.headers | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 422, answer.text
    assert [error["field"].rpartition(".")[2] for error in answer.json()["errors"]] == list(changes)


async def test_more_than_the_limit_is_refused_at_the_announcement(start: Start) -> None:
    async with start(max_photo_bytes=2_000) as service:
        user = await service.register()
        album = await service.album(user)
        assert (await announce(service, user, album, bytes(2_000))).status_code == 200
        assert (await announce(service, user, album, bytes(2_001))).status_code == 413


async def test_a_foreign_or_unknown_album_is_not_found(service: Service, user: User, album: str) -> None:
    stranger = await service.register()
    assert (await announce(service, stranger, album, JPEG)).status_code == 404
    assert (await announce(service, user, UNKNOWN, JPEG)).status_code == 404


async def test_before_confirm_a_photo_is_neither_visible_nor_counted(service: Service, user: User) -> None:
    upload = await uploaded(service, user)
    photo = f"/photos/{upload['photo_id']}"
    assert (await service.client.get(photo, headers=user.headers)).status_code == 404
    assert (await service.client.get(photo + "/image", headers=user.headers)).status_code == 404
    assert (await service.client.patch(photo, json={"title": "x"}, headers=user.headers)).status_code == 404
    assert (await service.client.delete(photo, headers=user.headers)).status_code == 404
    assert await photo_ids(service, user) == []
    assert await totals(service) == (0, 0)


async def test_confirm_shows_and_counts_the_photo_and_joins_the_album(service: Service, user: User, album: str) -> None:
    upload = await announced(service, user, album, title="The beach", description="Early")
    await put(service, upload)
    answer = await confirm(service, user, upload)
    assert answer.status_code == 200
    photo = answer.json()
    assert photo | {"created_at": "", "confirmed_at": ""} == {
        "id": upload["photo_id"],
        "filename": "beach.jpg",
        "content_type": "image/jpeg",
        "file_size": len(JPEG),
        "width": 64,
        "height": 48,
        "title": "The beach",
        "description": "Early",
        "checksum_sha256": hashlib.sha256(JPEG).hexdigest(),
        "created_at": "",
        "confirmed_at": "",
    }
    assert photo["created_at"].endswith("Z")
    assert await photo_ids(service, user) == [upload["photo_id"]]
    inside = (await service.client.get(f"/albums/{album}/photos", headers=user.headers)).json()["items"]
    assert [item["id"] for item in inside] == [upload["photo_id"]]
    assert await service.metric("photo_api_photos_total") == 1  # at once, before the database was read again
    assert await totals(service) == (1, len(JPEG))
    assert await bytes_of(service, user) == len(JPEG)


@pytest.mark.parametrize("content_type", pictures.FORMATS)
async def test_each_format_comes_back_unchanged(service: Service, user: User, content_type: str) -> None:
    content = pictures.picture(content_type)
    upload = await uploaded(service, user, content, content_type=content_type)
    assert (await confirm(service, user, upload)).status_code == 200
    image = await service.client.get(f"/photos/{upload['photo_id']}/image", headers=user.headers)
    assert image.content == content
    assert image.headers["Content-Type"] == content_type


async def test_confirming_again_gives_the_same_answer_and_counts_once(service: Service, user: User) -> None:
    upload = await uploaded(service, user)
    first, second = await confirm(service, user, upload), await confirm(service, user, upload)
    assert second.status_code == 200
    assert second.json() == first.json()
    assert await totals(service) == (1, len(JPEG))


async def test_confirming_many_times_at_once_counts_once(service: Service, user: User) -> None:
    upload = await uploaded(service, user)
    answers = await asyncio.gather(*(confirm(service, user, upload) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.text for answer in answers}) == 1
    assert await service.metric("photo_api_photos_total") == 1
    assert await totals(service) == (1, len(JPEG))
    assert await bytes_of(service, user) == len(JPEG)


async def test_confirming_before_the_upload_is_a_conflict(service: Service, user: User, album: str) -> None:
    upload = await announced(service, user, album)
    assert (await confirm(service, user, upload)).status_code == 409
    await put(service, upload)
    assert (await confirm(service, user, upload)).status_code == 200


async def test_a_foreign_upload_cannot_be_confirmed(service: Service, user: User) -> None:
    upload = await uploaded(service, user)
    assert (await confirm(service, await service.register(), upload)).status_code == 404


async def test_a_photo_whose_time_is_over_is_gone(service: Service, user: User) -> None:
    upload = await uploaded(service, user)
    await expire(service, upload)
    assert (await confirm(service, user, upload)).status_code == 410
    assert await totals(service) == (0, 0)


@pytest.mark.parametrize(
    ("declared_type", "content"),
    [
        ("image/jpeg", pictures.picture("image/png")),
        ("image/png", JPEG),
        ("image/jpeg", JPEG[: len(JPEG) // 2]),
        ("image/jpeg", b"\0"),
        ("image/jpeg", pictures.SVG),
        ("image/gif", pictures.HTML_AS_GIF),
        ("image/jpeg", pictures.other_format("TIFF")),
        ("image/png", pictures.png(60_000, 60_000, bytes(1_000_000))),
        ("image/webp", pictures.webp(16_000, 16_000)),
        ("image/jpeg", pictures.jpeg_claiming(65_000, 65_000)),
    ],
    ids=["png as jpeg", "jpeg as png", "truncated", "zero", "svg", "html", "tiff", "bomb", "canvas", "dimensions"],
)
async def test_hostile_content_is_refused_and_nothing_of_it_stays(
    service: Service, user: User, declared_type: str, content: bytes
) -> None:
    upload = await uploaded(service, user, content, content_type=declared_type)
    answer = await confirm(service, user, upload)
    assert answer.status_code == 422
    assert answer.json()["title"] == "Content rejected"
    assert stored(service) == []
    assert await totals(service) == (0, 0)
    assert await service.metric("photo_api_exceptions_total") == 0
    assert (await service.client.get("/health")).status_code == 200


async def test_a_refused_upload_can_be_replaced_while_the_url_is_good(service: Service, user: User) -> None:
    broken = JPEG[:-100] + bytes(100)
    upload = await uploaded(service, user, broken[:200] + bytes(len(JPEG) - 200))
    assert (await confirm(service, user, upload)).status_code == 422
    assert (await confirm(service, user, upload)).status_code == 409
    assert (await put(service, upload, JPEG)).status_code == 200
    assert (await confirm(service, user, upload)).status_code == 200


async def test_a_wrong_checksum_is_refused(service: Service, user: User) -> None:
    upload = await uploaded(service, user, checksum_sha256="0" * 64)
    answer = await confirm(service, user, upload)
    assert answer.status_code == 422
    assert "SHA-256" in answer.json()["detail"]


async def test_a_right_checksum_in_any_case_is_accepted(service: Service, user: User) -> None:
    checksum = hashlib.sha256(JPEG).hexdigest().upper()
    upload = await uploaded(service, user, checksum_sha256=checksum)
    assert (await confirm(service, user, upload)).status_code == 200


async def test_a_picture_that_is_a_page_as_well_is_served_as_a_picture_only(service: Service, user: User) -> None:
    content = pictures.html_in_a_jpeg()
    upload = await uploaded(service, user, content, filename="page.html")
    assert (await confirm(service, user, upload)).status_code == 200
    image = await service.client.get(f"/photos/{upload['photo_id']}/image", headers=user.headers)
    assert image.headers["Content-Type"] == "image/jpeg"
    assert image.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in image.headers["Content-Security-Policy"]


async def test_after_confirm_the_upload_url_is_dead(service: Service, user: User) -> None:
    upload = await uploaded(service, user)
    await confirm(service, user, upload)
    assert (await put(service, upload, OTHER_JPEG[: len(JPEG)].ljust(len(JPEG), b"\0"))).status_code == 409
    image = await service.client.get(f"/photos/{upload['photo_id']}/image", headers=user.headers)
    assert image.content == JPEG


async def test_uploads_racing_with_confirm_never_change_what_was_verified(service: Service, user: User) -> None:
    """Whoever wins, the served bytes are a picture: the hostile ones of the same length never are."""
    hostile = pictures.SVG.ljust(len(JPEG), b" ")
    for _ in range(5):
        upload = await uploaded(service, user)
        confirmed, *_ = await asyncio.gather(
            confirm(service, user, upload), *(put(service, upload, hostile) for _ in range(4))
        )
        image = await service.client.get(f"/photos/{upload['photo_id']}/image", headers=user.headers)
        if confirmed.status_code == 200:
            assert image.content == JPEG
        else:
            assert confirmed.status_code in {409, 422}
            assert image.status_code == 404


async def test_the_album_may_be_gone_by_the_time_of_the_confirm(service: Service, user: User, album: str) -> None:
    upload = await announced(service, user, album)
    await put(service, upload)
    await service.client.delete(f"/albums/{album}", headers=user.headers)
    assert (await confirm(service, user, upload)).status_code == 200
    assert await photo_ids(service, user) == [upload["photo_id"]]


@pytest.mark.parametrize(
    ("tamper", "status"),
    [
        (lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"), 403),
        (lambda url: url.replace("/storage/", "/storage/x"), 403),
        (lambda url: url.replace("expires=", "expires=9"), 403),
        (lambda url: url.partition("&signature")[0], 422),
        (lambda url: url.partition("?")[0], 422),
    ],
    ids=["signature", "key", "expiry", "unsigned", "bare"],
)
async def test_a_tampered_upload_url_stores_nothing(
    service: Service, user: User, album: str, tamper: Callable[[str], str], status: int
) -> None:
    upload = await announced(service, user, album)
    answer = await put(service, upload | {"upload_url": tamper(upload["upload_url"])})
    assert answer.status_code == status
    assert stored(service) == []


async def test_another_type_or_length_than_declared_is_forbidden(service: Service, user: User, album: str) -> None:
    upload = await announced(service, user, album)
    assert (await put(service, upload, JPEG + b"x")).status_code == 403
    assert (await put(service, upload, JPEG[:-1])).status_code == 403
    assert (await put(service, upload, headers={"Content-Type": "image/png"})).status_code == 403
    assert stored(service) == []


async def test_an_upload_without_content_length_is_refused(service: Service, user: User, album: str) -> None:
    async def streamed() -> AsyncIterator[bytes]:
        yield JPEG

    upload = await announced(service, user, album)
    answer = await service.client.put(upload["upload_url"], content=streamed(), headers=upload["upload_headers"])
    assert answer.status_code == 411


async def test_a_body_shorter_than_declared_stores_nothing(service: Service, user: User, album: str) -> None:
    async def short() -> AsyncIterator[bytes]:
        yield JPEG[:-1]

    upload = await announced(service, user, album)
    headers = upload["upload_headers"] | {"Content-Length": str(len(JPEG))}
    answer = await service.client.put(upload["upload_url"], content=short(), headers=headers)
    assert answer.status_code == 400
    assert stored(service) == []


async def test_an_upload_url_needs_no_account_and_no_other_method_works(
    service: Service, user: User, album: str
) -> None:
    upload = await announced(service, user, album)
    for method in ("GET", "POST", "DELETE"):
        assert (await service.client.request(method, upload["upload_url"])).status_code == 405
    assert (await put(service, upload)).status_code == 200


async def test_storage_that_is_away_is_503_and_not_a_fault_of_the_client(
    service: Service, user: User, album: str
) -> None:
    upload = await announced(service, user, album)
    objects = service.settings.data_dir / "objects"
    objects.rename(objects.with_name("unmounted"))
    errors = await service.metric("photo_api_external_request_errors_total", service="object_storage")
    answer = await put(service, upload)
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert (await confirm(service, user, upload)).status_code == 503
    assert await service.metric("photo_api_external_request_errors_total", service="object_storage") >= errors + 2
    objects.with_name("unmounted").rename(objects)
    assert (await put(service, upload)).status_code == 200
    assert (await confirm(service, user, upload)).status_code == 200


async def test_a_confirm_cut_off_between_sealing_and_committing_can_be_repeated(service: Service, user: User) -> None:
    upload = await uploaded(service, user)
    storage = service.components.storage
    sealed = await storage.head_upload(upload["object_key"])
    assert sealed is not None
    await storage.seal(sealed, "image/jpeg")
    assert (await confirm(service, user, upload)).status_code == 200
    image = await service.client.get(f"/photos/{upload['photo_id']}/image", headers=user.headers)
    assert image.content == JPEG


async def test_the_reaper_removes_what_was_not_confirmed_and_nothing_else(service: Service, user: User) -> None:
    kept, expired, confirmed = [await uploaded(service, user) for _ in range(3)]
    await confirm(service, user, confirmed)
    await expire(service, expired)
    assert len(stored(service)) == 3
    await service.components.photos.reap()
    assert sorted(path.name.partition("~")[0] for path in stored(service)) == sorted(
        [kept["object_key"], confirmed["object_key"]]
    )
    assert (await confirm(service, user, expired)).status_code == 404
    assert (await confirm(service, user, kept)).status_code == 200
    assert await totals(service) == (2, 2 * len(JPEG))


async def test_the_reaper_works_in_batches_and_in_several_places_at_once(service: Service, user: User) -> None:
    album = await service.album(user)
    uploads = await asyncio.gather(*(announced(service, user, album) for _ in range(230)))
    async with service.components.database.transaction() as transaction:
        await transaction.execute("UPDATE photos SET pending_until_ms = 1")
    await asyncio.gather(*(service.components.photos.reap() for _ in range(3)))
    assert len(uploads) == 230
    assert await service.components.database.fetch_all("SELECT * FROM photos") == []
    assert await service.components.database.fetch_all("SELECT * FROM object_deletions") == []


async def test_an_upload_confirmed_while_it_is_reaped_is_either_there_or_gone(service: Service, user: User) -> None:
    for _ in range(5):
        upload = await uploaded(service, user)
        confirming = asyncio.create_task(confirm(service, user, upload))
        await asyncio.sleep(0.01)
        await expire(service, upload)
        await service.components.photos.reap()
        status = (await confirming).status_code
        await service.components.photos.reap()
        image = await service.client.get(f"/photos/{upload['photo_id']}/image", headers=user.headers)
        there = [path for path in stored(service) if path.name == upload["object_key"]]
        assert (status, image.status_code, len(there)) in {(200, 200, 1), (410, 404, 0), (404, 404, 0), (409, 404, 0)}


async def test_what_expires_while_it_is_verified_is_gone_and_leaves_nothing_even_if_it_was_sealed(
    service: Service, user: User
) -> None:
    await confirm(service, user, await uploaded(service, user))
    (worker,) = (p for p in psutil.Process().children() if "photo_api.photos.decoding" in p.cmdline())
    upload = await uploaded(service, user)
    worker.suspend()
    confirming = asyncio.create_task(confirm(service, user, upload))
    await asyncio.to_thread(
        wait_until, lambda: any(path.parent.name == "temp" for path in stored(service)), "the verification's begin"
    )
    await expire(service, upload)
    await service.components.photos.reap()
    assert (await put(service, upload)).status_code == 200  # the same bytes again, so that sealing finds them
    worker.resume()
    assert (await confirming).status_code == 410
    await service.components.photos.reap()
    assert len(stored(service)) == 1
    assert await totals(service) == (1, len(JPEG))


async def test_one_users_many_confirmations_are_429_while_another_user_is_served(start: Start) -> None:
    """With one worker half of the 16 places are his; the refused upload stays, and is confirmed later."""
    async with start(verifier_workers=1, verifier_timeout_seconds=60) as service:
        heavy, other = await service.register(), await service.register()
        await confirm(service, other, await uploaded(service, other))
        (worker,) = (p for p in psutil.Process().children() if "photo_api.photos.decoding" in p.cmdline())
        uploads = [await uploaded(service, heavy) for _ in range(9)]
        others = await uploaded(service, other)
        worker.suspend()
        confirming = [asyncio.create_task(confirm(service, heavy, upload)) for upload in uploads]
        refused, _ = await asyncio.wait(confirming, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        others_confirming = asyncio.create_task(confirm(service, other, others))
        worker.resume()
        answers = await asyncio.gather(*confirming)
        assert (await others_confirming).status_code == 200
        assert sorted(answer.status_code for answer in answers) == [200] * 8 + [429]
        assert await fetched(service) == 1 + 8 + 1  # what is refused is not fetched
        (refusal,) = refused
        assert refusal.result().headers["Retry-After"] == "5"
        assert (await confirm(service, heavy, uploads[confirming.index(refusal)])).status_code == 200
        assert len(await photo_ids(service, heavy)) == 9


async def test_of_two_confirms_with_different_uploads_the_later_shows_what_the_earlier_confirmed(start: Start) -> None:
    async with start(verifier_workers=2, verifier_timeout_seconds=60) as service:
        user = await service.register()
        await confirm(service, user, await uploaded(service, user))
        (worker,) = (p for p in psutil.Process().children() if "photo_api.photos.decoding" in p.cmdline())
        upload = await uploaded(service, user, JPEG + b"1")
        idle = service.components.verifier._idle
        worker.suspend()
        overtaken = asyncio.create_task(confirm(service, user, upload))
        await asyncio.to_thread(wait_until, lambda: not idle, "the first verification's begin")
        assert (await put(service, upload, JPEG + b"2")).status_code == 200
        first = await confirm(service, user, upload)
        worker.resume()
        answer = await overtaken
        assert (first.status_code, answer.status_code) == (200, 200)
        assert answer.json() == first.json()


async def test_of_several_instances_one_takes_a_deletion(service: Service) -> None:
    database = service.components.database
    async with database.transaction() as transaction:
        await outbox.enqueue(transaction, UNKNOWN, 1_000)
        await outbox.enqueue(transaction, UNKNOWN, 2_000)
    (row,) = await outbox.due(database, 2_000, 10)
    async with database.transaction() as transaction:
        assert await outbox.claim(transaction, row, 2_000)
        assert not await outbox.claim(transaction, row, 2_000)
    assert await outbox.due(database, 2_000 + outbox.FIRST_RETRY_MS - 1, 10) == []


async def test_a_deletion_is_tried_ever_more_rarely_but_at_least_every_hour(service: Service) -> None:
    database = service.components.database
    async with database.transaction() as transaction:
        await outbox.enqueue(transaction, UNKNOWN, 0)
    waits = []
    now = 0
    for _ in range(12):
        (row,) = await database.fetch_all("SELECT * FROM object_deletions")
        now = row["next_attempt_ms"]
        async with database.transaction() as transaction:
            assert await outbox.claim(transaction, row, now)
        (row,) = await database.fetch_all("SELECT * FROM object_deletions")
        waits.append(row["next_attempt_ms"] - now)
    assert waits[:3] == [15_000, 30_000, 60_000]
    assert waits[-1] == 3_600_000
    assert waits == sorted(waits)


async def test_a_deletion_that_fails_is_tried_again_later(service: Service, user: User) -> None:
    upload = await uploaded(service, user)
    await confirm(service, user, upload)
    await service.client.delete(f"/photos/{upload['photo_id']}", headers=user.headers)
    objects = service.settings.data_dir / "objects"
    objects.rename(objects.with_name("unmounted"))
    with pytest.raises(Exception, match="Storage"):
        await service.components.photos.reap()
    objects.with_name("unmounted").rename(objects)
    (waiting,) = await service.components.database.fetch_all("SELECT attempts, next_attempt_ms FROM object_deletions")
    assert waiting["attempts"] == 1
    await service.components.photos.reap()  # not due yet
    assert len(stored(service)) == 1
    async with service.components.database.transaction() as transaction:
        await transaction.execute("UPDATE object_deletions SET next_attempt_ms = 1")
    await service.components.photos.reap()
    assert stored(service) == []
    assert await service.components.database.fetch_all("SELECT * FROM object_deletions") == []
