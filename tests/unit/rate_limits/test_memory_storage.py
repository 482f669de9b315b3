"""The counts of requests in memory."""

from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter, SlidingWindowCounterRateLimiter
from tests.support.clock import Clock

from photo_api.rate_limits.memory import BoundedMemoryStorage, MemoryBackend

LIMIT = RateLimitItemPerMinute(10, namespace="test")


def test_a_limit_is_spent_and_comes_back() -> None:
    clock = Clock(600.0)
    limiter = SlidingWindowCounterRateLimiter(BoundedMemoryStorage(clock=clock))
    assert [limiter.hit(LIMIT, "a") for _ in range(11)] == [True] * 10 + [False]
    clock.now += 120
    assert limiter.hit(LIMIT, "a")


def test_keys_do_not_share_a_limit() -> None:
    limiter = SlidingWindowCounterRateLimiter(BoundedMemoryStorage(clock=Clock(600.0)))
    for _ in range(10):
        limiter.hit(LIMIT, "a")
    assert not limiter.hit(LIMIT, "a")
    assert limiter.hit(LIMIT, "b")


def test_the_turn_of_a_minute_does_not_double_the_limit() -> None:
    """What a fixed window allows: all of it at 59 s, all of it again at 61 s."""
    clock = Clock(600.0)
    limiter = SlidingWindowCounterRateLimiter(BoundedMemoryStorage(clock=clock))
    clock.now += 59
    assert sum(limiter.hit(LIMIT, "a") for _ in range(20)) == 10
    clock.now += 2
    assert sum(limiter.hit(LIMIT, "a") for _ in range(20)) <= 1


def test_a_clock_that_jumps_leaves_no_old_counts() -> None:
    clock = Clock(600.0)
    storage = BoundedMemoryStorage(clock=clock)
    for key in ("a", "b"):
        storage.incr(key, 60)
    clock.now += 3_600
    assert storage.get_sliding_window("a", 60)[0] == 0
    assert len(storage) == 0


def test_a_flood_of_keys_is_bounded() -> None:
    clock = Clock(600.0)
    storage = BoundedMemoryStorage(capacity=100, clock=clock)
    limiter = SlidingWindowCounterRateLimiter(storage)
    for minute in range(3):
        clock.now = 600.0 + 60 * minute
        for number in range(10_000):
            assert limiter.hit(LIMIT, f"{minute}-{number}")
    assert len(storage) <= 200


def test_a_flood_does_not_wipe_out_the_count_of_who_goes_on_asking() -> None:
    """Neither of who is within the limit nor of who is refused."""
    limiter = SlidingWindowCounterRateLimiter(BoundedMemoryStorage(capacity=100, clock=Clock(600.0)))
    for number in range(30):
        limiter.hit(LIMIT, "noisy")
        for other in range(90):
            limiter.hit(LIMIT, f"{number}-{other}")
    assert not limiter.hit(LIMIT, "noisy")


def test_it_keeps_the_librarys_contract_for_fixed_windows_too() -> None:
    clock = Clock(600.0)
    storage = BoundedMemoryStorage(clock=clock)
    limiter = FixedWindowRateLimiter(storage)
    assert sum(limiter.hit(LIMIT, "a") for _ in range(12)) == 10
    assert storage.check()
    clock.now += 60
    assert limiter.get_window_stats(LIMIT, "a").remaining == 10
    limiter.hit(LIMIT, "a")
    storage.clear(LIMIT.key_for("a"))
    assert limiter.get_window_stats(LIMIT, "a").remaining == 10


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60), st.integers(1, 12))
async def test_whoever_waits_as_told_is_answered(pauses: list[float], amount: int) -> None:
    """Retry-After is enough, and ``remaining`` is what can follow at once."""
    clock = Clock(600.0)
    backend = MemoryBackend(BoundedMemoryStorage(clock=clock))
    item = RateLimitItemPerMinute(amount)
    for pause in pauses:
        clock.now += pause
        decision = await backend.hit(item, "a")
        assert 1 <= decision.reset_seconds <= 61
        assert 0 <= decision.remaining < amount
        if not decision.allowed:
            assert decision.remaining == 0
        if decision.remaining == 0:
            clock.now += decision.reset_seconds
            assert (await backend.hit(item, "a")).allowed


@given(st.lists(st.floats(0, 20), min_size=1, max_size=80), st.integers(1, 12))
async def test_no_minute_of_the_clock_ever_holds_more_than_the_limit(pauses: list[float], amount: int) -> None:
    clock = Clock(600.0)
    backend = MemoryBackend(BoundedMemoryStorage(clock=clock))
    allowed: dict[int, int] = {}
    for pause in pauses:
        clock.now += pause
        if (await backend.hit(RateLimitItemPerMinute(amount), "a")).allowed:
            minute = int(clock.now // 60)
            allowed[minute] = allowed.get(minute, 0) + 1
    assert all(count <= amount for count in allowed.values())
