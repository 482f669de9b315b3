"""A circuit breaker: after so many failures in a row a service is left alone for a while, then one call tries it."""

import time
from collections.abc import Callable

from photo_metrics import BreakerState


class Breaker:
    """Closed, open or half-open; of one event loop.

    Closed, it counts failures in a row; ``failures`` of them open it for ``open_seconds``. The first call after that
    is the trial: half-open, every other call is refused until the trial is over. Its success closes the breaker, its
    failure opens it again, and a trial that was given up lets the next call try. What a call from before the last
    change reports is history, and ignored.
    """

    def __init__(
        self,
        failures: int,
        open_seconds: float,
        on_change: Callable[[BreakerState], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._open_seconds = open_seconds
        self._on_change = on_change
        self._clock = clock
        self._state: BreakerState = "closed"
        self._in_a_row = 0
        self._opened_at = 0.0
        self._term = 0
        self._trial = False

    def refuses(self) -> bool:
        """Whether a call would get no ticket now; it may still get none later."""
        if self._state == "open":
            return self._clock() - self._opened_at < self._open_seconds
        return self._trial

    def admit(self) -> int | None:
        """A ticket for one call that is made at once, to be given back with its outcome; None: do not call."""
        if self.refuses():
            return None
        if self._state == "open":
            self._become("half_open")
        self._trial = self._state == "half_open"
        return self._term

    def retry_after_seconds(self) -> float:
        """How long a call that was refused may wait: what is left of the time open."""
        return max(0.0, self._opened_at + self._open_seconds - self._clock()) if self._state == "open" else 0.0

    def began(self, ticket: int) -> None:
        """The answer began, and is long: enough for a trial, and no reason yet to forget failures."""
        if ticket == self._term and self._state == "half_open":
            self._become("closed")

    def succeeded(self, ticket: int) -> None:
        """The service answered."""
        if ticket != self._term:
            return
        self._in_a_row = 0
        if self._state == "half_open":
            self._become("closed")

    def failed(self, ticket: int) -> None:
        """The service did not answer, or says that it cannot."""
        if ticket != self._term:
            return
        self._in_a_row += 1
        if self._state == "half_open" or self._in_a_row >= self._failures:
            self._opened_at = self._clock()
            self._become("open")

    def given_up(self, ticket: int) -> None:
        """The call ended before the service could show what it does."""
        if ticket == self._term:
            self._trial = False

    def _become(self, state: BreakerState) -> None:
        self._state = state
        self._term += 1
        self._trial = False
        self._in_a_row = 0
        self._on_change(state)
