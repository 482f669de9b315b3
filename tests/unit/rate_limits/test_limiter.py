"""Who shares a limit with whom."""

import pytest
from tests.support.samples import new_recorder, sample

from photo_api.config import Settings
from photo_api.context import Principal, RequestContext
from photo_api.rate_limits.classes import RouteClass, route_class
from photo_api.rate_limits.limiter import RateLimiter, address_key
from photo_api.rate_limits.memory import BoundedMemoryStorage, MemoryBackend
from photo_metrics import Recorder

SETTINGS = Settings(
    rate_limit_auth_per_minute=3,
    rate_limit_share_per_minute=4,
    rate_limit_image_per_minute=120,
    rate_limit_default_per_minute=5,
)


def context(ip: str = "203.0.113.9", user: str | None = None) -> RequestContext:
    return RequestContext("request-1", ip, Principal(user, "family") if user else None)


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture
def limiter(recorder: Recorder) -> RateLimiter:
    """With its clock stopped in the middle of a minute: no window ends during a test."""
    return RateLimiter(SETTINGS, recorder, MemoryBackend(BoundedMemoryStorage(clock=lambda: 90.0)))


async def allowed(limiter: RateLimiter, template: str, who: RequestContext, times: int = 200) -> int:
    decisions = [await limiter.check(template, who) for _ in range(times)]
    return sum(decision is not None and decision.allowed for decision in decisions)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("/auth/login", RouteClass.AUTH),
        ("/auth/register", RouteClass.AUTH),
        ("/auth/refresh", RouteClass.AUTH),
        ("/auth/me", RouteClass.DEFAULT),
        ("/auth/logout", RouteClass.DEFAULT),
        ("/share/{token}", RouteClass.SHARE),
        ("/share/{token}/photos/{photo_id}/image", RouteClass.IMAGE),
        ("/photos/{photo_id}/image", RouteClass.IMAGE),
        ("/albums/{album_id}/share", RouteClass.DEFAULT),
        ("/storage/{key:path}", RouteClass.DEFAULT),
        ("none", RouteClass.DEFAULT),
        ("/healthy", RouteClass.DEFAULT),
        ("/health", None),
        ("/health/live", None),
        ("/health/ready", None),
    ],
)
def test_the_class_of_a_route(template: str, expected: RouteClass | None) -> None:
    assert route_class(template) is expected


async def test_each_class_has_its_own_limit(limiter: RateLimiter) -> None:
    assert await allowed(limiter, "/auth/login", context()) == 3
    assert await allowed(limiter, "/share/{token}", context()) == 4
    assert await allowed(limiter, "/photos/{photo_id}/image", context()) == 120
    assert await allowed(limiter, "/photos/", context()) == 5


async def test_routes_of_a_class_share_its_limit(limiter: RateLimiter) -> None:
    assert await allowed(limiter, "/photos/", context()) == 5
    assert await allowed(limiter, "/albums/", context()) == 0


async def test_health_checks_are_never_limited(limiter: RateLimiter) -> None:
    assert [await limiter.check("/health", context()) for _ in range(50)] == [None] * 50


async def test_users_behind_one_address_do_not_share_a_limit(limiter: RateLimiter) -> None:
    assert await allowed(limiter, "/photos/", context(user="one")) == 5
    assert await allowed(limiter, "/photos/", context(user="two")) == 5
    assert await allowed(limiter, "/photos/", context()) == 5


async def test_a_user_has_one_limit_from_all_addresses(limiter: RateLimiter) -> None:
    assert await allowed(limiter, "/photos/", context("203.0.113.9", "one")) == 5
    assert await allowed(limiter, "/photos/", context("198.51.100.7", "one")) == 0


async def test_a_token_buys_no_more_guesses_of_passwords(limiter: RateLimiter) -> None:
    assert await allowed(limiter, "/auth/login", context(user="one")) == 3
    assert await allowed(limiter, "/auth/login", context(user="two")) == 0


async def test_addresses_of_one_ipv4_network_do_not_share_a_limit(limiter: RateLimiter) -> None:
    """The network is the metric's label only."""
    assert await allowed(limiter, "/photos/", context("203.0.113.9")) == 5
    assert await allowed(limiter, "/photos/", context("203.0.113.10")) == 5


async def test_addresses_of_one_ipv6_64_share_a_limit(limiter: RateLimiter) -> None:
    assert await allowed(limiter, "/photos/", context("2001:db8:1:1::1")) == 5
    assert await allowed(limiter, "/photos/", context("2001:db8:1:1:ffff::2")) == 0
    assert await allowed(limiter, "/photos/", context("2001:db8:1:2::1")) == 5


@pytest.mark.parametrize(
    ("ip", "key"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:1:2:3:4:5", "2001:db8:1:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "unknown"),
    ],
)
def test_the_key_of_an_address(ip: str, key: str) -> None:
    assert address_key(ip) == key


async def test_every_check_is_counted_by_route(limiter: RateLimiter, recorder: Recorder) -> None:
    recorder._endpoints |= {"/photos/"}  # as the instrumentation declares the application's routes
    await allowed(limiter, "/photos/", context(), 12)
    name = "photo_api_rate_limit_requests_total"
    assert sample(recorder, name, endpoint="/photos/", status="allowed") == 5
    assert sample(recorder, name, endpoint="/photos/", status="blocked") == 7
    assert sample(recorder, "photo_api_rate_limit_hits_total", endpoint="/photos/") == 7


async def test_remembered_addresses_are_bounded(limiter: RateLimiter) -> None:
    for number in range(25_000):
        await limiter.check("/photos/", context(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"))
    assert len(limiter._clients) <= 10_000
