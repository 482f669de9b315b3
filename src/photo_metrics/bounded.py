"""Labels whose values the outside world invents (client networks, users): few series, none of the heavy ones missed.

A key (a client, a user) has no series of its own until its last hour passes a floor; what it did is counted under
`other`. Then it takes one of a fixed number of places. Its new series shows 0 for two scrape intervals first, while
its events still go to `other`, so that Prometheus sees the first own increment as an increase. It leaves after an
hour without an event.

What this keeps true, for every counter that is bounded this way:
- each event is counted once, in one series, and no series ever goes backwards while it lives;
- so `sum(rate(x[w]))` and `sum(increase(x[w]))` over all series are right for every window up to an hour: a series
  leaves only when it added nothing in the window, and its value is never moved to `other`, where it would look like
  new events. (The raw `sum(x)` falls when a series leaves; nothing should read it.) The exception is a series
  displaced while busy, below.

Who is heavy is decided by what was counted in the last hour, to the minute, for up to `candidates` keys at a time.
When twice as many have gathered, the lighter half is forgotten (the batch form of the Misra-Gries summary): 10,000
newcomers with an event each cannot make it forget a client that comes back, and memory has a bound. Where all places
are taken, once per scrape interval the heaviest newcomers displace the lightest holders, if at least twice as heavy
and a tenth of the places at most: a flood that passes the floor can neither lock the places nor make series without
end.

All of it is amortised O(log candidates) per event, and safe to call from several threads.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photo_metrics.spec import OTHER_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from photo_metrics.registry import Counter, Family

HOUR_SECONDS = 3600
_STEP_SECONDS = 60
_MAX_KEY_CHARACTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundedSettings:
    """How a bounded label behaves; amounts are in the unit of what is counted (events, bytes)."""

    places: int
    floor_per_hour: float
    scrape_interval_seconds: float = 15.0
    idle_seconds: float = HOUR_SECONDS
    candidates: int = 1000

    def __post_init__(self) -> None:
        """Refuse settings that could not work (ValueError)."""
        if self.places < 1 or self.candidates < self.places:
            message = f"places ({self.places}) must be at least 1 and at most candidates ({self.candidates})"
            raise ValueError(message)
        if self.floor_per_hour < 0 or self.scrape_interval_seconds <= 0 or self.idle_seconds < HOUR_SECONDS:
            message = (
                "floor_per_hour must not be negative, scrape_interval_seconds must be positive, and idle_seconds at "
                "least an hour: rules look an hour back"
            )
            raise ValueError(message)


class _Activity:
    """What one key did in the last hour, in steps of a minute."""

    __slots__ = ("_steps", "_total", "last_seen")

    def __init__(self) -> None:
        self._steps: deque[list[float]] = deque()  # [minute, amount], oldest first; at most 61
        self._total = 0.0
        self.last_seen = 0.0

    def add(self, amount: float, now: float) -> None:
        minute = now // _STEP_SECONDS
        if self._steps and self._steps[-1][0] == minute:
            self._steps[-1][1] += amount
        else:
            self._steps.append([minute, amount])
        self._total += amount
        self.last_seen = now

    def last_hour(self, now: float) -> float:
        oldest = (now - HOUR_SECONDS) // _STEP_SECONDS
        while self._steps and self._steps[0][0] < oldest:
            self._total -= self._steps.popleft()[1]
        if not self._steps:
            self._total = 0.0  # leaves no rounding error behind
        return self._total


class Places:
    """Who has a place: the keys of one bounded label, shared by every family that carries it."""

    def __init__(self, settings: BoundedSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with every place free; `clock` tells seconds, never going back."""
        self.settings = settings
        self.clock = clock
        self.lock = threading.RLock()
        self._activity: dict[str, _Activity] = {}
        self._holders: set[str] = set()
        self._on_leave: list[Callable[[str], None]] = []
        self._next_tidy = clock() + settings.scrape_interval_seconds

    def on_leave(self, callback: Callable[[str], None]) -> None:
        """Call `callback(key)` whenever a key loses its place."""
        self._on_leave.append(callback)

    def add(self, key: str, amount: float = 1.0) -> bool:
        """Note that `key` did `amount`; whether it has a place now. The key `other` never has one."""
        if key == OTHER_KEY or len(key) > _MAX_KEY_CHARACTERS:
            return False
        with self.lock:
            now = self.clock()
            if now >= self._next_tidy:
                self._tidy(now)
            activity = self._activity.get(key)
            if activity is None:
                activity = self._activity[key] = _Activity()
                if len(self._activity) > 2 * self.settings.candidates:
                    self._forget_lighter_half(now, newest=key)
            activity.add(amount, now)
            if key in self._holders:
                return True
            if len(self._holders) < self.settings.places and activity.last_hour(now) >= self.settings.floor_per_hour:
                self._holders.add(key)
                return True
            return False

    def tidy(self) -> None:
        """Let idle keys leave and heavy newcomers in, if a scrape interval has passed; called before every scrape."""
        with self.lock:
            now = self.clock()
            if now >= self._next_tidy:
                self._tidy(now)

    def last_hour(self) -> dict[str, float]:
        """What each key with a place did in the last hour."""
        with self.lock:
            now = self.clock()
            return {key: self._activity[key].last_hour(now) for key in self._holders}

    def __contains__(self, key: str) -> bool:
        """Whether `key` has a place."""
        return key in self._holders

    def __len__(self) -> int:
        """How many places are taken."""
        return len(self._holders)

    @property
    def remembered(self) -> int:
        """How many keys are kept in memory: at most twice `candidates`."""
        return len(self._activity)

    def _tidy(self, now: float) -> None:
        self._next_tidy = now + self.settings.scrape_interval_seconds
        idle_since = now - self.settings.idle_seconds
        for key in [key for key, activity in self._activity.items() if activity.last_seen <= idle_since]:
            del self._activity[key]
            if key in self._holders:
                self._leave(key)
        weights = {key: activity.last_hour(now) for key, activity in self._activity.items()}
        newcomers = [
            key
            for key, weight in weights.items()
            if key not in self._holders and weight >= self.settings.floor_per_hour
        ]
        free = self.settings.places - len(self._holders)
        displaceable = max(1, self.settings.places // 10)
        heaviest = heapq.nlargest(free + displaceable, newcomers, key=weights.__getitem__)
        self._holders.update(heaviest[:free])
        lightest = heapq.nsmallest(displaceable, self._holders, key=weights.__getitem__)
        for newcomer, holder in zip(heaviest[free:], lightest, strict=False):
            if weights[newcomer] < 2 * weights[holder]:
                break
            self._leave(holder)
            self._holders.add(newcomer)

    def _leave(self, key: str) -> None:
        self._holders.discard(key)
        for callback in self._on_leave:
            callback(key)

    def _forget_lighter_half(self, now: float, newest: str) -> None:
        strangers = [key for key in self._activity if key not in self._holders and key != newest]
        lighter = heapq.nsmallest(
            self.settings.candidates, strangers, key=lambda key: self._activity[key].last_hour(now)
        )
        for key in lighter:
            del self._activity[key]


class BoundedCounter:
    """A counter family whose last label is bounded; the labels before it are the caller's.

    One key may have `max_per_key` series (a client that hits many endpoints); what it does beyond goes to a series with
    `overflow` in the place of the other labels, so that the sum by key stays right.
    """

    def __init__(
        self, family: Family[Counter], places: Places, *, overflow: tuple[str, ...] = (), max_per_key: int = 3
    ) -> None:
        """Count into `family` by the decisions of `places`; `overflow` has a value for each label but the last."""
        self._family = family
        self._places = places
        self._overflow = overflow
        self._max_per_key = max_per_key
        self._hold_seconds = 2 * places.settings.scrape_interval_seconds
        self._series: dict[str, dict[tuple[str, ...], tuple[Counter, float]]] = {}
        places.on_leave(self._drop)

    def inc(self, key: str, amount: float = 1.0, *, labels: tuple[str, ...] = ()) -> None:
        """Add `amount` to the key's own series, or to `other`, for an activity that `places` has noted already."""
        with self._places.lock:
            own = self._own(key, labels) if key in self._places else None
            counter = own if own is not None else self._family.labels(*labels, OTHER_KEY)
            counter.inc(amount)

    def _own(self, key: str, labels: tuple[str, ...]) -> Counter | None:
        series = self._series.setdefault(key, {})
        known = series.get(labels)
        if known is None and len(series) >= self._max_per_key:
            labels = self._overflow
            known = series.get(labels)
        now = self._places.clock()
        if known is None:
            series[labels] = (self._family.labels(*labels, key), now + self._hold_seconds)
            return None
        counter, ready_at = known
        return counter if now >= ready_at else None

    def _drop(self, key: str) -> None:
        for labels in self._series.pop(key, {}):
            self._family.remove(*labels, key)
