"""What happens in the month besides traffic: deploys, single failures, and on the day after it, four real incidents.

Times are seconds after `korean_week.FIRST`, in Korean time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tests.rules.month.fleet import MINUTE, SCRAPE_SECONDS, Outage, death, drain
from tests.rules.month.traffic import Faults

Floats = NDArray[np.float64]

QUIET_DAYS: Final = 30
DAYS: Final = QUIET_DAYS + 1
MINUTES: Final = DAYS * 1440
API: Final = ("api-1", "api-2")
HOSTS: Final = ("node-1", "node-2")


def at(day: int, hour: float) -> float:
    """Day (0 is the first) and hour, Korean time."""
    return (day * 24 + hour) * 3600.0


# Twenty deploys: mostly on weekday afternoons; two at the evening's peak, one at night, one on a Saturday.
_DEPLOYS: Final = (
    at(0, 15.2), at(1, 14.1), at(2, 11.4), at(3, 16.7), at(4, 14.5), at(5, 12.3), at(7, 10.6), at(8, 21.1),
    at(9, 15.9), at(11, 14.0), at(12, 3.3), at(16, 14.8), at(17, 11.1), at(18, 17.2), at(21, 14.2), at(22, 20.9),
    at(23, 13.5), at(24, 16.1), at(28, 10.2), at(29, 15.5),
)  # fmt: skip
DEPLOYS: Final = tuple(round(time / SCRAPE_SECONDS) * SCRAPE_SECONDS for time in _DEPLOYS)
_BETWEEN_INSTANCES: Final = 150


@dataclass(frozen=True, slots=True)
class Incident:
    """Something real, between two times."""

    begins: float
    ends: float

    @property
    def minutes(self) -> slice:
        """Its minutes."""
        return slice(int(self.begins // MINUTE), int(self.ends // MINUTE))


DEAD_INSTANCE: Final = Incident(at(30, 9), at(30, 9) + 600)
TOKEN_GUESSING: Final = Incident(at(30, 11), at(30, 11) + 900)
ERRORS: Final = Incident(at(30, 14), at(30, 14) + 1200)
DISK_FILLING: Final = Incident(at(30, 17), at(30, 20))
INCIDENTS: Final = {
    "dead instance": DEAD_INSTANCE,
    "token guessing": TOKEN_GUESSING,
    "errors": ERRORS,
    "disk filling": DISK_FILLING,
}
GUESSES_A_MINUTE: Final = 400

# Single failures of the month.
FAILED_SCRAPES: Final[Mapping[str, tuple[float, ...]]] = {
    "api-1": (at(1, 3.51), at(6, 13.2), at(13, 20.05), at(19, 2.9), at(25, 8.4)),
    "api-2": (at(3, 22.7), at(9, 4.1), at(15, 15.33), at(27, 23.9)),
    "node-1": (at(2, 12.1), at(20, 5.6)),
    "node-2": (at(10, 18.8),),
    "lb": (at(14, 9.9),),
    "alertmanager": (at(17, 1.7),),
}
FAILED_PROBES: Final = (at(4, 4.2), at(11, 19.4), at(26, 13.8))
"""One probe of the object storage by api-1 fails."""
FAILED_HEALTH_PROBES: Final = (at(7, 6.6), at(22, 3.1))
"""One probe of /health through the load balancer fails."""
DATABASE_ERRORS: Final = (at(2, 2.7), at(12, 16.4), at(23, 21.2))
EXCEPTIONS: Final = tuple(at(day, 7.3 + day / 3) for day in range(0, QUIET_DAYS, 2))
LOG_SERVICE_HICCUP: Final = Incident(at(8, 12.5), at(8, 12.5) + 180)
LOST_LOGS: Final = at(8, 12.53)
REDIS_FAIL_OVER: Final = Incident(at(15, 21.0), at(15, 21.0) + 120)
"""Two minutes in which instances count rate limits alone, at the evening's peak."""
SLOW_BOT: Final = Incident(at(19, 1.0), at(19, 6.0))
BOT_GUESSES_A_MINUTE: Final = 3
NEWCOMERS: Final = tuple(at(day, hour) for day, hour in ((2, 20.3), (6, 14.9), (14, 18.2), (21, 22.1), (27, 11.7)))
"""Somebody new uploads 300 MB within twenty minutes."""
_SINGLE_ERRORS: Final = tuple(
    (int(at(day, hour) // MINUTE), 1) for day, hour in ((0, 4.4), (5, 3.2), (11, 5.1), (18, 2.2), (24, 4.9), (28, 3.7))
)
_ERRORS_OF_A_DEPLOY: Final = 2


def outages() -> dict[str, list[Outage]]:
    """The outages of each instance, in order."""
    found = {name: [drain(start + number * _BETWEEN_INSTANCES) for start in DEPLOYS] for number, name in enumerate(API)}
    found["api-2"].append(death(DEAD_INSTANCE.begins, DEAD_INSTANCE.ends - DEAD_INSTANCE.begins))
    return found


def faults() -> Faults:
    """What goes wrong with requests."""
    broken, stalled = np.zeros(MINUTES), np.zeros(MINUTES)
    broken[ERRORS.minutes] = 0.10
    deploys = [int(start // MINUTE) for start in DEPLOYS]
    for minute in deploys:
        for number in range(len(API)):
            cold = minute + 1 + number * _BETWEEN_INSTANCES // MINUTE
            stalled[cold : cold + 2] = 0.03
    single = [*_SINGLE_ERRORS, *((minute + 1, _ERRORS_OF_A_DEPLOY) for minute in deploys)]
    return Faults(broken, stalled, single)


def happening(*times: float) -> Floats:
    """One event at each time, as counts a minute."""
    counts = np.zeros(MINUTES)
    for time in times:
        counts[int(time // MINUTE)] += 1
    return counts


def during(incident: Incident, amount: float) -> Floats:
    """So many a minute while it lasts."""
    counts = np.zeros(MINUTES)
    counts[incident.minutes] = amount
    return counts
