"""The backends that the contract of rate limits holds for."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from limits import RateLimitItem
from pydantic import SecretStr
from tests.support.ports import wait_until
from tests.support.redis import RedisServer, running_redis
from tests.support.samples import new_recorder

from photo_api.config import Settings
from photo_api.rate_limits.base import RateLimitBackend
from photo_api.rate_limits.memory import BoundedMemoryStorage, MemoryBackend
from photo_api.rate_limits.redis import KEY_PREFIX, RedisBackend
from photo_metrics import Recorder

PATIENCE_SECONDS = 5.0
"""For a Redis that answers, on a busy machine."""

Connect = Callable[..., RedisBackend]
Advance = Callable[[RateLimitItem, str, int], None]
"""``advance(item, key, windows)``: so many windows pass for a key."""


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(redis_server: RedisServer) -> RedisServer:
    """The session's server, empty, with some seconds before its window of a minute ends."""
    redis_server.command("FLUSHALL")
    wait_until(lambda: time.time() % 60 < 57, "the next minute")
    return redis_server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may end."""
    with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture
async def connect(recorder: Recorder) -> AsyncIterator[Connect]:
    """``connect(url, time_out)``: an instance's backend, to be opened by the test; closed at the end."""
    backends = []

    def make(url: str, timeout_seconds: float = PATIENCE_SECONDS) -> RedisBackend:
        settings = Settings(redis_url=SecretStr(url), redis_timeout_seconds=timeout_seconds)
        backends.append(RedisBackend(settings, recorder))
        return backends[-1]

    yield make
    for backend in backends:
        await backend.close()


class _Clock:
    def __init__(self) -> None:
        self.now = 630.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "redis"])
async def counting(request: pytest.FixtureRequest, connect: Connect) -> AsyncIterator[tuple[RateLimitBackend, Advance]]:
    """An open backend, and how windows pass for it."""
    if request.param == "memory":
        clock = _Clock()

        def move(item: RateLimitItem, key: str, windows: int) -> None:
            clock.now += windows * item.get_expiry()

        memory = MemoryBackend(BoundedMemoryStorage(clock=clock))
        await memory.open()
        yield memory, move
        await memory.close()
        return
    server: RedisServer = request.getfixturevalue("redis")

    def shift(item: RateLimitItem, key: str, windows: int) -> None:
        """Redis' clock cannot be set: what it counted becomes as much older."""
        server.command("HINCRBY", f"{KEY_PREFIX}{item.namespace}:{key}", "number", str(-windows))

    backend = connect(server.url)
    await backend.open()
    yield backend, shift
