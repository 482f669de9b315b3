"""What the process itself uses, under the names that Prometheus' own client libraries gave to it; from /proc, on
Linux only."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from photo_metrics.spec import MetricSpec, MetricType, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from photo_metrics.registry import Registry

CPU_SECONDS = MetricSpec(
    name="process_cpu_seconds_total",
    type=MetricType.COUNTER,
    help=Text(ko="프로세스가 쓴 CPU 시간 (사용자와 시스템).", en="User and system CPU time that the process spent."),
)
RESIDENT_MEMORY = MetricSpec(
    name="process_resident_memory_bytes",
    type=MetricType.GAUGE,
    help=Text(ko="프로세스의 상주 메모리.", en="Resident memory of the process."),
)
VIRTUAL_MEMORY = MetricSpec(
    name="process_virtual_memory_bytes",
    type=MetricType.GAUGE,
    help=Text(ko="프로세스의 가상 메모리.", en="Virtual memory of the process."),
)
OPEN_FDS = MetricSpec(
    name="process_open_fds",
    type=MetricType.GAUGE,
    help=Text(ko="열린 파일 디스크립터 수.", en="Open file descriptors."),
)
MAX_FDS = MetricSpec(
    name="process_max_fds",
    type=MetricType.GAUGE,
    help=Text(ko="열 수 있는 파일 디스크립터 수.", en="File descriptors that the process may open."),
)
START_TIME = MetricSpec(
    name="process_start_time_seconds",
    type=MetricType.GAUGE,
    help=Text(ko="프로세스가 시작한 유닉스 시각.", en="Unix time at which the process started."),
)
PROCESS_METRICS = (CPU_SECONDS, RESIDENT_MEMORY, VIRTUAL_MEMORY, OPEN_FDS, MAX_FDS, START_TIME)

_PROC = Path("/proc/self")
_START_FIELD = 22  # proc(5), /proc/pid/stat: starttime, in clock ticks after boot


def register_process_metrics(registry: Registry) -> None:
    """Add the process's metrics to the page; nothing where there is no /proc."""
    if not sys.platform.startswith("linux"):
        return
    registry.counter(CPU_SECONDS).labels().set_function(time.process_time)
    page_bytes = resource.getpagesize()
    gauges: tuple[tuple[MetricSpec, Callable[[], float]], ...] = (
        (VIRTUAL_MEMORY, lambda: _statm(0) * page_bytes),
        (RESIDENT_MEMORY, lambda: _statm(1) * page_bytes),
        (OPEN_FDS, lambda: len(os.listdir(_PROC / "fd")) - 1),  # noqa: PTH208 - names alone; not the listing's own
        (MAX_FDS, lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
    )
    for spec, function in gauges:
        registry.gauge(spec).labels().set_function(function)
    registry.gauge(START_TIME).labels().set(_start_time())


def _statm(field: int) -> int:
    return int((_PROC / "statm").read_text(encoding="ascii").split()[field])


def _start_time() -> float:
    # The command's name, in parentheses, may hold spaces: fields are counted after its end.
    after_name = (_PROC / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    ticks = int(after_name[_START_FIELD - 3])
    boot = next(
        float(line.split()[1])
        for line in Path("/proc/stat").read_text(encoding="ascii").splitlines()
        if line.startswith("btime ")
    )
    return boot + ticks / os.sysconf("SC_CLK_TCK")
