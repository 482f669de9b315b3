"""Stimuli of gauges that take more than a level: a trend, and a count of one's peers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import linear_regression

from photo_monitoring.proofs.stimuli import BaseStimulus, Drive, Inputs, located, steps_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend(BaseStimulus):
    """The value is what a gauge of one instance will be `ahead` from now, by its straight line over the `ramp`.

    It rests at `rest`, then falls: beyond its threshold within the ramp, or not before the end of the course.
    `beside` are other gauges at so many times the rest.
    """

    gauge: str
    ahead: str
    beside: Mapping[str, float] = field(default_factory=dict)

    @property
    def counted(self) -> bool:
        """A gauge has no events."""
        return False

    def _fall(self, drive: Drive, value: float) -> float:
        reach = steps_in(self.ramp) if value < drive.limit else drive.lasting
        return (value - self.rest) / (steps_in(self.ahead) + reach)

    def climb(self, drive: Drive, seen: float) -> Iterator[tuple[int, float]]:
        """Least squares over the window, as `predict_linear` has it."""
        window, fall = steps_in(self.ramp), self._fall(drive, seen)
        for step in range(1, drive.lasting + 1):
            past: Sequence[int] = range(step - window, step + 1)
            line = linear_regression(past, [self.rest + fall * max(0, at) for at in past])
            yield step, line.intercept + line.slope * (step + steps_in(self.ahead))

    def series(self, drive: Drive) -> Inputs:
        """Let the gauge fall after its rest; the first step of the fall is the first that lasts."""
        fall = self._fall(drive, drive.value)
        falling = f"{self.rest + fall!r}+{fall!r}x{drive.lasting - 1}".replace("+-", "-")
        course = f"{self.rest!r}+0x{drive.healthy} {falling} {self.rest!r}+0x{drive.after - 1}"
        length = drive.healthy + drive.lasting + drive.after
        held = [
            (located(series, drive.job), f"{times * self.rest!r}+0x{length}") for series, times in self.beside.items()
        ]
        return [(located(self.gauge, drive.job), course), *held]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing(BaseStimulus):
    """The value is how many peers one instance does not count in its gauge, of just as many, all up, and itself."""

    gauge: str
    ramp: str = "0s"

    @property
    def exact(self) -> bool:
        """Peers are whole."""
        return True

    @property
    def counted(self) -> bool:
        """A gauge has no events."""
        return False

    def series(self, drive: Drive) -> Inputs:
        """Let one instance count itself alone, and the others count all."""
        missing = int(drive.value)
        inputs = []
        for n in range(missing + 1):
            everybody, name = float(missing + 1), f"api-{n + 1}"
            seen = drive.gauge(everybody, everybody - (missing if n == 0 else 0))
            inputs += [(located(self.gauge, drive.job, name), seen)]
            inputs += [(located("up", drive.job, name), drive.gauge(1.0, 1.0))]
        return inputs
