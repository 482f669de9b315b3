"""Addresses at which nothing can be looked at: a line each, no trace, no secret, exit code 2."""

import base64
import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.support.ports import free_port
from typer.testing import CliRunner, Result

from photo_monitoring.cli import app
from photo_monitoring.doctor.fetching import MAX_BYTES

PAGE = b"# TYPE up gauge\nup 1\n"
USER, SECRET = "watcher", "s3cret-of-mine"
AUTHORIZATION = f"Basic {base64.b64encode(f'{USER}:{SECRET}'.encode()).decode()}"


class Odd(BaseHTTPRequestHandler):
    """Answers by path as servers do that are not what was meant."""

    hanging = threading.Event()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/hangs":
            self.hanging.wait(30)
        answers = {
            "/html": (200, "text/html", b"<!doctype html><title>Login</title>"),
            "/500": (500, "text/plain", b"a trace with s3cret-of-mine"),
            "/401": (401, "text/plain", b""),
            "/404": (404, "text/plain", b""),
            "/302": (302, "text/plain", b""),
            "/json": (200, "application/json", b'{"a": 1}'),
            "/empty": (200, "text/plain", b""),
            "/latin": (200, "text/plain", b'up{name="\xe9"} 1\n'),
            "/gzip": (200, "text/plain", gzip.compress(PAGE)),
            "/api/v1/targets": (200, "application/json", b'{"status": "success", "data": {"unknown": []}}'),
        }
        if path == "/private" and self.headers["Authorization"] != AUTHORIZATION:
            path = "/401"
        status, kind, body = answers.get(path, (200, "text/plain", PAGE))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if path == "/gzip":
            self.send_header("Content-Encoding", "gzip")
        if path == "/302":
            self.send_header("Location", f"http://{USER}:{SECRET}@elsewhere/metrics")
        self.end_headers()
        try:
            self.wfile.write(body)
            for _ in range((MAX_BYTES >> 16) + 2 if path == "/huge" else 0):
                self.wfile.write(PAGE * (1 + (1 << 16) // len(PAGE)))
        except ConnectionError:
            pass  # the doctor has had enough

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@pytest.fixture(scope="module")
def odd() -> Iterator[str]:
    """The host and port of a server whose paths are odd each in its own way."""
    with Server(("127.0.0.1", 0), Odd) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        Odd.hanging.set()
        server.shutdown()
        thread.join()


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", "--timeout", "2", *arguments])


def refused(result: Result) -> list[str]:
    """The lines of a refusal."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert SECRET not in result.stderr
    return result.stderr.splitlines()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("html", "it answers HTML, not metrics: give the address of the metrics page"),
        ("500", "it answers 500: mend that first, Prometheus gets no more"),
        ("401", "it answers 401: give user and password in the URL, or look from where Prometheus does"),
        ("404", "it answers 404: give the path of the metrics page too"),
        ("302", "it redirects (302): give the address that it leads to"),
        ("json", "what answers is no metrics page (line 1 is no sample of a metric): give its address"),
        ("empty", "what answers is no metrics page (it has no metric): give its address"),
        ("latin", "the page is not UTF-8 text: Prometheus could not read it"),
        ("gzip", "it compresses although asked not to: look without the proxy"),
        ("hangs", "no answer within 2 s: is it the right port? (--timeout waits longer)"),
        ("huge", "the answer is larger than 16 MiB: is it the metrics page?"),
    ],
)
def test_what_is_no_metrics_page_is_said_in_a_line(odd: str, path: str, why: str) -> None:
    lines = refused(doctor("--metrics", f"http://{USER}:{SECRET}@{odd}/{path}?token={SECRET}"))
    assert lines == [f"photo-monitoring: http://{odd}/{path}?…: {why}"]


def test_user_and_password_are_sent_and_never_shown(odd: str) -> None:
    assert refused(doctor("--metrics", f"http://{odd}/private"))
    result = doctor("--metrics", f"http://{USER}:{SECRET}@{odd}/private?token={SECRET}", "--json")
    assert result.exit_code == 1
    assert SECRET not in result.output


def test_a_port_where_nobody_listens_is_said_in_a_line() -> None:
    port = free_port()
    lines = refused(doctor("--metrics", f"http://{USER}:{SECRET}@127.0.0.1:{port}"))
    assert lines == [
        f"photo-monitoring: http://127.0.0.1:{port}/metrics: cannot be reached (connection refused): is it running?"
    ]


def test_a_name_that_is_unknown_is_said_in_a_line() -> None:
    (line,) = refused(doctor("--metrics", "http://no-such-host.invalid:1/metrics"))
    assert line.endswith("cannot be reached (its name is unknown): is it running?")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://watcher:s3cret-of-mine@h/metrics", "ftp: is not asked"),
        ("file:///etc/passwd", "file: is not asked"),
        ("127.0.0.1:9101", "it is no URL"),
        ("http://", "it is no URL"),
        ("http://h:99999/metrics", "it is no URL"),
        ("http://[::1/metrics", "it is no URL"),
        ("", "it is no URL"),
    ],
)
def test_what_is_no_http_url_is_said_in_a_line(url: str, why: str) -> None:
    assert refused(doctor("--metrics", url)) == [
        f"photo-monitoring: --metrics: {why}: give one such as http://127.0.0.1:9101/metrics"
    ]


def test_everything_that_is_wrong_is_said_at_once(odd: str) -> None:
    lines = refused(doctor("--metrics", f"http://{odd}/500", "--metrics", "nonsense", "--prometheus", f"http://{odd}"))
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("base", "why"),
    [
        ("", "it answers as no Prometheus that is known (2.42 or later)"),
        ("/html", "what answers is no Prometheus: give its base URL"),
        ("/?a=b", "give the base URL alone, such as http://127.0.0.1:9090"),
    ],
)
def test_what_is_no_prometheus_is_said_in_a_line(odd: str, base: str, why: str) -> None:
    (line,) = refused(doctor("--prometheus", f"http://{USER}:{SECRET}@{odd}{base}"))
    assert why in line


def test_nowhere_to_look_is_said_in_a_line() -> None:
    assert refused(doctor()) == [
        "photo-monitoring: --metrics is missing: give the URL of the service's metrics page, or --prometheus"
    ]


def test_a_wrong_override_file_is_said_in_a_line(tmp_path: object, odd: str) -> None:
    (line,) = refused(doctor("--metrics", f"http://{odd}/metrics", "--config", f"{tmp_path}/none.toml"))
    assert "cannot read it" in line
