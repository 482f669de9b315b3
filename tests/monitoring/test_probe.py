"""The probe with real certificates, a real black-box exporter and a real Prometheus on the production configuration."""

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from tests.support.ports import accepts, free_port, wait_until
from tests.support.prometheus import Prometheus, running_prometheus

from photo_monitoring.configuration.file import parse
from photo_monitoring.render import render_rules
from photo_monitoring.scraping import EXPORTER_LABEL, PROBE_MODULE, blackbox_config, prometheus_config

DAYS = {"fresh": 30, "ageing": 14, "old": 3}
# A second of `for`: the certificate's alerts wait ten minutes, which here would be twenty seconds.
SETTINGS = replace(
    parse(
        "[alerts.TLSCertificateExpiring.tls-certificate]\n"
        'warning.for = "30s"\ncritical.for = "30s"\n'
        '[alerts.ProbeFailing.probe]\nwarning.for = "30s"\ncritical.for = "30s"\n'
    ),
    time_scale=30.0,
)


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        del arguments


def certificate(folder: Path, name: str, days: int) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key, in one file."""
    key, signed = folder / f"{name}.key", folder / f"{name}.crt"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", str(key), "-out", str(signed), "-days", str(days), "-subj", f"/CN={name}"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        capture_output=True,
        timeout=20,
        check=True,
    )
    both = folder / f"{name}.pem"
    both.write_text(key.read_text() + signed.read_text())
    return both


@contextmanager
def https(certificate: Path) -> Iterator[str]:
    """A server that shows this certificate; its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Health)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/health"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def exporter(folder: Path, trusted: Path) -> Iterator[int]:
    """The black-box exporter with the production module, which trusts our certificates besides; its port."""
    program = shutil.which("prometheus-blackbox-exporter")
    assert program is not None
    config = blackbox_config()
    config["modules"][PROBE_MODULE]["http"]["tls_config"] = {"ca_file": str(trusted)}
    file, port = folder / "blackbox.yml", free_port()
    file.write_text(yaml.safe_dump(config))
    command = [program, f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}", "--timeout-offset=0.1"]
    with (folder / "blackbox.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: accepts(port), "the exporter listening")
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, dict[str, str]]]:
    """Prometheus with the rules, and name → URL of servers with certificates of different ages and no trust."""
    folder = tmp_path_factory.mktemp("probe")
    names = {**DAYS, "untrusted": 90}
    pems = {name: certificate(folder, name, days) for name, days in names.items()}
    trusted = folder / "trusted.pem"
    trusted.write_text("".join((folder / f"{name}.crt").read_text() for name in DAYS))
    with (
        https(pems["fresh"]) as fresh,
        https(pems["ageing"]) as ageing,
        https(pems["old"]) as old,
        https(pems["untrusted"]) as untrusted,
        exporter(folder, trusted) as port,
    ):
        urls = {"fresh": fresh, "ageing": ageing, "old": old, "untrusted": untrusted}
        (folder / "rules").mkdir()
        (folder / "rules" / "pipeline.yml").write_text(render_rules(settings=SETTINGS)["photo_api_pipeline.yml"])
        (folder / "targets").mkdir()
        probe = {"targets": list(urls.values()), "labels": {EXPORTER_LABEL: f"127.0.0.1:{port}"}}
        (folder / "targets" / "probe.json").write_text(json.dumps([probe]))
        with running_prometheus(folder, prometheus_config(SETTINGS)) as prometheus:
            yield prometheus, urls


def firing(prometheus: Prometheus, alert: str) -> set[tuple[str, str]]:
    """URL and severity of an alert's firing tiers."""
    found = prometheus.query(f'ALERTS{{alertname="{alert}",alertstate="firing"}}')
    return {(dict(labels)["instance"], dict(labels)["severity"]) for labels in found}


def test_a_certificate_warns_21_days_and_pages_7_days_before_it_expires(
    probed: tuple[Prometheus, dict[str, str]],
) -> None:
    prometheus, urls = probed
    expected = {(urls["ageing"], "warning"), (urls["old"], "warning"), (urls["old"], "critical")}
    wait_until(lambda: firing(prometheus, "TLSCertificateExpiring") == expected, "the certificates' alerts", 30)
    assert len(prometheus.query('probe_ssl_earliest_cert_expiry{job="probe"}')) == len(DAYS)


def test_a_certificate_that_nobody_trusts_is_a_service_that_cannot_be_reached(
    probed: tuple[Prometheus, dict[str, str]],
) -> None:
    prometheus, urls = probed
    expected = {(urls["untrusted"], "warning"), (urls["untrusted"], "critical")}
    wait_until(lambda: firing(prometheus, "ProbeFailing") == expected, "the probe's alerts", 30)
