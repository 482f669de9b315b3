"""The two examples as processes, with something that uses them, and a Prometheus beside each."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from tests.support.ports import accepts, free_port, wait_until
from tests.support.prometheus import Prometheus, running_prometheus

from photo_monitoring.configuration.settings import Settings
from photo_monitoring.render import render_rules

ROOT = Path(__file__).parents[2]
SCALE = 30.0
"""Windows of five minutes last ten seconds."""

DRILL = Settings(lang="en", time_scale=SCALE)


@dataclass(frozen=True, slots=True)
class Service:
    """A running example."""

    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it, as its operator would."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def metrics(self) -> str:
        return f"{self.url}/metrics"

    def use(self) -> None:
        """Do everything that the example can, faults included."""
        # After a fault the server closes the connection: none is used twice.
        with httpx.Client(base_url=self.url, timeout=30, headers={"Connection": "close"}) as client:
            for path in ("/items/1", "/items/101", "/items/0", "/photos/1/image", "/photos/9/image"):
                client.get(path)
            for phrase in ("open sesame", "wrong"):
                client.post("/auth/login", json={"phrase": phrase})


@contextmanager
def running(*applications: str, options: Sequence[str] = ()) -> Iterator[list[Service]]:
    """Run examples (`module:application`) with uvicorn, all at once, until the block ends."""
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT / "examples"), "--log-level", "critical"]
    services = []
    try:
        for application in applications:
            port = free_port()
            process = subprocess.Popen([*command, application, "--port", str(port), *options])
            services.append(Service(port, process))
        for service in services:
            wait_until(partial(accepts, service.port), "an example's start", 90)
        yield services
    finally:
        for service in services:
            service.process.send_signal(signal.SIGTERM)
        for service in services:
            try:
                service.process.wait(20)
            except subprocess.TimeoutExpired:
                service.process.kill()
                service.process.wait(5)


def scrape(job: str, *targets: str, **more: object) -> dict[str, object]:
    """A job with fixed targets."""
    return {"job_name": job, "static_configs": [{"targets": list(targets)}], **more}


@contextmanager
def watching(
    folder: Path,
    jobs: Sequence[Mapping[str, object]],
    rules: Mapping[str, str],
    interval: str = "1s",
    options: Sequence[str] = (),
) -> Iterator[Prometheus]:
    """Run Prometheus with these jobs and rule files (name → text)."""
    (folder / "rules").mkdir(parents=True)
    for name, text in rules.items():
        (folder / "rules" / name).write_text(text)
    config: dict[str, Any] = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules" / "*.yml")],
        "scrape_configs": list(jobs),
    }
    with running_prometheus(folder, config, options) as prometheus:
        yield prometheus


def drill_rules(**changes: object) -> dict[str, str]:
    """The rules as they are rendered for a drill."""
    return render_rules(settings=Settings(lang="en", time_scale=SCALE, **changes))  # type: ignore[arg-type] # any setting


@contextmanager
def everything(folder: Path) -> Iterator[dict[str, tuple[Service, Prometheus]]]:
    """Both examples, each with a Prometheus of its own that scrapes it and evaluates the rules."""
    names = {"instrumentator": "instrumentator_service:app", "photo_metrics": "photo_metrics_service:service"}
    with running(*names.values()) as services, ExitStack() as stack:
        yield {
            name: (
                service,
                stack.enter_context(
                    watching(folder / name, [scrape("photo-api", f"127.0.0.1:{service.port}")], drill_rules())
                ),
            )
            for name, service in zip(names, services, strict=True)
        }


def until(condition: Callable[[], object], what: str, services: Sequence[Service], seconds: float = 60) -> None:
    """Use the services until the condition holds."""

    def ready() -> bool:
        for service in services:
            service.use()
        return bool(condition())

    wait_until(ready, what, seconds)
