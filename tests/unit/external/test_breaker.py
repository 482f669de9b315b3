"""The circuit breaker, with a clock that the test turns."""

import pytest
from tests.support.clock import Clock

from photo_api.external.breaker import Breaker
from photo_metrics import BreakerState


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seen() -> list[BreakerState]:
    return []


@pytest.fixture
def breaker(clock: Clock, seen: list[BreakerState]) -> Breaker:
    return Breaker(3, 5.0, seen.append, clock=clock)


def admitted(breaker: Breaker) -> int:
    ticket = breaker.admit()
    assert ticket is not None
    return ticket


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed(admitted(breaker))


def test_failures_in_a_row_open_it(breaker: Breaker, seen: list[BreakerState]) -> None:
    fail(breaker, 3)
    assert breaker.admit() is None
    assert seen == ["open"]


def test_a_success_begins_the_count_anew(breaker: Breaker, seen: list[BreakerState]) -> None:
    fail(breaker, 2)
    breaker.succeeded(admitted(breaker))
    fail(breaker, 2)
    assert breaker.admit() is not None
    assert seen == []


def test_it_stays_open_for_its_time_and_says_how_long(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now = 4.0
    assert breaker.admit() is None
    assert breaker.retry_after_seconds() == 1.0


def test_one_call_alone_tries_a_service_that_was_away(breaker: Breaker, clock: Clock, seen: list[BreakerState]) -> None:
    fail(breaker, 3)
    clock.now = 5.0
    assert breaker.admit() is not None
    assert breaker.admit() is None
    assert seen == ["open", "half_open"]


def test_a_trial_that_succeeds_closes_it(breaker: Breaker, clock: Clock, seen: list[BreakerState]) -> None:
    fail(breaker, 3)
    clock.now = 5.0
    breaker.succeeded(admitted(breaker))
    assert breaker.admit() is not None
    assert seen == ["open", "half_open", "closed"]


def test_a_trial_that_fails_opens_it_for_its_whole_time_again(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now = 5.0
    fail(breaker, 1)
    clock.now = 9.9
    assert breaker.admit() is None
    clock.now = 10.0
    assert breaker.admit() is not None


def test_a_trial_that_was_given_up_lets_the_next_call_try(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now = 5.0
    breaker.given_up(admitted(breaker))
    assert breaker.admit() is not None


def test_an_answer_that_only_began_does_not_begin_the_count_anew(breaker: Breaker, seen: list[BreakerState]) -> None:
    for _ in range(3):
        ticket = admitted(breaker)
        breaker.began(ticket)
        breaker.failed(ticket)
    assert seen == ["open"]


def test_a_trial_whose_answer_began_closes_it(breaker: Breaker, clock: Clock, seen: list[BreakerState]) -> None:
    fail(breaker, 3)
    clock.now = 5.0
    breaker.began(admitted(breaker))
    assert breaker.admit() is not None
    assert seen == ["open", "half_open", "closed"]


def test_asking_whether_it_refuses_takes_no_trial(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    assert breaker.refuses()
    clock.now = 5.0
    assert not breaker.refuses()
    assert breaker.admit() is not None
    assert breaker.refuses()


def test_what_calls_from_before_report_changes_nothing(
    breaker: Breaker, clock: Clock, seen: list[BreakerState]
) -> None:
    early, late = admitted(breaker), admitted(breaker)
    fail(breaker, 3)
    breaker.succeeded(early)
    assert breaker.admit() is None
    clock.now = 5.0
    trial = admitted(breaker)
    breaker.failed(late)
    breaker.succeeded(trial)
    assert seen == ["open", "half_open", "closed"]
