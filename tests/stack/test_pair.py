"""A pair of each monitoring server: nothing is lost, nothing is told twice, when one of each dies."""

from pathlib import Path

from tests.stack.running import Stack, started
from tests.support.ports import wait_until


def told(stack: Stack, alert: str, instance: str, severity: str) -> list[str]:
    """The statuses delivered for one alert, in order."""
    wanted = (alert, instance, severity)
    return [
        record["status"]
        for record in stack.delivered()
        if (record["alertname"], record["instance"], record["severity"]) == wanted
    ]


def test_one_of_each_killed_while_an_alert_fires_leaves_one_message_and_one_end(tmp_path: Path) -> None:
    with started(tmp_path / "stack", "--ha-monitoring", "--time-scale", "10", "--lang", "en") as stack:
        wait_until(lambda: bool(stack.query("min(alertmanager_cluster_members) == 2")), "gossip", 30)
        assert stack.command("kill", "api-1").returncode == 0
        wait_until(lambda: bool(told(stack, "ServiceDown", "api-1", "critical")), "ServiceDown delivered", 60)

        for name in ("prometheus", "alertmanager"):
            assert stack.command("kill", name).returncode == 0
        wait_until(lambda: bool(told(stack, "PrometheusDown", "prometheus", "warning")), "its peer's word", 60)
        assert stack.command("start", "api-1").returncode == 0
        wait_until(lambda: told(stack, "ServiceDown", "api-1", "critical")[-1] == "resolved", "the end delivered", 60)

        # What comes back has missed the end, and must not tell the story again.
        for name in ("prometheus", "alertmanager"):
            assert stack.command("start", name).returncode == 0
        wait_until(lambda: told(stack, "PrometheusDown", "prometheus", "warning")[-1] == "resolved", "its return", 60)
        assert told(stack, "ServiceDown", "api-1", "critical") == ["firing", "resolved"]
