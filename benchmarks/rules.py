"""How long a real Prometheus takes to evaluate all rendered rules, with 1, 10 and 100 instances' worth of series.

Instances and hosts are scraped every 15 s from `benchmarks.fleet`, rules evaluated at their own 30 s. The past that
rules look back on (five minutes of everything; up to a day, a week or 30 days of what longer windows read) is written
before, so that no window is emptier than in production.
"""

import itertools
import json
import math
import os
import re
import signal
import statistics
import sys
import tempfile
import time
import urllib.request
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from benchmarks.fleet import INSTANCES
from benchmarks.measure import Result, asgi, cpu_seconds
from tests.support.ports import wait_until
from tests.support.prometheus import Prometheus, Series, running_prometheus

from photo_monitoring import durations, promql
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.render import render_rules
from photo_monitoring.slos import ACTIVE, ERRORS, TOTAL

FLEETS: Final = (1, 10, 100)
SHARE_OF_INTERVAL: Final = 0.25

_SCRAPE_SECONDS: Final = 15
_INTERVAL_SECONDS: Final = durations.seconds(Settings().interval)
_SETTLING: Final = 2
_EVALUATIONS: Final = 3
_DEAREST: Final = 6
_USUAL_WINDOW: Final = 300.0
_SLICE_SECONDS: Final = 1800
_DAY: Final = 86_400.0
_LINE: Final = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Past:
    """A series to be there before: its labels, last value, growth a second; from how many seconds ago, every …"""

    labels: Mapping[str, str]
    value: float
    growth: float
    seconds: float
    step: float

    def samples(self, now: float, begins: float, ends: float) -> Series:
        """Its samples of one stretch."""
        first = max(begins, now - self.seconds)
        times = np.arange(math.ceil(first / self.step) * self.step, ends, self.step)
        values = np.maximum(0.0, self.value + self.growth * (times - now))
        return Series(self.labels, (times * 1000).astype(np.int64), values)


@dataclass(frozen=True)
class Measured:
    """What one Prometheus did with one size of fleet: seconds, bytes, counts."""

    series: float
    slowest_group: str
    slowest_group_seconds: float
    all_groups_seconds: float
    missed: float
    resident_bytes: float
    cores: float
    dearest: tuple[tuple[str, float], ...]


def windows() -> dict[str, float]:
    """How far back rules look on each series, in seconds; at least the usual five minutes."""
    found: dict[str, float] = {}
    for text in render_rules().values():
        for rule in yaml.safe_load(text)["groups"][0]["rules"]:
            for selector in promql.read(rule["expr"]).selectors:
                reach = durations.seconds(selector.window) if selector.window else 0.0
                found[selector.metric] = max(found.get(selector.metric, _USUAL_WINDOW), reach)
    return found


def pages(instances: int) -> Iterator[tuple[str, str, str]]:
    """Job, instance and metrics path of everything that is scraped from the fleet."""
    for number in range(instances):
        yield "photo-api", f"api-{number}", f"/api/{number}/metrics"
        yield "node", f"node-{number}", f"/node/{number}/metrics"
    yield "haproxy", "lb", "/lb/metrics"


def past_of(page: str, job: str, instance: str, reach: Mapping[str, float]) -> Iterator[Past]:
    """The past of every series on a page: counters half grown within what is looked back on, gauges as they are."""
    target = {"job": job, "instance": instance}
    yield Past({"__name__": "up", **target}, 1.0, 0.0, reach["up"], _SCRAPE_SECONDS)
    kind = ""
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            kind = line.rpartition(" ")[2]
        match = _LINE.match(line)
        if match is None:
            continue
        name, value = match["name"], float(match["value"])
        labels = {"__name__": name, **dict(_LABEL.findall(match["labels"] or "")), **target}
        seconds = reach.get(name, _USUAL_WINDOW)
        grows = kind in {"counter", "histogram"} or name.endswith("_total")
        yield Past(labels, value, value / 2 / seconds if grows else 0.0, seconds, _SCRAPE_SECONDS)


