"""The instances over the month: deploys with their drains, restarts, failed scrapes; and what Prometheus sees of it.

Times are seconds after `korean_week.FIRST`. What tells whether an instance lives (`up`, readiness, drain deadline,
dependencies) is scraped every 15 s, as in production; everything else every 60 s.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tests.rules.month.korean_week import FIRST
from tests.support.prometheus import STALE, Series

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
Clock = NDArray[np.float64]

SCRAPE_SECONDS: Final = 15
MINUTE: Final = 60
EPOCH: Final = FIRST.timestamp()

_DRAIN_SECONDS: Final = 45
_RESTART_SECONDS: Final = 30
_STARTING_SECONDS: Final = 12
_RESTART_ALLOWANCE: Final = 60


@dataclass(frozen=True, slots=True)
class Outage:
    """One time that an instance is away: drained (None: it died), gone, back, ready again."""

    drained: float | None
    gone: float
    back: float
    ready: float

    @property
    def deadline(self) -> float:
        """What a drain announces: when it should be over."""
        return EPOCH + self.gone + _RESTART_ALLOWANCE


def drain(at: float) -> Outage:
    """A planned restart that begins to drain at `at`."""
    gone = at + _DRAIN_SECONDS
    return Outage(at, gone, gone + _RESTART_SECONDS, gone + _RESTART_SECONDS + _STARTING_SECONDS)


def death(at: float, seconds: float) -> Outage:
    """A process that dies, and is back `seconds` later."""
    return Outage(None, at, at + seconds, at + seconds + _STARTING_SECONDS)


@dataclass(frozen=True, slots=True)
class Target:
    """What Prometheus scrapes: its job, name and phase within the scrape interval, its outages and failed scrapes."""

    job: str
    instance: str
    phase: float
    minutes: int
    outages: Sequence[Outage] = ()
    failed_scrapes: Sequence[float] = ()
    """Times at which one scrape fails."""

    def scrape_times(self, seconds: int) -> Clock:
        """Every scrape of the month, at one each `seconds`."""
        return np.arange(self.phase, self.minutes * MINUTE, seconds)

    def answers(self, times: Clock) -> Truths:
        """Whether a scrape at each time succeeds."""
        up = np.ones(len(times), bool)
        for outage in self.outages:
            up &= (times < outage.gone) | (times >= outage.back)
        for failed in self.failed_scrapes:
            up &= (times < failed) | (times >= failed + SCRAPE_SECONDS)
        return up

    def is_ready(self, times: Clock) -> Truths:
        """Whether it wants traffic at each time."""
        ready = np.ones(len(times), bool)
        for outage in self.outages:
            ready &= (times < _leaves(outage)) | (times >= outage.ready)
        return ready

    def serving(self) -> Floats:
        """The share of each minute in which the load balancer gives it requests."""
        seconds = np.arange(0.5, self.minutes * MINUTE, 1.0)
        shares: Floats = self.is_ready(seconds).reshape(-1, MINUTE).mean(axis=1)
        return shares

    def deadlines(self, times: Clock) -> Floats:
        """The drain deadline that it publishes at each time: 0 while it does not drain."""
        published = np.zeros(len(times))
        for outage in self.outages:
            if outage.drained is not None:
                published[(times >= outage.drained) & (times < outage.gone)] = outage.deadline
        return published

    def since_restart(self, counts: Floats) -> Floats:
        """A counter of events that fall `counts` a minute: it begins at 0 after every restart."""
        total = np.concatenate([[0.0], np.cumsum(counts)[:-1]])
        level = total.copy()
        for outage in self.outages:
            first = min(int(outage.back // MINUTE) + 1, self.minutes - 1)
            level[first:] = total[first:] - total[first]
        return level

    def series(self, labels: Mapping[str, str], values: Floats, seconds: int = MINUTE) -> Series:
        """A series of this target: a value for each scrape, NaN where there is none.

        It ends with Prometheus' staleness marker where the target or the value goes away.
        """
        times = self.scrape_times(seconds)
        given = self.answers(times) & ~np.isnan(values)
        ends = np.zeros(len(times), bool)
        ends[1:] = given[:-1] & ~given[1:]
        lost = np.fromiter(self._stale_times(), np.float64)
        kept = given | ends
        all_times = np.concatenate([times[kept], lost])
        all_values = np.concatenate([np.where(given, values, STALE)[kept], np.full(len(lost), STALE)])
        order = np.argsort(all_times, kind="stable")
        millis = np.round((EPOCH + all_times[order]) * 1000).astype(np.int64)
        first = np.concatenate([[True], millis[1:] != millis[:-1]])
        named = {**labels, "job": self.job, "instance": self.instance}
        return Series(named, millis[first], all_values[order][first])

    def _stale_times(self) -> Iterator[float]:
        for at in [outage.gone for outage in self.outages] + list(self.failed_scrapes):
            yield self.phase + np.ceil((at - self.phase) / SCRAPE_SECONDS) * SCRAPE_SECONDS

    def liveness(self) -> Iterator[Series]:
        """`up`, whether or not scrapes succeed."""
        times = self.scrape_times(SCRAPE_SECONDS)
        millis = np.round((EPOCH + times) * 1000).astype(np.int64)
        labels = {"__name__": "up", "job": self.job, "instance": self.instance}
        yield Series(labels, millis, self.answers(times).astype(float))


def _leaves(outage: Outage) -> float:
    return outage.gone if outage.drained is None else outage.drained


@dataclass(frozen=True, slots=True)
class Share:
    """How requests are dealt out to instances, by who serves in which minute."""

    targets: Sequence[Target]
    shares: Sequence[Floats] = field(init=False)

    def __post_init__(self) -> None:
        """Work the shares out once."""
        serving = [target.serving() for target in self.targets]
        together = np.maximum(sum(serving, np.zeros_like(serving[0])), 1e-9)
        object.__setattr__(self, "shares", [one / together for one in serving])

    def deal(self, counts: Floats, rng: np.random.Generator) -> list[Floats]:
        """Deal whole events a minute out to the instances."""
        left = counts.astype(np.int64)
        room = np.ones(len(counts))
        dealt = []
        for share in self.shares:
            part = rng.binomial(left, np.clip(share / np.maximum(room, 1e-9), 0.0, 1.0))
            left, room = left - part, room - share
            dealt.append(part.astype(float))
        return dealt


def probes(target: Target, draw: Callable[[Clock], Mapping[str, Floats]]) -> Iterator[Series]:
    """Readiness and drain deadline, and what the instance says of its dependencies, every 15 s."""
    times = target.scrape_times(SCRAPE_SECONDS)
    yield target.series({"__name__": "photo_api_ready"}, target.is_ready(times).astype(float), SCRAPE_SECONDS)
    deadline = {"__name__": "photo_api_drain_deadline_timestamp_seconds"}
    yield target.series(deadline, target.deadlines(times), SCRAPE_SECONDS)
    for dependency, up in draw(times).items():
        labels = {"__name__": "photo_api_dependency_up", "dependency": dependency}
        yield target.series(labels, up, SCRAPE_SECONDS)
