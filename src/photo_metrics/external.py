"""Requests to other services: timed, counted when they fail, visible while they hang."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

if TYPE_CHECKING:
    from types import TracebackType

    from photo_metrics.registry import Counter, Gauge, Histogram

ExternalService = Literal["object_storage", "cdn", "log_service"]
ExternalOperation = Literal["upload", "download", "token", "send", "delete", "head"]


class ExternalSeries(NamedTuple):
    """The series that one operation of one service writes."""

    duration: Histogram
    operation_duration: Histogram
    errors: Counter
    in_flight: Gauge


class ExternalRequest:
    """One request, as a context manager around it (also around `await`s).

    The duration is observed however the block ends. An exception that leaves it is an error of the service,
    cancellation included, since that is how a time-out around the block looks from inside; a generator closed early,
    an exit of the process and an interrupt are not. A failure that is no exception is told by `failed()`.
    """

    __slots__ = ("_failed", "_series", "_started")

    def __init__(self, series: ExternalSeries) -> None:
        """Prepare; the clock starts on entering."""
        self._series = series
        self._failed = False
        self._started = 0.0

    def failed(self) -> None:
        """The service answered, but with an error."""
        self._failed = True

    def __enter__(self) -> Self:
        """Start the clock."""
        self._series.in_flight.inc()
        self._started = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Observe, and let the exception pass."""
        seconds = perf_counter() - self._started
        series = self._series
        series.in_flight.inc(-1.0)
        series.duration.observe(seconds)
        series.operation_duration.observe(seconds)
        if self._failed or (
            error is not None and not isinstance(error, GeneratorExit | KeyboardInterrupt | SystemExit)
        ):
            series.errors.inc()
