"""What the lints refuse, one fault at a time; and that the declarations have none."""

from dataclasses import replace
from typing import Any

import pytest

from photo_monitoring import promql
from photo_monitoring.alerts import ALERTS
from photo_monitoring.criteria import Recording, Tier, critical, warning
from photo_monitoring.lints import lint_alert, lint_all, lint_expression, lint_recording, recordings_by_name

RECORDINGS = recordings_by_name(ALERTS)


def test_the_declarations_are_clean() -> None:
    assert lint_all(ALERTS) == []


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ('photo_api_redy{job="photo-api"} == 0', "no metric and no recording is called photo_api_redy"),
        ('photo_api_ready{job="photo-api", host="a"} == 0', "photo_api_ready has no label host"),
        ("photo_api_ready == 0", "read without a job"),
        ('rate(photo_api_ready{job="photo-api"}[5m])', "over the gauge photo_api_ready"),
        ('deriv(photo_api_exceptions_total{job="photo-api"}[5m])', "over the counter photo_api_exceptions_total"),
        ('photo_api_exceptions_total{job="photo-api"} > 5', "compared as it stands"),
        ('rate(photo_api_exceptions_total{job="photo-api"}[30s])', "fewer than two scrapes"),
        ('sum by (servce) (rate(photo_api_exceptions_total{job="photo-api"}[5m]))', "has a label servce"),
        ('rate(photo_api_login_duration_seconds_bucket{job="photo-api", le="4.0"}[5m])', "has no bucket 4.0"),
        ('rate(photo_api_login_duration_seconds_bucket{job="photo-api", le="3"}[5m])', "has no bucket 3"),
        ('rate(photo_api_image_access_total{job="photo-api", result="refused"}[5m])', "never is 'refused'"),
        ('photo_api_dependency_up{job="photo-api", dependency=~"cdn|disk"} == 0', "never is 'disk'"),
        ('rate(http_request_duration_seconds{job="photo-api"}[5m])', "is called http_request_duration_seconds"),
    ],
)
def test_a_fault_is_named(expression: str, problem: str) -> None:
    problems = lint_expression(expression, ())
    assert len(problems) == 1, problems
    assert problem in problems[0]


@pytest.mark.parametrize(
    "matchers",
    [
        'status="200",status=~"5.."',
        'status=~"6.."',
        'status!~"..."',
        'method="GET",method!~"G.*"',
        'handler="/photos/",handler!="/photos/"',
        'instance="a",instance=~"b.*"',
    ],
)
def test_a_selector_that_matches_nothing_is_named(matchers: str) -> None:
    (problem,) = lint_expression(f'rate(http_requests_total{{job="photo-api",{matchers}}}[5m]) > 1', ())
    assert "matches nothing: such a rule could never fire" in problem


def test_a_job_that_nobody_has_is_named() -> None:
    wrong = Recording("job:http_requests:rate5m", 'sum by (job) (rate(http_requests_total{job="photoapi"}[${5m}]))')
    (problem,) = lint_recording(wrong, {wrong.name: [wrong]})
    assert "no job is called photoapi" in problem


def faulty(subject: str, *tiers: Tier, **changes: Any) -> list[str]:
    """What the lint says of an alert with other tiers."""
    alert = next(one for one in ALERTS if one.subject == subject)
    return lint_alert(replace(alert, tiers=tiers or alert.tiers, **changes), RECORDINGS)


@pytest.mark.parametrize(
    ("problems", "told"),
    [
        (faulty("cpu", warning(None, 1.2, "5m")), "warning: threshold is a share and must be below 1"),
        (faulty("login-time", share=1.0), "is a share and must be below 1"),
        (faulty("memory-available", critical(None, 0, "1m")), "nothing is below, and such a rule could never fire"),
        (faulty("request-errors", warning(None, 0.1, "5m", 1e9)), "warning: minimum is more than a million a second"),
        (faulty("cpu", warning(None, 0.9, "5m"), critical(None, 0.9, "2m")), "must be below critical's 0.9"),
        (faulty("memory-available", warning(None, 5, "5m"), critical(None, 6, "2m")), "must be above critical's 6"),
        (
            faulty("service-health", warning(None, 0, "6m"), critical(None, 0, "5m")),
            "warning: for must be no longer than critical's 5m",
        ),
    ],
)
def test_a_tier_that_can_never_fire_or_comes_too_late_is_named(problems: list[str], told: str) -> None:
    assert any(told in problem for problem in problems), problems


def test_a_forecast_may_be_compared_with_nothing_left() -> None:
    assert faulty("disk-prediction") == []


def test_a_static_label_that_a_metric_carries_is_refused() -> None:
    """A static `service` would make two failing services one alert; ours never have a metric label's name."""
    example = next(alert for alert in ALERTS if alert.name == "ServiceDown")
    assert any(
        "static label subject" in problem for problem in lint_alert(replace(example, by=("subject",)), RECORDINGS)
    )


def test_a_recording_with_a_plain_name_is_refused() -> None:
    wrong = Recording("error_ratio", "sum by (job) (rate(http_requests_total{$api}[${5m}]))")
    assert any("level:metric:operations" in problem for problem in lint_recording(wrong, {"error_ratio": [wrong]}))


def test_two_recordings_of_one_name_that_differ_are_refused() -> None:
    one = Recording("job:up:count", "count by (job) (up{$api})")
    other = Recording("job:up:count", "sum by (job) (up{$api})")
    assert any("differ" in problem for problem in lint_recording(one, {"job:up:count": [other, one]}))


def test_promql_is_read_through_strings_offsets_and_groupings() -> None:
    text = 'sum by (job, service) (rate(x_total{a="b{[",c!~"d"}[5m] offset 1h)) / on (job) group_left (team) y > bool 3'
    read = promql.read(text)
    assert [(one.metric, one.window, one.function) for one in read.selectors] == [
        ("x_total", "5m", "rate"),
        ("y", None, None),
    ]
    assert read.selectors[0].matchers == (promql.Matcher("a", "=", "b{["), promql.Matcher("c", "!~", "d"))
    assert read.labels == {"job", "service", "team"}


def test_a_matching_without_labels_is_no_metric() -> None:
    assert [one.metric for one in promql.read("a - on () group_left b").selectors] == ["a", "b"]


def test_promql_that_cannot_be_read_says_where() -> None:
    with pytest.raises(ValueError, match="cannot read PromQL at"):
        promql.read("up ; drop")
