"""Counts of requests in this process, as a storage of the library ``limits``; bounded, without threads or scans."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from limits import RateLimitItem
from limits.storage import SlidingWindowCounterSupport, Storage
from limits.strategies import SlidingWindowCounterRateLimiter

from photo_api.rate_limits.base import Decision

WINDOW_SECONDS: Final = 60


class BoundedMemoryStorage(Storage, SlidingWindowCounterSupport):
    """One count a key in this minute and the one before; both leave as a whole when their time is over.

    The library's own memory storage scans all keys at almost every request, in a thread or a task, and grows without
    bound. Here at most ``capacity`` keys are counted a minute; beyond, the key unused for longest is forgotten: who
    wants to be forgotten by flooding spends ``capacity`` requests for it, and nobody is refused for others' flood.
    """

    STORAGE_SCHEME: list[str] | None = ["photo-api-memory"]  # noqa: RUF012 - as the library declares it

    def __init__(self, capacity: int = 50_000, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._capacity = capacity
        self._clock = clock
        self._number = 0
        self._current: OrderedDict[str, int] = OrderedDict()
        self._previous: OrderedDict[str, int] = OrderedDict()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the storage may raise of its own: nothing that could be retried."""
        return ValueError

    def _elapsed(self) -> float:
        """The part of the current window that is over, 0 to 1; begins a new window where it is time."""
        position = self._clock() / WINDOW_SECONDS
        number = int(position)
        if number != self._number:
            self._previous = self._current if number == self._number + 1 else OrderedDict()
            self._current = OrderedDict()
            self._number = number
        return position - number

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count ``amount`` requests unless that passes ``limit``; those refused are not counted."""
        elapsed = self._elapsed()
        count = self._current.get(key, 0)
        if int(self._previous.get(key, 0) * (1 - elapsed) + count) + amount > limit:
            if count:
                self._current.move_to_end(key)
            return False
        self.incr(key, expiry, amount)
        return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Counts and remaining seconds: of the window before, then of this one."""
        remaining = (1 - self._elapsed()) * expiry
        return self._previous.get(key, 0), remaining, self._current.get(key, 0), remaining + expiry

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forget a key."""
        self.clear(key)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count ``amount`` requests in this window, whatever the limit; the count after."""
        if expiry != WINDOW_SECONDS:
            raise ValueError(f"only windows of {WINDOW_SECONDS} s are kept")
        self._elapsed()
        current = self._current
        count = current.get(key, 0)
        if count:
            current.move_to_end(key)
        elif len(current) >= self._capacity:
            current.popitem(last=False)
        current[key] = count = count + amount
        return count

    def get(self, key: str) -> int:
        """The count in this window."""
        self._elapsed()
        return self._current.get(key, 0)

    def get_expiry(self, key: str) -> float:
        """When this window ends, in Unix time."""
        return time.time() + (1 - self._elapsed()) * WINDOW_SECONDS

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def clear(self, key: str) -> None:
        """Forget a key."""
        self._current.pop(key, None)
        self._previous.pop(key, None)

    def reset(self) -> int:
        """Forget every key; how many there were."""
        keys = len(self)
        self._current.clear()
        self._previous.clear()
        return keys

    def __len__(self) -> int:
        return len(self._current) + len(self._previous)


class MemoryBackend:
    """Counts in this process, by the library's sliding window counter; it cannot be away."""

    def __init__(self, storage: BoundedMemoryStorage | None = None) -> None:
        self._storage = BoundedMemoryStorage() if storage is None else storage
        self._strategy = SlidingWindowCounterRateLimiter(self._storage)

    async def open(self) -> None:
        """Begin with nothing counted."""
        self._storage.reset()

    async def close(self) -> None:
        """Forget everything."""
        self._storage.reset()

    async def hit(self, item: RateLimitItem, key: str) -> Decision:
        """Count a request of ``key`` unless it passes the limit ``item``."""
        allowed = self._strategy.hit(item, key)
        before, left, count, _ = self._storage.get_sliding_window(item.key_for(key), item.get_expiry())
        return Decision.of(item, allowed=allowed, before=before, count=count, left=left)

    async def ping(self) -> None:
        """Memory is always there."""
