"""Stacks for tests: the real command, real programs, free ports, and an end that leaves nothing behind."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
from tests.support.ports import wait_until

COMMAND = (str(Path(sys.executable).with_name("photo-stack")),)
READY_SECONDS = 60
PORTS = 16
"""Of a stack of two instances with a pair of each monitoring server."""


def photo_stack(
    *arguments: str, env: dict[str, str] | None = None, seconds: float = 90
) -> subprocess.CompletedProcess[str]:
    """Run one command of ``photo-stack`` to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=seconds,
        env=env or clean_environment(),
        check=False,
    )


def clean_environment(**extra: str) -> dict[str, str]:
    """This process's environment without settings of the service, and with a drain that fits the tests' time scale."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PHOTO_API_")}
    return inherited | {"PHOTO_API_DRAIN_SECONDS": "2", "PYTHONUNBUFFERED": "1"} | extra


def free_base_port(count: int) -> int:
    """The first of ``count`` consecutive ports of 127.0.0.1 that nobody listens on, below the ephemeral range."""
    for _ in range(200):
        base = random.randrange(12_000, 30_000)
        if all(_is_free(base + offset) for offset in range(count)):
            return base
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _bound(probe, port)


def _bound(probe: socket.socket, port: int) -> bool:
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Stack:
    """A stack that was started on a data directory."""

    data: Path
    base_port: int

    def command(self, *arguments: str, seconds: float = 90) -> subprocess.CompletedProcess[str]:
        """A command to this stack."""
        return photo_stack(*arguments, "--data", str(self.data), seconds=seconds)

    @property
    def document(self) -> dict[str, Any]:
        """``stack.json``."""
        document: dict[str, Any] = json.loads((self.data / "stack.json").read_text())
        return document

    def url(self, name: str) -> str:
        """A URL by its name in ``stack.json``."""
        url: str = self.document["urls"][name]
        return url

    def state(self, name: str) -> str:
        """A component's state."""
        state: str = self.document["components"][name]["state"]
        return state

    def pid(self, name: str) -> int:
        """A component's process."""
        pid: int = self.document["components"][name]["pid"]
        return pid

    def query(self, promql: str) -> list[dict[str, Any]]:
        """An instant query of the stack's Prometheus."""
        answer = httpx.get(f"{self.url('prometheus')}/api/v1/query", params={"query": promql}, timeout=5)
        result: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
        return result

    def delivered(self) -> list[dict[str, Any]]:
        """What the receiver wrote, oldest first."""
        path = self.data / "alerts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def begun(self, since: datetime) -> set[tuple[str, str]]:
        """Name and severity of delivered alerts that began to fire after a moment."""
        firing = [record for record in self.delivered() if record["status"] == "firing"]
        return {
            (record["alertname"], record["severity"])
            for record in firing
            if datetime.fromisoformat(record["starts_at"]) > since
        }

    def wait_until_all_run(self) -> None:
        """Every component is running."""
        wait_until(
            lambda: all(part["state"] == "running" for part in self.document["components"].values()),
            "every component running",
            READY_SECONDS,
        )


@contextmanager
def started(
    data: Path, *options: str, env: dict[str, str] | None = None, base_port: int | None = None
) -> Iterator[Stack]:
    """A stack in the background; at the end it is stopped, and nothing of it may be left."""
    stack = Stack(data, base_port or free_base_port(PORTS))
    up = ("up", "--data", str(data), "--base-port", str(stack.base_port), "--detach", *options)
    result = photo_stack(*up, env=env)
    assert result.returncode == 0, result.stdout + result.stderr
    supervisor = stack.document["supervisor"]["pid"]
    children = descendants(supervisor)
    try:
        yield stack
    finally:
        children += descendants(supervisor)
        stack.command("down")
        end(children)


def descendants(pid: int) -> list[psutil.Process]:
    """All processes below one."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; one that nobody has reaped yet does not."""
    return [process for process in processes if process.is_running() and _status(process) != psutil.STATUS_ZOMBIE]


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return psutil.STATUS_ZOMBIE


def end(processes: list[psutil.Process]) -> None:
    """Kill what a failed test left, by process."""
    for process in alive(processes):
        process.kill()


@contextmanager
def in_foreground(data: Path, *options: str) -> Iterator[tuple[Stack, "Foreground"]]:
    """A stack as the direct child of the test, its output in a file."""
    stack = Stack(data, free_base_port(PORTS))
    data.mkdir(parents=True, exist_ok=True)
    output = data / "output.txt"
    up = ("up", "--data", str(data), "--base-port", str(stack.base_port), *options)
    with output.open("w") as file:
        process = subprocess.Popen([*COMMAND, *up], stdout=file, stderr=file, env=clean_environment())
    children: list[psutil.Process] = []
    try:
        foreground = Foreground(process, output)
        foreground.wait_for_line(lambda line: "/graph" in line)
        children = descendants(process.pid)
        yield stack, foreground
    finally:
        children += descendants(process.pid)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        end(children)


@dataclass(frozen=True)
class Foreground:
    """``photo-stack up`` and what it printed."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def lines(self) -> list[str]:
        """What was printed so far."""
        return self.output.read_text().splitlines()

    def wait_for_line(self, matches: Callable[[str], bool]) -> str:
        """The first line that matches; fails when the command ends without it."""

        def found_or_over() -> bool:
            return any(map(matches, self.lines)) or self.process.poll() is not None

        wait_until(found_or_over, "the line", READY_SECONDS)
        hits = [line for line in self.lines if matches(line)]
        assert hits, "\n".join(self.lines)
        return hits[0]
