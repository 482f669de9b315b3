"""A service that can be told to misbehave, and calls to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.support.samples import new_recorder

from photo_api.config import Settings
from photo_api.external.calls import ExternalCalls
from photo_metrics import Recorder
from photo_stack.providers.faults import FaultSwitch


@dataclass
class Service:
    """What the service was asked, and its address."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    received: int = 0
    retry_after: str = "7"

    async def fault(self, **faults: Any) -> int:
        """Set faults, or end them; the control's status."""
        async with aiohttp.ClientSession() as session:
            method = "PUT" if faults else "DELETE"
            async with session.request(method, f"{self.url}/-/faults", json=faults or None) as answer:
                return answer.status

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """``/status/404`` answers 404, ``/half`` breaks off half-way, ``/silent`` stops half-way, ``/drip`` never ends.

        The rest is 200.
        """
        self.asked.append(request.raw_path)
        self.headers.append(dict(request.headers))
        async for chunk in request.content.iter_any():
            self.received += len(chunk)
        if request.path.startswith("/status/"):
            headers = {"Retry-After": self.retry_after, "Location": "/"}
            return web.Response(status=int(request.path.removeprefix("/status/")), headers=headers)
        if request.path in {"/half", "/silent"}:
            response = web.StreamResponse(headers={"Content-Length": "100"})
            await response.prepare(request)
            await response.write(b"x" * 50)
            if request.path == "/half":
                assert request.transport is not None
                request.transport.abort()
            else:
                await asyncio.sleep(60)
        if request.path == "/drip":
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b" ")
                await asyncio.sleep(0.05)
        return web.Response(text="fine")


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    app = web.Application()
    FaultSwitch().install(app)
    app.router.add_route("*", "/{path:.*}", service.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    service.url = f"http://{host}:{port}"
    yield service
    await runner.cleanup()


@asynccontextmanager
async def opened(recorder: Recorder, timeout_seconds: float) -> AsyncIterator[ExternalCalls]:
    settings = Settings(breaker_failures=3, breaker_open_seconds=0.2)
    calls = ExternalCalls(
        "object_storage", settings, recorder, timeout_seconds=timeout_seconds, connections=2, streams=3
    )
    await calls.open()
    yield calls
    await calls.close()


@pytest.fixture
async def calls(recorder: Recorder) -> AsyncIterator[ExternalCalls]:
    """Calls that wait long enough for a busy machine."""
    async with opened(recorder, 30.0) as calls:
        yield calls


@pytest.fixture
async def hasty(recorder: Recorder) -> AsyncIterator[ExternalCalls]:
    """Calls whose time is over soon."""
    async with opened(recorder, 0.25) as calls:
        yield calls


@pytest.fixture
async def brisk(recorder: Recorder) -> AsyncIterator[ExternalCalls]:
    """Calls for what must outlast the time-out, and be answered within it."""
    async with opened(recorder, 1.0) as calls:
        yield calls
