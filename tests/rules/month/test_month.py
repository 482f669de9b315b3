"""Thirty days of a healthy service through all rendered rules, and a day of incidents after them.

Rules look back only, so the incidents of the thirty-first day say nothing about the thirty before. What is exact:
expressions as rendered, evaluated by Prometheus 2.42 every 30 s, over what recording rules recorded, with `for` and
staleness. What is approximated: series are scraped every 60 s instead of 15 s (but `up`, readiness, drain deadlines
and dependencies), there are two instances, of each histogram only the bounds that rules read, and requests from a
handful of distributions. The objectives' sums over 30 days, which no alert reads, are evaluated at the end alone.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from tests.rules.month import month, story
from tests.rules.month.evaluation import Evaluation, Firing, Rule, held, read_by_alerts, rendered_rules
from tests.rules.month.fleet import EPOCH
from tests.support.prometheus import Prometheus, running_prometheus

pytestmark = pytest.mark.timeout(900)

WEEK_SECONDS = 7 * 86_400
AFTERMATH_SECONDS = 900
"""Alerts that begin so long after an incident are still its own: windows of five minutes, and `for`."""


@dataclass(frozen=True, slots=True)
class Month:
    """What fired, and the Prometheus that has it all."""

    prometheus: Prometheus
    firings: list[Firing]
    rest: list[Rule]
    """Recordings that no alert reads: not evaluated."""

    def quiet(self, severity: str) -> list[Firing]:
        """What began to fire in the thirty days."""
        return [one for one in self.firings if one.severity == severity and one.begins < month.QUIET_UNTIL]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Month]:
    recordings, alerts = rendered_rules()
    read = read_by_alerts(recordings, alerts)
    folder = tmp_path_factory.mktemp("prometheus")
    with running_prometheus(folder, options=month.PROMETHEUS_OPTIONS) as prometheus:
        prometheus.write(month.month_series())
        evaluation = Evaluation(prometheus, month.START, month.END)
        evaluation.record(read)
        yield Month(prometheus, evaluation.firings(alerts), [rule for rule in recordings if rule not in read])


def told(firings: list[Firing]) -> list[str]:
    return [f"{one.alert} ({one.subject}) on day {(one.begins - EPOCH) / 86_400:.3f}" for one in firings]


def test_thirty_healthy_days_raise_no_critical_alert(run: Month) -> None:
    assert told(run.quiet("critical")) == []


def test_thirty_healthy_days_raise_at_most_one_warning_a_week(run: Month) -> None:
    warnings = run.quiet("warning")
    by_week = Counter(int((one.begins - EPOCH) // WEEK_SECONDS) for one in warnings)
    assert max(by_week.values(), default=0) <= 1, told(warnings)


def test_the_watchdog_fires_all_the_time(run: Month) -> None:
    watchdog = [one for one in run.firings if one.alert == "Watchdog"]
    assert [(one.begins, one.ends) for one in watchdog] == [(month.START, month.END)]


def test_every_series_that_a_rule_reads_is_in_the_month(run: Month) -> None:
    """Silence must not come from missing data."""
    recordings, alerts = rendered_rules()
    noon = EPOCH + story.NEWCOMERS[-1] + 1200
    names = set().union(*(rule.reads() for rule in read_by_alerts(recordings, alerts) + alerts)) - {
        "slo:unreachable:bool"
    }
    assert {name for name in names if not run.prometheus.query(name, noon)} == set()


def test_every_drain_was_seen_and_no_fleet_was_down(run: Month) -> None:
    """Twenty deploys of two instances: each told Prometheus that it left."""
    evaluation = Evaluation(run.prometheus, month.START, month.QUIET_UNTIL)
    expr = 'photo_api_drain_deadline_timestamp_seconds{job="photo-api"} > time()'
    leaves = Rule("", expr, {"severity": "", "subject": ""}, 30)
    assert len(evaluation.firings([leaves])) == len(story.DEPLOYS) * len(story.API)
    assert run.prometheus.query("count_over_time(slo:unreachable:bool[30d])", month.QUIET_UNTIL) == {}


def test_thirty_healthy_days_leave_budget_of_every_objective(run: Month) -> None:
    Evaluation(run.prometheus, month.QUIET_UNTIL, month.QUIET_UNTIL).record(run.rest)
    left = run.prometheus.query("slo:period_error_budget_remaining:ratio", month.QUIET_UNTIL)
    assert {dict(labels)["sloth_slo"] for labels in left} >= {"requests-availability", "upload-completion"}
    assert {labels: value for labels, value in left.items() if not 0.2 < value < 1} == {}


DISK = {"device": "/dev/vda1", "fstype": "ext4", "instance": "node-1", "mountpoint": "/"}
EXPECTED: dict[str, set[tuple[str, str, str]]] = {
    "dead instance": {
        ("ServiceDown", "warning", "api-2"),
        ("ServiceDown", "critical", "api-2"),
    },
    "token guessing": {
        ("BruteForceAttack", "warning", ""),
        ("BruteForceAttack", "critical", ""),
        ("SuspiciousIPActivity", "critical", ""),
        ("HighInvalidTokenRatio", "warning", ""),
        ("HighInvalidTokenRatio", "critical", ""),
    },
    "errors": {
        ("HighErrorRate", "warning", ""),
        ("HighErrorRate", "critical", ""),
        ("HighImageFailureRatio", "warning", ""),
        ("HighPresignedUrlFailureRatio", "warning", ""),
        ("HighImageDenialRatio", "warning", ""),
        ("RequestsAvailabilityBurn", "critical", ""),
    },
    "disk filling": {
        ("DiskFillingUp", "warning", "node-1"),
        ("LowDiskSpace", "warning", "node-1"),
        ("LowDiskSpace", "critical", "node-1"),
    },
}


@pytest.mark.parametrize("name", story.INCIDENTS)
def test_an_incident_fires_what_it_should_and_nothing_else(run: Month, name: str) -> None:
    incident = story.INCIDENTS[name]
    begins, ends = EPOCH + incident.begins, EPOCH + incident.ends + AFTERMATH_SECONDS
    fired = [one for one in run.firings if begins <= one.begins < ends]
    assert {(one.alert, one.severity, dict(one.labels).get("instance", "")) for one in fired} == EXPECTED[name]
    assert len(fired) == len(EXPECTED[name]), told(fired)


def test_nothing_fires_on_the_last_day_but_for_its_incidents(run: Month) -> None:
    late = [one for one in run.firings if one.begins >= month.QUIET_UNTIL]
    assert len(late) == sum(map(len, EXPECTED.values())), told(late)


def test_the_dead_instance_is_back_within_minutes(run: Month) -> None:
    over = EPOCH + story.DEAD_INSTANCE.ends
    ends = [one.ends for one in run.firings if one.alert == "ServiceDown"]
    assert ends
    assert all(over - 60 < end < over + 120 for end in ends)


@pytest.mark.parametrize(
    ("active", "hold", "fires"),
    [
        ([0, 30, 60], 60, [(60, 60)]),
        ([0, 30, 60], 90, []),
        ([0, 30, 90, 120], 60, []),
        ([0, 30, 60, 120, 150, 180, 210], 60, [(60, 60), (180, 210)]),
        ([30], 0, [(30, 30)]),
        ([], 0, []),
    ],
)
def test_an_alert_fires_after_its_for_without_a_gap(
    active: list[float], hold: float, fires: list[tuple[float, float]]
) -> None:
    assert list(held(np.array(active, dtype=float), 30, hold)) == fires
