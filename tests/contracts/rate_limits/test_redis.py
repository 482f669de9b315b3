"""What only Redis promises: one limit for all instances, and what happens without it."""

import asyncio
import time

import pytest
from limits import RateLimitItemPerMinute
from structlog.testing import capture_logs
from tests.contracts.rate_limits.conftest import Connect
from tests.support.redis import RedisServer
from tests.support.samples import sample

from photo_api.config import ConfigurationError
from photo_api.errors import Unavailable
from photo_api.rate_limits import redis as module
from photo_api.rate_limits.redis import RedisBackend
from photo_metrics import Recorder

LIMIT = RateLimitItemPerMinute(10, namespace="test")
TIMEOUT_SECONDS = 0.5


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)


async def opened(connect: Connect, url: str, *timeout_seconds: float) -> RedisBackend:
    backend = connect(url, *timeout_seconds)
    await backend.open()
    return backend


async def allowed(backend: RedisBackend, times: int) -> int:
    return sum([(await backend.hit(LIMIT, "a")).allowed for _ in range(times)])


async def shared_again(backend: RedisBackend) -> None:
    if backend._returning is not None:
        await asyncio.wait_for(asyncio.shield(backend._returning), 10)


def fallbacks(recorder: Recorder) -> float | None:
    return sample(recorder, "photo_api_rate_limit_fallbacks_total")


async def test_two_instances_share_a_limit(connect: Connect, redis: RedisServer, recorder: Recorder) -> None:
    one, two = await opened(connect, redis.url), await opened(connect, redis.url)
    decisions = await asyncio.gather(*(backend.hit(LIMIT, "a") for backend in (one, two) for _ in range(20)))
    assert sum(decision.allowed for decision in decisions) == 10
    assert fallbacks(recorder) == 0


async def test_a_request_is_one_round_trip(connect: Connect, redis: RedisServer) -> None:
    backend = await opened(connect, redis.url)
    before = int(_stat(redis, "total_commands_processed"))
    calls = _script_calls(redis)
    await allowed(backend, 15)
    assert _script_calls(redis) - calls == 15
    # TIME, HMGET, HSET and PEXPIRE are run inside the script and counted too; INFO is ours.
    assert int(_stat(redis, "total_commands_processed")) - before <= 15 * 3 + 10 * 2 + 5


async def test_keys_leave_by_themselves(connect: Connect, redis: RedisServer) -> None:
    backend = await opened(connect, redis.url)
    await allowed(backend, 15)
    keys = redis.command("KEYS", "*").splitlines()
    assert sorted(keys) == ["photo-api:rate-limit:probe", "photo-api:rate-limit:test:a"]
    assert all(60_000 <= int(redis.command("PTTL", key)) <= 120_000 for key in keys)


async def test_a_server_that_lost_the_script_is_given_it(
    connect: Connect, redis: RedisServer, recorder: Recorder
) -> None:
    backend = await opened(connect, redis.url)
    await allowed(backend, 4)
    redis.command("SCRIPT", "FLUSH")
    assert await allowed(backend, 20) == 6
    assert fallbacks(recorder) == 0


async def test_without_redis_an_instance_counts_alone_and_says_so_once(
    connect: Connect, own_redis: RedisServer, recorder: Recorder
) -> None:
    backend = await opened(connect, own_redis.url)
    await allowed(backend, 3)
    own_redis.kill()
    with capture_logs() as logs:
        decisions = await asyncio.gather(*(backend.hit(LIMIT, "a") for _ in range(40)))
        with pytest.raises(Unavailable, match="cannot be reached at PHOTO_API_REDIS_URL"):
            await backend.ping()
    assert sum(decision.allowed for decision in decisions) == 10
    assert fallbacks(recorder) == 40
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("rate_limits_not_shared", "warning")]
    assert logs[0]["reason"] == "Redis cannot be reached at PHOTO_API_REDIS_URL"


async def test_redis_that_starts_late_is_used_without_a_restart(
    connect: Connect, own_redis: RedisServer, recorder: Recorder
) -> None:
    own_redis.kill()
    backend = await opened(connect, own_redis.url)
    assert await allowed(backend, 2) == 2
    own_redis.start()
    await shared_again(backend)
    counted = fallbacks(recorder)
    assert counted == 2
    assert await allowed(backend, 15) == 10
    assert fallbacks(recorder) == counted
    await backend.ping()


async def test_a_restart_between_two_requests_is_not_noticed(
    connect: Connect, own_redis: RedisServer, recorder: Recorder
) -> None:
    backend = await opened(connect, own_redis.url)
    await asyncio.gather(*(backend.hit(LIMIT, "a") for _ in range(20)))
    own_redis.kill()
    own_redis.start()
    assert await allowed(backend, 5) == 5
    assert fallbacks(recorder) == 0


async def test_a_redis_that_hangs_costs_the_time_out_once(
    connect: Connect, own_redis: RedisServer, recorder: Recorder
) -> None:
    backend = await opened(connect, own_redis.url, TIMEOUT_SECONDS)
    await allowed(backend, 2)
    own_redis.freeze()
    began = time.monotonic()
    with capture_logs() as logs:
        await asyncio.gather(*(backend.hit(LIMIT, "a") for _ in range(50)))
        for _ in range(200):
            await backend.hit(LIMIT, "a")
    assert time.monotonic() - began < 2 * TIMEOUT_SECONDS
    assert fallbacks(recorder) == 250
    assert [entry["reason"] for entry in logs] == [
        f"Redis did not answer within {TIMEOUT_SECONDS} s (PHOTO_API_REDIS_TIMEOUT_SECONDS)"
    ]
    own_redis.thaw()
    await shared_again(backend)
    before = fallbacks(recorder)
    await asyncio.gather(*(backend.hit(LIMIT, f"k{n}") for n in range(50)))
    assert fallbacks(recorder) == before


