"""What a client does with upload URLs that lead straight to an object storage."""

from typing import Any

import httpx
from tests.support.service import Service, User
from tests.unit.photos import pictures

JPEG = pictures.picture()
Json = dict[str, Any]


async def announced(service: Service, user: User, **changed: object) -> Json:
    """A photo that is to be uploaded: the answer of ``POST /photos/presigned-url``."""
    declared = {"filename": "beach.jpg", "content_type": "image/jpeg", "file_size": len(JPEG)}
    declared |= {"album_id": await service.album(user)}
    answer = await service.client.post("/photos/presigned-url", json=declared | changed, headers=user.headers)
    assert answer.status_code == 200, answer.text
    upload: Json = answer.json()
    return upload


async def confirm(service: Service, user: User, upload: Json) -> httpx.Response:
    """Ask for what was uploaded to be shown."""
    return await service.client.post("/photos/confirm", json={"photo_id": upload["photo_id"]}, headers=user.headers)


async def uploaded_directly(service: Service, user: User) -> httpx.Response:
    """The answer to an upload through the service itself."""
    return await service.client.post(
        "/photos/",
        data={"album_id": await service.album(user)},
        files={"file": ("beach.jpg", JPEG, "image/jpeg")},
        headers=user.headers,
    )
