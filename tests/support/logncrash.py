"""A local Log & Crash Search in the test's own event loop."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from photo_stack.providers.logncrash import Collector

APP_KEY = "app-key-of-the-tests"


@dataclass
class LogNCrash:
    """Its address, and what can be asked of it and told to it."""

    url: str

    async def fault(self, **faults: Any) -> None:
        """Set the server's faults; none ends them."""
        await self._control("/-/faults", faults)

    async def refuse(self, **faults: Any) -> None:
        """Refuse entries; none ends that."""
        await self._control("/-/entries", faults)

    async def taken(self) -> list[dict[str, Any]]:
        """The entries it took, oldest first."""
        async with aiohttp.ClientSession() as session, session.get(self.url + "/-/logs?limit=10000") as answer:
            logs: list[dict[str, Any]] = (await answer.json())["logs"]
        return logs

    async def post(self, content: Any) -> tuple[int, Any]:
        """What it answers to a request for ``/v2/log``: status and content."""
        data = io.BytesIO(content if isinstance(content, bytes) else orjson.dumps(content))
        async with aiohttp.ClientSession() as session, session.post(self.url + "/v2/log", data=data) as answer:
            return answer.status, await answer.json()

    async def _control(self, path: str, faults: dict[str, Any]) -> None:
        method = "PUT" if faults else "DELETE"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, json=faults or None) as answer,
        ):
            assert answer.status == 200, await answer.text()


@asynccontextmanager
async def running_logncrash(port: int = 0) -> AsyncIterator[LogNCrash]:
    """The server, on a free port of loopback or the one given."""
    runner = web.AppRunner(Collector(APP_KEY).application(), shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield LogNCrash(f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()
