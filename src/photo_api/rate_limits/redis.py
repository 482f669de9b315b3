"""Counts for all instances in Redis: one script, one round trip a request.

Policy: while Redis is away, slow, read-only or out of memory, this instance counts alone (a client then has up to
*instances* times the limit), which is logged once and counted in ``photo_api_rate_limit_fallbacks_total``. No request
fails for it, and only those that had asked when Redis fell silent wait, for ``redis_timeout_seconds``; others do not
ask. One task asks each second until Redis counts again.
"""

import asyncio
import random
import time
from contextlib import suppress
from typing import Final, NamedTuple

import structlog
from limits import RateLimitItem
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from photo_api.config import ConfigurationError, Settings
from photo_api.errors import Unavailable
from photo_api.rate_limits.base import Decision
from photo_api.rate_limits.memory import WINDOW_SECONDS, MemoryBackend
from photo_metrics import Recorder

KEY_PREFIX: Final = "photo-api:rate-limit:"
_PROBE_KEY: Final = KEY_PREFIX + "probe"
_PROBE_LIMIT: Final = 1_000_000
CONNECTIONS: Final = 16
"""At once, of one instance; more requests wait for one of them within the time-out."""
RETRY_SECONDS: Final = 1.0

# One hash a key: the window's number since 1970, its count, and the count of the window before. Time is the server's,
# the same for all instances. A refusal writes nothing; a key is gone two windows after its last request.
PERMISSIONS: Final = f"~{KEY_PREFIX}* +evalsha +script|load +time +hmget +hset +pexpire"
"""What its ACL allows a user who only counts, as ``ACL SETUSER`` takes it."""
_NO_PERMISSION_IN_SCRIPT: Final = ("The user executing the script can't", "ACL failure in script")
"""A command inside a script is refused without the code NOPERM (Redis 7)."""

_SCRIPT: Final = """
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]) * 1000000
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local number = math.floor(now / window)
local left = (number + 1) * window - now
local stored = redis.call('HMGET', KEYS[1], 'number', 'count', 'before')
local count, before = 0, 0
if stored[1] and tonumber(stored[1]) == number then
  count, before = tonumber(stored[2]), tonumber(stored[3])
elseif stored[1] and tonumber(stored[1]) == number - 1 then
  before = tonumber(stored[2])
end
local allowed = math.floor(before * left / window) + count + 1 <= limit
if allowed then
  count = count + 1
  redis.call('HSET', KEYS[1], 'number', number, 'count', count, 'before', before)
  redis.call('PEXPIRE', KEYS[1], math.ceil((left + window) / 1000))
end
return {allowed and 1 or 0, before, count, left}
"""

_log = structlog.get_logger("photo_api.rate_limits")


class _Away(Exception):
    """Redis did not count; the message says why and what to do, in one line."""


class _Counted(NamedTuple):
    """What the script answers; ``left`` in microseconds."""

    allowed: int
    before: int
    current: int
    left: int


