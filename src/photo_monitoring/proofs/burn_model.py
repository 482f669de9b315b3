"""When a burn alert must fire, worked out without Prometheus: the oracle of its generated tests.

A course is recorded every 30 s, as the rules record it: events at a steady rate, of which a share fails.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean
from typing import Final

from photo_monitoring import durations
from photo_monitoring.criteria import Tier
from photo_monitoring.slos import Burn, Objective

SAMPLE_SECONDS: Final = 30
RECORDED: Final = "5m"
_FEWEST_FAILURES: Final = 2

Phases = Sequence[tuple[float, int]]
"""Share of the events that fail, and for how many samples."""


def samples(duration: str) -> int:
    """Return how many samples a duration lasts."""
    return int(durations.seconds(duration)) // SAMPLE_SECONDS


def _shares(phases: Phases) -> list[float]:
    return [share for share, number in phases for _ in range(number)]


@dataclass(frozen=True, slots=True)
class BurnModel:
    """An objective over a course of `rate` events a second.

    `failed` is the sum of the failing shares up to each sample, one more than there are samples; `begins` is the first
    sample for which anything is recorded.
    """

    objective: Objective
    rate: float
    failed: Sequence[float]
    begins: int = 0

    @classmethod
    def over(cls, objective: Objective, rate: float, phases: Phases) -> "BurnModel":
        """Return the model of a course as it is recorded."""
        return cls(objective, rate, list(accumulate(_shares(phases), initial=0.0)))

    @classmethod
    def scraped(cls, objective: Objective, rate: float, phases: Phases) -> "BurnModel":
        """Return the model of a course as it is scraped, after a first sample: what is recorded is five minutes' rate.

        At the very start, rates are lower than here, of failures and of events alike.
        """
        shares, reach = _shares(phases), samples(RECORDED)
        recorded = [fmean(shares[max(0, at - reach) : at]) for at in range(1, len(shares) + 1)]
        return cls(objective, rate, list(accumulate([0.0, *recorded], initial=0.0)), begins=1)

    @property
    def length(self) -> int:
        """How many samples the course has."""
        return len(self.failed) - 1

    def _window(self, duration: str, at: int) -> tuple[float, int]:
        """Return failures and samples of the window that ends at a sample; a range has both of its ends.

        What is recorded is the rate of five minutes already: for that window the last sample is all.
        """
        first = at if duration == RECORDED else max(self.begins, at - samples(duration))
        return self.failed[at + 1] - self.failed[first], at + 1 - first

    def _burns(self, burn: Burn, at: int) -> bool:
        limit = burn.factor * self.objective.budget
        failures, held = self._window(burn.long, at)
        recent, of = self._window(burn.short, at)
        return (
            failures / held > limit
            and recent / of > limit
            and failures * self.rate * SAMPLE_SECONDS >= _FEWEST_FAILURES
            and held * SAMPLE_SECONDS >= durations.seconds(burn.short)
        )

    def firing(self, tier: Tier, every: int) -> Iterator[int]:
        """Yield the samples at which a tier fires, evaluated at each sample that is a multiple of `every`."""
        hold, since = samples(tier.hold), None
        for at in range(0, self.length, every):
            if at >= self.begins and any(
                self._burns(burn, at) for burn in self.objective.burns if burn.severity is tier.severity
            ):
                since = at if since is None else since
                if at - since >= hold:
                    yield at
            else:
                since = None
