"""Rate limits through the whole service."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.support.service import Service, Start

from photo_api.rate_limits.memory import BoundedMemoryStorage, MemoryBackend

REQUESTS = "photo_api_rate_limit_requests_total"
HITS = "photo_api_rate_limit_hits_total"
LOGIN = {"email": "nobody@example.com", "password": "wrong password"}
INVALID_TOKEN = "A" * 43


@pytest.fixture
def limited(start: Start) -> Start:
    """`start`, with the limiter's clock stopped in the middle of a minute: no window ends during a test."""

    @asynccontextmanager
    async def running(**overrides: Any) -> AsyncIterator[Service]:
        async with start(**overrides) as service:
            storage = BoundedMemoryStorage(clock=lambda: 90.0)
            service.components.rate_limiter._backend = MemoryBackend(storage)
            yield service

    return running


async def statuses(service: Service, method: str, path: str, times: int, **options: Any) -> list[int]:
    answers = [await service.client.request(method, path, **options) for _ in range(times)]
    return [answer.status_code for answer in answers]


async def test_every_limited_answer_tells_what_is_left(limited: Start) -> None:
    async with limited(rate_limit_default_per_minute=5) as service:
        answers = [await service.client.get("/auth/me") for _ in range(3)]
        assert [answer.headers["RateLimit-Limit"] for answer in answers] == ["5"] * 3
        assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["4", "3", "2"]
        assert [answer.headers["RateLimit-Reset"] for answer in answers] == ["31"] * 3


async def test_a_refusal_is_a_problem_that_says_when_to_come_back(limited: Start) -> None:
    async with limited(rate_limit_auth_per_minute=3) as service:
        assert await statuses(service, "POST", "/auth/login", 3, json=LOGIN) == [401] * 3
        answer = await service.client.post("/auth/login", json=LOGIN)
        assert answer.status_code == 429
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]
        assert answer.headers["RateLimit-Remaining"] == "0"
        assert answer.headers["Retry-After"] == "31"
        problem = answer.json()
        assert (problem["title"], problem["status"]) == ("Too many requests", 429)
        assert problem["request_id"] == answer.headers["X-Request-ID"]


async def test_a_refused_login_is_counted_under_its_route_and_network(limited: Start) -> None:
    async with limited(rate_limit_auth_per_minute=2, client_ip="203.0.113.9") as service:
        await statuses(service, "POST", "/auth/login", 5, json=LOGIN)
        assert await service.metric(REQUESTS, endpoint="/auth/login", status="allowed") == 2
        assert await service.metric(REQUESTS, endpoint="/auth/login", status="blocked") == 3
        assert await service.metric(HITS, endpoint="/auth/login") == 3
        assert await service.metric("http_requests_total", handler="/auth/login", status="429") == 3


@pytest.mark.parametrize("path", ["/share/{token}", "/share/{token}/photos/{photo_id}/image"])
async def test_an_attacker_on_share_links_stays_visible_when_limited(limited: Start, path: str) -> None:
    url = path.format(token=INVALID_TOKEN, photo_id="01930000-0000-7000-8000-000000000000")
    async with limited(rate_limit_share_per_minute=3, rate_limit_image_per_minute=3) as service:
        assert await statuses(service, "GET", url, 8) == [404] * 3 + [429] * 5
        assert await service.metric("photo_api_share_link_brute_force_attempts_total") == 3
        assert await service.metric(HITS, endpoint=path) == 5
        assert await service.metric(REQUESTS, endpoint=path, status="blocked") == 5


async def test_a_shared_album_of_100_photos_can_be_viewed(limited: Start, jpeg: Callable[..., bytes]) -> None:
    """With the limits as they come."""
    limits = {"rate_limit_share_per_minute": 60, "rate_limit_image_per_minute": 600}
    async with limited(**limits) as service:
        user = await service.register()
        album_id = await service.album(user)
        photo_id = await service.photo(user, jpeg(), album_id=album_id)
        share = await service.client.post(f"/albums/{album_id}/share", json={}, headers=user.headers)
        token = share.json()["token"]
        assert (await service.client.get(f"/share/{token}")).status_code == 200
        image = f"/share/{token}/photos/{photo_id}/image"
        assert set(await statuses(service, "GET", image, 100)) == {200}


