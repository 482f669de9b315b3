"""Measuring two servers against each other: both in one run, in turns, on the same core, and only ratios are told."""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.ports import accepts, free_port, wait_until

SERVER_CORE = "0"
_CLASSES = ("AUTH", "SHARE", "IMAGE", "DEFAULT")
CLIENT_CORE = str(min(1, (os.cpu_count() or 1) - 1))


@dataclass(frozen=True)
class Load:
    """One run of wrk: requests a second, the server's processor time for each, latency quantiles in milliseconds.

    The ratio of processor times is the ratio of what one core can serve, and other work on the machine hardly moves it.
    """

    requests_per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    errors: int


@dataclass(frozen=True)
class Target:
    """A URL to load, and how."""

    url: str
    pid: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Result:
    """What one benchmark found: rows of name and figure, and a verdict on its target."""

    name: str
    target: str
    met: bool | None
    figures: dict[str, float | str]


def wrk(target: Target, *, seconds: float, connections: int = 16) -> Load:
    """Load a URL for some seconds; any answer but 2xx and 3xx counts as an error."""
    binary = shutil.which("wrk")
    if binary is None:
        raise FileNotFoundError("wrk is missing: sudo apt-get install --no-install-recommends wrk")
    headers = [part for name, value in target.headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["taskset", "-c", CLIENT_CORE, binary, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
    before = cpu_seconds(target.pid)
    run = subprocess.run([*command, *headers, target.url], capture_output=True, text=True, check=True, timeout=120)
    spent = cpu_seconds(target.pid) - before
    out = run.stdout
    errors = sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", out))
    errors += sum(int(n) for n in re.findall(r"(?:connect|read|write|timeout) (\d+)", out))
    requests = int(_find(r"(\d+) requests in", out))
    rate = float(_find(r"Requests/sec:\s+([\d.]+)", out))
    return Load(rate, spent / requests * 1e6, _ms(out, "50%"), _ms(out, "99%"), errors)


@dataclass(frozen=True)
class Pace:
    """Latencies in milliseconds of evenly paced requests."""

    p50_ms: float
    p99_ms: float


def paced(target: Target, *, rate: float, seconds: float, connections: int = 16) -> Pace:
    """Send ``rate`` requests a second, evenly, whatever the answers take (`benchmarks.paced`)."""
    parts = urlsplit(target.url)
    lines = [f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}", *(f"{k}: {v}" for k, v in target.headers.items())]
    command = ["taskset", "-c", CLIENT_CORE, sys.executable, "-m", "benchmarks.paced"]
    run = subprocess.run(
        [*command, str(rate), str(seconds), str(connections)],
        input="\r\n".join([*lines, "", ""]).encode(),
        capture_output=True,
        check=True,
        timeout=seconds + 60,
    )
    quantiles = statistics.quantiles(json.loads(run.stdout), n=100)
    return Pace(quantiles[49], quantiles[98])


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, user and system (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise ValueError(f"wrk did not print {pattern}: {text}")
    return found[1]


def _ms(text: str, quantile: str) -> float:
    value, unit = _find(rf"^\s+{quantile}\s+(\S+)$", text).rstrip("mus"), _find(rf"^\s+{quantile}\s+[\d.]+(\w+)$", text)
    return float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}[unit]


def in_turns(targets: Mapping[str, Target], *, seconds: float, rounds: int = 3) -> dict[str, Load]:
    """Load each target in turns, after a short one that warms it up; the median of its rounds (the least cpu_us)."""
    loads: dict[str, list[Load]] = {name: [] for name in targets}
    for target in targets.values():
        wrk(target, seconds=1)
    for turn in range(rounds):
        for name, target in targets.items():
            sys.stderr.write(f"  {name}, turn {turn + 1} of {rounds}\n")
            loads[name].append(wrk(target, seconds=seconds))
    for name, runs in loads.items():
        if failed := sum(run.errors for run in runs):
            raise RuntimeError(f"{name}: {failed} requests failed; the figures would mean nothing")
    return {
        name: Load(
            statistics.median(run.requests_per_second for run in runs),
            min(run.cpu_us for run in runs),  # what else runs on the machine only ever adds to it
            statistics.median(run.p50_ms for run in runs),
            statistics.median(run.p99_ms for run in runs),
            0,
        )
        for name, runs in loads.items()
    }


@contextmanager
def process(
    command: list[str], *, port: int, environment: Mapping[str, str] | None = None, core: str | None = SERVER_CORE
) -> Iterator[subprocess.Popen[bytes]]:
    """A server process, on one core unless ``core`` is None, from its first connection until the block's end."""
    pinned = ["taskset", "-c", core] if core is not None else []
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        server = subprocess.Popen(
            [*pinned, *command], env={**os.environ, **(environment or {})}, stdout=log, stderr=log
        )
        try:
            wait_until(lambda: accepts(port) or server.poll() is not None, f"{command[0]} on port {port}")
            if server.poll() is not None:
                raise RuntimeError(f"{' '.join(command)} ended: {Path(log.name).read_text()[-2000:]}")
            yield server
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(5)


@contextmanager
def asgi(application: str, environment: Mapping[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """A bare application (``module:factory``) on uvicorn, loop and parser as the service's; its URL and process id."""
    port = free_port()
    options = ["--factory", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"]
    command = [sys.executable, "-m", "uvicorn", application, "--port", str(port), *options]
    with process(command, port=port, environment=environment) as server:
        yield f"http://127.0.0.1:{port}", server.pid


@contextmanager
def photo_api(
    environment: Mapping[str, str] | None = None, *, core: str | None = SERVER_CORE
) -> Iterator[tuple[str, int]]:
    """The real ``photo-api serve`` in a directory of its own, limits lifted; its URL and process id."""
    with ExitStack() as stack:
        data = stack.enter_context(tempfile.TemporaryDirectory(prefix="photo-api-bench-"))
        port, metrics_port = free_port(), free_port()
        lifted = {f"PHOTO_API_RATE_LIMIT_{kind}_PER_MINUTE": "1000000000" for kind in _CLASSES}
        command = [sys.executable, "-m", "photo_api", "serve", "--port", str(port), "--metrics-port", str(metrics_port)]
        server = stack.enter_context(
            process(
                command, port=port, core=core, environment={"PHOTO_API_DATA_DIR": data, **lifted, **(environment or {})}
            )
        )
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _healthy(url), "photo-api's readiness")
        yield url, server.pid


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=1) as answer:  # noqa: S310 - our own URL
            return bool(answer.status == 200)
    except OSError:
        return False


def median_of(act: Callable[[], float], times: int) -> float:
    """The median of ``act``'s answers."""
    return statistics.median(act() for _ in range(times))


def timed(act: Callable[[], object]) -> float:
    """Seconds that ``act`` takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
