"""When requests leave: an open loop at a fixed rate, and budgets that keep each user under the service's limits.

Open loop means that the schedule never waits for answers, so a slow service gets the same load and shows its slowness.
A slot first goes to whoever waits for the next step of something begun (the PUT after a presigned URL), and only then
starts something new.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

Turn = Callable[[], Awaitable[None]]
"""Returns when the caller's next request may leave."""
Flow = Callable[[Turn], Awaitable[None]]
"""A sequence of requests that belong together, each after its turn."""

_WINDOW_SECONDS: Final = 60.0
_LONGEST_LAG_SECONDS: Final = 1.0

SAFE_PER_MINUTE: Final[Mapping[str, int]] = {"auth": 20, "share": 40, "image": 400, "default": 400}
"""Requests a minute that one user or address may send, per route class: two thirds of the service's default limits."""

SAFE_UPLOAD_BYTES_PER_HOUR: Final = 400 * 1000 * 1000
"""What one user may upload in an hour: well under the guide's 1 GB (section 7.2)."""


class Pacer:
    """A schedule of `rate` slots a second for `seconds` seconds, or until `stop()`."""

    def __init__(self, rate: float, seconds: float) -> None:
        """Slots are `1 / rate` seconds apart. Nothing runs before `slots()` is iterated."""
        self._interval = 1 / rate
        self._seconds = seconds
        self._stopped = asyncio.Event()
        self.granted = 0
        self.missed = 0
        self.worst_lag = 0.0

    def stop(self) -> None:
        """End the schedule now; a sleeping `slots()` wakes and returns."""
        self._stopped.set()

    async def slots(self) -> AsyncIterator[None]:
        """Yield at each due moment. Slots over one second late are dropped and counted, not sent as a burst."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        position = 0
        while (due := start + position * self._interval) < start + self._seconds:
            lag = loop.time() - due
            if lag > _LONGEST_LAG_SECONDS:
                behind = int(lag / self._interval)
                self.missed += behind
                position += behind
                continue
            if lag < 0:
                await self._sleep(-lag)
            else:
                await asyncio.sleep(0)
            if self._stopped.is_set():
                return
            self.worst_lag = max(self.worst_lag, loop.time() - due)
            self.granted += 1
            position += 1
            yield

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return


class SlotQueue:
    """Continuations that wait for a slot, oldest first."""

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def turn(self) -> None:
        """Wait until `grant()` reaches this caller."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def grant(self) -> bool:
        """Give the slot to the oldest waiter; False when nobody waits."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return True
        return False


class Budget:
    """At most `limit` units in any `window` seconds, counted exactly (a sliding log)."""

    def __init__(self, limit: int, window: float = _WINDOW_SECONDS) -> None:
        """`limit` in requests or bytes."""
        self._limit = limit
        self._window = window
        self._spent: deque[tuple[float, int]] = deque()
        self._sum = 0

    def allows(self, now: float, amount: int = 1) -> bool:
        """Tell whether `amount` more stays inside the limit at `now` (seconds on any steady clock)."""
        while self._spent and self._spent[0][0] <= now - self._window:
            self._sum -= self._spent.popleft()[1]
        return self._sum + amount <= self._limit

    def spend(self, now: float, amount: int = 1) -> None:
        """Note that `amount` was used at `now`."""
        self._spent.append((now, amount))
        self._sum += amount
