"""How many requests a minute people in Korea send: by hour of the day, weekday, holidays, with noise."""

from datetime import datetime, timedelta, timezone
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KST: Final = timezone(timedelta(hours=9), "KST")
FIRST: Final = datetime(2025, 4, 21, tzinfo=KST)
"""The Monday on which the month begins; it has three public holidays on weekdays."""

MINUTES_A_DAY: Final = 1440

# Requests at each full hour, as a share of the busiest hour of a weekday.
_WEEKDAY: Final = (
    0.40, 0.24, 0.15, 0.11, 0.09, 0.10, 0.19, 0.39, 0.52, 0.54, 0.57, 0.65,
    0.85, 0.74, 0.63, 0.61, 0.63, 0.66, 0.76, 0.86, 0.95, 1.00, 0.93, 0.69,
)  # fmt: skip
_WEEKEND: Final = (
    0.48, 0.32, 0.21, 0.14, 0.10, 0.09, 0.13, 0.24, 0.38, 0.52, 0.64, 0.74,
    0.84, 0.87, 0.84, 0.82, 0.83, 0.86, 0.91, 0.97, 1.04, 1.08, 0.98, 0.70,
)  # fmt: skip
# Days after FIRST: Labour Day; Children's Day, which is Buddha's birthday as well; the day off in its stead.
_HOLIDAYS: Final = {10: 1.0, 14: 1.2, 15: 1.05}
_GROWTH_A_DAY: Final = 0.003
_NOISE: Final = 0.06
_MEMORY: Final = 0.97


def requests_a_minute(days: int, busiest: float, rng: np.random.Generator) -> Floats:
    """What to expect in each minute; `busiest` is the busiest minute of an average weekday."""
    shape = np.concatenate([_day(day) for day in range(days)])
    minutes = np.arange(len(shape))
    smooth = np.interp(minutes, np.arange(len(shape) // 60) * 60, shape[::60])
    growth = 1 + _GROWTH_A_DAY * minutes / MINUTES_A_DAY
    expected: Floats = busiest * smooth * growth * np.exp(_NOISE * _red_noise(len(shape), rng))
    return expected


def _day(day: int) -> Floats:
    date = FIRST + timedelta(days=day)
    free = date.weekday() >= 5 or day in _HOLIDAYS
    hours = np.array(_WEEKEND if free else _WEEKDAY) * _HOLIDAYS.get(day, 1.0)
    return np.repeat(hours, 60)


def _red_noise(length: int, rng: np.random.Generator) -> Floats:
    """Noise of variance 1 that remembers: each value is mostly the last one."""
    steps = rng.standard_normal(length) * np.sqrt(1 - _MEMORY**2)
    out = np.empty(length)
    level = 0.0
    for index, step in enumerate(steps):
        level = _MEMORY * level + step
        out[index] = level
    return out
