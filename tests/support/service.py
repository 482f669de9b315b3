"""A running service as the tests see it, with the steps that many of them share."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from photo_api.components import Components
from photo_api.config import Settings
from photo_metrics import metrics_app

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class User:
    """A registered user who is logged in."""

    id: str
    email: str
    headers: dict[str, str]
    access_token: str
    refresh_token: str


class Service:
    """A running service and a client for it."""

    def __init__(self, app: FastAPI, settings: Settings, client: httpx.AsyncClient) -> None:
        self.app = app
        self.settings = settings
        self.client = client
        self._users = 0

    @property
    def components(self) -> Components:
        """The parts of the service."""
        components: Components = self.app.state.components
        return components

    async def register(self, name: str | None = None) -> User:
        """Register and log in a new user."""
        self._users += 1
        name = name or f"user{self._users}"
        account = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
        answer = await self.client.post("/auth/register", json=account)
        assert answer.status_code == 201, answer.text
        user_id = answer.json()["id"]
        answer = await self.client.post("/auth/login", json={"email": account["email"], "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        return User(user_id, account["email"], bearer, tokens["access_token"], tokens["refresh_token"])

    async def album(self, user: User, name: str = "Holiday") -> str:
        """Make an album; its id."""
        answer = await self.client.post("/albums/", json={"name": name}, headers=user.headers)
        assert answer.status_code == 201, answer.text
        album_id: str = answer.json()["id"]
        return album_id

    async def photo(self, user: User, content: bytes, *, album_id: str, content_type: str = "image/jpeg") -> str:
        """Upload through a presigned URL and confirm; the photo's id."""
        declared = {
            "album_id": album_id,
            "filename": "photo.jpg",
            "content_type": content_type,
            "file_size": len(content),
        }
        answer = await self.client.post("/photos/presigned-url", json=declared, headers=user.headers)
        assert answer.status_code in {200, 201}, answer.text
        upload = answer.json()
        answer = await self.client.request(
            upload["upload_method"], upload["upload_url"], content=content, headers=upload["upload_headers"]
        )
        assert answer.status_code in {200, 201, 204}, answer.text
        confirmed = await self.client.post(
            "/photos/confirm", json={"photo_id": upload["photo_id"]}, headers=user.headers
        )
        assert confirmed.status_code == 200, confirmed.text
        photo_id: str = upload["photo_id"]
        return photo_id

    async def metric(self, name: str, **labels: str) -> float:
        """One sample of the service's ``/metrics``; 0 where it is absent."""
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(metrics_app(self.components.recorder)), base_url="http://metrics"
        ) as client:
            text = (await client.get("/metrics")).text
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        for line in text.splitlines():
            series, _, value = line.rpartition(" ")
            found, _, inner = series.partition("{")
            if found == name and set(inner.rstrip("}").split(",")) - {""} >= wanted:
                return float(value)
        return 0.0


Start = Callable[..., AbstractAsyncContextManager[Service]]
