"""The whole fleet away: it pages, it costs error budget, and its return ends both."""

from datetime import UTC, datetime

import httpx
from tests.stack.running import Stack
from tests.support.ports import wait_until

INSTANCES = ("api-1", "api-2")


def deliveries(stack: Stack, since: int) -> set[tuple[str, str]]:
    """Alert names with their status, delivered after the first ``since``."""
    return {(record["alertname"], record["status"]) for record in stack.delivered()[since:]}


def budget_left(stack: Stack) -> float | None:
    """The availability objective's error budget that remains, as Prometheus has recorded it; ``None``: not yet."""
    httpx.get(f"{stack.url('api')}/photos/", timeout=5)  # a service that nobody asks has no availability
    samples = stack.query('slo:period_error_budget_remaining:ratio{sloth_slo="requests-availability"}')
    return float(samples[0]["value"][1]) if samples else None


def spent(stack: Stack, left: float) -> bool:
    """Whether budget was spent since ``left`` was."""
    now = budget_left(stack)
    return now is not None and now < left - 0.01


def inhibited(stack: Stack, name: str) -> bool:
    """Whether Alertmanager has the critical alert of a name, and keeps it back because of another."""
    wanted = {"filter": [f'alertname="{name}"', 'severity="critical"']}
    alerts = httpx.get(f"{stack.url('alertmanager')}/api/v2/alerts", params=wanted, timeout=5).json()
    return bool(alerts) and all(alert["status"]["inhibitedBy"] for alert in alerts)


def test_a_dead_fleet_pages_and_spends_budget_until_it_is_back(stack: Stack) -> None:
    wait_until(lambda: budget_left(stack) is not None, "the budget recorded", 60)
    before, moment, left = len(stack.delivered()), datetime.now(UTC), budget_left(stack)
    assert left is not None
    for name in INSTANCES:
        assert stack.command("kill", name).returncode == 0
    wait_until(lambda: ("ServiceDownAll", "firing") in deliveries(stack, before), "ServiceDownAll delivered", 60)
    wait_until(lambda: spent(stack, left), "budget spent", 60)
    assert stack.query('slo:sli_error:ratio_rate5m{sloth_slo="requests-availability"} > 0')
    probe = 'ALERTS{alertname="ProbeFailing",alertstate="firing",severity="critical"}'
    wait_until(lambda: bool(stack.query(probe)), "the probe's failure", 60)
    wait_until(lambda: inhibited(stack, "ProbeFailing"), "the fleet's alert inhibiting the probe's", 60)
    assert ("ProbeFailing", "critical") not in stack.begun(moment)
    for name in INSTANCES:
        assert stack.command("start", name).returncode == 0
    wait_until(lambda: ("ServiceDownAll", "resolved") in deliveries(stack, before), "ServiceDownAll resolved", 60)


def test_a_dead_load_balancer_is_what_the_probe_alone_sees(stack: Stack) -> None:
    before, moment = len(stack.delivered()), datetime.now(UTC)
    assert stack.command("kill", "haproxy").returncode == 0
    wait_until(lambda: ("ProbeFailing", "critical") in stack.begun(moment), "ProbeFailing delivered", 60)
    assert not {("ServiceDown", "critical"), ("ServiceDownAll", "critical")} & stack.begun(moment)
    assert stack.command("start", "haproxy").returncode == 0
    wait_until(lambda: ("ProbeFailing", "resolved") in deliveries(stack, before), "ProbeFailing resolved", 60)