def recorded_past(instances: int, reach: Mapping[str, float]) -> Iterator[Past]:
    """The past of what is recorded and read over days."""
    for text in render_rules().values():
        for rule in yaml.safe_load(text)["groups"][0]["rules"]:
            if rule.get("record") in {ACTIVE, ERRORS, TOTAL}:
                labels = {"__name__": rule["record"], **rule["labels"]}
                yield Past(labels, 1.0, 0.0, reach[rule["record"]], 30)
    name = "job:http_requests:rate5m"
    yield Past({"__name__": name, "job": "photo-api"}, 100.0, 0.0, 7 * _DAY, 30)
    name = "instance_direction:node_network_bytes:rate5m"
    for number in range(instances):
        for direction in ("receive", "transmit"):
            labels = {"__name__": name, "job": "node", "instance": f"node-{number}", "direction": direction}
            yield Past(labels, 2e7, 0.0, 7 * _DAY, 30)


def write_past(prometheus: Prometheus, series: Iterable[Past], now: float) -> int:
    """Write it all, oldest first, a stretch of time after the other: Prometheus takes nothing much older than its
    newest sample."""
    waiting = sorted(series, key=lambda past: -past.seconds)
    begins = now - waiting[0].seconds
    written = 0
    while begins < now:
        ends = min(begins + _SLICE_SECONDS, now)
        begun = bisect_left(waiting, ends - now, key=lambda past: -past.seconds)
        written += prometheus.write(past.samples(now, begins, ends) for past in waiting[:begun])
        begins = ends
    return written


def _start_watching(prometheus: Prometheus, folder: Path, url: str, instances: int) -> None:
    """Let it scrape the fleet and evaluate the rules, as rendered, from now on."""
    (folder / "rules").mkdir()
    for name, text in render_rules().items():
        (folder / "rules" / name).write_text(text, encoding="utf-8")
    jobs: dict[str, list[dict[str, Any]]] = {}
    for job, instance, path in pages(instances):
        target = {"targets": [url.removeprefix("http://")], "labels": {"instance": instance, "__metrics_path__": path}}
        jobs.setdefault(job, []).append(target)
    scrapes = []
    for job, targets in jobs.items():
        (folder / f"{job}.json").write_text(json.dumps(targets), encoding="utf-8")
        scrapes.append({"job_name": job, "file_sd_configs": [{"files": [f"{job}.json"]}]})
    config = {
        "global": {"scrape_interval": f"{_SCRAPE_SECONDS}s", "evaluation_interval": "30s"},
        "rule_files": ["rules/*.yml"],
        "scrape_configs": scrapes,
    }
    (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
    os.kill(prometheus.pid, signal.SIGHUP)


def own_metrics(prometheus: Prometheus) -> dict[str, float]:
    """What Prometheus says of itself: the series as written on its page → value; rule groups by their name alone."""
    found = {}
    for line in prometheus.get("/metrics").decode().splitlines():
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            found[re.sub(r'rule_group="[^"]*;', 'rule_group="', series)] = float(value)
    return found


def _of_groups(metrics: Mapping[str, float], name: str) -> dict[str, float]:
    return {
        series.split('"')[1]: value for series, value in metrics.items() if series.startswith(f"{name}{{rule_group=")
    }


def _rule_seconds(prometheus: Prometheus) -> dict[str, float]:
    """How long each rule took last, by group and name; rules of one name together."""
    found: dict[str, float] = {}
    for group in json.loads(prometheus.get("/api/v1/rules"))["data"]["groups"]:
        for rule in group["rules"]:
            found[rule["name"]] = found.get(rule["name"], 0.0) + rule["evaluationTime"]
    return found


def measure(instances: int) -> Measured:
    """Run Prometheus on a fleet of this size."""
    with ExitStack() as stack:
        url, _ = stack.enter_context(asgi("benchmarks.fleet:fleet", {INSTANCES: str(instances)}))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="photo-api-bench-")))
        prometheus = stack.enter_context(running_prometheus(folder))
        reach = windows()
        past = list(recorded_past(instances, reach))
        for job, instance, path in pages(instances):
            past += past_of(_fetch(url + path), job, instance, reach)
        written = write_past(prometheus, past, time.time())
        sys.stderr.write(f"  {instances}: {written:,} samples of the past written\n")
        _start_watching(prometheus, folder, url, instances)
        wait_until(lambda: _evaluated(prometheus), "the first evaluation of every group", seconds=90)
        return _watch(prometheus)


