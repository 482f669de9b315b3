"""Rate limits that instances share through Redis, through the whole service."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.support.redis import RedisServer, running_redis
from tests.support.service import Start

FALLBACKS = "photo_api_rate_limit_fallbacks_total"
UP = "photo_api_dependency_up"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


async def test_two_services_refuse_together(start: Start, redis: RedisServer) -> None:
    shared = {"redis_url": SecretStr(redis.url), "redis_timeout_seconds": 5.0, "rate_limit_default_per_minute": 1_000}
    async with start(**shared) as one, start(**shared) as two:
        first = await one.client.get("/auth/me")
        second = await two.client.get("/auth/me")
        assert int(first.headers["RateLimit-Remaining"]) - int(second.headers["RateLimit-Remaining"]) == 1
        assert await one.metric(UP, dependency="redis") == 1


async def test_no_request_fails_because_redis_is_away(start: Start, redis: RedisServer) -> None:
    async with start(redis_url=SecretStr(redis.url)) as service:
        redis.kill()
        answers = [await service.client.get("/auth/me") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [401] * 3
        assert all("RateLimit-Remaining" in answer.headers for answer in answers)
        assert await service.metric(FALLBACKS) == 3


async def test_an_instance_without_redis_is_degraded_and_ready(start: Start, redis: RedisServer) -> None:
    redis.kill()
    async with start(redis_url=SecretStr(redis.url)) as service:
        answer = await service.client.get("/health")
        assert answer.status_code == 200
        assert answer.json()["status"] == "degraded"
        assert answer.json()["dependencies"]["redis"] == "down"
