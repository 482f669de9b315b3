"""A real Alertmanager for tests: its own folder, a free port, alerts posted as Prometheus does."""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from tests.support.ports import free_port, wait_until

PROGRAM = "prometheus-alertmanager"


@dataclass(frozen=True)
class Alertmanager:
    """A running one."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.folder / "alertmanager.log").read_text()

    def post(self, *alerts: dict[str, Any]) -> None:
        """Post alerts (see `alert`)."""
        httpx.post(f"{self.url}/api/v2/alerts", json=list(alerts), timeout=10).raise_for_status()

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples of a metric that have these labels."""
        page = httpx.get(f"{self.url}/metrics", timeout=10).raise_for_status().text
        found = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", page, re.MULTILINE)
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(float(value) for written, value in found if all(one in written for one in wanted))


def alert(
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
    *,
    resolved: bool = False,
    seconds: float = 90,
) -> dict[str, Any]:
    """An alert that began some seconds ago, and fires for an hour unless it is over.

    Alertmanager waits for the rest of a group only where an alert is younger than its route's `group_wait`.
    """
    now = datetime.now(UTC)
    ends = now if resolved else now + timedelta(hours=1)
    return {
        "labels": dict(labels),
        "annotations": dict(annotations or {}),
        "startsAt": (now - timedelta(seconds=seconds)).isoformat(),
        "endsAt": ends.isoformat(),
        "generatorURL": "http://prometheus.example.com/graph",
    }


@contextmanager
def running_alertmanager(folder: Path) -> Iterator[Alertmanager]:
    """Run it with the configuration that is in `folder` until the block ends."""
    found = Alertmanager(folder, free_port())
    arguments = {
        "config.file": folder / "alertmanager.yml",
        "storage.path": folder / "data",
        "web.listen-address": f"127.0.0.1:{found.port}",
        "web.external-url": found.url,
        "cluster.listen-address": "",
    }
    command = [PROGRAM, *(f"--{name}={value}" for name, value in arguments.items()), "--log.level=debug"]
    with (folder / "alertmanager.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        wait_until(lambda: _ready(found, process), "Alertmanager", 30)
        yield found
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _ready(found: Alertmanager, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, found.log
    try:
        return httpx.get(f"{found.url}/-/ready", timeout=1).status_code == 200
    except httpx.TransportError:
        time.sleep(0.02)
        return False