async def test_users_behind_one_address_do_not_disturb_each_other(limited: Start) -> None:
    async with limited(rate_limit_default_per_minute=3) as service:
        one, two = await service.register(), await service.register()
        assert await statuses(service, "GET", "/auth/me", 4, headers=one.headers) == [200] * 3 + [429]
        assert await statuses(service, "GET", "/auth/me", 1, headers=two.headers) == [200]


async def test_a_forged_token_makes_no_new_user(limited: Start) -> None:
    async with limited(rate_limit_default_per_minute=3) as service:
        answers = [
            await service.client.get("/auth/me", headers={"Authorization": f"Bearer forged-{number}"})
            for number in range(5)
        ]
        assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 2


async def test_a_forwarded_address_counts_only_from_a_trusted_proxy(limited: Start) -> None:
    def forwarded(number: int) -> dict[str, str]:
        return {"X-Forwarded-For": f"198.51.100.{number}"}

    async with limited(rate_limit_default_per_minute=2, client_ip="203.0.113.9") as service:
        answers = [await service.client.get("/auth/me", headers=forwarded(number)) for number in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 429, 429]
    async with limited(
        rate_limit_default_per_minute=2, client_ip="203.0.113.9", trusted_proxies="203.0.113.9/32"
    ) as service:
        answers = [await service.client.get("/auth/me", headers=forwarded(number)) for number in range(4)]
        assert [answer.status_code for answer in answers] == [401] * 4


async def test_health_checks_are_not_limited_and_say_nothing_of_limits(limited: Start) -> None:
    async with limited(rate_limit_default_per_minute=1) as service:
        for path in ("/health", "/health/live", "/health/ready"):
            assert await statuses(service, "GET", path, 5) == [200] * 5
        assert "RateLimit-Limit" not in (await service.client.get("/health")).headers


async def test_unknown_paths_are_limited_and_never_become_labels(limited: Start) -> None:
    async with limited(rate_limit_default_per_minute=2) as service:
        answers = [await service.client.get(f"/no/such/path/{number}") for number in range(4)]
        assert [answer.status_code for answer in answers] == [404, 404, 429, 429]
        assert await service.metric(REQUESTS, endpoint="none", status="blocked") == 2


async def test_a_refused_request_does_nothing(limited: Start) -> None:
    async with limited(rate_limit_default_per_minute=4) as service:
        user = await service.register()
        made = [
            await service.client.post("/albums/", json={"name": f"Album {number}"}, headers=user.headers)
            for number in range(6)
        ]
        assert [answer.status_code for answer in made] == [201] * 4 + [429] * 2
        assert await service.metric("photo_api_albums_total", type="total") == 4


async def test_requests_at_once_never_pass_the_limit(limited: Start) -> None:
    async with limited(rate_limit_default_per_minute=10) as service:
        user = await service.register()
        answers = await asyncio.gather(*(service.client.get("/auth/me", headers=user.headers) for _ in range(30)))
        assert sum(answer.status_code == 200 for answer in answers) == 10


async def test_a_browser_can_read_a_refusal(limited: Start) -> None:
    async with limited(rate_limit_default_per_minute=1, cors_origins="https://photos.example.com") as service:
        headers = {"Origin": "https://photos.example.com"}
        await service.client.get("/auth/me", headers=headers)
        answer = await service.client.get("/auth/me", headers=headers)
        assert answer.status_code == 429
        assert answer.headers["Access-Control-Allow-Origin"] == "https://photos.example.com"
        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert {"Retry-After", "RateLimit-Remaining"} <= {name.strip() for name in exposed.split(",")}
