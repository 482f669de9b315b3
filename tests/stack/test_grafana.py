"""Grafana with the stack where it is installed: its files, its settings; the program itself is stood in for."""

import asyncio
import io
import json
import os
import socket
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import yaml
from tests.stack.running import free_base_port
from tests.support.ports import wait_until

from photo_monitoring.configuration.settings import Settings
from photo_stack.configuration import write_configuration
from photo_stack.control import ask
from photo_stack.errors import CannotStart
from photo_stack.grafana import find_grafana, grafana_occupied, grafana_stage
from photo_stack.layout import Layout, Ports, StackSettings
from photo_stack.process import State
from photo_stack.reporting import LineReporter
from photo_stack.supervisor import Supervisor

STAND_IN = """#!{python}
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({{"argv": sys.argv[1:], "env": dict(os.environ)}}).encode()
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
HTTPServer((os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"])), Page).serve_forever()
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An unpacked archive of Grafana on PATH, whose program shows how it was started."""
    path = tmp_path / "grafana-13" / "bin" / "grafana-server"
    path.parent.mkdir(parents=True)
    path.write_text(STAND_IN.format(python="/usr/bin/env python3"))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "grafana-13" / "conf").mkdir()
    (tmp_path / "grafana-13" / "conf" / "defaults.ini").write_text("")
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
    return path


@pytest.fixture
def settings(tmp_path: Path) -> StackSettings:
    """A stack with a port for Grafana, in English."""
    ports = Ports.counted_from(free_base_port(11), 1, grafana=True)
    return StackSettings(layout=Layout(tmp_path / "stack"), ports=ports, monitoring=Settings(lang="en"))


def test_without_a_grafana_there_is_no_component_and_no_port(tmp_path: Path) -> None:
    assert find_grafana(path=str(tmp_path)) is None
    ports = Ports.counted_from(21_000, 1)
    assert ports.grafana is None
    assert grafana_stage(StackSettings(layout=Layout(tmp_path), ports=ports)) == ()


def test_its_port_is_the_last_one_and_is_named_when_taken() -> None:
    ports = Ports.counted_from(21_000, 2, pair=True, grafana=True)
    assert max(ports.by_owner()) == ports.grafana == 21_016
    assert ports.by_owner()[21_016] == "grafana"
    assert Ports.usual(2, grafana=True).grafana == 3000


def test_it_answers_on_loopback_without_a_login_or_a_default_password(program: Path, settings: StackSettings) -> None:
    (component,) = grafana_stage(settings)
    with subprocess.Popen(component.argv, env=dict(component.env)) as process:
        try:
            wait_until(lambda: _answers(component.ready_url), "Grafana's health page", 20)
            seen = httpx.get(component.ready_url).json()
        finally:
            process.terminate()
    assert component.url.startswith("http://127.0.0.1:")
    assert seen["argv"] == ["--homepath", str(program.parent.parent), "--config", os.devnull]
    assert seen["env"]["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert seen["env"]["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert not [name for name in seen["env"] if "PASSWORD" in name or name.startswith("PHOTO_API_")]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_every_variable_and_path_of_the_provisioning_is_there(program: Path, settings: StackSettings) -> None:
    settings.layout.create()
    (component,) = grafana_stage(settings)
    write_configuration(settings, [component])
    provisioning = Path(component.env["GF_PATHS_PROVISIONING"])
    sources = yaml.safe_load((provisioning / "datasources" / "photo-api.yaml").read_text())["datasources"]
    assert {source["url"].strip("${}") for source in sources} <= set(component.env)
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "photo-api.yaml").read_text())["providers"]
    shown = Path(component.env[provider["options"]["path"].strip("${}")])
    titles = {json.loads(board.read_text())["title"] for board in shown.glob("*.json")}
    assert len(titles) == 6
    assert Path(component.env["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).parent == shown


def test_a_taken_port_costs_grafana_alone(program: Path, settings: StackSettings) -> None:
    assert settings.ports.grafana is not None
    assert grafana_occupied(settings.ports) is None
    with socket.create_server(("127.0.0.1", settings.ports.grafana)):
        line = grafana_occupied(settings.ports)
    assert line is not None
    assert line.startswith(f"without Grafana: its port {settings.ports.grafana} is taken by ")
    assert grafana_occupied(replace(settings.ports, grafana=None)) is None


async def test_it_ends_with_the_stack_by_a_signal_that_it_can_answer(program: Path, settings: StackSettings) -> None:
    """It has a database of its own."""
    settings.layout.create()
    (component,) = grafana_stage(settings)
    port, log_file = settings.ports.load_balancer, settings.layout.log_file("haproxy")
    # No stack is without a load balancer: the stand-in is that, too. /bin/true prepares no database.
    balancer = replace(
        component,
        name="haproxy",
        port=port,
        url=f"http://127.0.0.1:{port}",
        ready_url=f"http://127.0.0.1:{port}/api/health",
        log_file=log_file,
        env={**component.env, "GF_SERVER_HTTP_PORT": str(port)},
    )
    supervisor = Supervisor(settings, [[balancer], [component]], ("/bin/true",), lambda _: LineReporter(io.StringIO()))
    done = asyncio.create_task(supervisor.run())
    process = supervisor.processes["grafana"]
    async with asyncio.timeout(60):
        while not process.is_in(State.RUNNING):  # noqa: ASYNC110 - a state raises no event
            await asyncio.sleep(0.02)
        await ask(settings.layout, "down", None, seconds=30)
        await done
    assert process.is_in(State.STOPPED)
    assert process.pid is None


def test_a_program_without_its_files_is_told_in_one_line(program: Path, settings: StackSettings) -> None:
    (program.parent.parent / "conf" / "defaults.ini").unlink()
    with pytest.raises(CannotStart, match="Grafana's own files are missing"):
        grafana_stage(settings)
