"""How many retries a service may cost: a share of its calls, so that one in trouble is not asked twice as much."""

import time
from collections.abc import Callable
from typing import Final

RATIO: Final = 0.1
FLOOR: Final = 3.0
SECONDS_A_FREE_RETRY: Final = 10.0
MOST: Final = 20.0


class RetryBudget:
    """Each call earns a tenth of a retry, and each ten seconds one more for services that are seldom called.

    At most 20 are saved up, so that a good hour does not pay for a storm; a new budget has 3.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._balance = FLOOR
        self._at = clock()

    def called(self) -> None:
        """A call was made that is no retry."""
        self._balance = min(MOST, self._balance + RATIO)

    def take(self) -> bool:
        """Whether one retry may be made now; it is paid for if so."""
        now = self._clock()
        if self._balance < FLOOR:
            self._balance = min(FLOOR, self._balance + (now - self._at) / SECONDS_A_FREE_RETRY)
        self._at = now
        if self._balance < 1.0:
            return False
        self._balance -= 1.0
        return True
