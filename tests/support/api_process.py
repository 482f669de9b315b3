"""The real ``photo-api serve`` in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
from tests.support.ports import free_port, wait_until


class ApiProcess:
    """A started process, its ports, and what it wrote."""

    def __init__(self, directory: Path, settings: Mapping[str, str], port: int | None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port, self.metrics_port = port or free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = directory / "data"
        self._out, self._err = directory / "out", directory / "err"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PHOTO_API_")}
        environment |= {f"PHOTO_API_{name.upper()}": value for name, value in settings.items()}
        environment.setdefault("PHOTO_API_DATA_DIR", str(self.data))
        command = [sys.executable, "-m", "photo_api", "serve", "--port", str(self.port)]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*command, "--metrics-port", str(self.metrics_port)], stdout=out, stderr=err, env=environment
            )

    def wait_ready(self) -> None:
        """Wait until it is ready; fails with its own words when it ends first."""

        def ready() -> bool:
            assert self.process.poll() is None, self.out + self.err
            try:
                return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
            except httpx.TransportError:
                return False

        wait_until(ready, "the service's start", 60)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        """Wait for the end; the exit code, or minus the signal's number."""
        return self.process.wait(seconds)

    @property
    def out(self) -> str:
        """Standard output until now."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """Standard error until now."""
        return self._err.read_text()

    def records(self, event: str | None = None) -> list[dict[str, Any]]:
        """The log records on standard output, those of one event where it is given."""
        found = [orjson.loads(line) for line in self.out.splitlines()]
        return [record for record in found if event in {None, record["event"]}]

    def metric(self, name: str) -> float | None:
        """A sample without labels, by a scrape of the metrics port."""
        text = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5).text
        values = [line.split(" ")[1] for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(values[0]) if values else None


@contextmanager
def started_api(
    directory: Path, settings: Mapping[str, str] | None = None, *, port: int | None = None
) -> Iterator[ApiProcess]:
    """Start the process and wait for nothing; killed at the end, if it still runs."""
    api = ApiProcess(directory, settings or {}, port)
    try:
        yield api
    finally:
        if api.process.poll() is None:
            api.process.kill()
        api.process.wait(30)
