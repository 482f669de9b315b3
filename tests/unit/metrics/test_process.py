from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from photo_metrics.exposition import render_text
from photo_metrics.process import PROCESS_METRICS, register_process_metrics
from photo_metrics.registry import Registry


def _values() -> dict[str, float]:
    registry = Registry()
    register_process_metrics(registry)
    lines = [line for line in render_text(registry).splitlines() if not line.startswith("#")]
    return {line.split()[0]: float(line.split()[1]) for line in lines}


def test_every_process_metric_is_published() -> None:
    assert set(_values()) == {spec.name for spec in PROCESS_METRICS}


def test_open_files_are_counted(tmp_path: Path) -> None:
    before = _values()["process_open_fds"]
    with (tmp_path / "a").open("w"), (tmp_path / "b").open("w"):
        assert _values()["process_open_fds"] == before + 2


def test_memory_and_cpu_are_those_of_this_process() -> None:
    values = _values()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    resident = int(status["VmRSS"].split()[0]) * 1024
    assert values["process_resident_memory_bytes"] == pytest.approx(resident, rel=0.2)
    assert values["process_virtual_memory_bytes"] > values["process_resident_memory_bytes"]
    assert 0 < values["process_cpu_seconds_total"] <= sum(os.times()[:2]) + 1


def test_the_start_is_before_now_and_after_the_boot() -> None:
    boot = time.time() - float(Path("/proc/uptime").read_text().split()[0])
    assert boot - 2 < _values()["process_start_time_seconds"] <= time.time() + 1


def test_without_proc_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert _values() == {}
