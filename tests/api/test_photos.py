"""Showing, changing and deleting photos, and uploading them as a form."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.service import Service, Start, User
from tests.unit.photos import pictures

UNKNOWN = "01890000-0000-7000-8000-000000000000"
JPEG = pictures.picture()
Json = dict[str, Any]


@pytest.fixture
async def user(service: Service) -> User:
    return await service.register()


@pytest.fixture
async def album(service: Service, user: User) -> str:
    return await service.album(user)


@pytest.fixture
async def photo(service: Service, user: User, album: str) -> str:
    return await service.photo(user, JPEG, album_id=album)


async def page(service: Service, user: User, **query: Any) -> Json:
    answer = await service.client.get("/photos/", params=query, headers=user.headers)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def upload(
    service: Service,
    user: User,
    album: str,
    *,
    content: bytes = JPEG,
    content_type: str = "image/jpeg",
    filename: str = "beach.jpg",
    **fields: str,
) -> httpx.Response:
    return await service.client.post(
        "/photos/",
        data={"album_id": album, **fields},
        files={"file": (filename, content, content_type)},
        headers=user.headers,
    )


async def totals(service: Service) -> tuple[float, float]:
    await service.components.business_metrics.publish()
    return (
        await service.metric("photo_api_photos_total"),
        await service.metric("photo_api_object_storage_usage_bytes"),
    )


def stored(service: Service) -> list[Path]:
    return [path for path in (service.settings.data_dir / "objects").rglob("*") if path.is_file()]


async def test_a_photo_is_shown_to_its_owner_alone(service: Service, user: User, photo: str) -> None:
    answer = await service.client.get(f"/photos/{photo}", headers=user.headers)
    assert answer.status_code == 200
    assert answer.json()["id"] == photo
    stranger = await service.register()
    for method in ("GET", "PATCH", "DELETE"):
        foreign = await service.client.request(
            method, f"/photos/{photo}", json={} if method == "PATCH" else None, headers=stranger.headers
        )
        assert foreign.status_code == 404
    assert (await service.client.get(f"/photos/{photo}", headers=user.headers)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/photos/"),
        ("POST", "/photos/"),
        ("POST", "/photos/presigned-url"),
        ("POST", "/photos/confirm"),
        ("GET", f"/photos/{UNKNOWN}"),
        ("PATCH", f"/photos/{UNKNOWN}"),
        ("DELETE", f"/photos/{UNKNOWN}"),
        ("GET", f"/photos/{UNKNOWN}/image"),
        ("HEAD", f"/photos/{UNKNOWN}/image"),
    ],
)
async def test_nothing_works_without_an_access_token(service: Service, method: str, path: str) -> None:
    assert (await service.client.request(method, path)).status_code == 401


@pytest.mark.parametrize("photo_id", ["x", "1", UNKNOWN.upper(), "..%2f..", UNKNOWN + "0"])
async def test_what_is_no_id_is_refused(service: Service, user: User, photo_id: str) -> None:
    assert (await service.client.get(f"/photos/{photo_id}", headers=user.headers)).status_code in {404, 422}


async def test_pages_go_from_new_to_old_and_miss_nothing(service: Service, user: User, album: str) -> None:
    made = [await service.photo(user, JPEG, album_id=album) for _ in range(5)]
    seen: list[str] = []
    cursor: Json = {}
    while True:
        found = await page(service, user, limit=2, **cursor)
        assert len(found["items"]) <= 2
        seen += [item["id"] for item in found["items"]]
        if found["next_cursor"] is None:
            break
        cursor = {"cursor": found["next_cursor"]}
    assert seen == made[::-1]


async def test_a_page_shows_no_photo_of_another(service: Service, photo: str) -> None:
    stranger = await service.register()
    assert photo
    assert (await page(service, stranger)) == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"cursor": "x"}])
async def test_bad_paging_is_refused(service: Service, user: User, query: Json) -> None:
    assert (await service.client.get("/photos/", params=query, headers=user.headers)).status_code == 422


async def test_texts_can_be_changed_left_and_cleared(service: Service, user: User, photo: str) -> None:
    async def change(**body: Any) -> tuple[Any, Any]:
        answer = await service.client.patch(f"/photos/{photo}", json=body, headers=user.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["title"], answer.json()["description"]

    assert await change(title="제주", description="바다") == ("제주", "바다")
    assert await change(title="Jeju") == ("Jeju", "바다")
    assert await change(description=None) == ("Jeju", None)
    assert await change() == ("Jeju", None)


@pytest.mark.parametrize(
    "body", [{"title": ""}, {"title": "x" * 201}, {"filename": "x"}, {"title": 5}, {"description": "\0"}, []]
)
async def test_a_bad_change_is_refused(service: Service, user: User, photo: str, body: Any) -> None:
    answer = await service.client.patch(f"/photos/{photo}", json=body, headers=user.headers)
    assert answer.status_code == 422


async def test_a_deleted_photo_is_gone_everywhere_at_once_and_its_object_soon(
    service: Service, user: User, album: str, photo: str
) -> None:
    answer = await service.client.patch(f"/albums/{album}", json={"cover_photo_id": photo}, headers=user.headers)
    assert answer.json()["cover_photo_id"] == photo
    assert (await service.client.delete(f"/photos/{photo}", headers=user.headers)).status_code == 204
    for path in (f"/photos/{photo}", f"/photos/{photo}/image"):
        assert (await service.client.get(path, headers=user.headers)).status_code == 404
    assert (await page(service, user))["items"] == []
    inside = await service.client.get(f"/albums/{album}/photos", headers=user.headers)
    assert inside.json()["items"] == []
    assert (await service.client.get(f"/albums/{album}", headers=user.headers)).json()["cover_photo_id"] is None
    assert await service.metric("photo_api_photos_total") == 0  # at once, before the database was read again
    assert await totals(service) == (0, 0)
    await service.components.photos.reap()
    assert stored(service) == []


async def test_deleting_many_times_at_once_counts_once(service: Service, user: User, album: str, photo: str) -> None:
    await service.photo(user, JPEG, album_id=album)
    answers = await asyncio.gather(*(service.client.delete(f"/photos/{photo}", headers=user.headers) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404, 404]
    assert await totals(service) == (1, len(JPEG))


async def test_a_form_uploads_and_confirms_at_once(service: Service, user: User, album: str) -> None:
    answer = await upload(service, user, album, title="The beach", description="", filename="제주 바다.jpg")
    assert answer.status_code == 201, answer.text
    photo = answer.json()
    assert answer.headers["Location"] == f"/photos/{photo['id']}"
    assert (photo["title"], photo["description"], photo["filename"]) == ("The beach", None, "제주 바다.jpg")
    image = await service.client.get(f"/photos/{photo['id']}/image", headers=user.headers)
    assert image.content == JPEG
    inside = await service.client.get(f"/albums/{album}/photos", headers=user.headers)
    assert [item["id"] for item in inside.json()["items"]] == [photo["id"]]
    assert await totals(service) == (1, len(JPEG))


def form(*parts: bytes) -> bytes:
    return b"".join(b"--b\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + b"--b--\r\n"


async def send(service: Service, user: User, body: bytes, content_type: str = "multipart/form-data; boundary=b") -> int:
    answer = await service.client.post("/photos/", content=body, headers=user.headers | {"Content-Type": content_type})
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert stored(service) == []
        assert await totals(service) == (0, 0)
    return answer.status_code


FILE = b'name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' + JPEG


async def test_fields_may_come_after_the_file(service: Service, user: User, album: str) -> None:
    body = form(FILE, b'name="title"\r\n\r\nLast', b'name="album_id"\r\n\r\n' + album.encode())
    assert await send(service, user, body) == 201
    assert (await page(service, user))["items"][0]["title"] == "Last"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([FILE], 422),
        ([b'name="album_id"\r\n\r\n%s'], 422),
        ([b'name="album_id"\r\n\r\nx', FILE], 422),
        ([b'name="album_id"\r\n\r\n', FILE], 422),
        ([b'name="album_id"\r\n\r\n%s', FILE, FILE], 422),
        ([b'name="album_id"\r\n\r\n%s', b'name="album_id"\r\n\r\n%s', FILE], 422),
        ([b'name="album_id"\r\n\r\n%s', FILE, b'name="admin"\r\n\r\n1'], 422),
        ([FILE, b'name="album_id"\r\n\r\n%s', b'name="title"\r\n\r\n' + b"x" * 201], 422),
        ([FILE, b'name="album_id"\r\n\r\n%s', b'name="title"\r\n\r\n' + b"x" * 50_000], 422),
        ([FILE, b'name="album_id"\r\n\r\n%s', b'name="title"\r\n\r\n\xff'], 422),
        ([b'name="album_id"\r\n\r\n%s', b'name="file"\r\n\r\n' + JPEG], 422),
        ([b'name="album_id"\r\n\r\n%s', b'name="file"; filename=""\r\nContent-Type: image/jpeg\r\n\r\n' + JPEG], 422),
        ([b'name="album_id"\r\n\r\n%s', b'name="file"; filename="a"\r\nContent-Type: image/jpeg\r\n\r\n'], 422),
        ([b'name="album_id"\r\n\r\n%s', b'name="file"; filename="a"\r\nContent-Type: image/jpeg\r\n\r\nno'], 422),
        ([b'name="album_id"\r\n\r\n%s', b'name="file"; filename="a"\r\nContent-Type: image/png\r\n\r\n' + JPEG], 422),
        ([b'name="album_id"\r\n\r\n%s', b'name="file"; filename="a"\r\nContent-Type: text/html\r\n\r\n' + JPEG], 415),
        ([b'name="album_id"\r\n\r\n%s', b'name="file"; filename="a"\r\n\r\n' + JPEG], 415),
        ([FILE, b'name="album_id"\r\n\r\n' + UNKNOWN.encode()], 404),
    ],
    ids=range(18),
)
async def test_a_form_that_cannot_be_accepted_leaves_nothing(
    service: Service, user: User, album: str, parts: list[bytes], status: int
) -> None:
    body = form(*(part.replace(b"%s", album.encode()) for part in parts))
    assert await send(service, user, body) == status
    assert await service.components.database.fetch_all("SELECT id FROM photos") == []
    await service.components.photos.reap()
    assert stored(service) == []


async def test_a_body_that_is_no_whole_form_is_malformed(service: Service, user: User, album: str) -> None:
    body = form(b'name="album_id"\r\n\r\n' + album.encode(), FILE)
    assert await send(service, user, body[:-30]) == 400
    assert await send(service, user, b"") == 400
    assert await send(service, user, body, "multipart/form-data") == 400
    assert await send(service, user, body, "application/json") == 415
    assert await send(service, user, body, "image/jpeg") == 415


async def test_a_file_beyond_the_limit_is_refused_whether_its_length_was_declared_or_not(start: Start) -> None:
    async with start(max_photo_bytes=1_024) as service:
        user = await service.register()
        album = await service.album(user)
        assert (await upload(service, user, album, content=bytes(200_000))).status_code == 413
        assert (await upload(service, user, album, content=bytes(1_025))).status_code == 413
        assert stored(service) == []


async def test_every_query_of_the_slice_runs_on_postgresql_too(start: Start, postgresql_url: str) -> None:
    """Confirmed at once, changed, deleted, reaped: the same SQL, types and totals."""
    async with start(database_url=postgresql_url) as service:
        user = await service.register()
        album = await service.album(user)
        first = await service.photo(user, JPEG, album_id=album)
        second = (await upload(service, user, album)).json()["id"]
        assert [item["id"] for item in (await page(service, user, limit=1))["items"]] == [second]
        changed = await service.client.patch(f"/photos/{first}", json={"title": "x"}, headers=user.headers)
        assert changed.json()["title"] == "x"
        image = await service.client.get(f"/photos/{first}/image", headers=user.headers)
        assert image.content == JPEG
        declared = {"album_id": album, "filename": "a.jpg", "content_type": "image/jpeg", "file_size": len(JPEG)}
        pending = (await service.client.post("/photos/presigned-url", json=declared, headers=user.headers)).json()
        await service.client.put(pending["upload_url"], content=JPEG, headers=pending["upload_headers"])
        body = {"photo_id": pending["photo_id"]}
        confirmed = await asyncio.gather(
            *(service.client.post("/photos/confirm", json=body, headers=user.headers) for _ in range(6))
        )
        assert {answer.status_code for answer in confirmed} == {200}
        assert await totals(service) == (3, 3 * len(JPEG))
        deleted = await asyncio.gather(
            *(service.client.delete(f"/photos/{first}", headers=user.headers) for _ in range(4))
        )
        assert sorted(answer.status_code for answer in deleted) == [204, 404, 404, 404]
        await service.client.post("/photos/presigned-url", json=declared, headers=user.headers)
        async with service.components.database.transaction() as transaction:
            await transaction.execute("UPDATE photos SET pending_until_ms = 1 WHERE status = 'pending'")
        await asyncio.gather(service.components.photos.reap(), service.components.photos.reap())
        assert len(stored(service)) == 2
        assert await totals(service) == (2, 2 * len(JPEG))
