"""Burn alerts: silent on a fresh installation; their generated tests fail on rules that are a little wrong."""

import re

import pytest

from photo_monitoring.configuration.file import parse
from photo_monitoring.configuration.overrides import in_force
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.proofs import promtool
from photo_monitoring.proofs.tested_rules import Suite, suite_of
from photo_monitoring.yaml_text import to_yaml

API = 'method="POST",status="200",instance="api-1",job="photo-api"'
BEGUN = f'http_requests_total{{handler="/photos/presigned-url",{API}}}'
CONFIRMED = f'http_requests_total{{handler="/photos/confirm",{API}}}'
HISTORY = re.compile(r"\n *and\n *sum_over_time\(slo:sli_active:bool.*")


def made(name: str, settings: Settings | None = None) -> Suite:
    chosen = settings or Settings()
    return suite_of([alert for alert in in_force(chosen) if alert.name == name], chosen)


def caught(suite: Suite, right: str, wrong: str) -> bool:
    """Say whether one of the tests fails on the rules with a change."""
    assert any(right in text for text in suite.rules.values())
    rules = {file: text.replace(right, wrong) for file, text in suite.rules.items()}
    return any(promtool.test_rules(rules, {file: test}) for file, test in suite.tests.items())


def fresh_installation() -> str:
    """Thirty uploads a minute from the first on: 2.5 % are never confirmed, 20 % of the others a minute later."""
    inputs = {BEGUN: "0+15x850", CONFIRMED: "0+11.7x2 38.025+14.625x847"}
    looks = ("2m", "5m", "10m", "20m", "30m", "45m", "1h", "2h", "3h", "6h", "6h2m", "7h")
    checks = [{"eval_time": at, "alertname": "UploadCompletionBurn", "exp_alerts": []} for at in looks]
    series = [{"series": name, "values": values} for name, values in inputs.items()]
    test = {"interval": "30s", "input_series": series, "alert_rule_test": checks}
    return to_yaml({"rule_files": ["UploadCompletionBurn.yml"], "evaluation_interval": "30s", "tests": [test]})


def test_a_fresh_installation_is_silent_though_its_first_uploads_are_under_way() -> None:
    assert promtool.test_rules(made("UploadCompletionBurn").rules, {"fresh.test.yml": fresh_installation()}) is None


def test_without_the_demand_for_history_it_would_warn() -> None:
    rules = made("UploadCompletionBurn").rules["UploadCompletionBurn.yml"]
    assert len(HISTORY.findall(rules)) == 4
    wrong = {"UploadCompletionBurn.yml": HISTORY.sub("", rules)}
    complaint = promtool.test_rules(wrong, {"fresh.test.yml": fresh_installation()})
    assert complaint
    assert 'severity="warning"' in complaint


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("> 14.4 * 0.05", "> 14.2 * 0.05"),
        ("> 6 * 0.05", "> 6.1 * 0.05"),
        ("> 1 * 0.05", "> 0.98 * 0.05"),
        (">= 300\n", ">= 360\n"),
        (">= 21600\n", ">= 20000\n"),
        ("[30m]", "[10m]"),
        ("[1h]", "[2h]"),
        ("[6h]", "[5h]"),
        ("[3d]", "[2d]"),
        ("severity: critical", "severity: page"),
        ('status=~"2.."', 'status=~"3.."'),
        ('handler="/photos/confirm"', 'handler="/photos/presigned-url"'),
    ],
)
def test_a_wrong_rule_is_caught(right: str, wrong: str) -> None:
    assert caught(made("UploadCompletionBurn"), right, wrong)


def test_a_rule_that_takes_one_failure_for_a_trend_is_caught() -> None:
    assert caught(made("RequestsAvailabilityBurn"), "* 30 >= 2\n", "* 30 >= 0.5\n")


@pytest.mark.parametrize("values", ["objective = 0.9999\nburn_1h = 20\nburn_3d = 0.5", "burn_6h = 3.1"])
def test_generated_tests_follow_a_changed_objective(values: str) -> None:
    settings = parse(f"[slos.image-delivery]\n{values}")
    suite = made("ImageDeliveryBurn", settings)
    assert promtool.test_rules(suite.rules, suite.tests) is None
    assert caught(Suite(made("ImageDeliveryBurn").rules, suite.tests), "critical", "critical")


def test_generated_tests_follow_a_changed_for() -> None:
    settings = parse('[alerts.ShareViewsBurn.slo-share-views.critical]\nfor = "10m"')
    suite = made("ShareViewsBurn", settings)
    assert promtool.test_rules(suite.rules, suite.tests) is None
    assert caught(suite, "for: 10m", "for: 11m")
    assert caught(suite, "for: 10m", "for: 9m")
