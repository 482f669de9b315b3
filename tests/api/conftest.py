"""The whole service over ASGI: production middleware stack, SQLite in a temporary directory, cheap Argon2."""

import asyncio
import io
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.support.service import Service, Start

from photo_api.app import create_app
from photo_api.config import Settings
from photo_api.database.migrate import migrate


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """``async with start(max_photo_bytes=…) as service``: the service with settings of the test's own."""

    return partial(running, tmp_path)


@asynccontextmanager
async def running(directory: Path, *, client_ip: str = "127.0.0.1", **overrides: Any) -> AsyncIterator[Service]:
    """The service with its data in ``directory``."""
    values: dict[str, Any] = {
        "data_dir": directory / "data",
        "argon2_memory_kib": 64,
        "argon2_iterations": 1,
        "verifier_memory_mib": 1024,
        "rate_limit_auth_per_minute": 10_000,
        "rate_limit_share_per_minute": 10_000,
        "rate_limit_image_per_minute": 10_000,
        "rate_limit_default_per_minute": 10_000,
    }
    settings = Settings(**(values | overrides))
    await asyncio.to_thread(migrate, settings.resolved_database_url)  # it runs a loop of its own
    app = create_app(settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(client_ip, 40_000))
        client = httpx.AsyncClient(transport=transport, base_url="http://photos.test", timeout=30)
        yield Service(app, settings, await stack.enter_async_context(client))


@pytest.fixture
async def service(start: Start) -> AsyncIterator[Service]:
    """The service with its defaults, limits lifted."""
    async with start() as running:
        yield running


@pytest.fixture(scope="session")
def jpeg() -> Callable[..., bytes]:
    """``jpeg(width, height, seed)``: a small picture with noise in it, as bytes."""

    def make(width: int = 64, height: int = 48, seed: int = 0) -> bytes:
        pixels = random.Random(seed).randbytes(width * height * 3)
        file = io.BytesIO()
        Image.frombytes("RGB", (width, height), pixels).save(file, "JPEG", quality=80)
        return file.getvalue()

    return make
