"""Generated tests follow the overrides: they pass on the overridden rules, and fail on the declared ones."""

from collections.abc import Iterator

import pytest

from photo_monitoring import durations
from photo_monitoring.alerts import ALERTS
from photo_monitoring.alerts.slo import OBJECTIVES
from photo_monitoring.configuration import tier_limits
from photo_monitoring.configuration.file import parse
from photo_monitoring.configuration.overrides import in_force
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.criteria import Unit
from photo_monitoring.proofs import promtool, tested_rules
from photo_monitoring.proofs.rule_tests import left_out

NAMES = '[jobs]\napi = "photos"\nnode = "hosts"\n[labels]\ninstance = "pod"\n'


def everything_larger() -> Iterator[str]:
    """Every number that can grow threefold does, every `for` fourfold; objectives leave a third of their budgets."""
    for alert in ALERTS:
        for tier in alert.tiers:
            keys = tier_limits.keys(alert, tier)
            yield f"[alerts.{alert.name}.{alert.subject}.{tier.severity}]"
            yield f'for = "{durations.duration(4 * durations.seconds(tier.hold))}"'
            if "minimum" in keys and tier.minimum is not None:
                yield f"minimum = {3 * tier.minimum}"
            if "threshold" in keys and tier.threshold and alert.share is None:
                share = alert.unit is Unit.RATIO and 3 * tier.threshold >= 1
                yield f"threshold = {(1 + tier.threshold) / 2 if share else 3 * tier.threshold}"
    for objective in OBJECTIVES:
        yield f"[slos.{objective.slo}]\nobjective = {1 - objective.budget / 3:.6f}"


def complaint(subject: str, tested: Settings, ruled: Settings) -> str | None:
    """Run one alert's tests, made for the settings `tested`, on the rules of `ruled`."""
    (alert,) = [one for one in in_force(tested) if one.subject == subject]
    tests = tested_rules.suite_of([alert], tested).tests
    assert tests
    sliced = tested_rules.slices(ruled)
    file = f"{alert.name}.{subject}.yml"
    rules = sliced.get(file) or sliced[f"{alert.name}.yml"]
    return promtool.test_rules({file: rules, f"{alert.name}.yml": rules}, tests)


def test_with_every_number_changed_every_alert_is_still_proven() -> None:
    settings = parse("\n".join(everything_larger()))
    suite = tested_rules.suite(settings)
    assert [line for line in left_out(settings) if "no test is left" in line] == []
    assert promtool.test_rules(suite.rules, suite.tests) is None


def test_every_alert_but_the_watchdog_has_generated_tests() -> None:
    told = [alert.name for alert in ALERTS if alert.stimulus is None and alert.objective is None]
    assert told == ["Watchdog"]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("ServiceDown.service-health.critical", 'for = "3m"'),
        ("ServiceDownAll.fleet-health.critical", 'for = "45s"'),
        ("HighErrorRate.request-errors.warning", "threshold = 0.0125"),
        ("HighErrorRate.request-errors.critical", "minimum = 5000"),
        ("HighErrorRate.request-errors.critical", "threshold = 0.9999"),
        ("SlowResponseTime.response-time.critical", "threshold = 5"),
        ("SlowLogin.login-time.critical", "threshold = 2"),
        ("TooManyActiveSessions.active-sessions.warning", "threshold = 3"),
        ("HighDBErrorRate.database-unreachable.critical", "threshold = 3"),
        ("BruteForceAttack.brute-force.critical", "threshold = 60"),
        ("HighMemoryUsage.memory-available.critical", "threshold = 2e9"),
        ("LowUploadCompletion.upload-completion.warning", 'threshold = 0.97\nfor = "30s"'),
        ("RequestSurge.request-surge.critical", "minimum = 4000"),
        ("NetworkSurge.network.warning", "minimum = 1e9"),
        ("StorageSurge.storage-growth.warning", "threshold = 0.001"),
        ("NodeExporterDown.node-exporter.warning", 'for = "90s"'),
        ("DiskFillingUp.disk-prediction.warning", 'threshold = 45e9\nfor = "1h"'),
        ("BusinessMetricsStale.business-metrics.warning", "threshold = 20"),
        ("RuleEvaluationsFailing.rule-evaluation.critical", "threshold = 3"),
        ("NotificationsFailing.notifications.critical", 'for = "5m"'),
        ("TLSCertificateExpiring.tls-certificate.warning", "threshold = 14"),
    ],
)
def test_a_generated_test_follows_a_changed_number(key: str, values: str) -> None:
    settings, subject = parse(f"[alerts.{key}]\n{values}"), key.split(".")[1]
    assert complaint(subject, settings, settings) is None
    assert complaint(subject, settings, Settings())


@pytest.mark.parametrize("subject", ["service-health", "cpu", "user-upload", "node-exporter"])
def test_cases_written_by_hand_follow_changed_names(subject: str) -> None:
    settings = parse(NAMES)
    assert complaint(subject, settings, settings) is None
    assert complaint(subject, settings, Settings())


def test_a_tier_switched_off_is_expected_no_more() -> None:
    settings = parse('[alerts.ServiceDown.service-health.warning]\nenabled = false\nreason = "pages are enough"')
    assert complaint("service-health", settings, settings) is None
    assert complaint("service-health", settings, Settings())


def test_an_alert_switched_off_has_no_test() -> None:
    settings = parse('[alerts.HighCPUUsage.cpu]\nenabled = false\nreason = "batch hosts"')
    suite = tested_rules.suite(settings)
    assert "HighCPUUsage" not in "".join([*suite.tests, *suite.tests.values()])


def test_an_alert_made_stricter_does_not_disturb_the_tests_of_its_namesake() -> None:
    """A lower bar for one client's blocked requests is reached by the story of another alert called alike."""
    settings = parse("[alerts.SuspiciousIPActivity.rate-limit-client.critical]\nthreshold = 100")
    assert complaint("brute-force-client", settings, settings) is None
    assert "SuspiciousIPActivity.brute-force-client.30s.test.yml" in tested_rules.suite(settings).tests
