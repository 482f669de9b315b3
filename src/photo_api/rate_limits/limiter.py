"""Decides whether a request is within its client's limit.

Policy: each instance counts on its own, so behind a load balancer a client has up to *instances* times the limit; a
backend that counts for all of them fits `RateLimitBackend`. Counting in memory cannot be away.
"""

import ipaddress
import math
from typing import Final, NamedTuple, Protocol

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.strategies import SlidingWindowCounterRateLimiter

from photo_api.config import Settings
from photo_api.context import RequestContext
from photo_api.rate_limits.classes import RouteClass, limits_per_minute, route_class
from photo_api.rate_limits.memory import BoundedMemoryStorage
from photo_metrics import Recorder, client_prefix

_MAX_REMEMBERED: Final = 10_000
_ROUNDING: Final = 0.001  # seconds: who waits as told must not come a rounding error too early


class Decision(NamedTuple):
    """What the limiter says of one request."""

    allowed: bool
    limit: int
    """Requests a minute."""
    remaining: int
    """Requests that could follow at once."""
    reset_seconds: int
    """Until another request is allowed where none remains, else until this window ends; at least 1."""


class RateLimitBackend(Protocol):
    """Counts requests, here or elsewhere."""

    async def open(self) -> None:
        """Connect."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...

    async def hit(self, item: RateLimitItem, key: str) -> Decision:
        """Count a request of ``key`` unless it passes the limit ``item``."""
        ...


class MemoryBackend:
    """Counts in this process, by the library's sliding window counter: the last minute's requests, interpolated."""

    def __init__(self, storage: BoundedMemoryStorage | None = None) -> None:
        self._storage = BoundedMemoryStorage() if storage is None else storage
        self._strategy = SlidingWindowCounterRateLimiter(self._storage)

    async def open(self) -> None:
        """Begin with nothing counted."""
        self._storage.reset()

    async def close(self) -> None:
        """Forget everything."""
        self._storage.reset()

    async def hit(self, item: RateLimitItem, key: str) -> Decision:
        """Count a request of ``key`` unless it passes the limit ``item``."""
        allowed = self._strategy.hit(item, key)
        seconds = item.get_expiry()
        before, left, count, _ = self._storage.get_sliding_window(item.key_for(key), seconds)
        remaining = max(0, item.amount - int(before * left / seconds + count))
        wait = left
        if not remaining and count < item.amount:  # a request fits as soon as enough of the window before has left
            wait = max(0.0, left - (item.amount - count) * seconds / before)
        return Decision(allowed, item.amount, remaining, math.floor(wait + _ROUNDING) + 1)


class RateLimiter:
    """Limits requests by class of route and client (the guide's section 4.1)."""

    def __init__(self, settings: Settings, recorder: Recorder, backend: RateLimitBackend | None = None) -> None:
        self._recorder = recorder
        self._backend = MemoryBackend() if backend is None else backend
        self._items = {
            name: RateLimitItemPerMinute(amount, namespace=name.value)
            for name, amount in limits_per_minute(settings).items()
        }
        self._classes: dict[str, RouteClass | None] = {}
        self._clients: dict[str, tuple[str, str]] = {}

    async def open(self) -> None:
        """Connect to where requests are counted."""
        await self._backend.open()

    async def close(self) -> None:
        """Disconnect."""
        await self._backend.close()

    async def check(self, template: str, context: RequestContext) -> Decision | None:
        """Count a request to the route ``template``; ``None`` where no limit applies."""
        try:
            kind = self._classes[template]
        except KeyError:  # templates are a closed set, so this cache is too
            kind = self._classes[template] = route_class(template)
        if kind is None:
            return None
        address, prefix = self._client(context.client_ip)
        principal = context.principal
        # A token must not buy more guesses of passwords: where credentials are tried, the address counts.
        key = address if principal is None or kind is RouteClass.AUTH else principal.user_id
        decision = await self._backend.hit(self._items[kind], key)
        self._recorder.rate_limit_checked(endpoint=template, allowed=decision.allowed, client_id=prefix)
        return decision

    def _client(self, ip: str) -> tuple[str, str]:
        """The key of an address, and its network prefix for the metric's label."""
        known = self._clients.get(ip)
        if known is None:
            if len(self._clients) >= _MAX_REMEMBERED:
                self._clients.clear()
            known = self._clients[ip] = (address_key(ip), client_prefix(ip))
        return known


def address_key(ip: str) -> str:
    """A client's address as it is counted: IPv4 whole, IPv6 by its /64, which is one subscriber's (RFC 6177)."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:  # all of IPv4 would otherwise be one /64
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
