"""A CDN for tests: `photo_stack`'s edge and API, and an origin of the test's own, in the test's event loop."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from tests.support.ports import free_port

from photo_api.config import Settings
from photo_stack.providers.cdn_api import TokenApi
from photo_stack.providers.cdn_edge import Edge, Origin

APP_KEY, SECRET_KEY, ENCRYPT_KEY = "the-cdn-app-key", "the-cdn-secret-key", "0b5f7a3e" * 8


@dataclass
class Clock:
    """Unix time as the edge has it; a test moves it instead of waiting."""

    ahead_seconds: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_seconds


@dataclass
class Cdn:
    """A running CDN."""

    edge_url: str
    api_url: str
    api: TokenApi
    clock: Clock
    session: aiohttp.ClientSession = field(repr=False)
    origin_requests: list[str] = field(default_factory=list)

    def settings(self, **overrides: Any) -> dict[str, Any]:
        """The service's settings for it."""
        return {
            "cdn_url": self.edge_url,
            "cdn_api_url": self.api_url,
            "cdn_app_key": APP_KEY,
            "cdn_secret_key": SECRET_KEY,
            "cdn_encrypt_key": ENCRYPT_KEY,
            "cdn_token_seconds": 30,
        } | overrides

    async def get(self, url: str, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Ask the edge: status, body, headers with small letters."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, url, headers=named, allow_redirects=False) as answer:
            return answer.status, await answer.read(), {k.lower(): v for k, v in answer.headers.items()}

    async def break_api(self, **faults: object) -> None:
        """Let the API be faulty, as `photo_stack.providers.faults` has it; without any, no more."""
        await self._break(self.api_url, faults)

    async def break_edge(self, **faults: object) -> None:
        """The same for the edge."""
        await self._break(self.edge_url, faults)

    async def _break(self, url: str, faults: dict[str, object]) -> None:
        async with self.session.put(f"{url}/-/faults", json=faults) as answer:
            assert answer.status == 200, await answer.text()


@asynccontextmanager
async def running_cdn(find: Callable[[str], Path | bytes | None]) -> AsyncIterator[Cdn]:
    """A CDN whose origin serves, at ``/photos/<key>``, what ``find`` has of a key."""
    requests: list[str] = []

    async def photo(request: web.Request) -> web.StreamResponse:
        requests.append(f"{request.method} {request.path}")
        found = find(request.match_info["key"])
        if isinstance(found, Path):
            return web.FileResponse(found, headers={"Content-Type": "image/jpeg"})
        if found is None:
            return web.Response(status=404)
        return web.Response(body=found, content_type="image/jpeg")

    origin = web.Application()
    origin.router.add_get("/photos/{key}", photo)
    clock = Clock()
    api = TokenApi(APP_KEY, SECRET_KEY)
    async with AsyncExitStack() as stack:
        origin_url = await stack.enter_async_context(serving(origin))
        edge = Edge(ENCRYPT_KEY, Origin(origin_url), clock=clock)
        cdn = Cdn(
            edge_url=await stack.enter_async_context(serving(edge.application())),
            api_url=await stack.enter_async_context(serving(api.application())),
            api=api,
            clock=clock,
            session=await stack.enter_async_context(aiohttp.ClientSession()),
            origin_requests=requests,
        )
        yield cdn


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """The application on a free port; its origin."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def cdn_settings(cdn: Cdn, directory: Path, **overrides: Any) -> Settings:
    """Settings of a service in ``directory`` that delivers by ``cdn``."""
    return Settings(data_dir=directory, **cdn.settings(**overrides))
