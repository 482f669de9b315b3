"""Hours in which warnings wait: nobody is disturbed at night for what can wait until the morning."""

import re
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import available_timezones

QUIET_HOURS: Final = "quiet-hours"
_CLOCK: Final = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """From `start` until `end` (clock times, past midnight where `end` is earlier) in `location` warnings wait."""

    enabled: bool = True
    start: str = "22:00"
    end: str = "08:00"
    location: str = "Asia/Seoul"

    def __post_init__(self) -> None:
        """Refuse what is no clock time, a night of no length, and a time zone that there is not."""
        for text in (self.start, self.end):
            if _CLOCK.fullmatch(text) is None:
                msg = "must be a clock time such as 22:00"
                raise ValueError(msg)
        if self.start == self.end:
            msg = "start and end are the same: set enabled = false instead"
            raise ValueError(msg)
        zones = available_timezones()
        if zones and self.location not in zones:  # a machine that knows none leaves it to Alertmanager's
            msg = "must be a time zone such as Asia/Seoul or UTC"
            raise ValueError(msg)

    def time_interval(self) -> dict[str, Any]:
        """Return it as `alertmanager.yml` has it; an Alertmanager's range never passes midnight."""
        if self.start < self.end:
            times = [{"start_time": self.start, "end_time": self.end}]
        else:
            times = [{"start_time": self.start, "end_time": "24:00"}, {"start_time": "00:00", "end_time": self.end}]
        times = [one for one in times if one["start_time"] != one["end_time"]]
        return {"name": QUIET_HOURS, "time_intervals": [{"times": times, "location": self.location}]}
