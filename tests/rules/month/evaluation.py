"""The rendered rules over a stretch of the past: recorded, evaluated and held for their `for`, as Prometheus would.

Every expression is evaluated by Prometheus itself, at the rules' own interval; what a recording rule gives is stored
under its name, with a staleness marker where it stops, before anything reads it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray
from tests.support.prometheus import STALE, Prometheus, Series

from photo_monitoring import durations, promql
from photo_monitoring.render import render_rules

_POINTS: Final = 10_800
"""Of one range query; Prometheus allows 11,000."""
_WORKERS: Final = 2

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as rendered; `hold` is its `for` in seconds, `name` that of the alert or of what is recorded."""

    name: str
    expr: str
    labels: Mapping[str, str]
    interval: float
    hold: float = 0.0

    def reads(self) -> frozenset[str]:
        """The names of the series in its expression."""
        return frozenset(selector.metric for selector in promql.read(self.expr).selectors)


@dataclass(frozen=True, slots=True)
class Firing:
    """One time that an alert fired: its labels with those of the metric, from when to when (unix seconds)."""

    alert: str
    severity: str
    subject: str
    labels: Labels
    begins: float
    ends: float


def rendered_rules() -> tuple[list[Rule], list[Rule]]:
    """Recording rules and alerting rules, in the order in which they are evaluated."""
    recordings: dict[tuple[str, str, Labels], Rule] = {}
    alerts = []
    for text in render_rules().values():
        for group in yaml.safe_load(text)["groups"]:
            interval = durations.seconds(group["interval"])
            for rule in group["rules"]:
                if "alert" in rule:
                    alerts.append(_rule(rule, "alert", interval))
                    continue
                recording = _rule(rule, "record", interval)
                key = recording.name, recording.expr, tuple(recording.labels.items())
                recordings.setdefault(key, recording)
    return list(recordings.values()), alerts


def _rule(rule: Mapping[str, Any], kind: str, interval: float) -> Rule:
    hold = durations.seconds(rule.get("for", "0s"))
    return Rule(rule[kind], rule["expr"], rule.get("labels", {}), interval, hold)


def read_by_alerts(recordings: list[Rule], alerts: list[Rule]) -> list[Rule]:
    """The recordings that an alert reads, or that one of these reads."""
    wanted = frozenset[str]().union(*(alert.reads() for alert in alerts))
    while True:
        more = wanted.union(*(rule.reads() for rule in recordings if rule.name in wanted))
        if more == wanted:
            return [rule for rule in recordings if rule.name in wanted]
        wanted = more


def waves(recordings: Sequence[Rule]) -> Iterator[list[Rule]]:
    """Recordings in their order, parted before each that reads one of its own part."""
    wave: list[Rule] = []
    for rule in recordings:
        if rule.reads() & {earlier.name for earlier in wave}:
            yield wave
            wave = []
        wave.append(rule)
    yield wave


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Rules over the time from `start` to `end` (unix seconds)."""

    prometheus: Prometheus
    start: float
    end: float

    def record(self, recordings: Sequence[Rule]) -> None:
        """Evaluate and store recordings, one that reads another after it; what is independent, side by side."""
        with ThreadPoolExecutor(_WORKERS) as pool:
            for wave in waves(recordings):
                for _ in pool.map(self._record_one, wave):
                    pass

    def _record_one(self, rule: Rule) -> None:
        for last, chunk in self._chunks(rule):
            self.prometheus.write(_recorded(rule, series, last) for series in chunk)

    def firings(self, alerts: Iterable[Rule]) -> list[Firing]:
        """Every time that one of these alerts fired, in order."""
        with ThreadPoolExecutor(_WORKERS) as pool:
            found = [firing for part in pool.map(self._firings_of, alerts) for firing in part]
        return sorted(found, key=lambda firing: (firing.begins, firing.alert, firing.severity, firing.labels))

    def _firings_of(self, alert: Rule) -> list[Firing]:
        active: dict[Labels, list[NDArray[np.int64]]] = {}
        for _, chunk in self._chunks(alert):
            for series in chunk:
                labels = tuple(sorted((name, value) for name, value in series.labels.items() if name != "__name__"))
                active.setdefault(labels, []).append(series.times)
        return [
            Firing(alert.name, alert.labels["severity"], alert.labels["subject"], labels, begins, ends)
            for labels, times in active.items()
            for begins, ends in held(np.concatenate(times) / 1000, alert.interval, alert.hold)
        ]

    def _chunks(self, rule: Rule) -> Iterator[tuple[float, list[Series]]]:
        """Evaluate a rule piece by piece: the last time of each, and what came out."""
        reach = _POINTS * rule.interval
        begins = self.start
        while begins <= self.end:
            last = min(begins + reach - rule.interval, self.end)
            yield last, self.prometheus.query_range(rule.expr, begins, last, rule.interval)
            begins += reach


def held(times: NDArray[np.float64], interval: float, hold: float) -> Iterator[tuple[float, float]]:
    """When an alert fires whose expression has a result at these evaluations: after `hold` without a gap."""
    for run in np.split(times, np.flatnonzero(np.diff(times) > 1.5 * interval) + 1):
        if len(run) and run[-1] - run[0] >= hold:
            yield float(run[0] + hold), float(run[-1])


def _recorded(rule: Rule, series: Series, last: float) -> Series:
    """The result under the rule's name, with a staleness marker where it stops before the `last` evaluation."""
    step = round(rule.interval * 1000)
    gaps = np.flatnonzero(np.diff(series.times, append=round(last * 1000)) > step) + 1
    times = np.insert(series.times, gaps, series.times[gaps - 1] + step)
    values = np.insert(series.values, gaps, STALE)
    labels = {**series.labels, **rule.labels, "__name__": rule.name}
    return Series(labels, times, values)
