"""The tree of routes, judged by amtool, and the pace of each way."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from photo_monitoring.configuration.file import parse
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.routing import checks
from photo_monitoring.routing.alertmanager import document, left_out, render_alertmanager
from photo_monitoring.routing.channels import CHANNELS
from photo_monitoring.routing.example import example_channels
from photo_monitoring.routing.routes import LocalWebhook

EVERY = replace(Settings(), channels=example_channels(), configured=True)
SLACK_ALONE = parse('[channels.slack]\nurl_file = "/a"\n')
LOCAL = (LocalWebhook(name="local", url="http://127.0.0.1:1/alerts", watchdog_url="http://127.0.0.1:1/watchdog"),)
COMMITTED = Path(__file__).parents[2] / "deploy" / "monitoring" / "alertmanager"


def told(folder: Path, *labels: str) -> list[str]:
    """Who hears of an alert, as amtool says."""
    command = ["amtool", "config", "routes", "test", f"--config.file={folder / 'alertmanager.yml'}", *labels]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip().split(",")


def written(folder: Path, settings: Settings, **more: Any) -> Path:
    for path, text in render_alertmanager(settings, **more).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (("alertname=HighErrorRate", "severity=critical"), ["dooray", "opsgenie", "pagerduty", "slack", "webhook"]),
        (("alertname=SlowLogin", "severity=critical"), ["dooray", "opsgenie", "pagerduty", "slack", "webhook"]),
        (("alertname=ServiceDownAll", "severity=critical"), ["dooray", "opsgenie", "pagerduty", "slack", "webhook"]),
        (("alertname=SlowLogin", "severity=warning"), ["dooray", "email", "slack", "webhook"]),
        (("alertname=Watchdog", "severity=none", "system=photo-api"), ["dead_mans_switch"]),
        (("alertname=Watchdog", "severity=none", "system=another"), ["nobody"]),
        (("alertname=Watchdog", "severity=none"), ["nobody"]),
        (("alertname=NotificationTest", "severity=none", "channel=slack"), ["slack"]),
        (("alertname=NotificationTest", "severity=none", "channel=gone"), ["nobody"]),
        (("alertname=SomebodyElses",), ["dooray", "email", "slack", "webhook"]),
    ],
)
def test_the_committed_routing_reaches(labels: tuple[str, ...], receivers: list[str]) -> None:
    assert told(COMMITTED, *labels) == receivers


def test_every_alert_of_every_severity_reaches_whom_it_should() -> None:
    ways, problems = checks.routing_problems(EVERY)
    assert problems == []
    assert ways > len(CHANNELS)


def test_a_routing_that_amtool_refuses_is_a_problem() -> None:
    quiet_hours = replace(EVERY.quiet_hours)
    object.__setattr__(quiet_hours, "location", "Asia/Soul")  # as on a machine that knows no time zones
    wrong = replace(EVERY, quiet_hours=quiet_hours)
    assert any("Asia/Soul" in problem for problem in checks.routing_problems(wrong)[1])


def test_channels_that_are_not_set_are_left_out_and_named() -> None:
    receivers = [one["name"] for one in document(SLACK_ALONE)["receivers"]]
    assert receivers == ["nobody", "slack"]
    lines = left_out(SLACK_ALONE)
    assert "PagerDuty is left out: there is no [channels.pagerduty]" in lines
    assert len(lines) == len(CHANNELS) - 1


def test_without_any_channel_there_is_still_a_configuration(tmp_path: Path) -> None:
    assert told(written(tmp_path, parse("")), "alertname=ServiceDown", "severity=critical") == ["nobody"]


def test_a_local_receiver_gets_every_alert_and_the_watchdog_elsewhere(tmp_path: Path) -> None:
    folder = written(tmp_path, SLACK_ALONE, local=LOCAL)
    assert told(folder, "alertname=ServiceDown", "severity=critical") == ["local", "slack"]
    assert told(folder, "alertname=ServiceDown", "severity=warning") == ["local", "slack"]
    assert told(folder, "alertname=Watchdog", "severity=none", "system=photo-api") == ["local-watchdog"]
    assert told(folder, "alertname=NotificationTest", "channel=slack", "severity=none") == ["slack"]


def way(settings: Settings, receiver: str, severity: str) -> dict[str, Any]:
    """The route by which a receiver hears of a severity."""
    routes = document(settings)["route"]["routes"]
    operator = "=" if severity == "critical" else "!~"
    return next(
        route
        for route in routes
        if route["receiver"] == receiver and route["matchers"][0].startswith(f"severity{operator}")
    )


def pace(route: dict[str, Any]) -> tuple[str, str]:
    return route["group_wait"], route["repeat_interval"]


@pytest.mark.parametrize("receiver", ["pagerduty", "opsgenie", "slack"])
def test_critical_is_told_after_ten_seconds_and_again_each_hour(receiver: str) -> None:
    assert pace(way(EVERY, receiver, "critical")) == ("10s", "1h")


def test_warnings_by_mail_are_a_digest_once_a_day() -> None:
    digest = way(EVERY, "email", "warning")
    assert digest["group_by"] == ["system", "severity"]
    assert (digest["group_interval"], digest["repeat_interval"]) == ("6h", "1d")


def test_the_watchdog_is_repeated_within_five_minutes_and_half() -> None:
    routes = document(EVERY)["route"]["routes"]
    (watchdog,) = [route for route in routes if route["matchers"][0] == 'alertname="Watchdog"']
    assert (watchdog["group_interval"], watchdog["repeat_interval"]) == ("30s", "5m")


def test_warnings_wait_at_night_but_for_the_mail() -> None:
    muted = {
        name for name in ("slack", "dooray", "webhook", "email") if "mute_time_intervals" in way(EVERY, name, "warning")
    }
    assert muted == {"slack", "dooray", "webhook"}
    assert all("mute_time_intervals" not in way(EVERY, name, "critical") for name in ("slack", "pagerduty"))


def test_quiet_hours_can_be_switched_off() -> None:
    settings = parse('[channels.slack]\nurl_file = "/a"\n[quiet_hours]\nenabled = false\n')
    found = document(settings)
    assert "time_intervals" not in found
    assert "mute_time_intervals" not in way(settings, "slack", "warning")


def test_a_drill_scales_every_wait_and_has_no_night() -> None:
    drill = replace(EVERY, time_scale=10.0)
    assert pace(way(drill, "slack", "critical")) == ("1s", "6m")
    assert "time_intervals" not in document(drill)


def test_the_same_settings_give_the_same_bytes() -> None:
    assert render_alertmanager(EVERY) == render_alertmanager(EVERY)


def test_the_committed_files_name_secrets_by_file_only() -> None:
    text = (COMMITTED / "alertmanager.yml").read_text()
    keys = [line.split(":")[0].strip() for line in text.splitlines()]
    assert {"api_url_file", "routing_key_file", "api_key_file", "auth_password_file", "credentials_file"} <= set(keys)
    assert not {"api_url", "routing_key", "service_key", "api_key", "auth_password", "credentials"} & (
        set(keys) - {"api_url"}
    )
    assert "hooks.slack.com" not in text


def test_the_example_is_what_is_committed() -> None:
    for path, text in render_alertmanager(EVERY).items():
        assert (COMMITTED / path).read_text() == text, path
    assert yaml.safe_load((COMMITTED / "alertmanager.yml").read_text())["templates"] == ["templates/photo_api.ko.tmpl"]
