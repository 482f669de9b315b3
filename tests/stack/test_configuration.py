"""What the stack writes for HAProxy, Prometheus and Alertmanager, judged by their own checkers."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from photo_monitoring.configuration.settings import Settings
from photo_monitoring.scraping import SAMPLE_LIMIT, prometheus_config
from photo_stack.components import api_environment, components
from photo_stack.configuration import scraping, write_configuration
from photo_stack.errors import CannotStart
from photo_stack.layout import Layout, Ports, StackSettings
from photo_stack.monitoring import monitoring_settings
from photo_stack.preflight import find_binaries


@pytest.fixture
def written(tmp_path: Path) -> StackSettings:
    """A stack's files, written as ``up`` writes them; the directory's name needs quoting."""
    data = tmp_path / "it's a stack"
    ports, monitoring = Ports.counted_from(21_000, 3), Settings(time_scale=10.0)
    settings = StackSettings(layout=Layout(data), ports=ports, monitoring=monitoring)
    write(settings)
    return settings


def write(settings: StackSettings) -> None:
    settings.layout.create()
    stages = components(settings, find_binaries(), ("photo-api",))
    assert write_configuration(settings, [component for stage in stages for component in stage]) == []


def addresses(targets: Path) -> set[str]:
    return {address for group in json.loads(targets.read_text()) for address in group["targets"]}


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


def test_the_exporter_accepts_its_configuration(written: StackSettings) -> None:
    check(find_binaries()["blackbox-exporter"], "--config.check", f"--config.file={written.layout.blackbox_config}")


def test_the_watchdog_has_a_receiver_of_its_own(written: StackSettings) -> None:
    config = str(written.layout.alertmanager / "alertmanager.yml")
    check(
        "amtool",
        "config",
        "routes",
        "test",
        f"--config.file={config}",
        "--verify.receivers=local-watchdog",
        "alertname=Watchdog",
        "severity=none",
        "system=photo-api",
    )
    check(
        "amtool",
        "config",
        "routes",
        "test",
        f"--config.file={config}",
        "--verify.receivers=local",
        "alertname=ServiceDown",
        "severity=critical",
    )


def test_discovery_names_instances_after_their_components(written: StackSettings) -> None:
    groups = json.loads((written.layout.prometheus / "targets" / "photo-api.json").read_text())
    assert groups == [
        {"targets": ["127.0.0.1:21009"], "labels": {"instance": "api-1"}},
        {"targets": ["127.0.0.1:21011"], "labels": {"instance": "api-2"}},
        {"targets": ["127.0.0.1:21013"], "labels": {"instance": "api-3"}},
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
        "blackbox": None,
        "probe": None,
    }


def test_every_prometheus_of_a_pair_sends_to_every_alertmanager_and_scrapes_all_four(tmp_path: Path) -> None:
    ports = Ports.counted_from(21_000, 1, pair=True)
    settings = StackSettings(layout=Layout(tmp_path), ports=ports)
    write(settings)
    folder = settings.layout.prometheus
    for name in ("prometheus", "prometheus-2"):
        config = read_yaml(folder / f"{name}.yml")
        assert config["global"]["external_labels"] == {"replica": name}
        assert config["alerting"]["alert_relabel_configs"] == [{"regex": "replica", "action": "labeldrop"}]
        (found,) = config["alerting"]["alertmanagers"]
        assert addresses(folder / found["file_sd_configs"][0]["files"][0]) == {"127.0.0.1:21002", "127.0.0.1:21011"}
    assert addresses(folder / "targets" / "prometheus.json") == {"127.0.0.1:21001", "127.0.0.1:21010"}


def test_jobs_and_labels_are_called_as_the_override_file_says(tmp_path: Path) -> None:
    file = tmp_path / "monitoring.toml"
    file.write_text(
        'language = "en"\n[jobs]\napi = "photos"\n[labels]\ninstance = "pod"\n[haproxy]\nfrontend = "edge"\n'
    )
    monitoring = monitoring_settings(file, None, 10.0, console_port=21_007)
    assert (monitoring.lang, monitoring.time_scale, monitoring.balancer_frontend) == ("en", 10.0, "photos")
    settings = StackSettings(layout=Layout(tmp_path), ports=Ports.counted_from(21_000, 1), monitoring=monitoring)
    write(settings)
    folder = settings.layout.prometheus
    assert "photos" in {scrape["job_name"] for scrape in read_yaml(folder / "prometheus.yml")["scrape_configs"]}
    assert json.loads((folder / "targets" / "photo-api.json").read_text())[0]["labels"] == {"pod": "api-1"}
    check("promtool", "check", "config", str(folder / "prometheus.yml"))


def test_links_lead_to_the_stacks_console_unless_the_file_names_another(tmp_path: Path) -> None:
    file = tmp_path / "monitoring.toml"
    file.write_text('[urls]\nconsole = "https://ops.example.com"\n')
    assert monitoring_settings(file, None, 1.0, console_port=21_007).runbooks == "https://ops.example.com/runbooks"
    file.write_text("")
    assert monitoring_settings(file, None, 1.0, console_port=21_007).runbooks == "http://127.0.0.1:21007/runbooks"


def test_every_mistake_in_the_override_file_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "monitoring.toml"
    file.write_text('langage = "en"\n[job]\n')
    with pytest.raises(CannotStart) as caught:
        monitoring_settings(file, None, 1.0, console_port=21_007)
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{file}:1: langage: unknown key")
    assert second.startswith(f"{file}:2: job: unknown key")


def test_the_time_scale_divides_alertmanagers_waits(written: StackSettings) -> None:
    routes = read_yaml(written.layout.alertmanager / "alertmanager.yml")["route"]["routes"]
    (route,) = [route for route in routes if route["receiver"] == "local"]
    assert (route["group_wait"], route["group_interval"], route["repeat_interval"]) == ("1s", "6s", "6m")


def test_the_time_scale_divides_the_scrape_interval(written: StackSettings) -> None:
    config = read_yaml(written.layout.prometheus / "prometheus.yml")
    assert config["global"]["scrape_interval"] == "500ms"
    plain = replace(written, monitoring=Settings())
    assert prometheus_config(plain.monitoring, scraping(plain, "prometheus"))["global"]["scrape_interval"] == "5s"


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


def test_the_service_gets_no_secret_of_a_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.example/secret")
    monkeypatch.setenv("PHOTO_API_LOG_LEVEL", "debug")
    settings = StackSettings(layout=Layout(tmp_path), ports=Ports.counted_from(21_000, 1))
    environment = api_environment(settings)
    assert "SLACK_WEBHOOK_URL" not in environment
    assert environment["PHOTO_API_LOG_LEVEL"] == "debug"
