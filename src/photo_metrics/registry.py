"""Counters, gauges and histograms: made from declarations, written in nanoseconds, read by the exposition.

A child is one series (for a histogram: one set of bucket series). Callers resolve children once and keep them; then a
write is one addition under the child's own lock. The lock is there because worker threads write too (password
hashing, image decoding): `value += x` is several bytecodes, and nothing in the language promises that no other thread
runs between them. Uncontended it costs some 40 ns, and it makes a histogram's buckets and its sum agree on the page.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left
from typing import TYPE_CHECKING, Generic, TypeVar

from photo_metrics.spec import MetricType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from photo_metrics.spec import MetricSpec

Exemplar = tuple[str, float, float]
"""(identifier, observed value, unix time in seconds)"""


class Value:
    """One number, or a function that tells it."""

    __slots__ = ("_function", "_lock", "_value", "labels")

    def __init__(self, labels: tuple[str, ...]) -> None:
        """Start at 0; `labels` are the values of the family's labels."""
        self.labels = labels
        self._value = 0.0
        self._function: Callable[[], float] | None = None
        self._lock = threading.Lock()

    def set_function(self, function: Callable[[], float]) -> None:
        """Ask `function` for the value at every scrape from now on."""
        self._function = function

    def read(self) -> float | None:
        """The present value; None if the function that tells it fails."""
        if self._function is None:
            return self._value
        try:
            return float(self._function())
        except Exception:  # noqa: BLE001 - one failing probe must not take the whole page with it
            return None


class Counter(Value):
    """A number that only grows."""

    __slots__ = ()

    def inc(self, amount: float = 1.0) -> None:
        """Add `amount`; ValueError if it is negative or not finite, since either would spoil the counter for good."""
        if not 0.0 <= amount < math.inf:
            message = f"a counter cannot grow by {amount}"
            raise ValueError(message)
        with self._lock:
            self._value += amount


class Gauge(Value):
    """A number that goes up and down; NaN and infinities are legal values."""

    __slots__ = ()

    def set(self, value: float) -> None:
        """Replace the value."""
        with self._lock:
            self._value = float(value)

    def inc(self, amount: float = 1.0) -> None:
        """Add `amount`, which may be negative."""
        with self._lock:
            self._value += amount


class Histogram:
    """Counts of observations by bucket, and their sum."""

    __slots__ = ("_bounds", "_counts", "_lock", "_sum", "exemplars", "labels")

    def __init__(self, labels: tuple[str, ...], bounds: tuple[float, ...]) -> None:
        """Start empty; `bounds` are the finite upper bounds, ascending; one more bucket takes the rest."""
        self.labels = labels
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._lock = threading.Lock()
        self.exemplars: dict[int, Exemplar] = {}

    def observe(self, value: float, exemplar: str | None = None) -> None:
        """Count `value` (≥ 0, finite, else ValueError); the bucket's latest `exemplar` is kept with its time."""
        if not 0.0 <= value < math.inf:
            message = f"a histogram cannot observe {value}"
            raise ValueError(message)
        index = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[index] += 1
            self._sum += value
        if exemplar is not None:
            self.exemplars[index] = (exemplar, value, time.time())

    def count(self) -> int:
        """How many observations there were."""
        with self._lock:
            return sum(self._counts)

    def read(self) -> tuple[list[int], float]:
        """Counts per bucket (not cumulative) and the sum of the observations, of one moment."""
        with self._lock:
            return self._counts.copy(), self._sum


Child = TypeVar("Child", Counter, Gauge, Histogram)


class Family(Generic[Child]):
    """All the series of one declaration."""

    def __init__(self, spec: MetricSpec, make: Callable[[tuple[str, ...]], Child]) -> None:
        """Create the label sets that the declaration wants from the start."""
        self.spec = spec
        self._make: Callable[[tuple[str, ...]], Child] = make
        self._children: dict[tuple[str, ...], Child] = {}
        self._lock = threading.Lock()
        for values in spec.closed_label_sets():
            self.labels(*values)

    def labels(self, *values: str) -> Child:
        """The series of these label values, in declared order, made on first use.

        ValueError if their number is wrong or one is not a value of its closed label.
        """
        child = self._children.get(values)
        if child is not None:
            return child
        if len(values) != len(self.spec.labels):
            message = f"{self.spec.name} has the labels {self.spec.label_names}, not {len(values)} values"
            raise ValueError(message)
        accepted = tuple(
            label.accept(value, self.spec.name) for label, value in zip(self.spec.labels, values, strict=True)
        )
        with self._lock:
            return self._children.setdefault(accepted, self._make(accepted))

    def find(self, *values: str) -> Child | None:
        """The series of these label values, if it is there."""
        return self._children.get(values)

    def remove(self, *values: str) -> None:
        """Drop a series, if it is there."""
        with self._lock:
            self._children.pop(values, None)

    def children(self) -> list[Child]:
        """The series of this moment, in order of creation."""
        with self._lock:
            return list(self._children.values())


AnyFamily = Family[Counter] | Family[Gauge] | Family[Histogram]


class Registry:
    """The families of one process, in order of declaration."""

    def __init__(self) -> None:
        """Start empty."""
        self._families: dict[str, AnyFamily] = {}
        self._hooks: list[Callable[[], None]] = []

    def counter(self, spec: MetricSpec) -> Family[Counter]:
        """Declare a counter family."""
        return self._add(Family(self._of_type(spec, MetricType.COUNTER), Counter))

    def gauge(self, spec: MetricSpec) -> Family[Gauge]:
        """Declare a gauge family."""
        return self._add(Family(self._of_type(spec, MetricType.GAUGE), Gauge))

    def histogram(self, spec: MetricSpec) -> Family[Histogram]:
        """Declare a histogram family."""

        def make(labels: tuple[str, ...]) -> Histogram:
            return Histogram(labels, spec.buckets)

        return self._add(Family(self._of_type(spec, MetricType.HISTOGRAM), make))

    def before_collect(self, hook: Callable[[], None]) -> None:
        """Call `hook` at the start of every scrape."""
        self._hooks.append(hook)

    def collect(self) -> Iterator[AnyFamily]:
        """Run the hooks, then give every family."""
        for hook in self._hooks:
            hook()
        yield from self._families.values()

    def series_count(self) -> int:
        """How many series a scrape would read now; functions that fail are counted as if they answered."""
        return sum(
            len(family.children()) * (len(family.spec.buckets) + 3 if family.spec.buckets else 1)
            for family in self.collect()
        )

    def _of_type(self, spec: MetricSpec, expected: MetricType) -> MetricSpec:
        if spec.type is not expected:
            message = f"{spec.name} is declared as a {spec.type}, not as a {expected}"
            raise ValueError(message)
        if spec.name in self._families:
            message = f"{spec.name} is already registered"
            raise ValueError(message)
        return spec

    def _add(self, family: Family[Child]) -> Family[Child]:
        self._families[family.spec.name] = family
        return family
