"""What to feed Prometheus so that an alert's value becomes what a test wants: the other half of each declaration.

A stimulus turns a `Drive` (the wanted value, and for how long) into promtool input series. An alert that adds
instances up is fed from two of them with uneven shares, so that a rule that looks at single series stays silent and
its test fails.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, Self

from photo_monitoring import durations

STEP_SECONDS: Final = 30
INSTANCES: Final = (("api-1", 0.7), ("api-2", 0.3))
PLENTY: Final = 6000.0
"""Events in an alert's window when its minimum volume is not what a test is about."""

Inputs = list[tuple[str, str]]


def steps_in(duration: str) -> int:
    """Return how many steps a duration lasts, rounded up."""
    return math.ceil(durations.seconds(duration) / STEP_SECONDS)


def growing(level: float, increment: float, steps: int) -> tuple[str, float]:
    """Write `steps` samples of a counter that stood at `level`, and say where it stands then.

    The sum is made by the same additions that promtool makes: a counter that goes on 1e-15 lower has been restarted.
    """
    first = level + increment
    last = first
    for _ in range(steps - 1):
        last += increment
    return f"{first!r}+{increment!r}x{steps - 1}", last


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """One course of a value: healthy, then `value`, then healthy again, counted in steps of `STEP_SECONDS`.

    Sample 0 starts the course, samples 1 to `healthy` are healthy, the next `lasting` are not, the last `after` are
    again. `limit` is the tier's threshold, `bounds` those of all tiers; `events` fall in each step, over all instances.
    With `reset`, every counter starts again at 0 in the middle, as after a restart. `scale` multiplies gauges that are
    far from a higher minimum volume than the declared one.
    """

    value: float
    limit: float
    bounds: tuple[float, ...]
    healthy: int
    lasting: int
    after: int
    events: float
    job: str
    spread: bool
    reset: bool = False
    scale: float = 1.0

    def shares(self) -> tuple[tuple[str, float], ...]:
        """Return the instances that report, with the share of events each sees."""
        return INSTANCES if self.spread else (("api-1", 1.0),)

    def counter(self, healthy: float, lasting: float) -> str:
        """Write a counter that grows by `healthy`, and while the value lasts by `lasting`, a step."""
        early = self.lasting // 2
        parts, level = ["0"], 0.0
        for increment, steps, restarted in (
            (healthy, self.healthy, False),
            (lasting, early, False),
            (lasting, self.lasting - early, self.reset),
            (healthy, self.after, False),
        ):
            part, level = growing(0.0 if restarted else level, increment, steps)
            parts.append(part)
        return " ".join(parts)

    def gauge(self, healthy: float, lasting: float) -> str:
        """Write a gauge that is `healthy`, and while the value lasts `lasting`."""
        return f"{healthy!r}+0x{self.healthy} {lasting!r}+0x{self.lasting - 1} {healthy!r}+0x{self.after - 1}"


class Stimulus(Protocol):
    """Makes an alert's value what a test wants it to be."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The metric's labels that the firing alert keeps, besides job and instance."""

    @property
    def ramp(self) -> str:
        """The window over which the alert's value follows a sudden change; `0s`: at once."""

    @property
    def rest(self) -> float:
        """The alert's value while all is well."""

    @property
    def lag(self) -> str:
        """How long the rule's own window hides a change (a gauge that must be away for a whole window)."""

    @property
    def history(self) -> str:
        """How much healthy past the rule needs before it has a value."""

    @property
    def exact(self) -> bool:
        """Whether the value comes out without rounding, so that a test may sit on the threshold itself."""

    @property
    def counted(self) -> bool:
        """Whether counters of events are fed: their number is the alert's volume, and restarts set them to 0."""

    def climb(self, drive: Drive, seen: float) -> Iterator[tuple[int, float]]:
        """Yield the alert's value at each step after it begins to change, on its way to `seen`."""

    def volume_at(self, value: float) -> float | None:
        """Return the alert's volume while it has `value`, where that follows from gauges; else None."""

    def series(self, drive: Drive) -> Inputs:
        """Return the input series, as promtool writes them."""

    def seen(self, value: float, limit: float, other: float) -> float:
        """Return what a tier with threshold `other` sees when the tier with `limit` sees `value`."""

    def resting(self, rest: float) -> "Stimulus":
        """Return the same with another value while all is well."""


