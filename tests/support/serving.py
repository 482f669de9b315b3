"""The real service as an attacker meets it: `ApiProcess` with limits lifted, and what it counted."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from tests.support.api_process import ApiProcess

LIFTED = {
    "argon2_memory_kib": "64",
    "argon2_iterations": "1",
    "drain_seconds": "0",
    "rate_limit_auth_per_minute": "1000000",
    "rate_limit_share_per_minute": "1000000",
    "rate_limit_image_per_minute": "1000000",
    "rate_limit_default_per_minute": "1000000",
}
"""Settings that let many requests pass quickly."""


class Served(ApiProcess):
    """A process that serves."""

    def metrics_page(self) -> str:
        """``/metrics`` in the text format."""
        return httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=20).raise_for_status().text

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        """The samples called ``name``: labels and value."""
        families = text_string_to_metric_families(self.metrics_page())
        return [(s.labels, s.value) for family in families for s in family.samples if s.name == name]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        return sum(value for found, value in self.samples(name) if labels.items() <= found.items())

    def description(self) -> dict[str, Any]:
        """The OpenAPI description."""
        description: dict[str, Any] = httpx.get(f"{self.url}/openapi.json", timeout=20).raise_for_status().json()
        return description

    def faults(self, *secrets: str) -> list[str]:
        """What no input may bring about: errors of ours, traces, ``secrets`` shown, answers or labels not described."""
        page, said = self.metrics_page(), self.out + self.err
        paths = self.description()["paths"]
        found = [
            f"{place} shows {secret}"
            for secret in secrets
            for place, text in (("the log", said), ("/metrics", page))
            if secret in text
        ]
        if "Traceback" in said or self.err:
            found.append(f"a trace: {said[said.find('Traceback') :][:2_000]}\n{self.err}")
        for labels, count in self.samples("http_requests_total"):
            handler, method, status = labels["handler"], labels["method"].lower(), labels["status"]
            if not count or (handler in {"none", "OTHER"} and status < "500"):
                continue
            answers = paths.get(handler, {}).get(method, {}).get("responses")
            known = {"405"} if answers is None else {*answers, "499"}  # 499: the client had left
            if handler not in paths or status >= "500" or status not in known:
                found.append(f"{count:g} × {labels}")
        return found

    def memory_bytes(self) -> int:
        """What the process has in memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def serving(directory: Path, **settings: str) -> Iterator[Served]:
    """Serve with ``settings`` until the block ends; ended as an operator would."""
    served = Served(directory, LIFTED | settings, None)
    try:
        served.wait_ready()
        yield served
        served.signal(signal.SIGTERM)
        served.wait(30)
    finally:
        if served.process.poll() is None:
            served.process.kill()
        served.process.wait(30)
