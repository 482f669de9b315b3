from __future__ import annotations

import math
import threading

import pytest

from photo_metrics.registry import Registry
from photo_metrics.spec import LabelKind, LabelSpec, MetricSpec, MetricType, Text

HELP = Text(ko="설명", en="Help.")
RESULT = LabelSpec("result", LabelKind.CLOSED, ("yes", "no"))
COUNTER = MetricSpec(name="a_total", type=MetricType.COUNTER, help=HELP, labels=(RESULT,))
GAUGE = MetricSpec(name="b", type=MetricType.GAUGE, help=HELP)
HISTOGRAM = MetricSpec(name="c_seconds", type=MetricType.HISTOGRAM, help=HELP, buckets=(1.0, 3.0))


def test_closed_label_sets_exist_from_the_start() -> None:
    assert [child.labels for child in Registry().counter(COUNTER).children()] == [("yes",), ("no",)]


@pytest.mark.parametrize("amount", [-1.0, math.nan, math.inf, -math.inf])
def test_a_counter_refuses_what_would_spoil_it(amount: float) -> None:
    counter = Registry().counter(COUNTER).labels("yes")
    with pytest.raises(ValueError, match="cannot grow"):
        counter.inc(amount)
    assert counter.read() == 0.0


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_a_histogram_refuses_what_would_spoil_its_sum(value: float) -> None:
    histogram = Registry().histogram(HISTOGRAM).labels()
    with pytest.raises(ValueError, match="cannot observe"):
        histogram.observe(value)
    assert histogram.read() == ([0, 0, 0], 0.0)


def test_an_observation_at_a_bound_belongs_to_that_bounds_bucket() -> None:
    histogram = Registry().histogram(HISTOGRAM).labels()
    for value in (0.0, 1.0, 1.0000001, 3.0, 3.1):
        histogram.observe(value)
    assert histogram.read()[0] == [2, 2, 1]


def test_no_update_is_lost_when_threads_write_together() -> None:
    registry = Registry()
    counter, gauge = registry.counter(COUNTER).labels("yes"), registry.gauge(GAUGE).labels()
    histogram = registry.histogram(HISTOGRAM).labels()
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for _ in range(5_000):
            counter.inc()
            gauge.inc(1.0)
            histogram.observe(2.0)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read() == gauge.read() == 40_000
    assert histogram.read() == ([0, 40_000, 0], 80_000.0)


def test_threads_that_ask_for_a_new_series_get_the_same_one() -> None:
    family = Registry().counter(
        MetricSpec(name="d_total", type=MetricType.COUNTER, help=HELP, labels=(LabelSpec("x", LabelKind.IDENTITY),))
    )
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for number in range(500):
            family.labels(str(number)).inc()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [child.read() for child in family.children()] == [8.0] * 500


def test_a_wrong_number_of_label_values_is_refused() -> None:
    with pytest.raises(ValueError, match="has the labels"):
        Registry().counter(COUNTER).labels()


def test_a_name_is_registered_once() -> None:
    registry = Registry()
    registry.gauge(GAUGE)
    with pytest.raises(ValueError, match="already registered"):
        registry.gauge(GAUGE)


def test_a_spec_is_registered_as_its_type_only() -> None:
    with pytest.raises(ValueError, match="declared as a gauge, not as a counter"):
        Registry().counter(GAUGE)


def test_a_function_that_fails_tells_nothing() -> None:
    gauge = Registry().gauge(GAUGE).labels()

    def fail() -> float:
        raise OSError

    gauge.set_function(fail)
    assert gauge.read() is None


def test_a_scrape_runs_its_hooks_first() -> None:
    registry = Registry()
    gauge = registry.gauge(GAUGE).labels()
    registry.before_collect(lambda: gauge.set(7))
    assert [family.children()[0] for family in registry.collect()] == [gauge]
    assert gauge.read() == 7.0
