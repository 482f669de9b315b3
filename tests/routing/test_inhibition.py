"""What silences what, asked of a real Alertmanager that has the committed rules."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.support.alertmanager import Alertmanager, alert, running_alertmanager
from tests.support.ports import wait_until

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import SYSTEM, Settings
from photo_monitoring.criteria import Group
from photo_monitoring.routing import inhibition
from photo_monitoring.routing.alertmanager import write_alertmanager

CRITICAL_DB = {"alertname": "HighDBErrorRate", "severity": "critical", "job": "photo-api"}
STORAGE = {"severity": "critical", "job": "photo-api", "service": "object_storage"}
STORAGE_AWAY = {"alertname": "ExternalServiceFailure", **STORAGE}
FLEET_DOWN = {"alertname": "ServiceDownAll", "severity": "critical"}


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    folder = tmp_path_factory.mktemp("inhibition")
    write_alertmanager(folder, Settings())
    with running_alertmanager(folder) as running:
        yield running


def silenced(alertmanager: Alertmanager, *labels: dict[str, str]) -> list[str]:
    """Post alerts together; return the names (with severity and instance) of those that another one silences."""
    every = [{"system": SYSTEM, **one} for one in labels]
    canary = [{"system": SYSTEM, "alertname": "Canary", "severity": severity} for severity in ("critical", "warning")]
    alertmanager.post(*(alert(one) for one in every))
    alertmanager.post(*(alert(one) for one in canary))
    try:
        # Alerts are listed some moments before the rules have seen them; the last one's turn comes last.
        wait_until(lambda: "Canary warning" in inhibited(alertmanager), "every alert being judged")
        return [one for one in inhibited(alertmanager) if not one.startswith("Canary")]
    finally:
        alertmanager.post(*(alert(one, resolved=True) for one in [*every, *canary]))
        wait_until(lambda: not active(alertmanager), "the alerts' end")


def active(alertmanager: Alertmanager) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{alertmanager.url}/api/v2/alerts", timeout=5).raise_for_status().json()
    return found


def inhibited(alertmanager: Alertmanager) -> list[str]:
    return sorted(name(one["labels"]) for one in active(alertmanager) if one["status"]["inhibitedBy"])


def name(labels: dict[str, str]) -> str:
    return " ".join(labels[label] for label in ("alertname", "severity", "instance", "service") if label in labels)


def down(severity: str, instance: str) -> dict[str, str]:
    return {"alertname": "ServiceDown", "severity": severity, "job": "photo-api", "instance": instance}


def test_critical_silences_the_warning_of_the_same_instance_alone(alertmanager: Alertmanager) -> None:
    alerts = (down("critical", "api-1"), down("warning", "api-1"), down("warning", "api-2"))
    assert silenced(alertmanager, *alerts) == ["ServiceDown warning api-1"]


@pytest.mark.parametrize("label", sorted({label for one in ALERTS for label in one.by}))
def test_critical_leaves_a_warning_alone_that_differs_in_a_label(alertmanager: Alertmanager, label: str) -> None:
    one = next(one for one in ALERTS if label in one.by)
    same = {"alertname": one.name, **dict.fromkeys(one.by, "a")}
    alerts = ({**same, "severity": "critical"}, {**same, "severity": "warning", label: "b"})
    assert silenced(alertmanager, *alerts) == []


def test_the_fleets_alert_silences_the_rest_of_the_service(alertmanager: Alertmanager) -> None:
    others = [
        down("critical", "api-1"),
        CRITICAL_DB,
        {"alertname": "HighErrorRate", "severity": "critical"},
        {"alertname": "RequestsAvailabilityBurn", "severity": "critical"},
        {"alertname": "ProbeFailing", "severity": "critical"},
        {"alertname": "BusinessMetricsStale", "severity": "warning"},
    ]
    assert silenced(alertmanager, FLEET_DOWN, *others) == sorted(map(name, others))


def test_the_fleets_alert_leaves_the_watchdog_and_the_way_of_alerts(alertmanager: Alertmanager) -> None:
    others = [
        {"alertname": "Watchdog", "severity": "none"},
        {"alertname": "NotificationsFailing", "severity": "critical", "integration": "slack"},
        {"alertname": "AlertmanagerDown", "severity": "critical", "instance": "alertmanager-1"},
        {"alertname": "HighErrorRate", "severity": "critical", "system": "another"},
    ]
    assert silenced(alertmanager, FLEET_DOWN, *others) == []


def test_the_databases_alert_silences_its_symptoms(alertmanager: Alertmanager) -> None:
    symptoms = [
        {"alertname": one, "severity": "critical", "job": "photo-api"}
        for one in ("SlowResponseTime", "SlowLogin", "HighLoginFailureRatio", "LowUploadCompletion")
    ]
    assert silenced(alertmanager, CRITICAL_DB, *symptoms) == sorted(map(name, symptoms))


def test_storages_alert_silences_its_symptoms_and_no_others(alertmanager: Alertmanager) -> None:
    symptoms = [{"alertname": one, "severity": "critical"} for one in ("SlowImageAccess", "HighImageFailureRatio")]
    others = [{"alertname": "SlowLogin", "severity": "critical"}, {"alertname": "LogsDropped", "severity": "warning"}]
    assert silenced(alertmanager, STORAGE_AWAY, *symptoms, *others) == sorted(map(name, symptoms))


def test_a_service_that_fails_is_not_called_slow_too(alertmanager: Alertmanager) -> None:
    slow = {"alertname": "SlowExternalService", **STORAGE}
    another = {**slow, "service": "cdn"}
    assert silenced(alertmanager, STORAGE_AWAY, slow, another) == [name(slow)]


def test_a_service_that_fails_is_not_told_by_its_breaker_too(alertmanager: Alertmanager) -> None:
    circuit = {"alertname": "ExternalServiceCircuitOpen", **STORAGE}
    another = {**circuit, "service": "cdn", "severity": "warning"}
    assert silenced(alertmanager, STORAGE_AWAY, circuit, another) == [name(circuit)]


def test_a_breaker_open_to_storage_silences_storages_symptoms(alertmanager: Alertmanager) -> None:
    circuit = {"alertname": "ExternalServiceCircuitOpen", **STORAGE}
    symptom = {"alertname": "HighImageFailureRatio", "severity": "critical"}
    assert silenced(alertmanager, circuit, symptom) == [name(symptom)]


def test_a_warning_of_a_dependency_silences_nothing(alertmanager: Alertmanager) -> None:
    warning = {**CRITICAL_DB, "severity": "warning"}
    assert silenced(alertmanager, warning, {"alertname": "SlowLogin", "severity": "critical"}) == []


@pytest.mark.parametrize("cause", [CRITICAL_DB, STORAGE_AWAY, {**STORAGE_AWAY, "service": "cdn"}])
def test_no_dependency_silences_what_users_notice_or_a_host(alertmanager: Alertmanager, cause: dict[str, str]) -> None:
    hosts = sorted({one.name for one in ALERTS if one.group is Group.RESOURCES})
    heard = [*sorted(inhibition.NEVER_SILENCED), *hosts]
    assert silenced(alertmanager, cause, *({"alertname": one, "severity": "critical"} for one in heard)) == []


@pytest.mark.parametrize("cause", [CRITICAL_DB, STORAGE_AWAY])
def test_a_root_cause_pages_at_most_twice(alertmanager: Alertmanager, cause: dict[str, str]) -> None:
    """With everything firing that its outage brings about: once for the cause, once for what users notice."""
    kind = "database" if cause is CRITICAL_DB else "object_storage"
    brought = [*inhibition.symptoms(kind), "HighErrorRate", "RequestsAvailabilityBurn", "ImageDeliveryBurn"]
    alerts = [cause, *({"alertname": one, "severity": "critical", "job": "photo-api"} for one in brought)]
    quiet = silenced(alertmanager, *alerts)
    told = [one for one in alerts if name(one) not in quiet]
    pages = {"noticed" if one["alertname"] in inhibition.NOTICED else one["alertname"] for one in told}
    assert pages == {cause["alertname"], "noticed"}


def test_declarations_name_causes_that_exist_and_silence_nothing_they_must_not() -> None:
    assert inhibition.problems() == []


@pytest.mark.parametrize(
    ("alertname", "cause", "problem"),
    [
        ("SlowLogin", "databse", "SlowLogin (login-time) is a symptom of databse, which is no cause and no alert"),
        ("HighErrorRate", "database", "says what users notice: only the fleet's alert silences it"),
        ("ServiceDown", "object_storage", "says what users notice: only the fleet's alert silences it"),
        ("HighCPUUsage", "database", "is about a host: no alert of a service silences it"),
    ],
)
def test_a_wrong_declaration_is_a_problem(alertname: str, cause: str, problem: str) -> None:
    one = next(one for one in ALERTS if one.name == alertname)
    assert any(problem in line for line in inhibition.problems([replace(one, symptom_of=(cause,))]))


def test_the_label_of_instances_may_have_another_name() -> None:
    labels = inhibition.told_apart_by(Settings(instance_label="host"))
    assert "host" in labels
    assert "instance" not in labels