class RedisBackend:
    """Counts in Redis, and in this process while that cannot be."""

    def __init__(self, settings: Settings, recorder: Recorder) -> None:
        if settings.redis_url is None:
            raise ConfigurationError("PHOTO_API_REDIS_URL: must be set for rate limits in Redis")
        self._url = settings.redis_url
        self._timeout_seconds = settings.redis_timeout_seconds
        self._recorder = recorder
        self._memory = MemoryBackend()
        self._client: Redis | None = None
        self._returning: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect; a Redis that is away is no error.

        Raises:
            ConfigurationError: the URL cannot be read.
        """
        await self._memory.open()
        try:
            pool = BlockingConnectionPool.from_url(
                self._url.get_secret_value(),
                max_connections=CONNECTIONS,
                timeout=None,  # every wait is limited as a whole, in _count
                socket_timeout=None,
                socket_connect_timeout=None,
                retry=Retry(NoBackoff(), 1, (RedisConnectionError,)),  # a restart has closed the idle connections
            )
        except ValueError:  # its message repeats the URL
            raise ConfigurationError("PHOTO_API_REDIS_URL: must be redis://user:password@host:port/number") from None
        self._client = Redis.from_pool(pool)
        self._script = self._client.register_script(_SCRIPT)
        with suppress(Unavailable):  # said, and tried again
            await self.ping()

    async def close(self) -> None:
        """Disconnect."""
        if self._returning is not None:
            self._returning.cancel()
            with suppress(asyncio.CancelledError):
                await self._returning
            self._returning = None
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
        await self._memory.close()

    async def hit(self, item: RateLimitItem, key: str) -> Decision:
        """Count a request of ``key`` unless it passes the limit ``item``: in Redis, or here while it is away."""
        if self._returning is None:
            try:
                answer = await self._count(f"{KEY_PREFIX}{item.namespace}:{key}", item.amount, item.get_expiry())
            except _Away as away:
                self._lost(away)
            else:
                return Decision.of(
                    item,
                    allowed=bool(answer.allowed),
                    before=answer.before,
                    count=answer.current,
                    left=answer.left / 1_000_000,
                )
        self._recorder.rate_limit_fallback()
        return await self._memory.hit(item, key)

    async def ping(self) -> None:
        """Count under a key of its own, so that a server that only reads is away, too; raises `Unavailable`."""
        try:
            await self._count(_PROBE_KEY, _PROBE_LIMIT, WINDOW_SECONDS)
        except _Away as away:
            self._lost(away)
            raise Unavailable(f"Rate limits are not shared: {away}.") from away

    async def _count(self, key: str, limit: int, window_seconds: int) -> _Counted:
        """Run the script; where the server does not know it, its text follows."""
        if self._client is None:
            raise _Away("the backend is closed")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return _Counted(*await self._script([key], [limit, window_seconds]))
        except Exception as error:
            raise _Away(reason_of(error, self._timeout_seconds)) from error

    def _lost(self, away: _Away) -> None:
        """Count alone from here on, and begin to ask for Redis' return; the first failure of an outage says so."""
        if self._returning is None and self._client is not None:
            _log.warning("rate_limits_not_shared", reason=str(away))
            self._returning = asyncio.create_task(self._return(), name="return of Redis")

    async def _return(self) -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(RETRY_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - instances must not ask at once
            try:
                await self._count(_PROBE_KEY, _PROBE_LIMIT, WINDOW_SECONDS)
            except _Away:
                continue
            _log.info("rate_limits_shared_again", away_seconds=round(time.monotonic() - began, 1))
            self._returning = None
            return


def reason_of(error: Exception, timeout_seconds: float) -> str:
    """What is wrong and what to do, in one line without the URL or anything that the server repeats of it."""
    if isinstance(error, AuthenticationError | AuthorizationError):
        return "Redis refuses the user or password of PHOTO_API_REDIS_URL"
    if isinstance(error, NoPermissionError) or str(error).startswith(_NO_PERMISSION_IN_SCRIPT):
        return f"the user of PHOTO_API_REDIS_URL needs {PERMISSIONS}"
    if isinstance(error, ReadOnlyError):
        return "PHOTO_API_REDIS_URL names a read-only replica; name the primary"
    if isinstance(error, OutOfMemoryError):
        return "Redis is out of memory; raise its maxmemory"
    if isinstance(error, TimeoutError):
        return f"Redis did not answer within {timeout_seconds:g} s (PHOTO_API_REDIS_TIMEOUT_SECONDS)"
    if isinstance(error, RedisConnectionError | OSError):
        return "Redis cannot be reached at PHOTO_API_REDIS_URL"
    if isinstance(error, ResponseError):
        return f"Redis answered {str(error).split(' ', 1)[0]}"
    return f"Redis failed ({type(error).__name__})"
