"""A process whose log service hangs, and the local Log & Crash Search as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.api_process import started_api
from tests.support.logncrash import APP_KEY
from tests.support.ports import free_port, wait_until

from photo_stack.providers.logncrash import APP_KEY_VARIABLE

COMMAND = [sys.executable, "-m", "photo_stack.providers.logncrash", "--host", "127.0.0.1", "--port"]


@pytest.fixture
def server_url() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([*COMMAND, str(port)], env=os.environ | {APP_KEY_VARIABLE: APP_KEY})
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None
        try:
            return httpx.get(f"{url}/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_until(ready, "the log service's start", 60)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def logged_requests(server_url: str) -> list[dict[str, Any]]:
    logs: list[dict[str, Any]] = httpx.get(f"{server_url}/-/logs?limit=10000").json()["logs"]
    return [log for log in logs if log["body"] == "request" and log["route"] == "/health/live"]


def test_a_process_that_is_stopped_with_a_full_queue_sends_it_first(server_url: str, tmp_path: Path) -> None:
    settings = {
        "log_service": "logncrash",
        "logncrash_url": server_url,
        "logncrash_app_key": APP_KEY,
        "logncrash_timeout_seconds": "60",
        "access_log": "all",
        "drain_seconds": "0",
        "node": "api-1",
    }
    with started_api(tmp_path, settings) as api:
        api.wait_ready()
        assert httpx.put(f"{server_url}/-/faults", json={"hang": True}).status_code == 200
        with httpx.Client(base_url=api.url) as client:
            assert {client.get("/health/live").status_code for _ in range(40)} == {200}
        assert (api.metric("photo_api_log_queue_size") or 0) >= 40
        api.signal(signal.SIGTERM)
        assert httpx.delete(f"{server_url}/-/faults").status_code == 200
        assert api.wait() == 0
        assert api.records("log_records_lost_at_shutdown") == []
        assert [record for record in api.records() if APP_KEY in str(record)] == []
    logged = logged_requests(server_url)
    assert len(logged) == 40
    assert (logged[0]["host"], logged[0]["long_status"], logged[0]["method"]) == ("api-1", 200, "GET")


def test_the_local_log_service_says_what_it_lacks() -> None:
    environment = {name: value for name, value in os.environ.items() if name != APP_KEY_VARIABLE}
    ended = subprocess.run(
        [*COMMAND, str(free_port())], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (1, "logncrash: LOGNCRASH_APP_KEY must be set to the app key\n")
