"""Every criterion of the guide is declared once, with the guide's severity, threshold, duration and comparison."""

from collections import Counter
from dataclasses import replace

import pytest

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.criteria import Alert, Severity, Tier, Unit, critical, warning
from photo_monitoring.expressions import condition
from photo_monitoring.guide import GuideCriterion, load_guide
from photo_monitoring.lints import metrics_of, recordings_by_name

GUIDE = load_guide()
DECLARED = {tier.criterion: (alert, tier) for alert in ALERTS for tier in alert.tiers if tier.criterion}
# Names of their own (the guide has none for these clauses); every other "or" clause takes its statement's.
OWN_NAMES = {
    "requests/critical/surge": "RequestSurge",
    "rate-limit-hits/critical/single-ip": "SuspiciousIPActivity",
    "brute-force/critical/single-ip": "SuspiciousIPActivity",
}


def declared(criterion: GuideCriterion) -> tuple[Alert, Tier]:
    return DECLARED[criterion.id]


def test_67_criteria_are_declared_each_once() -> None:
    found = Counter(tier.criterion for alert in ALERTS for tier in alert.tiers if tier.criterion)
    assert found == Counter(criterion.id for criterion in GUIDE.criteria)
    assert sum(found.values()) == 67


@pytest.mark.parametrize("criterion", GUIDE.criteria, ids=lambda criterion: criterion.id)
def test_a_criterion_is_declared_as_the_guide_says(criterion: GuideCriterion) -> None:
    alert, tier = declared(criterion)
    assert tier.severity == criterion.severity
    assert alert.section == criterion.section
    if criterion.hold:
        assert tier.hold == criterion.hold
    if criterion.threshold is not None:
        assert tier.threshold == criterion.threshold
    if criterion.measure in {"p95", "p99"}:
        assert alert.share == {"p95": 0.05, "p99": 0.01}[criterion.measure]
    elif criterion.compare not in {None, "=="}:
        assert alert.compare == criterion.compare


@pytest.mark.parametrize("criterion", GUIDE.criteria, ids=lambda criterion: criterion.id)
def test_an_alert_reads_the_metric_of_its_heading_or_says_what_instead(criterion: GuideCriterion) -> None:
    instead = {
        "external-time/critical/outage": "photo_api_dependency_up",
        "db-errors/critical/unreachable": "photo_api_dependency_up",
        "external-errors/critical/outage": "photo_api_dependency_up",
        "user-upload/warning": "photo_api_photo_upload_last_hour_bytes",
        "user-upload/critical": "photo_api_photo_upload_last_hour_bytes",
    }
    assert instead.get(criterion.id, criterion.metric) in metrics_of(declared(criterion)[0], recordings_by_name(ALERTS))


def test_the_fifteen_names_and_five_groups_are_the_guides() -> None:
    groups = {alert.name: alert.group.value for alert in ALERTS}
    assert {rule.alert: groups[rule.alert] for rule in GUIDE.rules} == {rule.alert: rule.group for rule in GUIDE.rules}


def test_both_tiers_of_a_subject_share_their_name() -> None:
    for criterion in GUIDE.criteria:
        if criterion.kind == "statement" and criterion.severity == "warning":
            critical_id = criterion.id.replace("/warning", "/critical")
            assert DECLARED[critical_id][0] is declared(criterion)[0]


def test_an_or_clause_takes_its_statements_name() -> None:
    for criterion in GUIDE.criteria:
        if criterion.kind == "or":
            assert criterion.of is not None
            statement = DECLARED[criterion.of][0].name
            assert declared(criterion)[0].name == OWN_NAMES.get(criterion.id, statement)


def test_where_section_9_disagrees_the_criteria_win() -> None:
    """SlowLogin and LogQueueBackpressure are critical at section 9's threshold, as is a single suspicious address."""
    found = {(alert.name, tier.severity, tier.threshold) for alert in ALERTS for tier in alert.tiers}
    assert {
        ("SlowLogin", Severity.CRITICAL, 3),
        ("LogQueueBackpressure", Severity.CRITICAL, 5000),
        ("SuspiciousIPActivity", Severity.CRITICAL, 200),
    } <= found


def test_names_are_camel_case() -> None:
    assert all(alert.name[0].isupper() and alert.name.isalnum() for alert in ALERTS)


def test_a_subject_is_watched_by_one_alert() -> None:
    assert max(Counter(alert.subject for alert in ALERTS).values()) == 1


def test_a_minimum_volume_keeps_one_failure_alone_silent() -> None:
    """At the smallest volume that counts, a single bad event is never over the threshold."""
    for alert in ALERTS:
        for tier in alert.tiers:
            if alert.unit is Unit.RATIO and tier.minimum is not None and alert.compare == ">":
                limit = alert.share if alert.share is not None else tier.threshold
                assert not 1 / tier.minimum > limit, alert.name


def test_every_alert_says_what_to_do_next_in_both_languages() -> None:
    for alert in ALERTS:
        assert alert.next_steps
        assert all(step.ko and step.en for step in alert.next_steps)


EXAMPLE = next(alert for alert in ALERTS if alert.name == "ServiceDownAll")


def test_an_alert_without_tiers_is_refused() -> None:
    with pytest.raises(ValueError, match="has no tier"):
        replace(EXAMPLE, tiers=())


def test_a_minimum_without_a_volume_is_refused() -> None:
    with pytest.raises(ValueError, match="go together"):
        replace(EXAMPLE, tiers=(warning(None, 1, "1m", minimum=20),))


def test_an_unknown_placeholder_is_named() -> None:
    with pytest.raises(ValueError, match="'apy' is unknown"):
        condition(replace(EXAMPLE, value="up{$apy} == 0"), EXAMPLE.tiers[0], Settings())


def test_a_for_that_is_no_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="not a duration"):
        critical(None, 1, "2 minutes")
