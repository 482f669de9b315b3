"""Photos in S3, from the upload URL to the image."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.support.presigned import JPEG, Json, announced, confirm, uploaded_directly
from tests.support.s3 import NO_CERTIFICATES, Bucket
from tests.support.service import Service, Start


@pytest.fixture(params=["swift", "seaweedfs"])
async def service(request: pytest.FixtureRequest, start: Start) -> AsyncIterator[Service]:
    bucket: Bucket = request.getfixturevalue(f"{request.param}_bucket")
    async with start(**bucket.values()) as running:
        yield running


async def put(upload: Json, content: bytes) -> int:
    """Use the upload URL as a client does: straight to the storage, with nothing of ours."""
    async with httpx.AsyncClient(verify=NO_CERTIFICATES, timeout=20) as client:
        answer = await client.put(upload["upload_url"], content=content, headers=upload["upload_headers"])
    return answer.status_code


async def test_a_photo_put_to_s3_comes_back_unchanged_also_in_part_and_not_after_its_deletion(service: Service) -> None:
    user = await service.register()
    upload = await announced(service, user)
    assert (await confirm(service, user, upload)).status_code == 409
    assert await put(upload, JPEG) == 200
    assert (await confirm(service, user, upload)).status_code == 200
    path = f"/photos/{upload['photo_id']}"
    image = await service.client.get(f"{path}/image", headers=user.headers)
    assert (image.status_code, image.headers["Content-Type"], image.content) == (200, "image/jpeg", JPEG)
    part = await service.client.get(f"{path}/image", headers=user.headers | {"Range": "bytes=10-99"})
    assert (part.status_code, part.content) == (206, JPEG[10:100])
    assert await put(upload, bytes(len(JPEG))) == 200
    assert (await confirm(service, user, upload)).status_code == 200
    image = await service.client.get(f"{path}/image", headers=user.headers)
    assert image.content == JPEG
    assert (await service.client.delete(path, headers=user.headers)).status_code == 204
    await service.components.photos.reap()
    assert upload["object_key"] not in [found.key async for found in service.components.storage.stored()]


async def test_confirms_at_once_all_show_the_photo(service: Service) -> None:
    user = await service.register()
    upload = await announced(service, user)
    assert await put(upload, JPEG) == 200
    confirmed = await asyncio.gather(*(confirm(service, user, upload) for _ in range(5)))
    assert [answer.status_code for answer in confirmed] == [200] * 5, confirmed[0].text
    assert await service.metric("photo_api_external_request_errors_total", service="object_storage") == 0


async def test_an_upload_that_is_no_picture_is_refused_and_removed(service: Service) -> None:
    user = await service.register()
    upload = await announced(service, user)
    assert await put(upload, bytes(len(JPEG))) == 200
    assert (await confirm(service, user, upload)).status_code == 422
    assert await service.components.storage.head_upload(upload["object_key"]) is None


async def test_a_direct_upload_goes_to_s3(service: Service) -> None:
    user = await service.register()
    answer = await uploaded_directly(service, user)
    assert answer.status_code == 201, answer.text
    image = await service.client.get(f"/photos/{answer.json()['id']}/image", headers=user.headers)
    assert image.content == JPEG
