"""Consoles for tests: the whole application on a free loopback port, asked over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from aiohttp import web

from photo_monitoring.console.boards import default_folder
from photo_monitoring.console.server import application
from photo_monitoring.console.settings import ConsoleSettings

NOWHERE = "http://127.0.0.1:1"
"""Nobody listens there."""


def settings(**changes: Any) -> ConsoleSettings:
    """Settings of a console that can reach nothing, but for what is said otherwise."""
    usual: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 8080,
        "prometheus": NOWHERE,
        "alertmanager": NOWHERE,
        "dashboards": default_folder(),
    }
    return ConsoleSettings(**usual | changes)


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """An application on a free port; its base URL."""
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def console(**changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a console; it sends what a browser's own page would."""
    async with (
        served(application(settings(**changes))) as url,
        httpx.AsyncClient(base_url=url, headers={"Origin": url}, timeout=20) as client,
    ):
        yield client


@asynccontextmanager
async def upstream(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A server that answers everything in one way; its base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with served(app) as url:
        yield url


async def eventually(read: Callable[[], Awaitable[Any]], matches: Callable[[Any], bool], what: str) -> Any:
    """Ask until the answer matches, for at most 20 s."""
    deadline = time.monotonic() + 20
    while True:
        found = await read()
        if matches(found):
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen; last: {found}")
        await asyncio.sleep(0.05)