async def test_connections_are_bounded_and_none_is_lost_to_a_time_out(
    connect: Connect, own_redis: RedisServer, recorder: Recorder
) -> None:
    backend = await opened(connect, own_redis.url, TIMEOUT_SECONDS)
    for _ in range(2):
        own_redis.freeze()
        await asyncio.gather(*(backend.hit(LIMIT, "a") for _ in range(100)))
        own_redis.thaw()
        await shared_again(backend)
    before = fallbacks(recorder)
    await asyncio.gather(*(backend.hit(LIMIT, "a") for _ in range(200)))
    assert fallbacks(recorder) == before
    assert int(_stat(own_redis, "connected_clients")) <= module.CONNECTIONS + 1  # redis-cli is one


async def test_a_wrong_password_is_told_without_it(
    connect: Connect, own_redis: RedisServer, recorder: Recorder
) -> None:
    own_redis.command("CONFIG", "SET", "requirepass", "right-password")
    with capture_logs() as logs:
        backend = await opened(connect, own_redis.url.replace("127.0.0.1", "photo:hunter2@127.0.0.1"))
        assert await allowed(backend, 12) == 10
    assert [entry["reason"] for entry in logs] == ["Redis refuses the user or password of PHOTO_API_REDIS_URL"]
    assert fallbacks(recorder) == 12
    assert "hunter2" not in repr(backend) + str(logs)


async def test_a_missing_password_is_told(connect: Connect, own_redis: RedisServer) -> None:
    own_redis.command("CONFIG", "SET", "requirepass", "right-password")
    with capture_logs() as logs:
        await opened(connect, own_redis.url)
    assert [entry["reason"] for entry in logs] == ["Redis refuses the user or password of PHOTO_API_REDIS_URL"]


async def test_the_right_password_counts(connect: Connect, own_redis: RedisServer, recorder: Recorder) -> None:
    own_redis.command("CONFIG", "SET", "requirepass", "right%password")
    backend = await opened(connect, own_redis.url.replace("127.0.0.1", ":right%25password@127.0.0.1"))
    assert await allowed(backend, 12) == 10
    assert fallbacks(recorder) == 0


async def test_a_replica_that_only_reads_is_told_and_not_used(
    connect: Connect, own_redis: RedisServer, redis: RedisServer, recorder: Recorder
) -> None:
    own_redis.command("REPLICAOF", "127.0.0.1", str(redis.port))
    with capture_logs() as logs:
        backend = await opened(connect, own_redis.url)
        assert await allowed(backend, 12) == 10
    assert [entry["reason"] for entry in logs] == ["PHOTO_API_REDIS_URL names a read-only replica; name the primary"]
    own_redis.command("REPLICAOF", "NO", "ONE")  # promoted: a failover behind one address
    await shared_again(backend)


async def test_a_redis_without_memory_is_told(connect: Connect, own_redis: RedisServer) -> None:
    own_redis.command("CONFIG", "SET", "maxmemory", "1")
    with capture_logs() as logs:
        await opened(connect, own_redis.url)
    assert [entry["reason"] for entry in logs] == ["Redis is out of memory; raise its maxmemory"]


async def test_something_else_than_redis_fails_no_request(connect: Connect, recorder: Recorder) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        backend = await opened(connect, f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
        assert await allowed(backend, 12) == 10
    assert fallbacks(recorder) == 12


async def test_an_option_of_the_url_that_is_none_is_told_without_the_password(connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match="PHOTO_API_REDIS_URL: must be redis://") as failure:
        await opened(connect, "redis://:hunter2@127.0.0.1:6379/0?socket_timeout=soon")
    assert "hunter2" not in str(failure.value)


def _stat(server: RedisServer, name: str) -> str:
    section = server.command("INFO", "everything")
    return next(line.split(":", 1)[1] for line in section.splitlines() if line.startswith(f"{name}:"))


def _script_calls(server: RedisServer) -> int:
    lines = server.command("INFO", "commandstats").splitlines()
    found = [line for line in lines if line.startswith("cmdstat_evalsha:")]
    return int(found[0].split("calls=")[1].split(",")[0]) if found else 0


async def test_a_user_with_the_permissions_that_are_asked_for_can_count(
    connect: Connect, own_redis: RedisServer, recorder: Recorder
) -> None:
    url = own_redis.url.replace("://", "://counter:kT9vQe2LmZ@")
    allow = ("ACL", "SETUSER", "counter", "on", ">kT9vQe2LmZ", "resetkeys", "nocommands")
    own_redis.command(*allow, *module.PERMISSIONS.split())
    assert await allowed(await opened(connect, url), 15) == 10
    assert fallbacks(recorder) == 0
    own_redis.command("ACL", "SETUSER", "counter", "-time")
    with capture_logs() as logs:
        backend = await opened(connect, url)
        await allowed(backend, 1)
    assert module.PERMISSIONS in str(logs)
