"""The load balancer, real, in front of small servers that say what reached them."""

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from tests.stack.running import PORTS, free_base_port
from tests.support.ports import accepts, wait_until

from photo_stack.haproxy import HaproxyUnavailable, render_config, server_statuses, set_server_state
from photo_stack.layout import Layout, Ports, StackSettings
from photo_stack.preflight import find_binaries


@dataclass
class Instance:
    """A server on an instance's port; ``broken`` closes connections without an answer, ``health`` is /health's."""

    server: ThreadingHTTPServer
    seen: list[tuple[str, str]] = field(default_factory=list)
    forwarded: list[list[str]] = field(default_factory=list)
    broken: bool = False
    health: int = 200


@dataclass(frozen=True)
class LoadBalancer:
    settings: StackSettings
    instances: list[Instance]
    url: str

    @property
    def seen(self) -> list[tuple[str, str]]:
        return [request for instance in self.instances for request in instance.seen]


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[LoadBalancer]:
    ports = Ports.counted_from(free_base_port(PORTS), 2)
    settings = StackSettings(layout=Layout(tmp_path), ports=ports)
    settings.layout.create()
    settings.layout.haproxy_config.write_text(render_config(settings))
    instances = [start_instance(port) for port in ports.api]
    command = [find_binaries()["haproxy"], "-db", "-f", str(settings.layout.haproxy_config)]
    with (tmp_path / "haproxy.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: accepts(ports.load_balancer), "HAProxy listening")
        yield LoadBalancer(settings, instances, f"http://127.0.0.1:{ports.load_balancer}")
    finally:
        process.terminate()
        process.wait(10)
        for instance in instances:
            instance.server.shutdown()
            instance.server.server_close()


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A health check closes its connection with a reset, which is no error here."""


def start_instance(port: int) -> Instance:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/health":
                self.answer(instance.health)
                return
            instance.seen.append((self.command, self.path))
            instance.forwarded.append(self.headers.get_all("x-forwarded-for", []))
            if instance.broken:
                self.close_connection = True
                return
            self.answer(200)

        def do_POST(self) -> None:
            self.do_GET()

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = QuietServer(("127.0.0.1", port), Handler)
    instance = Instance(server)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return instance


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=10)


def test_requests_are_spread_over_the_instances(balancer: LoadBalancer) -> None:
    for _ in range(4):
        assert get(f"{balancer.url}/x").status_code == 200
    assert [len(instance.seen) for instance in balancer.instances] == [2, 2]


def test_the_clients_address_is_forwarded_and_what_it_claims_is_not(balancer: LoadBalancer) -> None:
    transport = httpx.HTTPTransport(local_address="127.0.5.6")
    with httpx.Client(transport=transport, timeout=10) as client:
        client.get(f"{balancer.url}/x", headers={"X-Forwarded-For": "203.0.113.9"})
    (forwarded,) = [addresses for instance in balancer.instances for addresses in instance.forwarded]
    assert forwarded == ["127.0.5.6"]


def test_a_get_that_one_instance_drops_is_answered_by_the_other(balancer: LoadBalancer) -> None:
    balancer.instances[0].broken = True
    assert [get(f"{balancer.url}/x").status_code for _ in range(4)] == [200] * 4
    assert balancer.instances[0].seen


def test_a_post_is_never_sent_twice(balancer: LoadBalancer) -> None:
    for instance in balancer.instances:
        instance.broken = True
    answer = httpx.post(f"{balancer.url}/x", content=b"once", timeout=10)
    assert answer.status_code == 502
    assert balancer.seen == [("POST", "/x")]


def test_without_any_instance_the_answer_is_problem_json(balancer: LoadBalancer) -> None:
    for instance in balancer.instances:
        instance.health = 503

    def unavailable() -> bool:
        return get(f"{balancer.url}/x").status_code == 503

    wait_until(unavailable, "both instances taken out", 15)
    answer = get(f"{balancer.url}/x")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "2"
    assert answer.json() == {"type": "about:blank", "title": "Service Unavailable", "status": 503}


async def test_a_drained_instance_gets_no_request_until_it_is_ready_again(balancer: LoadBalancer) -> None:
    socket = balancer.settings.layout.haproxy_socket
    await set_server_state(socket, "api-1", "drain")
    assert (await server_statuses(socket))["api-1"].startswith("DRAIN")
    for _ in range(4):
        get(f"{balancer.url}/x")
    assert [len(instance.seen) for instance in balancer.instances] == [0, 4]
    await set_server_state(socket, "api-1", "ready")
    assert (await server_statuses(socket))["api-1"] == "UP"


async def test_an_unknown_server_is_an_error(balancer: LoadBalancer) -> None:
    with pytest.raises(HaproxyUnavailable):
        await set_server_state(balancer.settings.layout.haproxy_socket, "api-9", "drain")


async def test_a_socket_that_is_away_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HaproxyUnavailable):
        await server_statuses(tmp_path / "none.sock")


def test_no_request_is_logged(balancer: LoadBalancer) -> None:
    get(f"{balancer.url}/share/a-secret-token")
    log = balancer.settings.layout.data / "haproxy.log"
    assert "a-secret-token" not in log.read_text()


def test_metrics_have_a_port_of_their_own(balancer: LoadBalancer) -> None:
    metrics = f"http://127.0.0.1:{balancer.settings.ports.haproxy_metrics}"
    assert "haproxy_server_status" in get(f"{metrics}/metrics").text
    assert get(f"{metrics}/").status_code == 404
    assert get(f"{balancer.url}/metrics").status_code == 404
    assert balancer.seen == []
