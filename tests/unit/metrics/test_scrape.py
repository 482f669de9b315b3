"""A real Prometheus scrapes a real server of the metrics page."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from subprocess import DEVNULL, Popen, TimeoutExpired
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

from photo_metrics import Recorder, metrics_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEADLINE_SECONDS = 60


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def scraped() -> Recorder:
    return Recorder(app="photo-api", version="0.1.0", environment="development", node="n", scrape_interval_seconds=0.5)


@pytest.fixture
def metrics_port(scraped: Recorder) -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(metrics_app(scraped), log_level="warning"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        yield int(listener.getsockname()[1])
        server.should_exit = True
        thread.join()


@pytest.fixture
def prometheus(metrics_port: int, tmp_path: Path) -> Iterator[httpx.Client]:
    config, port = tmp_path / "prometheus.yml", _free_port()
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: photo-api, static_configs: [{{targets: ['127.0.0.1:{metrics_port}']}}]}}]\n"
    )
    process = Popen(
        [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
        ],
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=10) as client:
            yield client
    finally:
        process.terminate()
        try:
            process.wait(20)
        except TimeoutExpired:
            process.kill()
            process.wait()


def _until_result(client: httpx.Client, path: str, **parameters: str | float) -> list[Any]:
    """The first answer that is not empty; the test fails if none comes in time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        try:
            data = client.get(path, params=parameters).json()["data"]
        except (httpx.TransportError, KeyError, ValueError):  # Prometheus is still starting
            data = []
        found: list[Any] = data["result"] if isinstance(data, dict) else data
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"no result for {parameters} within {DEADLINE_SECONDS} s")


def test_prometheus_accepts_the_page_and_the_guides_queries_return_data(
    scraped: Recorder, prometheus: httpx.Client
) -> None:
    scraped.http.record("GET", "/photos/{photo_id}", 200, 0.02, "0192-abcd")
    assert _until_result(prometheus, "/query", query="up == 1")
    scraped.photo_confirmed("u1", 5_000_000_000)
    query = "sum by (user_id) (rate(photo_api_photo_upload_size_total_bytes[1m])) > 0"
    assert _until_result(prometheus, "/query", query=query)[0]["metric"] == {"user_id": "other"}
    assert _until_result(prometheus, "/query", query='photo_api_login_duration_seconds_bucket{le="3.0"}')
    exemplars = _until_result(
        prometheus,
        "/query_exemplars",
        query="http_request_duration_seconds_bucket",
        start=time.time() - 300,
        end=time.time() + 300,
    )
    assert exemplars[0]["exemplars"][0]["labels"] == {"request_id": "0192-abcd"}
    (series,) = _until_result(prometheus, "/query", query='http_requests_total{handler="/photos/{photo_id}"}')
    assert series["value"][1] == "1"
