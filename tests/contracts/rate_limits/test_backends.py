"""What the limiter relies on, whoever counts."""

import asyncio

from limits import RateLimitItemPerMinute
from tests.contracts.rate_limits.conftest import Advance

from photo_api.rate_limits.base import RateLimitBackend

LIMIT = RateLimitItemPerMinute(10, namespace="test")
Counting = tuple[RateLimitBackend, Advance]


async def allowed(backend: RateLimitBackend, key: str, times: int) -> int:
    return sum([(await backend.hit(LIMIT, key)).allowed for _ in range(times)])


async def test_exactly_the_limit_is_allowed(counting: Counting) -> None:
    assert await allowed(counting[0], "a", 25) == 10


async def test_requests_at_once_share_the_limit_too(counting: Counting) -> None:
    backend, _ = counting
    decisions = await asyncio.gather(*(backend.hit(LIMIT, "a") for _ in range(60)))
    assert sum(decision.allowed for decision in decisions) == 10


async def test_keys_and_namespaces_have_limits_of_their_own(counting: Counting) -> None:
    backend, _ = counting
    assert await allowed(backend, "a", 12) == 10
    assert await allowed(backend, "b", 12) == 10
    assert (await backend.hit(RateLimitItemPerMinute(10, namespace="other"), "a")).allowed


async def test_what_is_left_is_told(counting: Counting) -> None:
    backend, _ = counting
    decisions = [await backend.hit(LIMIT, "a") for _ in range(12)]
    assert [decision.remaining for decision in decisions] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
    assert {decision.limit for decision in decisions} == {10}
    assert all(1 <= decision.reset_seconds <= 61 for decision in decisions)


async def test_a_refusal_does_not_count(counting: Counting) -> None:
    backend, advance = counting
    await allowed(backend, "a", 200)
    advance(LIMIT, "a", 1)
    decision = await backend.hit(LIMIT, "a")
    before = 10  # not 200: then this minute would be over before anything were allowed
    assert decision.allowed or decision.reset_seconds <= 60 / before + 1


async def test_the_window_before_counts_by_the_part_that_is_left_of_it(counting: Counting) -> None:
    backend, advance = counting
    first = await backend.hit(LIMIT, "a")
    await allowed(backend, "a", 9)
    advance(LIMIT, "a", 1)
    left_seconds = first.reset_seconds - 1  # of the window, a second more or less
    more = await allowed(backend, "a", 20)
    assert abs(more - (10 - int(10 * left_seconds / 60))) <= 1


async def test_after_two_windows_nothing_is_remembered(counting: Counting) -> None:
    backend, advance = counting
    await allowed(backend, "a", 20)
    advance(LIMIT, "a", 2)
    assert await allowed(backend, "a", 20) == 10


async def test_a_backend_that_counts_answers_a_ping(counting: Counting) -> None:
    await counting[0].ping()
