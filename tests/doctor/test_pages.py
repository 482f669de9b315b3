"""Reading metrics pages, and PromQL as a tree."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.doctor.exposition import NoMetricsPageError, read_page
from photo_monitoring.doctor.syntax import parse, vectors
from photo_monitoring.expressions import condition, fill

ODD = 'a "quoted", {braced} \\ back\nslash'


def registry() -> CollectorRegistry:
    found = CollectorRegistry()
    Counter("hits", "Hits.", ["who"], registry=found).labels(ODD).inc(exemplar={"trace": "a}b # c"})
    Counter("quiet", "Nothing yet.", ["who"], registry=found)
    Histogram("took_seconds", "Time.", buckets=(0.5, 3), registry=found).observe(1)
    return found


@pytest.mark.parametrize("write", [generate_latest, generate_openmetrics])
def test_both_formats_of_prometheus_client_give_the_same_series(write: object) -> None:
    assert callable(write)
    page = read_page(write(registry()).decode())
    assert page.series["hits_total"] == [{"who": ODD}]
    assert page.values["hits_total"] == [1.0]
    assert [one["le"] for one in page.series["took_seconds_bucket"]] == ["0.5", "3.0", "+Inf"]
    assert page.types["took_seconds_bucket"] == page.types["took_seconds_count"] == "histogram"


@pytest.mark.parametrize("write", [generate_latest, generate_openmetrics])
def test_a_family_without_series_is_told_from_one_that_is_not_there(write: object) -> None:
    assert callable(write)
    page = read_page(write(registry()).decode())
    assert "quiet_total" not in page.series
    assert page.types["quiet_total"] == "counter"
    assert "other_total" not in page.types


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("up 1\nnot a page", "line 2 is no sample of a metric"),
        ('up{job="x" 1', "line 1 is no sample of a metric"),
        ("up{job=x} 1", "line 1 is no sample of a metric"),
        ("up one", "line 1 is no sample of a metric"),
        ('{"a": 1}', "line 1 is no sample of a metric"),
        ("", "it has no metric"),
        ("# a comment", "it has no metric"),
    ],
)
def test_what_is_no_page_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(NoMetricsPageError, match=why):
        read_page(text)


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("sum by (job) (rate(x{a='b',job=\"j\"}[5m]))", 'sum by(job) (rate(x{job="j", a="b"}[300s]))'),
        ("sum(x) by (a, b)", "sum by (b, a) (x)"),
        ("a and on (job) b >= 10000000000", "(a and on(job) (b >= 1e+10))"),
        ("a or b and c unless d", "a or ((b and c) unless d)"),
        ("1 - a / b * c", "1 - ((a / b) * c)"),
        ("-a ^ 2", "-1 * (a ^ 2)"),
        ("x offset 6d23h30m", "x offset 167h30m"),
        ("a == bool 0", "(a == bool 0)"),
    ],
)
def test_two_spellings_are_one_tree(written: str, printed: str) -> None:
    assert parse(written) == parse(printed)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a > 1", "a > 2"), ("a and b", "a or b"), ("a - b - c", "a - (b - c)"), ("rate(x[5m])", "rate(x[10m])")],
)
def test_different_expressions_are_different_trees(one: str, other: str) -> None:
    assert parse(one) != parse(other)


@pytest.mark.parametrize("text", ["sum(", "a +", "a b", "rate(x[5m]))", "", "a[5m:1m]"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|cannot read|duration"):
        parse(text)


def test_every_declared_expression_can_be_read() -> None:
    for alert in ALERTS:
        for tier in alert.tiers:
            assert list(vectors(parse(condition(alert, tier, Settings())))) or alert.name == "Watchdog"
        for recording in alert.recordings():
            parse(fill(recording.expr, Settings()))
