"""The index of the guide has what the guide has, and the catalog what the index has."""

from collections import Counter

import pytest

from photo_metrics.catalog import CATALOG
from photo_metrics.node_exporter import NODE_METRICS
from photo_monitoring.guide import GuideMetric, load_guide

GUIDE = load_guide()
SPECS = {spec.name: spec for spec in (*CATALOG, *NODE_METRICS)}
# The guide lists these without labels; node_exporter has them all the same.
EXTERNAL_LABELS = {
    "node_cpu_seconds_total": ["cpu", "mode"],
    "node_network_receive_bytes_total": ["device"],
    "node_network_transmit_bytes_total": ["device"],
}


def test_sections_1_to_7_define_31_metrics() -> None:
    assert len(GUIDE.metrics) == len({metric.name for metric in GUIDE.metrics}) == 31


def test_58_statements_and_9_or_clauses_are_67_criteria() -> None:
    assert Counter(criterion.kind for criterion in GUIDE.criteria) == {"statement": 58, "or": 9}
    assert len({criterion.id for criterion in GUIDE.criteria}) == 67


def test_29_subjects_have_one_warning_and_one_critical_statement_each() -> None:
    statements = [criterion.id for criterion in GUIDE.criteria if criterion.kind == "statement"]
    subjects = {identity.split("/")[0] for identity in statements}
    assert len(subjects) == 29
    assert {*statements} == {f"{subject}/{severity}" for subject in subjects for severity in ("warning", "critical")}


def test_every_or_clause_belongs_to_a_critical_statement() -> None:
    critical = {one.id for one in GUIDE.criteria if one.kind == "statement" and one.severity == "critical"}
    assert {one.of for one in GUIDE.criteria if one.kind == "or"} <= critical


def test_statements_have_measure_threshold_and_comparison() -> None:
    for criterion in GUIDE.criteria:
        if criterion.kind == "statement":
            assert criterion.compare in {">", ">=", "<", "=="}, criterion.id
            assert criterion.threshold is not None, criterion.id
            assert criterion.hold or criterion.section == "7.2", criterion.id


def test_section_9_has_15_rules_in_5_groups() -> None:
    groups = Counter(rule.group.removeprefix("photo_api_") for rule in GUIDE.rules)
    assert groups == {"availability": 2, "performance": 3, "stability": 4, "security": 3, "resources": 3}
    assert len({rule.alert for rule in GUIDE.rules}) == 15


def test_section_8_has_6_rows_of_4_panels() -> None:
    assert [(panel.row, panel.number) for panel in GUIDE.panels] == [
        (row, n) for row in range(1, 7) for n in range(1, 5)
    ]


def test_section_7_wants_18_ways_of_showing_its_metrics() -> None:
    assert len(GUIDE.usages) == 18
    assert {usage.metric for usage in GUIDE.usages} == {one.name for one in GUIDE.metrics if one.section[0] == "7"}


def test_there_are_108_points_to_watch() -> None:
    by_chapter = Counter(point.section[0] for point in GUIDE.points)
    assert by_chapter == {"1": 5, "2": 26, "3": 13, "4": 17, "5": 12, "6": 15, "7": 20}


def test_every_metric_but_its_twin_has_points() -> None:
    """The guide lists receive and transmit under one heading."""
    silent = {metric.name for metric in GUIDE.metrics} - {point.metric for point in GUIDE.points}
    assert silent == {"node_network_transmit_bytes_total"}


def test_the_checklist_has_16_items_in_4_periods() -> None:
    assert Counter(item.period for item in GUIDE.checklist) == {"hourly": 4, "daily": 4, "weekly": 4, "monthly": 4}


def test_4_phases_have_19_items() -> None:
    assert Counter(item.phase for item in GUIDE.phases) == {1: 5, 2: 5, 3: 3, 4: 6}


def test_3_channels_serve_both_severities() -> None:
    assert [channel.name for channel in GUIDE.channels] == ["Slack", "PagerDuty / Opsgenie", "e-mail"]


def test_the_dashboard_has_the_guides_settings() -> None:
    assert (GUIDE.refresh, GUIDE.ranges) == ("30s", ("1h", "6h", "24h"))
    assert GUIDE.variables == ("instance", "endpoint", "service")


def test_whatever_the_index_names_is_a_metric_of_the_guide() -> None:
    names = {metric.name for metric in GUIDE.metrics}
    used = {one.metric for one in GUIDE.criteria} | {one.metric for one in GUIDE.rules}
    used |= {one.metric for one in GUIDE.usages} | {one.metric for one in GUIDE.points}
    lists = [panel.metrics for panel in GUIDE.panels] + [item.metrics for item in GUIDE.checklist]
    used |= {name for names_of in [*lists, *(item.metrics for item in GUIDE.phases)] for name in names_of}
    assert used <= names


@pytest.mark.parametrize("metric", GUIDE.metrics, ids=lambda metric: metric.name)
def test_the_catalog_declares_each_metric_as_the_guide_does(metric: GuideMetric) -> None:
    """Name, type, section and labels are exactly the guide's; buckets are the guide's and more."""
    spec = SPECS[metric.name]
    assert spec.type.value == metric.type
    assert spec.guide == metric.section
    assert list(spec.label_names) == EXTERNAL_LABELS.get(metric.name, metric.labels)
    assert {*metric.buckets} <= {*spec.buckets}
    for label in spec.labels:
        if label.name in metric.values:
            assert list(label.values) == metric.values[label.name]