def _evaluated(prometheus: Prometheus) -> bool:
    """Whether every rule has been evaluated on scraped data."""
    iterations = _of_groups(own_metrics(prometheus), "prometheus_rule_group_iterations_total")
    return bool(iterations) and min(iterations.values()) >= _SETTLING


def _watch(prometheus: Prometheus) -> Measured:
    """Watch some evaluations of each group: the median of each group's durations."""
    samples, rules = [], []
    started, cpu = time.monotonic(), cpu_seconds(prometheus.pid)
    for number in range(_EVALUATIONS):
        # There is no event to wait for: a group's last duration is there to be read until its next evaluation.
        time.sleep(max(0.0, started + number * _INTERVAL_SECONDS - time.monotonic()))
        samples.append(own_metrics(prometheus))
        rules.append(_rule_seconds(prometheus))
    cores = (cpu_seconds(prometheus.pid) - cpu) / (time.monotonic() - started)
    durations_of = [_of_groups(sample, "prometheus_rule_group_last_duration_seconds") for sample in samples]
    medians = {group: statistics.median(one[group] for one in durations_of) for group in durations_of[0]}
    slowest = max(medians, key=lambda group: medians[group])
    each = {name: statistics.median(one[name] for one in rules) for name in rules[0]}
    last = samples[-1]
    return Measured(
        series=last["prometheus_tsdb_head_series"],
        slowest_group=slowest,
        slowest_group_seconds=medians[slowest],
        all_groups_seconds=sum(medians.values()),
        missed=sum(_of_groups(last, "prometheus_rule_group_iterations_missed_total").values()),
        resident_bytes=last["process_resident_memory_bytes"],
        cores=cores,
        dearest=tuple(sorted(each.items(), key=lambda item: -item[1])[:_DEAREST]),
    )


def _fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own URL
        text: str = answer.read().decode()
        return text


def run(seconds: float) -> list[Result]:
    """Each size after the other; how long it takes follows from the rules' interval, not from ``seconds``."""
    del seconds
    found = {instances: measure(instances) for instances in FLEETS}
    figures: dict[str, float | str] = {}
    for instances, one in found.items():
        figures |= {
            f"{instances}: series": one.series,
            f"{instances}: all groups, s": round(one.all_groups_seconds, 4),
            f"{instances}: slowest group, s": f"{one.slowest_group_seconds:.4f} ({one.slowest_group})",
            f"{instances}: evaluations missed": one.missed,
            f"{instances}: memory, MB": round(one.resident_bytes / 1e6),
            f"{instances}: cores": round(one.cores, 3),
        }
    largest = found[FLEETS[-1]]
    for name, taken in largest.dearest:
        figures[f"{FLEETS[-1]}: {name}, s"] = round(taken, 4)
    for fewer, more in itertools.pairwise(FLEETS):
        growth = found[more].all_groups_seconds / found[fewer].all_groups_seconds
        figures[f"all groups, {more} / {fewer}"] = round(growth, 2)
    share = largest.all_groups_seconds / _INTERVAL_SECONDS
    figures[f"{FLEETS[-1]}: all groups / interval"] = round(share, 4)
    target = f"all rules of {FLEETS[-1]} instances in under {SHARE_OF_INTERVAL:g} of their interval"
    return [Result("rule evaluation", target, share < SHARE_OF_INTERVAL and not largest.missed, figures)]
