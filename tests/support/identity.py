"""NHN Cloud's identity service for tests, over a real Swift, in the test's own event loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from tests.support.swift import TENANT, USERNAME, Swift, swift_settings

from photo_stack.providers.identity import Identity


@dataclass
class RunningIdentity:
    """Its address, and the Swift whose tokens it gives."""

    url: str
    swift: Swift

    def settings(self, **changed: Any) -> dict[str, Any]:
        """Settings of a service that asks it for tokens, as at NHN Cloud."""
        ours = {
            "swift_auth_url": f"{self.url}/v2.0",
            "swift_tenant_id": TENANT,
            "swift_username": USERNAME,
            "swift_storage_url": self.swift.storage_url,
        }
        return swift_settings(self.swift, **ours | changed)

    async def fault(self, **faults: Any) -> None:
        """Set the server's faults; none ends them."""
        async with aiohttp.ClientSession() as session, session.put(f"{self.url}/-/faults", json=faults) as answer:
            answer.raise_for_status()


@asynccontextmanager
async def served(application: web.Application) -> AsyncIterator[str]:
    """Serve while the block lasts; the URL."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running_identity(swift: Swift, *, token_seconds: float = 600) -> AsyncIterator[RunningIdentity]:
    """An identity service for that Swift."""
    async with served(Identity(swift.url, token_seconds).application()) as url:
        yield RunningIdentity(url, swift)
