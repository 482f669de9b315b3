"""Requests to other services: timed, counted when they fail, visible while they hang."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

if TYPE_CHECKING:
    from types import TracebackType

    from photo_metrics.registry import Counter, Gauge, Histogram

ExternalService = Literal["object_storage", "cdn", "log_service"]
ExternalOperation = Literal["upload", "download", "token", "send", "delete", "head"]
BreakerState = Literal["closed", "half_open", "open"]


class ExternalSeries(NamedTuple):
    """The series that one operation of one service writes."""

    duration: Histogram
    operation_duration: Histogram
    errors: Counter
    timeouts: Counter
    in_flight: Gauge


class ExternalRequest:
    """One request, as a context manager around it (also around `await`s).

    The duration is observed however the block ends. An exception that leaves it is an error of the service,
    cancellation included, since that is how a time-out around the block looks from inside; a generator closed early,
    an exit of the process and an interrupt are not. A failure that is no exception is told by `failed()`.

    The service's time ends at `answered()` where the rest of the block is the pace of somebody else, such as the
    client that a download is passed on to; `not_counted()` takes off what an upload waited for its client.
    """

    __slots__ = ("_answered", "_excused", "_failed", "_not_counted", "_series", "_started")

    def __init__(self, series: ExternalSeries) -> None:
        """Prepare; the clock starts on entering."""
        self._series = series
        self._failed = False
        self._answered = False
        self._excused = False
        self._started = 0.0
        self._not_counted = 0.0

    def failed(self) -> None:
        """The service answered, but with an error."""
        self._failed = True

    def excused(self) -> None:
        """The exception that will leave the block is not the service's: its caller gave up, or failed itself."""
        self._excused = True

    def timed_out(self) -> None:
        """The service did not answer in time; a failure, and counted apart."""
        self._failed = True
        self._series.timeouts.inc()

    def not_counted(self, seconds: float) -> None:
        """So much of the time so far was not the service's."""
        self._not_counted += seconds

    def answered(self) -> None:
        """The service has answered: observe the duration now; in flight, and open to failure, until the block ends."""
        if not self._answered:
            self._answered = True
            seconds = max(0.0, perf_counter() - self._started - self._not_counted)
            self._series.duration.observe(seconds)
            self._series.operation_duration.observe(seconds)

    def __enter__(self) -> Self:
        """Start the clock."""
        self._series.in_flight.inc()
        self._started = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Observe, and let the exception pass."""
        self.answered()
        series = self._series
        series.in_flight.inc(-1.0)
        excused = self._excused or isinstance(error, GeneratorExit | KeyboardInterrupt | SystemExit)
        if self._failed or (error is not None and not excused):
            series.errors.inc()
