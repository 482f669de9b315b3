"""Budgets are spent by what users saw: a dead fleet costs as much time as it lasted."""

from typing import Any

import pytest
import yaml

from photo_monitoring.alerts.slo import AVAILABILITY, OBJECTIVES
from photo_monitoring.proofs import promtool
from photo_monitoring.render import render_rules
from photo_monitoring.slos import Objective

RULES = {"photo_api_slo.yml": render_rules()["photo_api_slo.yml"]}
LABELS = 'sloth_id="photo-api-requests-availability", sloth_service="photo-api", sloth_slo="requests-availability"'


def complaint(inputs: dict[str, str], checks: list[tuple[str, str, str, float]]) -> str | None:
    """Run one promtool test with a sample every 5 minutes; checks are (expression, time, labels, value)."""
    document: dict[str, Any] = {
        "rule_files": list(RULES),
        "evaluation_interval": "5m",
        "tests": [
            {
                "interval": "5m",
                "input_series": [{"series": series, "values": values} for series, values in inputs.items()],
                "promql_expr_test": [
                    {"expr": expr, "eval_time": at, "exp_samples": [{"labels": labels, "value": value}]}
                    for expr, at, labels, value in checks
                ],
            }
        ],
    }
    return promtool.test_rules(RULES, {"budget.test.yml": yaml.safe_dump(document)})


def test_four_hours_with_every_instance_dead_spend_four_hours_of_budget() -> None:
    """Two good days, four dead hours in which the load balancer is gone too, and twenty good hours."""
    balancer = 'haproxy_frontend_http_responses_total{proxy="photos",job="haproxy",instance="lb",code="%s"}'
    inputs = {
        'up{job="photo-api",instance="api-1"}': "1+0x576 0+0x47 1+0x240",
        'up{job="photo-api",instance="api-2"}': "1+0x576 0+0x47 1+0x240",
        balancer % "2xx": "0+3000x576 stale _x47 0+3000x240",
        balancer % "5xx": "0+0x576 stale _x47 0+0x240",
    }
    spent = 'round(sum_over_time(slo:sli_errors:rate5m{sloth_slo="requests-availability"}[30d]) / 10 * 5)'
    whole = 'round(slo:period_error_budget_remaining:ratio{sloth_slo="requests-availability"} * 10) / 10'
    # Errors of 10 a second for 240 minutes; of 72 hours 4 are 55.6 budgets of 0.1 %: 54.6 more than there was.
    checks = [(spent, "48h", "{}", 0.0), (spent, "72h", "{}", 240.0), (whole, "72h", "{}", -54.6)]
    named = [(expr, at, f"{{{LABELS}}}", value) for expr, at, _, value in checks]
    assert complaint(inputs, named) is None


def test_half_of_the_answers_failing_for_an_hour_spends_half_an_hour() -> None:
    balancer = 'haproxy_frontend_http_responses_total{proxy="photos",job="haproxy",instance="lb",code="%s"}'
    inputs = {
        'up{job="photo-api",instance="api-1"}': "1+0x312",
        balancer % "2xx": "0+3000x288 865500+1500x11 885000+3000x12",
        balancer % "5xx": "0+0x288 1500+1500x11 18000+0x12",
    }
    spent = 'round(sum_over_time(slo:sli_errors:rate5m{sloth_slo="requests-availability"}[30d]) / 10 * 5)'
    assert complaint(inputs, [(spent, "26h", f"{{{LABELS}}}", 30.0)]) is None


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.slo)
def test_each_objective_is_named_as_sloth_names_it(objective: Objective) -> None:
    rules = yaml.safe_load(RULES["photo_api_slo.yml"])["groups"][0]["rules"]
    own = {
        rule["record"]
        for rule in rules
        if rule.get("labels", {}).get("sloth_slo") == objective.slo and "record" in rule
    }
    windows = {f"slo:sli_error:ratio_rate{window}" for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")}
    assert own >= windows | {
        "slo:objective:ratio",
        "slo:error_budget:ratio",
        "slo:time_period:days",
        "slo:current_burn_rate:ratio",
        "slo:period_burn_rate:ratio",
        "slo:period_error_budget_remaining:ratio",
    }


def test_the_guides_goal_is_an_objective() -> None:
    assert AVAILABILITY.percent == 99.9


def test_an_objective_too_low_to_alert_on_is_refused() -> None:
    with pytest.raises(ValueError, match="is too low"):
        Objective(
            slo="lax",
            alert="LaxBurn",
            percent=90,
            promise=AVAILABILITY.promise,
            errors="vector(0)",
            total="vector(1)",
            feed=(),
        )
