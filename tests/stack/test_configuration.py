"""What the stack writes for HAProxy, Prometheus and Alertmanager, judged by their own checkers."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from photo_stack.components import components
from photo_stack.configuration import SAMPLE_LIMIT, prometheus_config, write_configuration
from photo_stack.layout import Layout, Ports, StackSettings
from photo_stack.preflight import find_binaries


@pytest.fixture
def written(tmp_path: Path) -> StackSettings:
    """A stack's files, written as ``up`` writes them; the directory's name needs quoting."""
    data = tmp_path / "it's a stack"
    settings = StackSettings(layout=Layout(data), ports=Ports.counted_from(21_000, 3), time_scale=10.0)
    settings.layout.create()
    stages = components(settings, find_binaries(), ("photo-api",))
    write_configuration(settings, [component for stage in stages for component in stage])
    return settings


def check(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_haproxy_accepts_its_configuration(written: StackSettings) -> None:
    check(find_binaries()["haproxy"], "-c", "-f", str(written.layout.haproxy_config))


def test_promtool_accepts_configuration_and_rules(written: StackSettings) -> None:
    check("promtool", "check", "config", str(written.layout.prometheus / "prometheus.yml"))


def test_amtool_accepts_the_configuration(written: StackSettings) -> None:
    check("amtool", "check-config", str(written.layout.alertmanager / "alertmanager.yml"))


def test_the_watchdog_has_a_receiver_of_its_own(written: StackSettings) -> None:
    config = str(written.layout.alertmanager / "alertmanager.yml")
    check(
        "amtool",
        "config",
        "routes",
        "test",
        f"--config.file={config}",
        "--verify.receivers=watchdog",
        "alertname=Watchdog",
    )
    check(
        "amtool",
        "config",
        "routes",
        "test",
        f"--config.file={config}",
        "--verify.receivers=local",
        "alertname=ServiceDown",
    )


def test_discovery_names_instances_after_their_components(written: StackSettings) -> None:
    groups = json.loads((written.layout.prometheus / "targets" / "photo-api.json").read_text())
    assert groups == [
        {"targets": ["127.0.0.1:21007"], "labels": {"instance": "api-1"}},
        {"targets": ["127.0.0.1:21009"], "labels": {"instance": "api-2"}},
        {"targets": ["127.0.0.1:21011"], "labels": {"instance": "api-3"}},
    ]


def test_every_job_has_a_target(written: StackSettings) -> None:
    config = read_yaml(written.layout.prometheus / "prometheus.yml")
    for scrape in config["scrape_configs"]:
        (file,) = scrape["file_sd_configs"][0]["files"]
        assert json.loads((written.layout.prometheus / file).read_text()), scrape["job_name"]


def test_only_the_services_scrape_is_limited(written: StackSettings) -> None:
    scrapes = read_yaml(written.layout.prometheus / "prometheus.yml")["scrape_configs"]
    limits = {scrape["job_name"]: scrape.get("sample_limit") for scrape in scrapes}
    assert limits == {
        "photo-api": SAMPLE_LIMIT,
        "node": None,
        "haproxy": None,
        "prometheus": None,
        "alertmanager": None,
    }


def test_the_time_scale_divides_alertmanagers_waits(written: StackSettings) -> None:
    route = read_yaml(written.layout.alertmanager / "alertmanager.yml")["route"]
    assert (route["group_wait"], route["group_interval"], route["repeat_interval"]) == ("1s", "3s", "360s")


def test_the_time_scale_divides_the_scrape_interval(written: StackSettings) -> None:
    config = read_yaml(written.layout.prometheus / "prometheus.yml")
    assert config["global"]["scrape_interval"] == "500ms"
    assert prometheus_config(9093, 1.0)["global"]["scrape_interval"] == "5s"


def test_rules_of_an_earlier_version_are_removed(written: StackSettings) -> None:
    stale = written.layout.prometheus / "rules" / "gone.yml"
    stale.write_text("groups: []\n")
    write_configuration(written, [])
    assert not stale.exists()


def test_tools_get_no_settings_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTO_API_SECRET_KEY", "x" * 40)
    settings = StackSettings(layout=Layout(tmp_path), ports=Ports.counted_from(21_000, 1))
    stages = components(settings, find_binaries(), ("photo-api",))
    for component in (component for stage in stages for component in stage):
        assert ("PHOTO_API_SECRET_KEY" in component.env) == (component.job == "photo-api"), component.name
