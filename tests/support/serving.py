"""The real service as an attacker meets it: `ApiProcess` with limits lifted, and what it counted."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
