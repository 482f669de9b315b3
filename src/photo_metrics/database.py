"""A database's pool of connections and its transactions, as its driver's wrapper tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from photo_metrics.registry import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TransactionOutcome = Literal["committed", "rolled_back", "failed"]


class DatabaseMetrics:
    """What a database tells while it works; each verb costs well under a microsecond."""

    __slots__ = ("_errors", "_in_use", "_size", "_transactions", "_wait", "_waiting")

    def __init__(
        self,
        *,
        errors: Counter,
        transactions: Mapping[TransactionOutcome, Counter],
        size: Gauge,
        in_use: Gauge,
        waiting: Gauge,
        wait: Histogram,
    ) -> None:
        """Write to these series."""
        self._errors = errors
        self._transactions = dict(transactions)
        self._size = size
        self._in_use = in_use
        self._waiting = waiting
        self._wait = wait

    @classmethod
    def unpublished(cls) -> Self:
        """For a process that has no metrics page."""
        return cls(
            errors=Counter(()),
            transactions={"committed": Counter(()), "rolled_back": Counter(()), "failed": Counter(())},
            size=Gauge(()),
            in_use=Gauge(()),
            waiting=Gauge(()),
            wait=Histogram((), ()),
        )

    def error(self) -> None:
        """The database failed: connection, statement or commit."""
        self._errors.inc()

    def transaction(self, outcome: TransactionOutcome) -> None:
        """A transaction is over: committed, rolled back because its caller wanted so, or failed by the database."""
        self._transactions[outcome].inc()

    def waited(self, seconds: float) -> None:
        """A caller got a connection, or gave up waiting for one, after so long."""
        self._wait.observe(seconds)

    def watch_pool(self, size: int, in_use: Callable[[], int], waiting: Callable[[], int]) -> None:
        """A pool of at most ``size`` connections is open; ask it at every scrape what is used and who waits."""
        self._size.set(size)
        self._in_use.set_function(in_use)
        self._waiting.set_function(waiting)
