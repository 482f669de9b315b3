"""The retry budget, with a clock that the test turns."""

import pytest
from tests.support.clock import Clock

from photo_api.external.budget import FLOOR, MOST, SECONDS_A_FREE_RETRY, RetryBudget


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> RetryBudget:
    return RetryBudget(clock=clock)


def spent(budget: RetryBudget) -> int:
    """How many retries it grants at once."""
    taken = 0
    while budget.take():
        taken += 1
    return taken


def test_a_new_service_has_a_few_retries(budget: RetryBudget) -> None:
    assert spent(budget) == FLOOR


def test_a_tenth_of_the_calls_may_be_retried(budget: RetryBudget) -> None:
    spent(budget)
    for _ in range(101):
        budget.called()
    assert spent(budget) == 10


def test_a_good_hour_does_not_pay_for_a_storm(budget: RetryBudget) -> None:
    for _ in range(100_000):
        budget.called()
    assert spent(budget) == MOST


def test_a_service_seldom_called_gets_a_retry_now_and_then(budget: RetryBudget, clock: Clock) -> None:
    spent(budget)
    clock.now = SECONDS_A_FREE_RETRY + 0.1
    assert spent(budget) == 1


def test_waiting_saves_up_no_more_than_the_first_few(budget: RetryBudget, clock: Clock) -> None:
    spent(budget)
    clock.now = 3_600.0
    assert spent(budget) == FLOOR
