"""Photos in OpenStack Swift, from the upload URL to the image, and without Swift."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.support.presigned import JPEG, Json, announced, confirm, uploaded_directly
from tests.support.service import Service, Start, User
from tests.support.swift import Swift, swift_settings

from photo_api.errors import Unavailable


@pytest.fixture
async def service(start: Start, swift_server: Swift) -> AsyncIterator[Service]:
    async with start(**swift_settings(swift_server)) as running:
        yield running


async def put(upload: Json, content: bytes, **headers: str) -> int:
    """Use the upload URL as a client does: straight to Swift, with nothing of ours."""
    async with httpx.AsyncClient() as client:
        answer = await client.put(upload["upload_url"], content=content, headers=upload["upload_headers"] | headers)
    return answer.status_code


async def photo(service: Service, user: User) -> str:
    """The path of a confirmed photo."""
    upload = await announced(service, user)
    assert await put(upload, JPEG) == 201
    answer = await confirm(service, user, upload)
    assert answer.status_code == 200, answer.text
    return f"/photos/{upload['photo_id']}"


async def test_a_photo_put_to_swift_comes_back_unchanged(service: Service) -> None:
    user = await service.register()
    image = await service.client.get(f"{await photo(service, user)}/image", headers=user.headers)
    assert (image.status_code, image.headers["Content-Type"], image.content) == (200, "image/jpeg", JPEG)


async def test_a_range_of_an_image_in_swift_is_exactly_that(service: Service) -> None:
    user = await service.register()
    headers = user.headers | {"Range": "bytes=10-99"}
    image = await service.client.get(f"{await photo(service, user)}/image", headers=headers)
    assert (image.status_code, image.content) == (206, JPEG[10:100])


async def test_a_direct_upload_goes_to_swift(service: Service) -> None:
    user = await service.register()
    answer = await uploaded_directly(service, user)
    assert answer.status_code == 201, answer.text
    image = await service.client.get(f"/photos/{answer.json()['id']}/image", headers=user.headers)
    assert image.content == JPEG


async def test_an_upload_of_another_length_is_refused_without_being_fetched(service: Service) -> None:
    user = await service.register()
    upload = await announced(service, user)
    assert await put(upload, JPEG + b"more") == 201
    answer = await confirm(service, user, upload)
    assert answer.status_code == 422
    assert f"{len(JPEG) + 4} bytes" in answer.json()["detail"]
    fetched = "photo_api_external_operation_duration_seconds_count"
    assert await service.metric(fetched, service="object_storage", operation="download") == 0


async def test_an_upload_with_other_content_of_that_length_is_refused(service: Service) -> None:
    user = await service.register()
    upload = await announced(service, user)
    assert await put(upload, bytes(len(JPEG))) == 201
    assert (await confirm(service, user, upload)).status_code == 422


async def test_without_swift_everything_else_works_and_deletes_are_done_when_it_is_back(
    start: Start, stopping_swift: Swift
) -> None:
    settings = swift_settings(stopping_swift, breaker_failures=1, breaker_open_seconds=0.1)
    async with start(**settings) as service:
        user = await service.register()
        kept, deleted = await photo(service, user), await photo(service, user)
        pending = await announced(service, user)
        await asyncio.to_thread(stopping_swift.stop)
        try:
            image = await service.client.get(f"{kept}/image", headers=user.headers)
            assert (image.status_code, "Retry-After" in image.headers) == (503, True)
            assert (await confirm(service, user, pending)).status_code == 503
            assert (await service.client.delete(deleted, headers=user.headers)).status_code == 204
            listed = await service.client.get("/photos/", headers=user.headers)
            assert [f"/photos/{item['id']}" for item in listed.json()["items"]] == [kept]
            assert (await announced(service, user))["upload_url"]
            assert (await service.client.get("/health")).status_code == 200
            with pytest.raises(Unavailable):
                await service.components.photos.reap()
        finally:
            stopping_swift.start()
        await _found_back(service)
        async with service.components.database.transaction() as transaction:
            await transaction.execute("UPDATE object_deletions SET next_attempt_ms = 1")
        await service.components.photos.reap()
        assert await service.components.database.fetch_all("SELECT * FROM object_deletions") == []
        assert [f"/photos/{found.key}" async for found in service.components.storage.stored()] == [kept]
        image = await service.client.get(f"{kept}/image", headers=user.headers)
        assert image.content == JPEG


async def _found_back(service: Service) -> None:
    """Wait until the storage's probe succeeds, as the breaker lets it."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await service.components.storage.ping()
            except Unavailable:
                await asyncio.sleep(0.05)
