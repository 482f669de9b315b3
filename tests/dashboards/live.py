"""A stack under load as the boards see it, and what is known of it from elsewhere."""

import json
import math
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from tests.stack.running import Stack

from photo_monitoring.configuration.settings import Settings
from photo_monitoring.dashboards import BOARDS
from photo_monitoring.dashboards.panels import Board, Panel, Query
from photo_monitoring.dashboards.queries import filled_in, query

SETTINGS = Settings(time_scale=10, lang="en")
RATE = "30s"
DATA_SECONDS = 200
SETTLE_SECONDS = 75


def finite(samples: list[dict[str, Any]]) -> list[float]:
    """The values that can be drawn."""
    values = [float(sample["value"][1]) for sample in samples]
    return [value for value in values if math.isfinite(value)]


def every_query() -> Iterator[tuple[Board, Panel, Query]]:
    """Every query of every board."""
    for board in BOARDS:
        for panel in board.panels:
            for one in panel.queries:
                yield board, panel, one


def panel_of(board: str, number: int) -> Panel:
    """A panel by the end of its board's address and its number."""
    return next(
        panel for one in BOARDS if one.uid == f"photo-api-{board}" for panel in one.panels if panel.id == number
    )


@dataclass(frozen=True)
class Moment:
    """What the machine said of itself at a time."""

    at: float
    busy: float
    total: float
    memory_used: float


def moment() -> Moment:
    """The machine's CPU time and memory, from /proc."""
    times, memory = psutil.cpu_times(), psutil.virtual_memory()
    used = 1 - memory.available / memory.total
    return Moment(time.time(), sum(times) - times.idle - times.guest - times.guest_nice, sum(times) - times.guest, used)


@dataclass
class Seen:
    """A stretch of load: when, what the load counted, what the machine did."""

    stack: Stack
    began: float
    process_cpu: dict[str, float]
    client: httpx.Client
    moments: list[Moment] = field(default_factory=lambda: [moment()])
    counted: list[dict[str, Any]] = field(default_factory=list)
    ended: float = 0.0
    without_data: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> int:
        """How long it all took."""
        return math.ceil(self.ended - self.began)

    def ask(self, text: str, at: float | None = None) -> list[dict[str, Any]]:
        """An instant query."""
        if time.time() > self.moments[-1].at + 1:
            self.moments.append(moment())
        parameters = {"query": text} | ({"time": f"{at:.3f}"} if at else {})
        url = f"{self.stack.url('prometheus')}/api/v1/query"
        answer = self.client.get(url, params=parameters)
        assert answer.status_code == 200, (text, answer.text)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def show(self, board: str, number: int, index: int = 0, rate: str = RATE, **chosen: str) -> list[dict[str, Any]]:
        """What a query of a panel shows at the end of the load."""
        text = filled_in(query(panel_of(board, number).queries[index].expr, SETTINGS), rate, **chosen)
        return self.ask(text, self.ended)

    def counted_by_panel(self, board: str, number: int, index: int = 0, *, per: float = 60) -> float:
        """What a panel of a rate counts over the whole load."""
        return sum(finite(self.show(board, number, index, rate=f"{self.seconds}s"))) / per * self.seconds

    def answered(self, *operations: str, status: str = "") -> int:
        """How many answers the load counted, by operation (all without one) and the beginning of their status."""
        return sum(
            count
            for result in self.counted
            for name, operation in result["operations"].items()
            if not operations or name in operations
            for code, count in operation["status"].items()
            if code.startswith(status)
        )

    def rows(self, sql: str) -> float:
        """One number from the service's database."""
        path = self.stack.data / "photo-api" / "photo-api.sqlite3"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
            return float(database.execute(sql).fetchone()[0] or 0)


def instances(stack: Stack) -> dict[str, psutil.Process]:
    """The instances of the service, by name."""
    return {name: psutil.Process(stack.pid(name)) for name in stack.document["components"] if name.startswith("api-")}


def cpu_seconds(process: psutil.Process) -> float:
    """What a process used of the CPU so far, from /proc."""
    times = process.cpu_times()
    return float(times.user + times.system)


def _load(stack: Stack, *options: str) -> "subprocess.Popen[bytes]":
    command = (str(Path(sys.executable).with_name("photo-stack")), "load", "--data", str(stack.data), "--json")
    arguments = [*command, "--duration", "1h", *options]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _look(seen: Seen) -> None:
    """Look at every query until each that must has had data; tell of those that never had."""
    waiting = [entry for entry in every_query() if entry[2].absent is None]
    deadline = time.monotonic() + DATA_SECONDS
    while waiting and time.monotonic() < deadline:
        waiting = [entry for entry in waiting if not finite(seen.ask(filled_in(query(entry[2].expr, SETTINGS), RATE)))]
        time.sleep(1)
    seen.without_data = [
        f"{board.uid} {panel.id} {panel.title.en}: {one.legend_in('en')}" for board, panel, one in waiting
    ]


def _settle(seen: Seen) -> None:
    """Wait until what was counted last is scraped, read from the database, and evaluated."""
    stopped = time.time()
    newest = (
        "min(timestamp(photo_api_ready))",
        "min(timestamp(instance:node_cpu_used:ratio_rate5m))",
        "min(photo_api_business_metrics_last_success_timestamp_seconds)",
    )
    deadline = time.monotonic() + SETTLE_SECONDS
    while not all(min(finite(seen.ask(text)), default=0) > stopped + 1 for text in newest):
        assert time.monotonic() < deadline, "nothing new was scraped after the load"
        time.sleep(0.5)


def watch(stack: Stack, client: httpx.Client) -> Seen:
    """Put people and attackers on the stack until every panel has had data; then stop them and hear their accounts."""
    began = time.time()
    used = {name: cpu_seconds(process) for name, process in instances(stack).items()}
    seen = Seen(stack, began, used, client)
    loads = [
        _load(stack, "--rps", "12", "--users", "6", "--seed", "5"),
        _load(stack, "--attack", "--rps", "6", "--users", "3", "--seed", "6"),
    ]
    try:
        _look(seen)
        for process in loads:
            process.send_signal(signal.SIGINT)
        for process in loads:
            output, errors = process.communicate(timeout=60)
            assert output, f"the load never began: {errors.decode()}"
            seen.counted.append(json.loads(output))
    finally:
        for process in loads:
            process.kill()
            process.wait()
    _settle(seen)
    seen.ended = time.time()
    seen.moments.append(moment())
    return seen
