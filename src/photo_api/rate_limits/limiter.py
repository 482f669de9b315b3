"""Decides whether a request is within its client's limit.

Policy: without Redis each instance counts on its own, so behind a load balancer a client has up to *instances* times
the limit; with it (``redis_url``) they count together, and on their own while it is away. Wrong passwords of a share
link are bounded per instance in either case (`photo_api.share_links.service`).
"""

import ipaddress
from typing import Final

from limits import RateLimitItemPerMinute

from photo_api.config import Settings
from photo_api.context import RequestContext
from photo_api.rate_limits.base import Decision, RateLimitBackend
from photo_api.rate_limits.classes import RouteClass, limits_per_minute, route_class
from photo_api.rate_limits.memory import MemoryBackend
from photo_metrics import Recorder, client_prefix

_MAX_REMEMBERED: Final = 10_000


class RateLimiter:
    """Limits requests by class of route and client (the guide's section 4.1)."""

    def __init__(self, settings: Settings, recorder: Recorder, backend: RateLimitBackend | None = None) -> None:
        self._recorder = recorder
        self._backend = _configured(settings, recorder) if backend is None else backend
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

    async def ping(self) -> None:
        """Check that requests are counted as configured; raises `Unavailable` where Redis is away."""
        await self._backend.ping()

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


def _configured(settings: Settings, recorder: Recorder) -> RateLimitBackend:
    if settings.redis_url is None:
        return MemoryBackend()
    from photo_api.rate_limits.redis import RedisBackend  # noqa: PLC0415 - its client takes a while, and memory, to load

    return RedisBackend(settings, recorder)


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