def located(series: str, job: str = "photo-api", instance: str | None = "api-1") -> str:
    """Add job and instance to a series: `x{a="b"}` → `x{a="b",instance="api-1",job="photo-api"}`."""
    name, _, labels = series.partition("{")
    inner = labels.removesuffix("}")
    target = f'job="{job}"' if instance is None else f'instance="{instance}",job="{job}"'
    return f"{name}{{{inner}{',' if inner else ''}{target}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseStimulus:
    """What most stimuli share: events are counted, a window fills evenly, every tier sees the same."""

    labels: Mapping[str, str] = field(default_factory=dict)
    ramp: str = "5m"
    rest: float = 0.0
    lag: str = "0s"
    history: str = "0s"
    volume: Callable[[float], float] | None = None
    """The alert's volume at a value, where that follows from gauges."""

    @property
    def exact(self) -> bool:
        """Rates are rounded."""
        return False

    @property
    def counted(self) -> bool:
        """Counters are fed."""
        return True

    def climb(self, drive: Drive, seen: float) -> Iterator[tuple[int, float]]:
        """A window fills evenly."""
        del drive
        steps = max(steps_in(self.ramp), 1)
        for step in range(1, steps + 1):
            yield step, self.rest + (seen - self.rest) * step / steps

    def seen(self, value: float, limit: float, other: float) -> float:
        """Every tier sees the same value."""
        del limit, other
        return value

    def volume_at(self, value: float) -> float | None:
        """Return what was declared; where events make the volume, nothing was."""
        return None if self.volume is None else self.volume(value)

    def resting(self, rest: float) -> Self:
        """Rest elsewhere, where a changed threshold is beyond the declared rest."""
        return replace(self, rest=rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio(BaseStimulus):
    """The value is the share of `part` among all events; `others` are the rest of them."""

    part: str
    others: str
    among: bool = False
    """`others` counts all events, those of `part` too."""

    def series(self, drive: Drive) -> Inputs:
        """Feed both counters, spread over the instances."""
        inputs = []
        for instance, share in drive.shares():
            events = drive.events * share
            part = drive.counter(events * self.rest, events * drive.value)
            left = (1.0, 1.0) if self.among else (1 - self.rest, 1 - drive.value)
            others = drive.counter(events * left[0], events * left[1])
            inputs.append((located(self.part, drive.job, instance), part))
            inputs.append((located(self.others, drive.job, instance), others))
        return inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow(BaseStimulus):
    """The value is the share of a histogram's observations that took longer than the tier's threshold."""

    metric: str
    having: str = ""
    """Further labels of the histogram, as `result="success"`."""

    def series(self, drive: Drive) -> Inputs:
        """Feed the buckets of every tier's threshold and the count, spread over the instances."""
        inputs = []
        for instance, share in drive.shares():
            events = drive.events * share
            for bound in drive.bounds:
                fast = events * (1 - drive.value) if bound <= drive.limit else events
                name = f'{self.metric}_bucket{{{self.having}{"," if self.having else ""}le="{float(bound)!r}"}}'
                inputs.append((located(name, drive.job, instance), drive.counter(events, fast)))
            count = f"{self.metric}_count{{{self.having}}}"
            inputs.append((located(count, drive.job, instance), drive.counter(events, events)))
        return inputs

    def seen(self, value: float, limit: float, other: float) -> float:
        """What is slower than a high threshold is slower than a low one too."""
        return value if other <= limit else 0.0


def _same(value: float) -> float:
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class PerMinute(BaseStimulus):
    """The value follows a counter's growth: `growth(value)` a minute, over all instances together."""

    counter: str
    growth: Callable[[float], float] = _same

    def series(self, drive: Drive) -> Inputs:
        """Feed the counter, spread over the instances."""
        step = STEP_SECONDS / 60
        healthy, lasting = self.growth(self.rest) * step, self.growth(drive.value) * step
        return [
            (located(self.counter, drive.job, instance), drive.counter(healthy * share, lasting * share))
            for instance, share in drive.shares()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level(BaseStimulus):
    """The value follows a gauge of one instance (`level(value)`); another instance's stays as it should be.

    `constant` are gauges that both have, at their fixed values.
    """

    gauge: str
    ramp: str = "0s"
    level: Callable[[float], float] = _same
    constant: Mapping[str, float] = field(default_factory=dict)
    whole: bool = False
    """The alert's value counts something, however `level` made it: no rounding."""
    alone: bool = False
    """What is recorded over all instances: one series, with no instance."""

    @property
    def exact(self) -> bool:
        """A gauge taken as it is has no rounding."""
        return self.whole or self.level is _same

    @property
    def counted(self) -> bool:
        """A gauge has no events."""
        return False

    def series(self, drive: Drive) -> Inputs:
        """Feed the gauge to one instance (as many as are counted), and a healthy one to another."""
        rest, value = self.level(self.rest) * drive.scale, self.level(drive.value) * drive.scale
        affected = 1
        if self.whole:
            affected, value = int(drive.value), self.level(1)
        names = (None,) if self.alone else tuple(f"api-{n}" for n in range(1, max(affected, 1) + 2))
        inputs = []
        for n, name in enumerate(names):
            inputs.append((located(self.gauge, drive.job, name), drive.gauge(rest, value if n < affected else rest)))
            for series, fixed in self.constant.items():
                held = fixed * drive.scale
                inputs.append((located(series, drive.job, name), drive.gauge(held, held)))
        return inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline(BaseStimulus):
    """The value is how long it is until the time that one instance's gauge names, in units of `unit_seconds`.

    A negative unit says how long ago that time was.
    """

    gauge: str
    unit_seconds: float
    ramp: str = "0s"

    @property
    def exact(self) -> bool:
        """Whole seconds are added and taken away again without rounding."""
        return True

    @property
    def counted(self) -> bool:
        """A gauge has no events."""
        return False

    def series(self, drive: Drive) -> Inputs:
        """Let the named time run ahead of the clock by as much as is left."""
        parts, step = [], 0
        for left, steps in (
            (self.rest, drive.healthy + 1),
            (drive.value, drive.lasting),
            (self.rest, drive.after),
        ):
            first = left * self.unit_seconds + step * STEP_SECONDS
            parts.append(f"{first!r}+{STEP_SECONDS}x{steps - 1}")
            step += steps
        return [(located(self.gauge, drive.job), " ".join(parts))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """An alert expected to fire: how urgent, with which labels of the metric, at which value."""

    severity: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A course written by hand, where a generated one cannot tell the story.

    `inputs` are promtool series, a sample every `step`; `expect` says which alerts of this name fire at which times
    after the start.
    """

    name: str
    inputs: Mapping[str, str]
    expect: Mapping[str, tuple[Firing, ...]]
    step: str = "30s"
