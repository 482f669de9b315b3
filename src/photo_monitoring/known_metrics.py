"""Every series that an expression may read: the service's catalog, node_exporter's, the pipeline's own."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from photo_metrics.catalog import CATALOG
from photo_metrics.node_exporter import NODE_METRICS
from photo_metrics.process import PROCESS_METRICS
from photo_metrics.spec import LabelKind, MetricSpec, MetricType
from photo_monitoring.dashboards.shown_metrics import SHOWN
from photo_monitoring.expressions import bound

TARGET_LABELS: Final = frozenset({"job", "instance"})

_STATUSES: Final = frozenset(map(str, range(100, 600)))

# The pipeline's and the load balancer's: name, labels besides the target's, whether it is a counter.
_PIPELINE: Final = (
    ("up", (), False),
    ("prometheus_config_last_reload_successful", (), False),
    ("prometheus_notifications_dropped_total", (), True),
    ("prometheus_notifications_errors_total", ("alertmanager",), True),
    ("prometheus_rule_evaluation_failures_total", ("rule_group",), True),
    ("prometheus_rule_group_interval_seconds", ("rule_group",), False),
    ("prometheus_rule_group_iterations_missed_total", ("rule_group",), True),
    ("prometheus_rule_group_iterations_total", ("rule_group",), True),
    ("prometheus_rule_group_last_duration_seconds", ("rule_group",), False),
    ("prometheus_target_scrapes_exceeded_body_size_limit_total", (), True),
    ("prometheus_target_scrapes_exceeded_sample_limit_total", (), True),
    ("alertmanager_cluster_members", (), False),
    ("alertmanager_config_last_reload_successful", (), False),
    ("alertmanager_notification_requests_failed_total", ("integration",), True),
    ("alertmanager_notification_requests_total", ("integration",), True),
    ("alertmanager_notifications_failed_total", ("integration",), True),
    ("blackbox_exporter_config_last_reload_successful", (), False),
    ("probe_ssl_earliest_cert_expiry", (), False),
    ("probe_success", (), False),
    ("haproxy_frontend_http_responses_total", ("proxy", "code"), True),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of a series: its metric, labels (the target's too), whether it only grows, closed values."""

    metric: str
    labels: frozenset[str]
    counter: bool
    values: dict[str, frozenset[str]]


def _samples(spec: MetricSpec) -> dict[str, Sample]:
    closed = {
        label.name: frozenset([*label.values, *([label.fallback] if label.fallback else [])])
        for label in spec.labels
        if label.kind is LabelKind.CLOSED
    }
    closed |= {label.name: _STATUSES for label in spec.labels if label.kind is LabelKind.STATUS}
    if spec.type is MetricType.HISTOGRAM:
        closed["le"] = frozenset([*map(bound, spec.buckets), "+Inf"])
    return {
        name: Sample(spec.name, frozenset(labels) | TARGET_LABELS, spec.type is not MetricType.GAUGE, closed)
        for name, labels in spec.samples.items()
    }


@cache
def known_samples() -> dict[str, Sample]:
    """Return series name → what is known of it."""
    known = {
        name: Sample(name, TARGET_LABELS | set(labels), counter, {}) for name, labels, counter in (*_PIPELINE, *SHOWN)
    }
    for spec in (*CATALOG, *PROCESS_METRICS, *NODE_METRICS):
        known.update(_samples(spec))
    return known
