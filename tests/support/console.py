"""The console's real command, on a free port, for as long as a test needs it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.support.ports import free_port, wait_until

COMMAND = Path(sys.executable).with_name("photo-monitoring")


@contextmanager
def console_process(*options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A console until the block ends: its base URL and its process."""
    port = free_port()
    process = subprocess.Popen([str(COMMAND), "console", "--port", str(port), *options], stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or _answers(url), "the console", 30)
        yield url, process
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def running_console(*options: str) -> Iterator[str]:
    """A console until the block ends; its base URL."""
    with console_process(*options) as (url, _):
        yield url


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/healthy", timeout=1).status_code == 200
    except httpx.TransportError:
        return False
