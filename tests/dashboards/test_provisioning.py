"""What a Grafana, and the containers around it, start on. No engine runs them here: what can be checked without is."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from photo_api.config import load_settings
from photo_monitoring.dashboards import BOARDS
from photo_monitoring.scraping import ROLES

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
GRAFANA = DEPLOY / "monitoring" / "grafana"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def provisioned(part: str) -> dict[str, Any]:
    """A provisioning file of Grafana's."""
    found: dict[str, Any] = yaml.safe_load((GRAFANA / "provisioning" / part / "photo-api.yaml").read_text())
    return found


def binds(service: dict[str, Any]) -> dict[str, str]:
    """What of this checkout a service sees, by the place where it does."""
    found = [volume.replace("${DASHBOARDS_LANG:-ko}", "ko").split(":") for volume in service.get("volumes", ())]
    return {place: source for source, place, *_ in found if source.startswith(".")}


def test_grafana_gets_prometheus_as_its_first_data_source() -> None:
    sources = {source["type"]: source for source in provisioned("datasources")["datasources"]}
    assert set(sources) == {"prometheus", "alertmanager"}
    assert sources["prometheus"]["isDefault"] is True
    assert sources["prometheus"]["jsonData"]["timeInterval"] == "15s"


def test_grafana_finds_the_boards_as_files_that_it_does_not_change() -> None:
    [provider] = provisioned("dashboards")["providers"]
    assert provider["options"]["path"] == "${DASHBOARDS_PATH}"
    assert provider["allowUiUpdates"] is False
    for lang in ("ko", "en"):
        assert {path.stem for path in (GRAFANA / "dashboards" / lang).iterdir()} == {board.uid for board in BOARDS}


def test_the_containers_grafana_has_every_variable_that_its_files_use() -> None:
    texts = [path.read_text() for path in (GRAFANA / "provisioning").rglob("*.yaml")]
    used = {name for text in texts for name in re.findall(r"\$\{(\w+)\}", text)}
    environment = SERVICES["grafana"]["environment"]
    assert used == {"PROMETHEUS_URL", "ALERTMANAGER_URL", "DASHBOARDS_PATH"}
    assert used <= environment.keys()
    assert environment["DASHBOARDS_PATH"] in binds(SERVICES["grafana"])
    home = Path(environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (DEPLOY / binds(SERVICES["grafana"])[str(home.parent)] / home.name).is_file()


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_of_one_version(name: str) -> None:
    # PostgreSQL's versions have two parts since 10; of everything else two would be a tag that moves.
    version = r":\d+\.\d+-" if name == "postgres" else r":v?\d+\.\d+\.\d+"
    assert re.search(version, SERVICES[name]["image"]), SERVICES[name]["image"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_a_health_check(name: str) -> None:
    service = SERVICES[name]
    assert service.get("healthcheck", {}).get("test") or ("build" in service and "HEALTHCHECK" in DOCKERFILE)


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_reached_from_this_machine_alone(name: str) -> None:
    assert [port for port in SERVICES[name].get("ports", ()) if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_privileges_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_container_is_given_of_this_checkout_is_there(name: str) -> None:
    assert [source for source in binds(SERVICES[name]).values() if not (DEPLOY / source).exists()] == []


def test_no_password_is_written_down_and_none_is_the_default() -> None:
    secret = re.compile(r"PASSWORD|SECRET|TOKEN|KEY")
    found = [
        (name, key, value)
        for name, service in SERVICES.items()
        for key, value in service.get("environment", {}).items()
        if secret.search(key)
    ]
    assert {name for name, *_ in found} == {
        *("grafana", "api-1", "api-2", "postgres", "redis", "swift", "cdn-edge", "logncrash")
    }
    # Without it compose refuses to start, and says what to choose.
    assert all(re.fullmatch(r"\$\{\w+:\?.+\}", value) for *_, value in found)


def test_passwords_in_urls_are_not_written_down_either() -> None:
    values = [value for service in SERVICES.values() for value in service.get("environment", {}).values()]
    passwords = [match[1] for value in values if (match := re.match(r"\w+://[^/@:]*:([^/@]+)@", value))]
    assert len(passwords) == 4
    assert all(re.fullmatch(r"\$\{\w+:\?.+\}", password) for password in passwords)


@pytest.mark.parametrize("name", ["postgres", "redis", "swift", "identity", "cdn-edge", "logncrash"])
def test_what_the_service_stands_on_is_reached_by_the_service_and_the_load_balancer_alone(name: str) -> None:
    assert "ports" not in SERVICES[name]
    assert list(SERVICES[name]["networks"]) == ["backends"]
    assert COMPOSE["networks"]["backends"]["internal"] is True
    assert {other for other in SERVICES if "backends" in SERVICES[other]["networks"]} == {
        *("api-1", "api-2", "haproxy", "postgres", "redis", "swift", "identity", "cdn-edge", "logncrash")
    }


def test_the_containers_settings_are_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """With secrets in the place of ``${NAME:?…}`` the service takes them."""
    for name, value in SERVICES["api-1"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:\?[^}]+\}", "5f3c9a71" * 8, value))
    settings = load_settings()
    urls = (settings.swift_auth_url, settings.swift_storage_url, settings.cdn_api_url, settings.logncrash_url)
    assert {urlsplit(url).hostname for url in urls} <= SERVICES.keys()


def test_every_role_has_targets_and_each_is_a_container() -> None:
    folder = DEPLOY / "compose" / "targets"
    assert {path.stem for path in folder.iterdir()} == set(ROLES)
    for path in folder.iterdir():
        for group in json.loads(path.read_text()):
            hosts = {re.sub(r"^https?://|[:/].*$", "", target.removeprefix("http://")) for target in group["targets"]}
            assert hosts <= SERVICES.keys(), path


def test_prometheus_keeps_what_thirty_days_of_objectives_need() -> None:
    assert "--storage.tsdb.retention.time=32d" in SERVICES["prometheus"]["command"]


def test_prometheus_takes_the_configuration_that_its_container_has(tmp_path: Path) -> None:
    for place, source in binds(SERVICES["prometheus"]).items():
        target = tmp_path / Path(place).relative_to("/etc/prometheus")
        found = DEPLOY / source
        if found.is_dir():
            shutil.copytree(found, target)
        else:
            shutil.copy(found, target)
    done = subprocess.run(
        ["promtool", "check", "config", str(tmp_path / "prometheus.yml")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout


def test_haproxy_takes_its_configuration() -> None:
    config = DEPLOY / binds(SERVICES["haproxy"])["/usr/local/etc/haproxy/haproxy.cfg"]
    haproxy = shutil.which("haproxy") or "/usr/sbin/haproxy"
    done = subprocess.run([haproxy, "-c", "-f", str(config)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_the_image_is_of_one_version_without_root_and_with_a_health_check() -> None:
    assert re.findall(r"^ARG PYTHON=(.+)$", DOCKERFILE, re.MULTILINE) == ["3.11.13-slim-bookworm"]
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:${PYTHON}"}
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert "HEALTHCHECK" in DOCKERFILE.rpartition("FROM")[2]
    assert "--locked --no-dev" in DOCKERFILE


def test_what_the_image_is_built_from_reaches_the_engine() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert {source for line in copied for source in line.split()} == sent
    assert all((ROOT / source).exists() for source in sent)


def test_an_instance_may_drain_before_its_container_is_killed() -> None:
    assert SERVICES["api-1"]["stop_grace_period"] == "60s"
    assert SERVICES["api-1"]["volumes"] == SERVICES["api-2"]["volumes"]
