from __future__ import annotations

import pytest

from photo_metrics.spec import LabelKind, LabelSpec, MetricSpec, MetricType, Text

HELP = Text(ko="설명", en="Help.")
RESULT = LabelSpec("result", LabelKind.CLOSED, ("yes", "no"))


def test_samples_of_a_histogram_carry_le_on_buckets_only() -> None:
    spec = MetricSpec(name="a_seconds", type=MetricType.HISTOGRAM, help=HELP, labels=(RESULT,), buckets=(0.5, 1.0))
    assert spec.samples == {
        "a_seconds_bucket": ("result", "le"),
        "a_seconds_sum": ("result",),
        "a_seconds_count": ("result",),
    }


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("a_seconds", "seconds"),
        ("a_seconds_total", "seconds"),
        ("photo_api_photo_upload_size_total_bytes", "bytes"),
        ("http_requests_total", ""),
        ("milliseconds", ""),
    ],
)
def test_the_unit_is_read_off_the_name(name: str, unit: str) -> None:
    assert MetricSpec(name=name, type=MetricType.COUNTER, help=HELP).unit == unit


@pytest.mark.parametrize("buckets", [(1.0, 1.0), (2.0, 1.0), (1.0, float("inf")), (float("nan"), 1.0), ()])
def test_buckets_that_do_not_ascend_finitely_are_refused(buckets: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="a_seconds"):
        MetricSpec(name="a_seconds", type=MetricType.HISTOGRAM, help=HELP, buckets=buckets)


def test_buckets_on_a_counter_are_refused() -> None:
    with pytest.raises(ValueError, match="only a histogram"):
        MetricSpec(name="a_total", type=MetricType.COUNTER, help=HELP, buckets=(1.0,))


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "지표"])
def test_names_that_prometheus_refuses_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="metric's name"):
        MetricSpec(name=name, type=MetricType.GAUGE, help=HELP)


@pytest.mark.parametrize("name", ["", "le", "__name__", "__x", "a-b"])
def test_reserved_label_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="label's name"):
        LabelSpec(name, LabelKind.IDENTITY)


def test_a_label_declared_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        MetricSpec(name="a_total", type=MetricType.COUNTER, help=HELP, labels=(RESULT, RESULT))


def test_a_closed_label_without_values_is_refused() -> None:
    with pytest.raises(ValueError, match="declares its values"):
        LabelSpec("a", LabelKind.CLOSED)


def test_a_bounded_label_without_a_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        LabelSpec("a", LabelKind.BOUNDED, fallback="other")


def test_an_unknown_value_of_a_closed_label_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"a_total: 'maybe' is no value of label result; known are yes, no"):
        RESULT.accept("maybe", "a_total")


def test_an_unknown_value_becomes_the_fallback_where_one_is_declared() -> None:
    assert LabelSpec("a", LabelKind.CLOSED, ("x",), fallback="OTHER").accept("y", "a_total") == "OTHER"


def test_the_closed_label_sets_are_the_product_unless_combinations_are_declared() -> None:
    both = (RESULT, LabelSpec("kind", LabelKind.CLOSED, ("a", "b")))
    product = MetricSpec(name="a_total", type=MetricType.COUNTER, help=HELP, labels=both)
    assert set(product.closed_label_sets()) == {("yes", "a"), ("yes", "b"), ("no", "a"), ("no", "b")}
    chosen = MetricSpec(
        name="a_total", type=MetricType.COUNTER, help=HELP, labels=both, combinations=(("yes", "a"), ("no", "b"))
    )
    assert set(chosen.closed_label_sets()) == {("yes", "a"), ("no", "b")}
