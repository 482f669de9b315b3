"""A stack that runs: what it says of itself, what answers where, and what is refused."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.stack.running import PORTS, Stack, clean_environment, free_base_port, photo_stack
from tests.support.ports import wait_until

COMPONENTS = {
    *("haproxy", "prometheus", "alertmanager", "node-exporter", "blackbox-exporter", "receiver", "console"),
    *("api-1", "api-2"),
}


def test_stack_json_names_every_component_with_pid_and_log_file(stack: Stack) -> None:
    parts = stack.document["components"]
    assert set(parts) == COMPONENTS
    assert all(part["pid"] and part["state"] == "running" for part in parts.values())
    assert all(Path(part["log_file"]).is_file() for part in parts.values())


def test_every_url_answers(stack: Stack) -> None:
    answers = {name: httpx.get(url, timeout=5).status_code for name, url in stack.document["urls"].items()}
    # The service has no page at its root, and Prometheus and Alertmanager redirect to theirs.
    assert {name for name, status in answers.items() if status >= 400} <= {"api", "api-1", "api-2"}, answers


@pytest.mark.parametrize("name", sorted(COMPONENTS))
def test_every_component_is_ready(stack: Stack, name: str) -> None:
    assert httpx.get(stack.document["components"][name]["ready_url"], timeout=5).status_code == 200


def test_the_load_balancer_is_on_the_base_port(stack: Stack) -> None:
    assert stack.url("api") == f"http://127.0.0.1:{stack.base_port}"
    assert httpx.get(f"{stack.url('api')}/health", timeout=5).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/metrics?x=1", "/metrics/x"])
def test_metrics_are_not_reachable_through_the_load_balancer(stack: Stack, path: str) -> None:
    answer = httpx.get(stack.url("api") + path, timeout=5)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_prometheus_scrapes_every_component_under_its_name(stack: Stack) -> None:
    expected = {
        ("photo-api", "api-1"),
        ("photo-api", "api-2"),
        ("node", "node-exporter"),
        ("haproxy", "haproxy"),
        ("prometheus", "prometheus"),
        ("alertmanager", "alertmanager"),
        ("blackbox", "blackbox-exporter"),
        ("probe", f"{stack.url('api')}/health"),
    }

    def scraped() -> set[tuple[str, str]]:
        return {(series["metric"]["job"], series["metric"]["instance"]) for series in stack.query("up == 1")}

    wait_until(lambda: scraped() == expected, "every target up", 30)


def test_prometheus_knows_its_alertmanager(stack: Stack) -> None:
    answer = httpx.get(f"{stack.url('prometheus')}/api/v1/alertmanagers", timeout=5).json()
    (alertmanager,) = answer["data"]["activeAlertmanagers"]
    assert alertmanager["url"].startswith(stack.url("alertmanager"))


def test_rules_are_loaded_and_healthy(stack: Stack) -> None:
    def healths() -> dict[str, set[str]]:
        groups = httpx.get(f"{stack.url('prometheus')}/api/v1/rules", timeout=5).json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return {rule["name"]: {one["health"] for one in rules if one["name"] == rule["name"]} for rule in rules}

    wait_until(lambda: "unknown" not in set().union(*healths().values()), "every rule evaluated", 30)
    found = healths()
    assert {"ServiceDown", "ServiceDownAll", "HighErrorRate", "Watchdog"} <= set(found)
    assert {name: health for name, health in found.items() if health != {"ok"}} == {}


def test_the_watchdog_arrives_and_is_not_printed_as_an_alert(stack: Stack) -> None:
    log = stack.data / "logs" / "receiver.log"
    wait_until(lambda: "Watchdog arrived" in log.read_text(), "the Watchdog", 60)
    assert "FIRING none Watchdog" not in log.read_text()
    assert not [record for record in stack.delivered() if record["alertname"] == "Watchdog"]


@pytest.mark.parametrize("name", ["control.sock", "haproxy.sock", "stack.json", "supervisor.lock"])
def test_files_are_their_owners_alone(stack: Stack, name: str) -> None:
    assert stat.S_IMODE((stack.data / name).stat().st_mode) & 0o077 == 0


def test_a_second_stack_on_the_same_data_is_refused_with_one_line(stack: Stack) -> None:
    result = photo_stack("up", "--data", str(stack.data), "--base-port", str(free_base_port(PORTS)))
    assert result.returncode == 4
    assert result.stderr.count("\n") == 1
    assert f"a stack already runs on {stack.data} (pid " in result.stderr


def test_a_taken_port_is_named_with_component_and_process(stack: Stack, tmp_path: Path) -> None:
    metrics = stack.base_port + 11
    result = photo_stack("up", "--data", str(tmp_path / "second"), "--base-port", str(metrics))
    assert result.returncode == 4
    assert result.stderr.startswith(f"photo-stack: port {metrics} for haproxy (load balancer) is taken by ")
    assert f"(pid {stack.pid('api-2')})" in result.stderr
    assert result.stderr.count("\n") == 1


def test_missing_programs_are_named_with_the_command_that_installs_them(tmp_path: Path) -> None:
    environment = clean_environment(PATH="")
    result = photo_stack("up", "--data", str(tmp_path / "none"), env=environment)
    assert result.returncode == 4
    assert result.stderr.count("\n") == 1
    assert "apt-get install --no-install-recommends prometheus prometheus-alertmanager" in result.stderr
    assert "photo-api serve" in result.stderr


def test_status_shows_every_component_and_succeeds(stack: Stack) -> None:
    result = stack.command("status")
    assert result.returncode == 0, result.stdout
    assert all(name in result.stdout for name in COMPONENTS)


def test_status_as_json_is_the_state(stack: Stack) -> None:
    result = stack.command("status", "--json")
    document = json.loads(result.stdout)
    assert (result.returncode, document["state"]) == (0, "ready")
    assert document["components"] == stack.document["components"]


@pytest.mark.parametrize("command", [("status",), ("kill", "api-1"), ("start", "api-1"), ("drain", "api-1")])
def test_without_a_stack_commands_say_so(tmp_path: Path, command: tuple[str, ...]) -> None:
    result = photo_stack(*command, "--data", str(tmp_path))
    assert result.returncode == 3
    assert (
        result.stderr == f"photo-stack: no stack has run on {tmp_path}; photo-stack up --data {tmp_path} starts one\n"
    )


def test_down_without_a_stack_is_no_error(tmp_path: Path) -> None:
    assert photo_stack("down", "--data", str(tmp_path)).returncode == 0


def test_an_unknown_component_is_refused_with_the_names_there_are(stack: Stack) -> None:
    result = stack.command("kill", "api-9")
    assert result.returncode == 1
    assert "no component is called 'api-9'; there are " in result.stderr
    assert "api-2" in result.stderr


def test_only_instances_can_be_drained(stack: Stack) -> None:
    result = stack.command("drain", "prometheus")
    assert (result.returncode, stack.state("prometheus")) == (1, "running")


def test_an_unreadable_request_leaves_the_supervisor_well(stack: Stack) -> None:
    script = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        " s.sendall(sys.argv[2].encode() + b'\\n'); print(s.recv(1000).decode())"
    )
    for request in ("no json", "[]", "{}", '{"command": "fly"}', '{"command": "kill", "name": ["x"]}'):
        path = str(stack.data / "control.sock")
        result = subprocess.run(
            [sys.executable, "-c", script, path, request], capture_output=True, text=True, timeout=10, check=True
        )
        assert json.loads(result.stdout)["ok"] is False
    assert stack.command("status").returncode == 0
