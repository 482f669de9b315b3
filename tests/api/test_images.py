"""Image requests: ranges, conditions, headers, and what the metrics say of them."""

from email.utils import formatdate, parsedate_to_datetime

import httpx
import pytest
from tests.support.service import Service, User
from tests.unit.photos import pictures

JPEG = pictures.picture(width=900, height=700)  # several pieces of storage
UNKNOWN = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
async def user(service: Service) -> User:
    return await service.register()


@pytest.fixture
async def path(service: Service, user: User) -> str:
    return f"/photos/{await service.photo(user, JPEG, album_id=await service.album(user))}/image"


async def get(service: Service, user: User, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    return await service.client.request(
        method, path, headers=user.headers | {name.replace("_", "-"): value for name, value in headers.items()}
    )


async def accesses(service: Service, result: str) -> float:
    return await service.metric("photo_api_image_access_total", access_type="authenticated", result=result)


def test_the_picture_is_larger_than_a_piece() -> None:
    assert len(JPEG) > 300_000


async def test_an_image_comes_whole_with_what_a_cache_and_a_browser_need(
    service: Service, user: User, path: str
) -> None:
    answer = await get(service, user, path)
    assert answer.status_code == 200
    assert answer.content == JPEG
    assert answer.headers["Content-Length"] == str(len(JPEG))
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"].startswith('"')
    assert "private" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == 'inline; filename="photo.jpg"'
    assert parsedate_to_datetime(answer.headers["Last-Modified"]).timestamp() > 0


async def test_head_has_the_headers_of_get_and_no_body(service: Service, user: User, path: str) -> None:
    whole, head = await get(service, user, path), await get(service, user, path, "HEAD")
    assert head.status_code == 200
    assert head.content == b""
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Cache-Control", "Accept-Ranges"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("value", "first", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=100-", 100, None), ("bytes=-7", -7, None), ("bytes=262143-262145", 262143, 262146)],
)
async def test_a_range_is_206_and_exactly_that(
    service: Service, user: User, path: str, value: str, first: int, stop: int | None
) -> None:
    answer = await get(service, user, path, Range=value)
    assert answer.status_code == 206
    assert answer.content == JPEG[first:stop]
    begin = first % len(JPEG)
    assert answer.headers["Content-Range"] == f"bytes {begin}-{begin + len(answer.content) - 1}/{len(JPEG)}"


@pytest.mark.parametrize("value", ["bytes=0-1,5-6", "bytes=9-3", "items=0-1", "nonsense", "bytes=-"])
async def test_several_ranges_and_bad_ones_get_the_whole(service: Service, user: User, path: str, value: str) -> None:
    answer = await get(service, user, path, Range=value)
    assert answer.status_code == 200
    assert answer.content == JPEG


async def test_a_range_beyond_the_end_is_416_with_the_size(service: Service, user: User, path: str) -> None:
    answer = await get(service, user, path, Range=f"bytes={len(JPEG)}-")
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(JPEG)}"
    assert await accesses(service, "denied") == 1


async def test_a_broken_download_is_resumed_by_range_with_the_same_etag(
    service: Service, user: User, path: str
) -> None:
    etag = (await get(service, user, path)).headers["ETag"]
    rest = await get(service, user, path, Range="bytes=1000-", If_Range=etag)
    assert (rest.status_code, rest.content, rest.headers["ETag"]) == (206, JPEG[1000:], etag)


@pytest.mark.parametrize("condition", ['"other"', "Mon, 23 Nov 2020 00:00:00 GMT", "nonsense"])
async def test_a_range_of_something_else_gets_the_whole(
    service: Service, user: User, path: str, condition: str
) -> None:
    answer = await get(service, user, path, Range="bytes=0-9", If_Range=condition)
    assert (answer.status_code, len(answer.content)) == (200, len(JPEG))


async def test_a_weak_etag_is_not_good_enough_for_a_range(service: Service, user: User, path: str) -> None:
    etag = (await get(service, user, path)).headers["ETag"]
    assert (await get(service, user, path, Range="bytes=0-9", If_Range=f"W/{etag}")).status_code == 200


async def test_the_exact_date_is_good_enough_for_a_range(service: Service, user: User, path: str) -> None:
    date = (await get(service, user, path)).headers["Last-Modified"]
    assert (await get(service, user, path, Range="bytes=0-9", If_Range=date)).status_code == 206


@pytest.mark.parametrize("condition", ["{etag}", "W/{etag}", '"x", {etag}', "*"])
async def test_what_the_client_has_already_is_304(service: Service, user: User, path: str, condition: str) -> None:
    etag = (await get(service, user, path)).headers["ETag"]
    for method in ("GET", "HEAD"):
        answer = await get(service, user, path, method, If_None_Match=condition.format(etag=etag))
        assert answer.status_code == 304
        assert answer.content == b""
        assert answer.headers["ETag"] == etag
        assert "Content-Length" not in answer.headers


async def test_another_etag_gets_the_image_even_where_the_date_would_not(
    service: Service, user: User, path: str
) -> None:
    answer = await get(service, user, path, If_None_Match='"x"', If_Modified_Since=formatdate(usegmt=True))
    assert answer.status_code == 200


async def test_dates_decide_where_there_is_no_etag(service: Service, user: User, path: str) -> None:
    date = (await get(service, user, path)).headers["Last-Modified"]
    assert (await get(service, user, path, If_Modified_Since=date)).status_code == 304
    for older in ("Mon, 23 Nov 2020 00:00:00 GMT", "nonsense", "Mon, 99 Foo 2020 00:00:00 GMT", ""):
        assert (await get(service, user, path, If_Modified_Since=older)).status_code == 200


async def test_served_images_are_counted_and_timed_as_success(service: Service, user: User, path: str) -> None:
    etag = (await get(service, user, path)).headers["ETag"]
    await get(service, user, path, Range="bytes=0-9")
    await get(service, user, path, If_None_Match=etag)
    await get(service, user, path, "HEAD")
    assert await accesses(service, "success") == 4
    timed = await service.metric(
        "photo_api_image_access_duration_seconds_count", access_type="authenticated", result="success"
    )
    assert timed == 4


async def test_a_foreign_image_is_not_found_and_counted_as_denied(service: Service, path: str) -> None:
    stranger = await service.register()
    for wanted in (path, f"/photos/{UNKNOWN}/image"):
        assert (await get(service, stranger, wanted)).status_code == 404
    assert await accesses(service, "denied") == 2
    assert await accesses(service, "success") == 0


async def test_storage_that_is_away_is_503_and_counted_as_denied(service: Service, user: User, path: str) -> None:
    objects = service.settings.data_dir / "objects"
    objects.rename(objects.with_name("unmounted"))
    answer = await get(service, user, path)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert await accesses(service, "denied") == 1
    assert await service.metric("photo_api_external_request_errors_total", service="object_storage") >= 1
    objects.with_name("unmounted").rename(objects)
    assert (await get(service, user, path)).status_code == 200
