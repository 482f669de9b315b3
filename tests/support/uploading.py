"""Clients who upload photos to a running service, as patient as the API asks them to be."""

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from PIL import Image
from tests.support.service import PASSWORD

PATIENCE_SECONDS = 60.0


def picture(seed: int) -> bytes:
    """A small JPEG."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (seed % 256, 90, 160)).save(file, "JPEG")
    return file.getvalue()


class Uploads:
    """What the clients did: ids of photos whose confirm was answered with 200, and all answers by status."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=30)
        self.confirmed: list[str] = []
        self.bytes = 0
        self.answers: Counter[int] = Counter()
        self._changed = asyncio.Condition()
        self._ending = False

    async def _asked(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Ask until it is no longer 503; each of these says when to come again."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await self._http.request(method, url, **options)
                async with self._changed:
                    self.answers[answer.status_code] += 1
                    self._changed.notify_all()
                if answer.status_code != 503:
                    assert answer.status_code < 300, f"{method} {url}: {answer.status_code} {answer.text}"
                    return answer
                assert int(answer.headers["Retry-After"]) > 0
                await asyncio.sleep(0.1)  # sooner than asked: a client that storms

    async def run(self, name: str) -> None:
        """One user, who uploads and confirms until the end."""
        account = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
        await self._asked("POST", "/auth/register", json=account)
        credentials = {"email": account["email"], "password": PASSWORD}
        token = (await self._asked("POST", "/auth/login", json=credentials)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        album = (await self._asked("POST", "/albums/", json={"name": "Jeju"}, headers=headers)).json()["id"]
        while not self._ending:
            content = picture(len(self.confirmed))
            declared = {"filename": "a.jpg", "content_type": "image/jpeg", "file_size": len(content)}
            wanted = declared | {"album_id": album}
            upload = (await self._asked("POST", "/photos/presigned-url", json=wanted, headers=headers)).json()
            await self._asked(
                upload["upload_method"], upload["upload_url"], content=content, headers=upload["upload_headers"]
            )
            photo = {"photo_id": upload["photo_id"]}
            await self._asked("POST", "/photos/confirm", json=photo, headers=headers)
            async with self._changed:
                self.confirmed.append(upload["photo_id"])
                self.bytes += len(content)
                self._changed.notify_all()

    async def until(self, what: Callable[[], bool]) -> None:
        """Wait for something that an answer changes."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(what)

    async def more(self, count: int) -> None:
        """Wait for so many further confirms."""
        wanted = len(self.confirmed) + count
        await self.until(lambda: len(self.confirmed) >= wanted)

    async def refused(self, count: int) -> None:
        """Wait for so many further 503s."""
        wanted = self.answers[503] + count
        await self.until(lambda: self.answers[503] >= wanted)

    @asynccontextmanager
    async def running(self, users: int, prefix: str) -> AsyncIterator[None]:
        """Upload while the block lasts; at its end everybody finishes what he has begun."""
        async with self._http, asyncio.TaskGroup() as group:
            for number in range(users):
                group.create_task(self.run(f"{prefix}{number}"))
            try:
                yield
            finally:
                self._ending = True
